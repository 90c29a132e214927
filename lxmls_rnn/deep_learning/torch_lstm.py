"""The LSTM tagger in PyTorch: the layer of `numpy_lstm` in the network of `torch_rnn`."""

from __future__ import annotations

import torch
from torch import Tensor, sigmoid, tanh

from lxmls_rnn.deep_learning import parameters
from lxmls_rnn.deep_learning.torch_rnn import TorchRNN


class TorchLSTM(parameters.LSTMOptions, TorchRNN):
    """Part-of-speech tagger with a long short-term memory; sizes, options and results as in `NumpyLSTM`."""

    param: parameters.LSTMParameters

    def _recurrent(self, z: Tensor) -> Tensor:
        """Return the hidden states after each step, (L, n_hidd) or (L, B, n_hidd)."""
        W_h, W_c = self.param.W_h, self.param.W_c
        h_t, c_t, h = self._first(z), self._first(z), []
        for a_t in z @ self.param.W_x.T:
            a_i, a_f, a_g, a_o = (a_t + h_t @ W_h.T).chunk(4, -1)
            if W_c is not None:
                b_i, b_f, b_o = (c_t @ W_c.T).chunk(3, -1)
                a_i, a_f, a_o = a_i + b_i, a_f + b_f, a_o + b_o
            c_t = sigmoid(a_f) * c_t + sigmoid(a_i) * tanh(a_g)
            h_t = sigmoid(a_o) * tanh(c_t)
            h.append(h_t)
        return torch.stack(h)
