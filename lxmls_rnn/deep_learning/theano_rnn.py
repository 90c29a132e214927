"""The recurrent tagger in Theano: `scan` unrolls the recurrent layer, `T.grad` back-propagates through it.

The formulas are those of `numpy_rnn`. Quantities are transposed, (L, n), because Theano's loop runs over rows. For a
padded batch `_x` is a matrix (B, L), and a quantity (L, B, n).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from lxmls_rnn import theano_env  # noqa: F401  refuses a stock Theano, so it comes first
from lxmls_rnn.deep_learning import ops, parameters
from lxmls_rnn.deep_learning.numpy_batches import flat
from lxmls_rnn.deep_learning.ops.cpu.softmax_cost import SoftmaxCost
from lxmls_rnn.deep_learning.quantities import from_rows, in_order
from lxmls_rnn.deep_learning.theano_parameters import SharedParameters
from lxmls_rnn.deep_learning.update_rule import UNCLIPPED, Descent, Step

import theano  # isort: skip
import theano.tensor as T  # isort: skip
from theano.tensor import TensorVariable as Symbol  # isort: skip

SYMBOLIC_ACTIVATIONS = {
    "logistic": T.nnet.sigmoid,
    "tanh": T.tanh,
    "relu": lambda a: T.switch(a > 0, a, 0),
    "softsign": lambda a: a / (1 + abs(a)),
}


def trusting(inputs: list[Any], outputs: object, **options: Any) -> Callable[..., Any]:
    """Compile a function that does not check its inputs' types, which its callers have checked."""
    function = theano.function(inputs, outputs, **options)
    function.trust_input = True
    return function


def on_host(variable: Symbol) -> Symbol:
    """Mark an input of a function to stay on the host; with a GPU, Ops check it there before its upload. Return it."""
    variable.tag.target = "cpu"
    return variable


def symbolic_batch(batched: bool, dtype: str) -> list[Symbol]:
    """Return symbolic word ids, tag ids and weights, (L,) or `batched` (B, L), that stay on the host."""
    ids = T.imatrix if batched else T.ivector
    return [on_host(one) for one in (ids("x"), ids("y"), (T.matrix if batched else T.vector)("weights", dtype=dtype))]


def in_rows(_a: Symbol, n: int) -> Symbol:
    """Return one row per word: (L, [B,] n) -> (L [B], n)."""
    return _a.reshape((-1, n)) if _a.ndim == 3 else _a


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
        if type(self)._forward is not type(self)._library_forward:
            return in_order({"p": self.forward(x)}, self.by_name(self.grads(x, y)))
        if self._quantities is None:
            _x, _y = on_host(T.ivector("x")), T.ivector("y")
            _z = self._embed(_x)
            _a = T.dot(_z, self.param.W_x.T)
            layer = self._layer(_a, [self._first(_z, None) for _ in self.states], self.returned)
            _scores = T.dot(layer["h"], self.param.W_y.T)
            rows = {"z": _z, **layer, "y": _scores, "p": T.nnet.softmax(_scores)}
            by = {"e_y": _scores, "e_h": layer["h"], "e_a": _a, "e_z": _z, **self.by_name(self.param)}
            errors = theano.grad(cross_entropy(rows["p"], _y), list(by.values()))
            self._quantities = trusting([_x, _y], {**rows, **dict(zip(by, errors, strict=True))})
        computed = self._quantities(x.astype("int32"), y.astype("int32"))
        values = {name: np.asarray(value) for name, value in computed.items()}
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
        _p = T.nnet.softmax(in_rows(_y, self.sizes.n_tags))
        return _p if _y.ndim == 2 else _p.reshape(_y.shape)

    _library_forward = _forward  # whose quantities `quantities` returns

    def loss_and_gradients(self, _x: Symbol, _y: Symbol, _weights: Symbol) -> tuple[Symbol, Symbol, dict[str, Symbol]]:
        """Return the symbolic loss of a `symbolic_batch`, the number of correct words, and the gradients by name.

        The gradients are e_z, that of the embeddings, (L, n_emb) or (L, B, n_emb), and those of the other parameters.
        """
        _z = self._embed(_x)
        _scores = in_rows(self._scores(_z), self.sizes.n_tags)
        _loss, _, _correct = SoftmaxCost()(_scores, _y.T.flatten(), _weights.T.flatten())
        e_z, *gradients = theano.grad(_loss, [_z, *self.param[1:]])
        return _loss, _correct, {"e_z": e_z, **self.by_name(gradients)}

    def make_step(self, descent: Descent = UNCLIPPED, *, batched: bool = False) -> Step:
        """Compile the step function that `NumpyRNN.make_step` describes."""
        W_e, *others = self.param
        _batch = symbolic_batch(batched, self.dtype)
        _cost, _correct, gradients = self.loss_and_gradients(*_batch)
        _ids, _rows = _batch[0].T.flatten(), in_rows(gradients.pop("e_z"), self.sizes.n_emb)
        _rate = T.scalar("rate", dtype=self.dtype)
        inputs, outputs, bound, by_word = [*_batch, _rate], [_cost, _correct], [], False
        if descent.clip is not None:
            # the bound is an input, because with a constant each value would be compiled again
            _clip, bound = T.scalar("clip", dtype=self.dtype), [np.asarray(descent.clip, self.dtype)]
            by_word = not descent.freeze_embeddings
            inputs.append(_clip)
            if by_word:
                # the distinct words, and for each position the index of its word among them, for the sums by word
                _ids, _which = on_host(T.ivector("words")), on_host(T.lvector("which"))
                inputs += [_ids, _which]
                _rows = T.inc_subtensor(T.zeros((_ids.shape[0], self.sizes.n_emb), self.dtype)[_which], _rows)
            _norm = T.sqrt(sum(T.sum(g**2) for g in [*gradients.values(), *([_rows] if by_word else [])]))
            _rate = _rate * T.switch(_norm > _clip, _clip / _norm, 1).astype(self.dtype)
            outputs.append(_norm)
        if self.dtype == "float32" and not isinstance(W_e.type, T.TensorType):  # on a GPU: few launches
            from lxmls_rnn.deep_learning.ops.gpu.descent import descend

            embeddings = None if descent.freeze_embeddings else (W_e, _ids, _rows)
            updates = descend(_rate, others, list(gradients.values()), embeddings)
        else:
            updates = [(W, W - _rate * g) for W, g in zip(others, gradients.values(), strict=True)]
            if not descent.freeze_embeddings:
                updates.append((W_e, T.inc_subtensor(W_e.T[_ids], -_rate * _rows).T))
        # the Trainer has checked ids and types; checking them again would take longer than the step's arithmetic
        function = trusting(inputs, outputs, updates=updates)

        def step(x: np.ndarray, y: np.ndarray, weights: np.ndarray, rate: float) -> tuple[float, int, float]:
            extra = np.unique(flat(x), return_inverse=True) if by_word else ()
            cost, correct, *length = function(x, y, weights, np.asarray(rate, self.dtype), *bound, *extra)
            return float(cost), int(correct), float(length[0]) if length else 0.0

        return step

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
