"""Steps of stochastic gradient descent, for each kind of model.

A step computes and writes only the embeddings of the words in the batch, so its time does not depend on the size of the
vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from lxmls_rnn.deep_learning.batches import Batch
from lxmls_rnn.deep_learning.frameworks import JAX, NUMPY, THEANO, TORCH, Framework
from lxmls_rnn.deep_learning.numpy_rnn import NumpyRNN, columns, flat
from lxmls_rnn.deep_learning.parameters import Model

# step(x, y, weights, rate) -> cost, number of correct words before the update, norm of the gradient
Step = Callable[[np.ndarray, np.ndarray, np.ndarray, float], tuple[float, int, float]]
# steps(numbers, rate) -> for each call, the costs, numbers of correct words and norms of its batches
Steps = Callable[[np.ndarray, float], Iterator[tuple[list[float], list[int], list[float]]]]


def make_step(
    model: Model, *, batched: bool = False, clip: float | None = None, freeze_embeddings: bool = False
) -> Step:
    """Return a function that makes one step on a sentence or a padded batch.

    Parameters
    ----------
    model
        Any tagger; the step changes its parameters in place.
    batched
        Whether `x`, `y` and `weights` will be (B, L) instead of (L,).
    clip
        Maximum Euclidean norm of the whole gradient; a longer gradient is scaled down to it (Pascanu, Mikolov & Bengio
        2013). Infinity computes the norm without scaling.
    freeze_embeddings
        Do not train W_e.

    Returns
    -------
    callable
        ``step(x, y, weights, rate) -> (cost, correct, norm)``: int32 word and tag ids, the weight of each position in
        the cost (0 for padding) in the model's dtype, the learning rate. The norm is that of the gradient before
        clipping, or 0 if `clip` is None. The step does not check its arguments, because `Trainer.fit` does.
    """
    if model.framework in STEPS:
        return STEPS[model.framework](model, clip, freeze_embeddings)
    from lxmls_rnn.deep_learning import fused_sgd

    if fused_sgd.covers(model):
        return fused_sgd.fused_step(model, clip, freeze_embeddings)
    return theano_step(model, batched, clip, freeze_embeddings)


def make_steps(
    model: Model, batches: Sequence[Batch], *, clip: float | None = None, freeze_embeddings: bool = False
) -> Steps:
    """Return a function that makes steps on batches, one after the other, in as few calls as possible.

    Parameters
    ----------
    model, clip, freeze_embeddings
        As in `make_step`.
    batches
        Either all single sentences or all padded batches. They are not checked.

    Returns
    -------
    callable
        ``steps(numbers, rate)``: makes a step on each batch in `numbers`, int64, (n,), in this order. Each call yields
        the costs and the numbers of correct words before the step, and the norms, of the next batches; the model then
        has the parameters after the last of them. Ask for no more steps after a cost that is not finite.
    """
    if model.framework is THEANO:
        from lxmls_rnn.deep_learning import fused_sgd

        if fused_sgd.covers(model):
            return fused_sgd.fused_steps(model, batches, clip, freeze_embeddings)
    step = make_step(model, batched=batches[0].x.ndim == 2, clip=clip, freeze_embeddings=freeze_embeddings)

    def steps(numbers: np.ndarray, rate: float) -> Iterator[tuple[list[float], list[int], list[float]]]:
        for n in numbers:
            cost, correct, length = step(batches[n].x, batches[n].y, batches[n].weights, rate)
            yield [cost], [correct], [length]

    return steps


def numpy_step(model: NumpyRNN, clip: float | None, freeze_embeddings: bool) -> Step:
    """Return the step function that `make_step` describes."""
    W_e, *others = model.param

    def step(x: np.ndarray, y: np.ndarray, weights: np.ndarray, rate: float) -> tuple[float, int, float]:
        back = model.backward_unchecked(x, y, weights)
        gradients, length = list(back.gradients), 0.0
        if not freeze_embeddings:
            words, rows = sum_by_word(flat(x), columns(back.e_z).T)
            gradients.append(rows)
        if clip is not None:
            length = norm(gradients)
            rate *= min(1.0, clip / max(length, float(np.finfo(model.dtype).tiny)))
        rate = float(rate)  # a NumPy scalar would change the precision of the update in NumPy 2
        if not freeze_embeddings:
            W_e.T[words] -= rate * gradients.pop()
        for W, gradient in zip(others, gradients, strict=True):
            W -= rate * gradient
        correct = int(np.count_nonzero((back.forward.y.argmax(axis=0) == y) & (weights > 0)))
        return back.forward.loss, correct, length

    return step


def sum_by_word(words: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct ids of `words`, (N,), and for each of them the sum of its `rows`, (N, n)."""
    order = np.argsort(words, kind="stable")
    words = words[order]
    first = np.ones(len(words), bool)
    np.not_equal(words[1:], words[:-1], out=first[1:])
    return words[first], np.add.reduceat(rows[order], np.flatnonzero(first), axis=0)


