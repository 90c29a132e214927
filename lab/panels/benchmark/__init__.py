"""Measure CPU against GPU and read the results."""
