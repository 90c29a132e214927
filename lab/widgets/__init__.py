"""Widgets shared by the panels: base class, groups of controls."""