def norm(gradients: list[np.ndarray]) -> float:
    """Return the Euclidean norm of all gradients as one vector."""
    return float(np.sqrt(sum(np.vdot(g, g) for g in gradients)))


def theano_step(model: Any, batched: bool, clip: float | None, freeze_embeddings: bool) -> Step:
    """Compile the step function that `make_step` describes."""
    import theano
    import theano.tensor as T

    from lxmls_rnn.deep_learning.ops.cpu.softmax_cost import SoftmaxCost
    from lxmls_rnn.deep_learning.theano_rnn import on_host, trusting

    _x, _y = (T.imatrix("x"), T.imatrix("y")) if batched else (T.ivector("x"), T.ivector("y"))
    _weights = (T.matrix if batched else T.vector)("weights", dtype=model.dtype)
    _rate, _clip = T.scalar("rate", dtype=model.dtype), T.scalar("clip", dtype=model.dtype)
    # the distinct words, and for each position the index of its word among them; only clipping needs the sums by word
    _words, _which = T.ivector("words"), T.lvector("which")

    def rows(_a: Any, n: int) -> Any:
        """Return one row per position: (L, B, n) -> (L B, n)."""
        return _a.reshape((-1, n)) if _a.ndim == 3 else _a

    _z = model._embed(_x)
    _scores = rows(model._scores(_z), model.sizes.n_tags)
    _cost, _, _correct = SoftmaxCost()(_scores, _y.T.flatten(), _weights.T.flatten())

    W_e, *others = model.param
    _e_z, *_gradients = theano.grad(_cost, [_z, *others])
    _rows = rows(_e_z, model.sizes.n_emb)
    _ids = _x.T.flatten()
    if clip is not None:
        if not freeze_embeddings:
            _rows = T.inc_subtensor(T.zeros((_words.shape[0], model.sizes.n_emb), model.dtype)[_which], _rows)
            _ids = _words
        _norm = T.sqrt(sum(T.sum(g**2) for g in [*_gradients, *([] if freeze_embeddings else [_rows])]))
        _rate_now = _rate * T.switch(_norm > _clip, _clip / _norm, 1).astype(model.dtype)
    else:
        _rate_now = _rate
    if model.dtype == "float32" and not isinstance(W_e.type, T.TensorType):  # on a GPU: few launches
        from lxmls_rnn.deep_learning.ops.gpu.descent import descend

        updates = descend(_rate_now, others, _gradients, None if freeze_embeddings else (W_e, _ids, _rows))
    else:
        updates = [(W, W - _rate_now * g) for W, g in zip(others, _gradients, strict=True)]
        if not freeze_embeddings:
            updates.append((W_e, T.inc_subtensor(W_e.T[_ids], -_rate_now * _rows).T))

    by_word = clip is not None and not freeze_embeddings
    # the bound is an input, because with a constant each value would be compiled again
    bound = [] if clip is None else [np.asarray(clip, model.dtype)]
    inputs = [*map(on_host, (_x, _y, _weights)), _rate, *([_clip] if bound else [])]
    inputs += map(on_host, (_words, _which)) if by_word else []
    outputs = [_cost, _correct, *([] if clip is None else [_norm])]
    # the Trainer has checked ids and types; checking them again would take longer than the step's arithmetic
    function = trusting(inputs, outputs, updates=updates)

    def step(x: np.ndarray, y: np.ndarray, weights: np.ndarray, rate: float) -> tuple[float, int, float]:
        extra = np.unique(flat(x), return_inverse=True) if by_word else ()
        cost, correct, *length = function(x, y, weights, np.asarray(rate, model.dtype), *bound, *extra)
        return float(cost), int(correct), float(length[0]) if length else 0.0

    return step


