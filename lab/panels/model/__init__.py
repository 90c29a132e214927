"""Choose a model and see its formulas, parameters and device."""
