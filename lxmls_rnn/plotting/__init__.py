"""Colours and layout of plots."""
