"""What a student sees: the panels, the checks of the exercises, and the notebooks."""
