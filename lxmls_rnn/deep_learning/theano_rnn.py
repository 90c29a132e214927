"""The recurrent tagger in Theano: `scan` unrolls the recurrent layer, `T.grad` back-propagates through it.

The formulas are those of `numpy_rnn`. Quantities are transposed, (L, n), because Theano's loop runs over rows. For a
padded batch `_x` is a matrix (B, L), and a quantity (L, B, n).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from lxmls_rnn import theano_env  # noqa: F401  refuses a stock Theano, so it comes first
from lxmls_rnn.deep_learning import ops, parameters
from lxmls_rnn.deep_learning.quantities import from_rows, in_order
from lxmls_rnn.deep_learning.theano_parameters import SharedParameters

import theano  # isort: skip
import theano.tensor as T  # isort: skip
from theano.tensor import TensorVariable as Symbol  # isort: skip

SYMBOLIC_ACTIVATIONS = {
    "logistic": T.nnet.sigmoid,
    "tanh": T.tanh,
    "relu": lambda a: T.switch(a > 0, a, 0),
    "softsign": lambda a: a / (1 + abs(a)),
}


def trusting(inputs: list[Any], outputs: Any, **options: Any) -> Any:
    """Compile a function that does not check its inputs' types, which its callers have checked."""
    function = theano.function(inputs, outputs, **options)
    function.trust_input = True
    return function


def on_host(variable: Symbol) -> Symbol:
    """Mark an input of a function to stay on the host; with a GPU, Ops check it there before its upload. Return it."""
    variable.tag.target = "cpu"
    return variable


def cross_entropy(_p: Symbol, _y: Symbol) -> Symbol:
    """Return the cost of a sentence, a scalar: the mean of -log p of its gold tags `_y` (L,); `_p` is (L, n_tags)."""
    return -T.mean(T.log(_p)[T.arange(_y.shape[0]), _y])


