"""Drawings of numbers, as HTML or figures, without controls."""
