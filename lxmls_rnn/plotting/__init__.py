"""Colours and descriptions of charts, and pictures of them."""
