"""Play panel: the effect of the weights on gradient, hidden states and loss."""
