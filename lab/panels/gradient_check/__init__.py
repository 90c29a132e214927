"""Gradient check panel: comparison of gradients with finite differences."""