class RNN(SharedParameters):
    """Recurrent part-of-speech tagger; sizes, options, errors and results as in `NumpyRNN`.

    `param` holds shared variables, [W_e, W_x, W_h, W_y], in the same shapes; `dtype` is by default Theano's `floatX`.
    """

    states: tuple[str, ...] = ("h",)  # what the layer takes from step to step
    returned: tuple[str, ...] = ("h", "a")  # the layer's quantities that `quantities` returns, the states first

    def _create(self, values: Mapping[str, np.ndarray]) -> None:
        super()._create(values)
        ops.lift_to_gpu()
        self._p_y: dict[int, Any] = {}
        self._grads: Any = None
        self._quantities: Any = None

    def forward(self, x: npt.ArrayLike) -> np.ndarray:
        """Return p_y (n_tags, [B,] L) of word ids (L,) or (B, L), as `NumpyRNN.forward`; compiles at the first call."""
        x = parameters.check_words(x, self.sizes.n_words)
        if x.ndim not in self._p_y:
            _x = on_host((T.ivector if x.ndim == 1 else T.imatrix)("x"))
            self._p_y[x.ndim] = trusting([_x], self._forward(_x).T)
        return np.asarray(self._p_y[x.ndim](x.astype("int32")))

    def grads(self, x: npt.ArrayLike, y: npt.ArrayLike) -> list[np.ndarray]:
        """Return the gradient of the loss w.r.t. every parameter, as `NumpyRNN.grads`; compiles at the first call."""
        x, y = self.checked(x, y)
        if self._grads is None:
            _x, _y = on_host(T.ivector("x")), T.ivector("y")
            self._grads = trusting([_x, _y], theano.grad(cross_entropy(self._forward(_x), _y), self.param))
        return [np.asarray(gradient) for gradient in self._grads(x.astype("int32"), y.astype("int32"))]

    def quantities(self, x: npt.ArrayLike, y: npt.ArrayLike) -> dict[str, np.ndarray]:
        """Return every quantity of both passes, as `NumpyRNN.quantities` but for b and e_c; compiles at the first call.

        A fused layer does not return a. A subclass with its own `_forward` returns p and the gradients only.
        """
        x, y = self.checked(x, y)
        if type(self)._forward.__module__.rpartition(".")[0] != __name__.rpartition(".")[0]:
            return in_order({"p": self.forward(x)}, dict(zip(self.shapes(self.sizes), self.grads(x, y), strict=True)))
        if self._quantities is None:
            _x, _y = on_host(T.ivector("x")), T.ivector("y")
            _z = self._embed(_x)
            _a = T.dot(_z, self.param.W_x.T)
            layer = self._layer(_a, [self._first(_z, None) for _ in self.states], self.returned)
            _scores = T.dot(layer["h"], self.param.W_y.T)
            _p = T.nnet.softmax(_scores)
            errors = {"e_y": _scores, "e_h": layer["h"], "e_a": _a, "e_z": _z}
            found = theano.grad(cross_entropy(_p, _y), [*errors.values(), *self.param])
            names = ["z", *layer, "y", "p", *errors, *self.shapes(self.sizes)]
            self._quantities = names, trusting([_x, _y], [_z, *layer.values(), _scores, _p, *found])
        names, function = self._quantities
        values = dict(zip(names, map(np.asarray, function(x.astype("int32"), y.astype("int32"))), strict=True))
        gradients = {name: values.pop(name) for name in self.shapes(self.sizes)}
        return from_rows(values, gradients, self.get_values()["W_h"])

    def _forward(self, _x: Symbol, _h0: Symbol = None) -> Symbol:
        """Return the symbolic forward pass.

        Parameters
        ----------
        _x
            Word ids: an integer vector (L,) or matrix (B, L).
        _h0
            First hidden state, (n_hidd,), (1, n_hidd) or (B, n_hidd); 0 by default.

        Returns
        -------
        Theano variable
            Probabilities of the tags, (L, n_tags) or (L, B, n_tags).
        """
        _y = self._scores(self._embed(_x), _h0)
        if _y.ndim == 2:
            return T.nnet.softmax(_y)
        return T.nnet.softmax(_y.reshape((-1, self.sizes.n_tags))).reshape(_y.shape)

    def _embed(self, _x: Symbol) -> Symbol:
        """Return the embeddings of the words, (L, n_emb) or (L, B, n_emb)."""
        _z = self.param.W_e.T[_x.T.flatten()]
        return _z if _x.ndim == 1 else _z.reshape((_x.shape[1], _x.shape[0], self.sizes.n_emb))

    def _scores(self, _z: Symbol, _h0: Symbol = None) -> Symbol:
        """Return the scores of the tags, (L, n_tags) or (L, B, n_tags), from the embeddings."""
        return T.dot(self._recurrent(_z, _h0), self.param.W_y.T)

    def _recurrent(self, _z: Symbol, _h0: Symbol) -> Symbol:
        """Return the hidden states after each step, (L, n_hidd) or (L, B, n_hidd)."""
        # W_x z_t does not depend on earlier steps, so one product outside the loop computes it for all steps
        return self._layer(T.dot(_z, self.param.W_x.T), [self._first(_z, _h0)], self.states)["h"]

    def _layer(self, _a: Symbol, _first: list[Symbol], names: tuple[str, ...]) -> dict[str, Symbol]:
        """Return the layer's quantities of these names, the states first, from all W_x z_t and the first states."""

        def step(*of_step: Symbol) -> list[Symbol]:
            now = self._step(*of_step)
            return [now[name] for name in names]

        further = [None] * (len(names) - len(_first))
        outputs, _ = theano.scan(
            step,
            sequences=_a,
            outputs_info=[*_first, *further],
            non_sequences=self.param[2:-1],
            strict=True,
        )
        return dict(zip(names, outputs if len(names) > 1 else [outputs], strict=True))

    def _step(self, _a_t: Symbol, _h_tm1: Symbol, W_h: Symbol) -> dict[str, Symbol]:
        """Return the quantities of a step from W_x z_t and the last state."""
        _a = _a_t + T.dot(_h_tm1, W_h.T)
        return {"h": SYMBOLIC_ACTIVATIONS[self.activation](_a), "a": _a}

    def _first(self, _z: Symbol, _h0: Symbol) -> Symbol:
        """Return the state before the first step, (n_hidd,) or (B, n_hidd)."""
        H = self.sizes.n_hidd
        if _h0 is None:
            _h0 = T.zeros((H,) if _z.ndim == 2 else (_z.shape[1], H), self.dtype)
        elif _z.ndim == 2:
            _h0 = T.as_tensor_variable(_h0).reshape((H,))
        # scan requires the type of the later states, in which no dimension is broadcastable
        return T.unbroadcast(_h0, *range(_h0.ndim))
