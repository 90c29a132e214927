"""Inspection panel: look into a trained tagger."""
