"""Train a tagger and watch it."""
