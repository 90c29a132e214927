"""Corpus panel: show, download or upload a corpus."""
