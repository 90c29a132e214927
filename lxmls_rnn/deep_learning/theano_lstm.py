"""The LSTM tagger in Theano: the layer of `numpy_lstm` in the network of `theano_rnn`."""

from __future__ import annotations

from lxmls_rnn.deep_learning import parameters
from lxmls_rnn.deep_learning.theano_rnn import RNN, Symbol

import theano.tensor as T  # isort: skip


class LSTM(parameters.LSTMOptions, RNN):
    """Part-of-speech tagger with a long short-term memory; sizes, options and results as in `NumpyLSTM`."""

    param: parameters.LSTMParameters
    states = ("h", "c")
    returned = ("h", "c", "a", "i", "f", "g", "o")

    def _forward(self, _x: Symbol, _h0: Symbol = None, _c0: Symbol = None) -> Symbol:
        """Return the symbolic forward pass; `_c0` is the first cell, in the shape of `_h0`, 0 by default."""
        return super()._forward(_x, (_h0, _c0))

    _library_forward = _forward

    def _recurrent(self, _z: Symbol, _first: tuple[Symbol, Symbol] | None) -> Symbol:
        """Return the hidden states after each step, (L, n_hidd) or (L, B, n_hidd)."""
        _a, states = T.dot(_z, self.param.W_x.T), [self._first(_z, _s0) for _s0 in _first or (None, None)]
        return self._layer(_a, states, self.states)["h"]

    def _step(  # type: ignore[override]  # scan passes one more state
        self, _a_t: Symbol, _h_tm1: Symbol, _c_tm1: Symbol, W_h: Symbol, W_c: Symbol = None
    ) -> dict[str, Symbol]:
        """Return the quantities of a step from W_x z_t and the last states; a is stacked."""
        H, sigmoid = self.sizes.n_hidd, T.nnet.sigmoid
        _a = _a_t + T.dot(_h_tm1, W_h.T)
        _i, _f, _g, _o = (_a[..., gate * H : (gate + 1) * H] for gate in range(4))
        if W_c is not None:
            _b = T.dot(_c_tm1, W_c.T)
            _i, _f, _o = _i + _b[..., :H], _f + _b[..., H : 2 * H], _o + _b[..., 2 * H :]
        _i, _f, _g, _o = sigmoid(_i), sigmoid(_f), T.tanh(_g), sigmoid(_o)
        _c = _f * _c_tm1 + _i * _g
        return {"h": _o * T.tanh(_c), "c": _c, "a": _a, "i": _i, "f": _f, "g": _g, "o": _o}
