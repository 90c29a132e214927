"""Model panel: formulas, parameters and device of a model."""
