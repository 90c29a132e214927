"""NumPy models in the interface of the current lab guide."""
