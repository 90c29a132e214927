"""The models, their parameters, training and checks."""
