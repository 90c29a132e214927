"""Explanations of a model: both passes step by step, reach of a gradient, gradients checked and broken."""
