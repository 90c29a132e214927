"""FastRNN and FastLSTM: `RNN` and `LSTM` with the recurrent layer as one Op instead of a `scan`."""

from __future__ import annotations

from lxmls_rnn.deep_learning.ops.cpu.lstm_layer import LSTMLayer
from lxmls_rnn.deep_learning.ops.cpu.rnn_layer import RNNLayer
from lxmls_rnn.deep_learning.theano_lstm import LSTM
from lxmls_rnn.deep_learning.theano_rnn import RNN, Symbol


class FastRNN(RNN):
    """Faster `RNN` with the same parameters, results and interface."""

    @property
    def layer(self) -> RNNLayer:
        """The Op of the recurrent layer."""
        return RNNLayer(self.activation)

    def _layer(self, _a: Symbol, _first: list[Symbol], names: tuple[str, ...]) -> dict[str, Symbol]:
        """Return the hidden states after each step, (L, n_hidd) or (L, B, n_hidd), from all W_x z_t."""
        return {"h": self.layer(_a, self.param.W_h, *_first)}


class FastLSTM(LSTM):
    """Faster `LSTM` with the same parameters, results and interface."""

    @property
    def layer(self) -> LSTMLayer:
        """The Op of the recurrent layer."""
        return LSTMLayer(self.peepholes)

    def _layer(self, _a: Symbol, _first: list[Symbol], names: tuple[str, ...]) -> dict[str, Symbol]:
        """Return the layer's quantities, (L, n_hidd) or (L, B, n_hidd) each, from all W_x z_t."""
        _h, _c, _gates = self.layer(_a, *self.param[2:-1], *_first)
        H = self.sizes.n_hidd
        return {"h": _h, "c": _c, **{name: _gates[..., n * H : (n + 1) * H] for n, name in enumerate("ifgo")}}
