"""Inspection panel: the inside of a trained tagger."""
