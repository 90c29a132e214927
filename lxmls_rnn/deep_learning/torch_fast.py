"""FastTorchRNN and FastTorchLSTM: `TorchRNN` and `TorchLSTM` with PyTorch's own layers, `nn.RNN` and `nn.LSTM`."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

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


def share_weights(model: TorchRNN, layer: nn.RNNBase) -> nn.RNNBase:
    """Make a layer's weights the W_x and W_h of the model, in one block as cuDNN wants them; return the layer."""
    with torch.no_grad():
        layer.weight_ih_l0.copy_(model.param.W_x)
        layer.weight_hh_l0.copy_(model.param.W_h)
    model.param[1:3] = layer.weight_ih_l0, layer.weight_hh_l0
    return layer


class FastTorchRNN(TorchRNN):
    """Faster `TorchRNN` with the same parameters, results and interface, for the activations of nn.RNN and logistic."""

    activations = OF_FAST_TORCH

    def _create(self, values: Mapping[str, np.ndarray]) -> None:
        super()._create(values)
        if self.activation != "logistic":  # which nn.RNN lacks, see `_recurrent`
            options = {"bias": False, "device": self.device, "dtype": self.param.W_x.dtype}
            layer = nn.RNN(self.sizes.n_emb, self.sizes.n_hidd, nonlinearity=self.activation, **options)
            self.layer = share_weights(self, layer)

    def _recurrent(self, z: Tensor) -> Tensor:
        """Return the hidden states after each step, (L, n_hidd) or (L, B, n_hidd)."""
        if self.activation != "logistic":
            h: Tensor = self.layer(z)[0]
            return h
        # logistic(a) = (1 + tanh(a / 2)) / 2. With h_t = (1 + u_t) / 2 and u_0 = -1:
        #     u_t = tanh(W_x/2 z_t + W_h/4 u_{t-1} + b),   b = the sums of the rows of W_h/4
        W_x, W_h = self.param.W_x / 2, self.param.W_h / 4
        b = W_h.sum(1)
        batch = z if z.ndim == 3 else z[:, None]  # (L, B, n_emb)
        u_0 = -z.new_ones((1, batch.shape[1], self.sizes.n_hidd))
        # what nn.RNN calls: one layer, without dropout, in one direction
        u, _ = torch.rnn_tanh(batch, u_0, [W_x, W_h, b, torch.zeros_like(b)], True, 1, 0.0, True, False, False)
        return (1 + u.reshape(*z.shape[:-1], -1)) / 2

    _layer = states


class FastTorchLSTM(TorchLSTM):
    """Faster `TorchLSTM` with the same results and interface, but without peepholes, which nn.LSTM does not have."""

    peephole_options = (False,)

    def _create(self, values: Mapping[str, np.ndarray]) -> None:
        super()._create(values)
        options = {"bias": False, "device": self.device, "dtype": self.param.W_x.dtype}
        layer = nn.LSTM(self.sizes.n_emb, self.sizes.n_hidd, **options)  # gates in the same order
        self.layer = share_weights(self, layer)

    def _recurrent(self, z: Tensor) -> Tensor:
        """Return the hidden states after each step, (L, n_hidd) or (L, B, n_hidd)."""
        h: Tensor = self.layer(z)[0]
        return h

    _layer = states
