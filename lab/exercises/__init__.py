"""Checks of the exercises (`lab.check`), hints, solutions, answer fields and progress."""
