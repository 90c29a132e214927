"""What a choice of model means: formulas, parameters, device."""
