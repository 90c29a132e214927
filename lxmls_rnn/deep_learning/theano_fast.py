"""FastRNN and FastLSTM: `RNN` and `LSTM` with the recurrent layer as one Op instead of a `scan`."""

from __future__ import annotations

from lxmls_rnn.deep_learning.ops.cpu.lstm_layer import LSTMLayer
from lxmls_rnn.deep_learning.ops.cpu.rnn_layer import RNNLayer
from lxmls_rnn.deep_learning.theano_lstm import LSTM
from lxmls_rnn.deep_learning.theano_rnn import RNN, Symbol

import theano.tensor as T  # isort: skip


class FastRNN(RNN):
    """Faster `RNN` with the same parameters, results and interface."""

    @property
    def layer(self) -> RNNLayer:
        """The Op of the recurrent layer."""
        return RNNLayer(self.activation)

    def _recurrent(self, _z: Symbol, _h0: Symbol) -> Symbol:
        """Return the hidden states after each step, (L, n_hidd) or (L, B, n_hidd)."""
        return self.layer(T.dot(_z, self.param.W_x.T), self.param.W_h, self._first(_z, _h0))


class FastLSTM(LSTM):
    """Faster `LSTM` with the same parameters, results and interface."""

    @property
    def layer(self) -> LSTMLayer:
        """The Op of the recurrent layer."""
        return LSTMLayer(self.peepholes)

    def _recurrent(self, _z: Symbol, _first: tuple[Symbol, Symbol] | None) -> Symbol:
        """Return the hidden states after each step, (L, n_hidd) or (L, B, n_hidd)."""
        _a, states = T.dot(_z, self.param.W_x.T), (self._first(_z, _s0) for _s0 in _first or (None, None))
        return self.layer(_a, *self.param[2:-1], *states)[0]
