"""The panels, each a package: panel.py and its parts. None imports another."""
