"""The weights as knobs: what they do to gradient, hidden states and loss."""
