"""Sweep panel: many trainings over settings and seeds."""
