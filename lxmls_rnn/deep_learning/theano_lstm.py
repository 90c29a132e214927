"""The LSTM tagger in Theano; the formulas are those of `numpy_lstm`, everything else as in `theano_rnn`."""

from __future__ import annotations

from lxmls_rnn.deep_learning import parameters
from lxmls_rnn.deep_learning.theano_rnn import RNN, Symbol

import theano  # isort: skip
import theano.tensor as T  # isort: skip


class LSTM(RNN):
    """Part-of-speech tagger with a long short-term memory: to `NumpyLSTM` what `RNN` is to `NumpyRNN`."""

    shapes = staticmethod(parameters.lstm_shapes)
    param: parameters.LSTMParameters
    param_type = parameters.LSTMParameters
    activations = ("tanh",)

    def _forward(self, _x: Symbol, _h0: Symbol = None, _c0: Symbol = None) -> Symbol:
        """As in `RNN`; `_c0` is the first cell, of the shape of `_h0`, 0 by default."""
        return super()._forward(_x, (_h0, _c0))

    def _recurrent(self, _z: Symbol, _first: tuple[Symbol, Symbol] | None) -> Symbol:
        """Hidden states after each step, (L, n_hidd) or (L, B, n_hidd)."""
        H = self.sizes.n_hidd
        _h0, _c0 = _first or (None, None)

        def step(_a_t: Symbol, _h_tm1: Symbol, _c_tm1: Symbol, W_h: Symbol, W_c: Symbol) -> tuple[Symbol, Symbol]:
            _a = _a_t + T.dot(_h_tm1, W_h.T)
            _b = T.dot(_c_tm1, W_c.T)
            _i = T.nnet.sigmoid(_a[..., :H] + _b[..., :H])
            _f = T.nnet.sigmoid(_a[..., H : 2 * H] + _b[..., H : 2 * H])
            _g = T.tanh(_a[..., 2 * H : 3 * H])
            _o = T.nnet.sigmoid(_a[..., 3 * H :] + _b[..., 2 * H :])
            _c_t = _f * _c_tm1 + _i * _g
            return _o * T.tanh(_c_t), _c_t

        (_h, _), _ = theano.scan(
            step,
            sequences=T.dot(_z, self.param.W_x.T),
            outputs_info=[self._first(_z, _h0), self._first(_z, _c0)],
            non_sequences=[self.param.W_h, self.param.W_c],
            strict=True,
        )
        return _h
