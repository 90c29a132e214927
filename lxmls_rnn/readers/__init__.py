"""Readers of tagged corpora."""
