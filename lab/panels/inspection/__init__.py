"""Look into a trained tagger."""
