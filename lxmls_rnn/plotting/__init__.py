"""Colours and frames of plots."""
