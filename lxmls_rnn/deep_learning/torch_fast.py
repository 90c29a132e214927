"""FastTorchRNN and FastTorchLSTM: `TorchRNN` and `TorchLSTM` with PyTorch's own layers, `nn.RNN` and `nn.LSTM`."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from torch import Tensor, nn
from torch.func import functional_call

from lxmls_rnn.deep_learning.activations import OF_FAST_TORCH
from lxmls_rnn.deep_learning.torch_lstm import TorchLSTM
from lxmls_rnn.deep_learning.torch_rnn import TorchRNN


def states(model: TorchRNN, a: Tensor) -> dict[str, Tensor]:
    """Return h, (L, n_hidd), the only quantity that PyTorch's layers return, from all W_x z_t.

    They are the inputs of a model with the identity as W_x, so that their errors can be asked for.
    """
    twin = type(model)(1, a.shape[-1], model.sizes.n_hidd, 1, **model.options)
    values = {**twin.get_values(), "W_x": np.eye(a.shape[-1]), "W_h": model.get_values()["W_h"]}
    twin.set_values({name: value.astype(model.dtype) for name, value in values.items()})
    return {"h": twin._recurrent(a)}


class FastTorchRNN(TorchRNN):
    """Faster `TorchRNN` with the same parameters, results and interface, for the activations of nn.RNN and logistic."""

    activations = OF_FAST_TORCH

    @cached_property
    def layer(self) -> nn.RNN:
        """PyTorch's layer, without numbers: `param` holds them. nn.RNN has no logistic function, see `_recurrent`."""
        kind = {"nonlinearity": "tanh", "bias": True} if self.activation == "logistic" else {}
        kind = kind or {"nonlinearity": self.activation, "bias": False}
        return nn.RNN(self.sizes.n_emb, self.sizes.n_hidd, device="meta", **kind)

    def _recurrent(self, z: Tensor) -> Tensor:
        """Return the hidden states after each step, (L, n_hidd) or (L, B, n_hidd)."""
        W_x, W_h, h_0 = self.param.W_x, self.param.W_h, self._first(z)[None]
        if self.activation != "logistic":
            return functional_call(self.layer, {"weight_ih_l0": W_x, "weight_hh_l0": W_h}, (z, h_0))[0]
        # logistic(a) = (1 + tanh(a / 2)) / 2. With h_t = (1 + u_t) / 2 and u_0 = -1:
        #     u_t = tanh(W_x/2 z_t + W_h/4 u_{t-1} + b),   b = the sums of the rows of W_h/4
        b = W_h.sum(1) / 4
        scaled = {"weight_ih_l0": W_x / 2, "weight_hh_l0": W_h / 4, "bias_ih_l0": b, "bias_hh_l0": b.new_zeros(b.shape)}
        return (1 + functional_call(self.layer, scaled, (z, h_0 - 1))[0]) / 2

    _layer = states


class FastTorchLSTM(TorchLSTM):
    """Faster `TorchLSTM` with the same results and interface, but without peepholes, which nn.LSTM does not have."""

    peephole_options = (False,)

    @cached_property
    def layer(self) -> nn.LSTM:
        """PyTorch's layer, without numbers: `param` holds them, with the gates in the same order."""
        return nn.LSTM(self.sizes.n_emb, self.sizes.n_hidd, bias=False, device="meta")

    def _recurrent(self, z: Tensor) -> Tensor:
        """Return the hidden states after each step, (L, n_hidd) or (L, B, n_hidd)."""
        weights = {"weight_ih_l0": self.param.W_x, "weight_hh_l0": self.param.W_h}
        first = self._first(z)[None]
        return functional_call(self.layer, weights, (z, (first, first)))[0]

    _layer = states
