"""The recurrent tagger in JAX: `lax.scan` unrolls the recurrent layer, `jax.grad` back-propagates through it.

The formulas are those of `numpy_rnn`. Quantities are transposed as in `theano_rnn`: (L, n), and (L, B, n) for a padded
batch x (B, L). JAX transforms pure functions, so the parameters are an argument of every formula. There W_e is
transposed, a row for each word: XLA changes rows of a matrix in place, but not columns. `jit` compiles for each shape
of x, so x is padded to 8, 16, 32, ... words; the cost of the added words has the weight 0.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import numpy as np
import numpy.typing as npt

from lxmls_rnn.deep_learning import parameters
from lxmls_rnn.deep_learning.frameworks import JAX
from lxmls_rnn.deep_learning.numpy_batches import flat
from lxmls_rnn.deep_learning.quantities import from_rows
from lxmls_rnn.deep_learning.update_rule import UNCLIPPED, Descent, Step
from lxmls_rnn.device import choose_gpu

os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # Theano and PyTorch may share the GPU

import jax
import jax.numpy as jnp
from jax import lax

JAX_ACTIVATIONS = {
    "logistic": jax.nn.sigmoid,
    "tanh": jnp.tanh,
    "relu": lambda a: jnp.where(a > 0, a, 0),
    "softsign": jax.nn.soft_sign,
}
MIN_WORDS = 8


@contextmanager
def own_settings() -> Iterator[None]:
    """Allow float64 and forbid TF32 in a function or block; JAX code outside it keeps its own settings."""
    enable_x64 = (jax if hasattr(jax, "enable_x64") else jax.experimental).enable_x64  # experimental before JAX 0.8
    with enable_x64(True), jax.default_matmul_precision("highest"):
        yield


def jit(function: Callable[..., Any], **options: Any) -> Any:
    """Return `jax.jit` of a function, without TF32: what `own_settings` forbids, at no cost in a call."""

    def without_tf32(*arguments: Any) -> Any:
        with jax.default_matmul_precision("highest"):
            return function(*arguments)

    return jax.jit(without_tf32, **options)


def padded(ids: np.ndarray, dtype: str = "int32") -> np.ndarray:
    """Return word ids, tag ids or weights, ([B,] L), with zeros up to a power of 2, so that few shapes are compiled."""
    *batch, L = ids.shape
    longer = np.zeros((*batch, max(MIN_WORDS, 1 << (L - 1).bit_length())), dtype)
    longer[..., :L] = ids
    return longer


def cross_entropy(y: jax.Array, tags: jax.Array, weights: jax.Array) -> jax.Array:
    """Return the cost, a scalar: the weighted sum of -log p of the gold `tags` ([B,] L); scores y: (L, [B,] n)."""
    log_p = jnp.take_along_axis(jax.nn.log_softmax(y), tags.T[..., None], -1)[..., 0]
    return -jnp.sum(log_p * weights.T)


class JaxRNN(parameters.Model):
    """Recurrent part-of-speech tagger; sizes, options, errors and results as in `NumpyRNN`.

    `param` holds JAX arrays, [W_e, W_x, W_h, W_y], in the same shapes. A training step replaces `arrays`, from which
    `param` is made: the same arrays, but W_e transposed, (n_words, n_emb).
    """

    framework = JAX
    is_padded = True  # False compiles for every length of a sentence

    def _create(self, values: Mapping[str, np.ndarray]) -> None:
        self._place(values)
        self._p_y = jit(lambda arrays, x: jax.nn.softmax(self._scores(arrays[1:], self._embed(arrays[0], x))))
        self._rows = jit(self._quantities)
        self._grads = jit(self._gradients)

    def settings(self) -> AbstractContextManager[None]:
        """Return a context that allows the dtype; float32 needs none, and computes faster without `own_settings`."""
        return own_settings() if self.dtype == "float64" else nullcontext()

    def _place(self, values: Mapping[str, np.ndarray]) -> None:
        """Copy the parameters to the device."""
        W_e, *others = (np.asarray(values[name], self.dtype) for name in self.shapes(self.sizes))
        with self.settings():
            self.arrays = [jax.device_put(jnp.array(array), device()) for array in (W_e.T, *others)]

    @property
    def param(self) -> parameters.RNNParameters:
        """The parameters, in the shapes of `NumpyRNN`."""
        W_e, *others = self.arrays
        with self.settings():
            return self.param_type([W_e.T, *others])

    def get_values(self) -> dict[str, np.ndarray]:
        """Return copies of the parameters by name."""
        W_e, *others = (np.array(W) for W in self.arrays)
        return self.by_name([W_e.T, *others])

    def fit_shape(self, ids: np.ndarray, dtype: str = "int32") -> np.ndarray:
        """Return word ids, tag ids or weights in a shape that is compiled, see `padded`."""
        return padded(ids, dtype) if self.is_padded else np.asarray(ids, dtype)

    def fitted(self, x: np.ndarray, y: np.ndarray, weights: np.ndarray | None = None) -> tuple[np.ndarray, ...]:
        """Return the inputs of `loss_and_gradients` in a shape that is compiled; the default weight is 1/L."""
        weights = np.full(x.shape, 1 / x.size) if weights is None else weights
        return self.fit_shape(x), self.fit_shape(y), self.fit_shape(weights, self.dtype)

    def forward(self, x: npt.ArrayLike) -> np.ndarray:
        """Return p_y (n_tags, [B,] L) of word ids (L,) or (B, L), as `NumpyRNN.forward`; compiles at the first call."""
        x = parameters.check_words(x, self.sizes.n_words)
        with self.settings():
            return np.asarray(self._p_y(self.arrays, self.fit_shape(x))).T[..., : x.shape[-1]]

    def grads(self, x: npt.ArrayLike, y: npt.ArrayLike) -> list[np.ndarray]:
        """Return the gradient of the loss w.r.t. every parameter, as `NumpyRNN.grads`; compiles at the first call."""
        with self.settings():
            gradients = self._grads(self.arrays, *self.fitted(*self.checked(x, y)))
        of_W_e, *others = map(np.asarray, gradients)
        return [of_W_e.T, *others]

    def quantities(self, x: npt.ArrayLike, y: npt.ArrayLike) -> dict[str, np.ndarray]:
        """Return every quantity of both passes, as `NumpyRNN.quantities`; compiles at the first call.

        b and e_c are left out.
        """
        x, y = self.checked(x, y)
        with self.settings():
            rows = self._rows(self.arrays, *self.fitted(x, y))
        arrays = {name: np.asarray(values)[: x.size] for name, values in rows.items()}
        return from_rows(arrays, self.by_name(self.grads(x, y)), np.asarray(self.param.W_h))

    def loss_and_gradients(
        self, arrays: Sequence[jax.Array], x: jax.Array, tags: jax.Array, weights: jax.Array
    ) -> tuple[jax.Array, jax.Array, dict[str, jax.Array]]:
        """Return the loss of a sentence or a padded batch, the number of correct words, and the gradients by name.

        The gradients are e_z, that of the embeddings, (L, n_emb) or (L, B, n_emb), and those of the other parameters.
        """

        def loss(z: jax.Array, others: Sequence[jax.Array]) -> tuple[jax.Array, jax.Array]:
            y = self._scores(others, z)
            correct = jnp.sum((y.argmax(-1) == tags.T) & (weights.T > 0))
            return cross_entropy(y, tags, weights), correct

        W_e, *others = arrays
        with_gradients = jax.value_and_grad(loss, argnums=(0, 1), has_aux=True)
        (value, correct), (e_z, gradients) = with_gradients(self._embed(W_e, x), others)
        return value, correct, {"e_z": e_z, **self.by_name(gradients)}

    def make_step(self, descent: Descent = UNCLIPPED, *, batched: bool = False) -> Step:
        """Return the step function that `NumpyRNN.make_step` describes; `jit` compiles it for each shape of x."""
        clip, frozen = descent

        def update(arrays: Any, x: Any, y: Any, weights: Any, rate: Any, which: Any) -> tuple[Any, ...]:
            W_e, *others = arrays
            cost, correct, gradients = self.loss_and_gradients(arrays, x, y, weights)
            rows, length = gradients.pop("e_z"), jnp.zeros((), self.dtype)
            if clip is not None:
                rows_in_line = rows.reshape(-1, rows.shape[-1])
                by_word = [] if frozen else [jnp.zeros_like(rows_in_line).at[which].add(rows_in_line)]
                length = jnp.sqrt(sum(jnp.sum(g * g) for g in [*gradients.values(), *by_word]))
                rate = rate * jnp.where(length > clip, clip / length, 1)
            if not frozen:
                W_e = W_e.at[x.T].add(-(rate * rows))
            updated = [W_e, *(W - rate * g for W, g in zip(others, gradients.values(), strict=True))]
            return updated, jnp.stack([cost, correct.astype(self.dtype), length])  # one array: one copy to the host

        compiled = jit(update, donate_argnums=0)  # the new parameters take the memory of the old ones

        def step(x: np.ndarray, y: np.ndarray, weights: np.ndarray, rate: float) -> tuple[float, int, float]:
            batch = self.fitted(x, y, weights)
            # for each position the index of its word among the distinct words
            which = np.unique(flat(batch[0]), return_inverse=True)[1] if clip is not None else None
            with self.settings():
                self.arrays, numbers = compiled(self.arrays, *batch, np.asarray(rate, self.dtype), which)
            cost, correct, length = np.asarray(numbers).tolist()
            return cost, int(correct), length

        return step

    def _gradients(self, arrays: Sequence[jax.Array], x: jax.Array, *gold: jax.Array) -> list[jax.Array]:
        """Return the gradient of every one of the arrays."""
        *_, gradients = self.loss_and_gradients(arrays, x, *gold)
        return [jnp.zeros_like(arrays[0]).at[x.T].add(gradients.pop("e_z")), *gradients.values()]

    def _quantities(
        self, arrays: Sequence[jax.Array], x: jax.Array, tags: jax.Array, weights: jax.Array
    ) -> dict[str, jax.Array]:
        """Return the quantities of a sentence, (L, n), but for b and e_c; e_h is the part from the outputs."""
        W_e, W_x, *of_layer, W_y = arrays

        def cost(y: jax.Array) -> jax.Array:
            return cross_entropy(y, tags, weights)

        z = self._embed(W_e, x)
        a = z @ W_x.T
        layer = self._layer(a, *of_layer)
        y = layer["h"] @ W_y.T
        errors = {
            "e_y": jax.grad(cost)(y),
            "e_h": jax.grad(lambda h: cost(h @ W_y.T))(layer["h"]),
            "e_a": jax.grad(lambda a: cost(self._recurrent(a, *of_layer) @ W_y.T))(a),
            "e_z": self.loss_and_gradients(arrays, x, tags, weights)[2]["e_z"],
        }
        return {"z": z, **layer, "y": y, "p": jax.nn.softmax(y), **errors}

    def _embed(self, W_e: jax.Array, x: jax.Array) -> jax.Array:
        """Return the embeddings of the words, (L, n_emb) or (L, B, n_emb), from the transposed W_e."""
        return W_e[x.T]

    def _scores(self, others: Sequence[jax.Array], z: jax.Array) -> jax.Array:
        """Return the scores of the tags from the embeddings and all parameters but W_e."""
        W_x, *of_layer, W_y = others
        # W_x z_t does not depend on earlier steps, so one product outside the loop computes it for all steps
        return self._recurrent(z @ W_x.T, *of_layer) @ W_y.T

    def _recurrent(self, a: jax.Array, *of_layer: jax.Array) -> jax.Array:
        """Return the hidden states after each step, (L, n_hidd) or (L, B, n_hidd)."""
        return self._layer(a, *of_layer, names=("h",))["h"]

    def _layer(self, a: jax.Array, *of_layer: jax.Array, names: Sequence[str] = ()) -> dict[str, jax.Array]:
        """Return the layer's quantities of these names, by default all, (L, n) or (L, B, n), from all W_x z_t."""

        def step(last: Any, a_t: jax.Array) -> tuple[Any, dict[str, jax.Array]]:
            state, now = self._step(last, a_t, *of_layer)
            return state, {name: now[name] for name in names or now}  # what scan stacks

        return lax.scan(step, self._first(a), a)[1]

    def _step(self, h_tm1: Any, a_t: jax.Array, W_h: jax.Array) -> tuple[Any, dict[str, jax.Array]]:
        """Return the state for the next step, and the quantities of this one, from the last state and W_x z_t."""
        a_t = a_t + h_tm1 @ W_h.T
        h_t = JAX_ACTIVATIONS[self.activation](a_t)
        return h_t, {"a": a_t, "h": h_t}

    def _first(self, a: jax.Array) -> Any:
        """Return the state before the first step, 0: (n_hidd,) or (B, n_hidd)."""
        return jnp.zeros((*a.shape[1:-1], self.sizes.n_hidd), a.dtype)

    @staticmethod
    def device_in_words() -> str:
        """Return a sentence that names the device of an array."""
        (used,) = jax.device_put(np.zeros(1, "float32"), device()).devices()
        on_gpu = f"JAX uses the GPU: {used.device_kind} ({used})."
        return "JAX computes on the CPU." if used.platform == "cpu" else on_gpu


def device() -> Any:
    """Return the device for new models, see `lxmls_rnn.device.choose_gpu`."""
    gpus = [candidate for candidate in jax.devices() if candidate.platform == "gpu"]
    return choose_gpu(JAX.name, gpus) or jax.devices("cpu")[0]
