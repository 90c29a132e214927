"""The same taggers in JAX, for comparison: `jit` of `value_and_grad` over `lax.scan`.

This code is independent of the library's `JaxRNN`, and written for speed: a step donates the parameters, so XLA updates
them in place, and it changes only the embeddings of the words in the batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from lxmls_rnn.benchmark.measure.cases import Case
from lxmls_rnn.benchmark.measure.contenders import Computed, Inputs


def jax_device(name: str) -> Any:
    """Return JAX's device for a name such as "cuda1"; RuntimeError if it is unavailable."""
    if name == "cpu":
        return jax.devices("cpu")[0]
    if not name.startswith("cuda"):
        raise RuntimeError(f"JAX has no device {name}")
    try:
        gpus = jax.devices("cuda")
    except RuntimeError as error:
        raise RuntimeError(f"this JAX computes on the CPU only: {error}") from error
    index = int(name.removeprefix("cuda") or 0)
    if index >= len(gpus):
        raise RuntimeError(f"JAX has no device {name}: it finds {len(gpus)} GPUs")
    return gpus[index]


def rnn_layer(a: jax.Array, W_h: jax.Array) -> jax.Array:
    """Return the states, (L, [B,] n_hidd), from the products of the inputs with W_x."""

    def step(h: jax.Array, a_t: jax.Array) -> tuple[jax.Array, jax.Array]:
        h = jnp.tanh(a_t + h @ W_h.T)
        return h, h

    return lax.scan(step, jnp.zeros((*a.shape[1:-1], W_h.shape[1]), a.dtype), a)[1]


def lstm_layer(a: jax.Array, W_h: jax.Array, W_c: jax.Array | None = None) -> jax.Array:
    """Return the states, (L, [B,] n_hidd), from the products of the inputs with W_x; peepholes if W_c is given."""

    def step(last: tuple[jax.Array, jax.Array], a_t: jax.Array) -> tuple[tuple[jax.Array, jax.Array], jax.Array]:
        h, c = last
        a_i, a_f, a_g, a_o = jnp.split(a_t + h @ W_h.T, 4, -1)
        if W_c is not None:
            b_i, b_f, b_o = jnp.split(c @ W_c.T, 3, -1)
            a_i, a_f, a_o = a_i + b_i, a_f + b_f, a_o + b_o
        c = jax.nn.sigmoid(a_f) * c + jax.nn.sigmoid(a_i) * jnp.tanh(a_g)
        h = jax.nn.sigmoid(a_o) * jnp.tanh(c)
        return (h, c), h

    first = jnp.zeros((*a.shape[1:-1], W_h.shape[1]), a.dtype)
    return lax.scan(step, (first, first), a)[1]


class JaxContender:
    """Adapter of the JAX taggers; see `contenders.Contender`."""

    def __init__(self, case: Case, values: dict[str, np.ndarray]) -> None:
        jax.config.update("jax_enable_x64", case.dtype == "float64")
        jax.config.update("jax_default_matmul_precision", "highest")  # the other implementations have no TF32
        self.case, self.place = case, jax_device(case.device)
        self.param: Any  # as `values`, on the device
        left_out = () if case.peepholes else ("W_c",)
        self.values = {name: W.astype(case.dtype) for name, W in values.items() if name not in left_out}
        self.values["W_e"] = np.ascontiguousarray(self.values["W_e"].T)  # an embedding is a row
        layer = rnn_layer if case.layer == "rnn" else lstm_layer

        def scores(z: jax.Array, others: Sequence[jax.Array]) -> jax.Array:
            W_x, *of_layer, W_y = others
            return layer(z @ W_x.T, *of_layer) @ W_y.T

        def loss(z: jax.Array, others: Sequence[jax.Array], y: jax.Array, weights: jax.Array) -> jax.Array:
            log_p = jnp.take_along_axis(jax.nn.log_softmax(scores(z, others)), y[..., None], -1)[..., 0]
            return -jnp.sum(log_p * weights)

        gradients = jax.value_and_grad(loss, (0, 1))

        def forward(param: Sequence[jax.Array], x: jax.Array) -> jax.Array:
            return jax.nn.softmax(scores(param[0][x], param[1:]))

        def backward(param: Sequence[jax.Array], x: jax.Array, y: jax.Array, weights: jax.Array) -> Any:
            return gradients(param[0][x], param[1:], y, weights)

        def step(param: Sequence[jax.Array], x: jax.Array, y: jax.Array, weights: jax.Array, rate: jax.Array) -> Any:
            value, (e_z, of_others) = backward(param, x, y, weights)
            W_e = param[0].at[x].add(-rate * e_z)
            return value, (W_e, *(W - rate * gradient for W, gradient in zip(param[1:], of_others, strict=True)))

        work = {"forward": forward, "backward": backward, "step": step}[case.work]
        self.function = jax.jit(work, donate_argnums=0 if case.work == "step" else ())
        self.reset()

    def bind(self, batch: Inputs, rate: float) -> Callable[[], Any]:
        x, y, weights = (np.ascontiguousarray(array.T) for array in batch)  # (L, [B])
        needed = {"forward": (x,), "backward": (x, y, weights), "step": (x, y, weights, np.array(rate, weights.dtype))}
        inputs: Any = needed[self.case.work]
        if self.case.device == "cpu":
            inputs = jax.device_put(inputs, self.place)
        # on a GPU each call copies the inputs to the device
        place = (lambda: inputs) if self.case.device == "cpu" else (lambda: jax.device_put(inputs, self.place))

        def forward() -> Any:
            return np.asarray(self.function(self.param, *place()))

        def backward() -> Any:
            value, gradients = self.function(self.param, *place())
            jax.block_until_ready(gradients)
            return float(value), gradients

        def step() -> Any:
            value, self.param = self.function(self.param, *place())
            jax.block_until_ready(self.param)
            return float(value)

        return {"forward": forward, "backward": backward, "step": step}[self.case.work]

    def results(self, returned: Any) -> Computed:
        if self.case.work == "forward":
            return {"p_y": returned.T}
        names = list(self.values)
        if self.case.work == "backward":
            value, (e_z, gradients) = returned
            named = {name: np.asarray(gradient) for name, gradient in zip(names[1:], gradients, strict=True)}
            return {"cost": np.asarray(value), "e_z": np.asarray(e_z).T, **named}
        W_e, *others = (np.array(W) for W in self.param)
        return {"W_e": W_e.T, **dict(zip(names[1:], others, strict=True))}

    def reset(self) -> None:
        # copies, because a step donates its parameters
        self.param = tuple(jax.device_put(jnp.array(W), self.place) for W in self.values.values())

    def device(self) -> str:
        on = {device for W in self.param for device in W.devices()}
        return self.case.device if on == {self.place} else ", ".join(map(str, on))

    def device_memory(self) -> int | None:
        statistics = self.place.memory_stats() if self.case.device != "cpu" else None
        return statistics["peak_bytes_in_use"] if statistics else None


def peak_calls(matrix: np.ndarray, vector: np.ndarray, device: str) -> list[Callable[[], Any]]:
    """Return two calls, a matrix product and a copy, each of which waits until the device has finished."""
    jax.config.update("jax_enable_x64", matrix.dtype == "float64")
    jax.config.update("jax_default_matmul_precision", "highest")
    a, b = jax.device_put((matrix, vector), jax_device(device))
    product, copying = jax.jit(lambda a: a @ a), jax.jit(lambda b: b + 1)
    return [lambda: product(a).block_until_ready(), lambda: copying(b).block_until_ready()]
