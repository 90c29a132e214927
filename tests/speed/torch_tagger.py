"""The same taggers in PyTorch, from its own layers, as its tutorials put them together."""

import torch
from torch import nn
from torch.nn import functional as F


class TorchTagger(nn.Module):
    """Embedding, recurrent layer and linear layer without biases.

    Parameters
    ----------
    param
        The arrays of `NumpyRNN.param`, or of `NumpyLSTM.param`, without W_c or with W_c = 0: `nn.LSTM` has no
        peepholes, and stacks its gates in the same order.
    rate
        Learning rate of `torch.optim.SGD`.
    sparse
        Whether the embedding's gradient holds only the rows in use.
    """

    def __init__(self, param, rate, sparse=False):
        super().__init__()
        W_e, W_x, W_h, *W_c, W_y = (torch.tensor(W) for W in param)
        assert not any(W.any() for W in W_c)
        self.embedding = nn.Embedding.from_pretrained(W_e.T.contiguous(), freeze=False, sparse=sparse)
        layer = nn.RNN if W_h.shape[0] == W_h.shape[1] else nn.LSTM
        self.recurrent = layer(W_x.shape[1], W_h.shape[1], bias=False)
        self.linear = nn.Linear(*reversed(W_y.shape), bias=False)
        self.recurrent.weight_ih_l0 = nn.Parameter(W_x)
        self.recurrent.weight_hh_l0 = nn.Parameter(W_h)
        self.linear.weight = nn.Parameter(W_y)
        self.optimizer = torch.optim.SGD(self.parameters(), lr=rate)

    def forward(self, x):
        """Return the scores of the tags, (L, n_tags); of a batch, (L, B), they are (L, B, n_tags)."""
        return self.linear(self.recurrent(self.embedding(x))[0])

    def probabilities(self, x):
        """Return the probabilities of the tags, (L, n_tags), keeping nothing for gradients."""
        with torch.inference_mode():
            return self(x).softmax(dim=1)

    def grads(self, x, y):
        """Return the mean cross-entropy; its gradients are in the parameters' `grad`."""
        self.optimizer.zero_grad()
        cost = F.cross_entropy(self(x), y)
        cost.backward()
        return cost

    def step(self, x, y):
        """Make one step of gradient descent; return the cost before it as a number."""
        cost = self.grads(x, y)
        self.optimizer.step()
        return cost.item()
