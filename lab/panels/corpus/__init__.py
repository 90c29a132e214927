"""Corpus panel: look at a corpus, download one, upload your own."""
