"""Explanations of a model: both passes step by step, gradients through time, gradient checks and mistakes."""