def jax_step(model: Any, clip: float | None, freeze_embeddings: bool) -> Step:
    """Return the step function that `make_step` describes; `jit` compiles it for each padded shape of x."""
    import jax
    import jax.numpy as jnp

    from lxmls_rnn.deep_learning.jax_rnn import cross_entropy, jit

    def cost_of(z: Any, others: Any, x: Any, y: Any, weights: Any) -> tuple[Any, Any]:
        scores = model._scores(others, z)
        correct = jnp.sum((scores.argmax(-1) == y.T) & (weights.T > 0))
        return cross_entropy(scores, y, weights), correct

    def update(arrays: Any, x: Any, y: Any, weights: Any, rate: Any, which: Any) -> tuple[Any, ...]:
        W_e, *others = arrays
        z = model._embed(W_e, x)
        with_gradients = jax.value_and_grad(cost_of, argnums=(0, 1), has_aux=True)
        (cost, correct), (rows, gradients) = with_gradients(z, others, x, y, weights)
        length = jnp.zeros((), model.dtype)
        if clip is not None:
            rows_in_line = rows.reshape(-1, rows.shape[-1])
            by_word = [] if freeze_embeddings else [jnp.zeros_like(rows_in_line).at[which].add(rows_in_line)]
            length = jnp.sqrt(sum(jnp.sum(g * g) for g in [*gradients, *by_word]))
            rate = rate * jnp.where(length > clip, clip / length, 1)
        if not freeze_embeddings:
            W_e = W_e.at[x.T].add(-(rate * rows))
        updated = [W_e, *(W - rate * g for W, g in zip(others, gradients, strict=True))]
        return updated, jnp.stack([cost, correct.astype(model.dtype), length])  # one array: one copy to the host

    compiled = jit(update, donate_argnums=0)  # the new parameters take the memory of the old ones

    def step(x: np.ndarray, y: np.ndarray, weights: np.ndarray, rate: float) -> tuple[float, int, float]:
        batch = model.fit_shape(x), model.fit_shape(y), model.fit_shape(weights, model.dtype)
        # for each position the index of its word among the distinct words
        which = np.unique(flat(batch[0]), return_inverse=True)[1] if clip is not None else None
        with model.settings():
            model.arrays, numbers = compiled(model.arrays, *batch, np.asarray(rate, model.dtype), which)
        cost, correct, length = np.asarray(numbers).tolist()
        return cost, int(correct), length

    return step


def torch_step(model: Any, clip: float | None, freeze_embeddings: bool) -> Step:
    """Return the step function that `make_step` describes."""
    import torch

    from lxmls_rnn.deep_learning.torch_rnn import cross_entropy, own_settings, time_first

    W_e, *others = model.param

    @own_settings(model.threads)
    def step(x: np.ndarray, y: np.ndarray, weights: np.ndarray, rate: float) -> tuple[float, int, float]:
        _x, _y, _weights = (model._tensor(array) for array in (x, y, weights))
        z = model._embed(_x).detach().requires_grad_()
        scores = model._scores(z)
        cost = cross_entropy(scores, _y, _weights)
        e_z, *gradients = torch.autograd.grad(cost, [z, *others])
        words, rows, length = time_first(_x).flatten(), e_z.flatten(0, -2), 0.0
        if clip is not None:
            words, which = words.unique(return_inverse=True)
            rows = rows.new_zeros((len(words), rows.shape[-1])).index_add_(0, which, rows)
            squares = [(g * g).sum() for g in [*gradients, *([] if freeze_embeddings else [rows])]]
            length = float(torch.stack(squares).sum().sqrt())
            rate *= min(1.0, clip / max(length, float(np.finfo(model.dtype).tiny)))
        with torch.no_grad():
            if not freeze_embeddings:
                W_e.T.index_add_(0, words, rows, alpha=-rate)
            torch._foreach_add_(others, gradients, alpha=-rate)
        correct = int(np.count_nonzero((y == scores.argmax(-1).cpu().numpy().T) & (weights > 0)))
        return float(cost.detach()), correct, length

    return step


# Theano's two step functions are chosen in `make_step`
STEPS: dict[Framework, Callable[[Any, float | None, bool], Step]] = {
    NUMPY: numpy_step,
    JAX: jax_step,
    TORCH: torch_step,
}
