"""The LSTM tagger in PyTorch: the layer of `numpy_lstm` in the network of `torch_rnn`."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor, sigmoid, tanh

from lxmls_rnn.deep_learning import parameters
from lxmls_rnn.deep_learning.torch_rnn import TorchRNN


class TorchLSTM(parameters.LSTMOptions, TorchRNN):
    """Part-of-speech tagger with a long short-term memory; sizes, options and results as in `NumpyLSTM`."""

    param: parameters.LSTMParameters

    def _steps(self, a: Tensor) -> Iterator[dict[str, Tensor]]:
        """Yield the layer's quantities of each step, (n_hidd,) or (B, n_hidd), from all W_x z_t; a is stacked."""
        W_h, W_c = self.param.W_h, self.param.W_c
        h_t, c_t = self._first(a), self._first(a)
        for a_t in a:
            a_t = a_t + h_t @ W_h.T
            a_i, a_f, a_g, a_o = a_t.chunk(4, -1)
            if W_c is not None:
                b_i, b_f, b_o = (c_t @ W_c.T).chunk(3, -1)
                a_i, a_f, a_o = a_i + b_i, a_f + b_f, a_o + b_o
            i, f, g, o = sigmoid(a_i), sigmoid(a_f), tanh(a_g), sigmoid(a_o)
            c_t = f * c_t + i * g
            h_t = o * tanh(c_t)
            yield {"a": a_t, "i": i, "f": f, "g": g, "o": o, "c": c_t, "h": h_t}
