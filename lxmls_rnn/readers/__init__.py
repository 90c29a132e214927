"""Readers of part-of-speech corpora."""
