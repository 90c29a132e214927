"""What explains a model: both passes step by step, how far a gradient reaches, gradients checked and broken."""
