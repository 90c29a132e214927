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
from lxmls_rnn.deep_learning.numpy_batches import columns, flat
from lxmls_rnn.deep_learning.numpy_rnn import NumpyRNN
from lxmls_rnn.deep_learning.parameters import Model
from lxmls_rnn.deep_learning.update import UNCLIPPED, Descent, Step, Steps


def make_step(model: Model, descent: Descent = UNCLIPPED, *, batched: bool = False) -> Step:
    """Return a function that makes one step on a sentence or a padded batch.

    Parameters
    ----------
    model
        Any tagger; the step changes its parameters in place.
    descent
        The rule of update.
    batched
        Whether `x`, `y` and `weights` will be (B, L) instead of (L,).

    Returns
    -------
    callable
        ``step(x, y, weights, rate) -> (cost, correct, norm)``: int32 word and tag ids, the weight of each position in
        the cost (0 for padding) in the model's dtype, the learning rate. The norm is that of the gradient before
        clipping, or 0 if the rule's `clip` is None. The step does not check its arguments, because `Trainer.fit` does.
    """
    if model.framework in STEPS:
        return STEPS[model.framework](model, descent)
    from lxmls_rnn.deep_learning import fused_sgd

    if fused_sgd.covers(model):
        return fused_sgd.fused_step(model, descent)
    return theano_step(model, descent, batched)


def make_steps(model: Model, batches: Sequence[Batch], descent: Descent = UNCLIPPED) -> Steps:
    """Return a function that makes steps on batches, one after the other, in as few calls as possible.

    Parameters
    ----------
    model, descent
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
            return fused_sgd.fused_steps(model, batches, descent)
    step = make_step(model, descent, batched=batches[0].x.ndim == 2)

    def steps(numbers: np.ndarray, rate: float) -> Iterator[tuple[list[float], list[int], list[float]]]:
        for n in numbers:
            cost, correct, length = step(batches[n].x, batches[n].y, batches[n].weights, rate)
            yield [cost], [correct], [length]

    return steps


def numpy_step(model: NumpyRNN, descent: Descent) -> Step:
    """Return the step function that `make_step` describes."""
    W_e, *others = model.param

    def step(x: np.ndarray, y: np.ndarray, weights: np.ndarray, rate: float) -> tuple[float, int, float]:
        back = model.backward_unchecked(x, y, weights)
        gradients, length = list(back.gradients), 0.0
        if not descent.freeze_embeddings:
            words, rows = sum_by_word(flat(x), columns(back.e_z).T)
            gradients.append(rows)
        if descent.clip is not None:
            length = norm(gradients)
            rate = descent.clipped(rate, length, model.dtype)
        rate = float(rate)  # a NumPy scalar would change the precision of the update in NumPy 2
        if not descent.freeze_embeddings:
            W_e.T[words] -= rate * gradients.pop()
        for W, gradient in zip(others, gradients, strict=True):
            W -= rate * gradient
        return back.forward.loss, count_correct(back.forward.y.argmax(axis=0), y, weights), length

    return step


def count_correct(predicted: np.ndarray, y: np.ndarray, weights: np.ndarray) -> int:
    """Return the number of words, ([B,] L), padding left out, whose predicted tag is the gold tag."""
    return int(np.count_nonzero((predicted == y) & (weights > 0)))


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


def theano_step(model: Any, descent: Descent, batched: bool) -> Step:
    """Compile the step function that `make_step` describes."""
    import theano.tensor as T

    from lxmls_rnn.deep_learning.theano_rnn import in_rows, on_host, symbolic_batch, trusting

    W_e, *others = model.param
    _batch = symbolic_batch(batched, model.dtype)
    _cost, _correct, gradients = model.loss_and_gradients(*_batch)
    _ids, _rows = _batch[0].T.flatten(), in_rows(gradients.pop("e_z"), model.sizes.n_emb)
    _rate = T.scalar("rate", dtype=model.dtype)
    inputs, outputs, bound, by_word = [*_batch, _rate], [_cost, _correct], [], False
    if descent.clip is not None:
        # the bound is an input, because with a constant each value would be compiled again
        _clip, bound = T.scalar("clip", dtype=model.dtype), [np.asarray(descent.clip, model.dtype)]
        by_word = not descent.freeze_embeddings
        inputs.append(_clip)
        if by_word:
            # the distinct words, and for each position the index of its word among them, for the sums by word
            _ids, _which = on_host(T.ivector("words")), on_host(T.lvector("which"))
            inputs += [_ids, _which]
            _rows = T.inc_subtensor(T.zeros((_ids.shape[0], model.sizes.n_emb), model.dtype)[_which], _rows)
        _norm = T.sqrt(sum(T.sum(g**2) for g in [*gradients.values(), *([_rows] if by_word else [])]))
        _rate = _rate * T.switch(_norm > _clip, _clip / _norm, 1).astype(model.dtype)
        outputs.append(_norm)
    if model.dtype == "float32" and not isinstance(W_e.type, T.TensorType):  # on a GPU: few launches
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
        cost, correct, *length = function(x, y, weights, np.asarray(rate, model.dtype), *bound, *extra)
        return float(cost), int(correct), float(length[0]) if length else 0.0

    return step


def jax_step(model: Any, descent: Descent) -> Step:
    """Return the step function that `make_step` describes; `jit` compiles it for each padded shape of x."""
    import jax.numpy as jnp

    from lxmls_rnn.deep_learning.jax_rnn import jit

    clip, frozen = descent

    def update(arrays: Any, x: Any, y: Any, weights: Any, rate: Any, which: Any) -> tuple[Any, ...]:
        W_e, *others = arrays
        cost, correct, gradients = model.loss_and_gradients(arrays, x, y, weights)
        rows, length = gradients.pop("e_z"), jnp.zeros((), model.dtype)
        if clip is not None:
            rows_in_line = rows.reshape(-1, rows.shape[-1])
            by_word = [] if frozen else [jnp.zeros_like(rows_in_line).at[which].add(rows_in_line)]
            length = jnp.sqrt(sum(jnp.sum(g * g) for g in [*gradients.values(), *by_word]))
            rate = rate * jnp.where(length > clip, clip / length, 1)
        if not frozen:
            W_e = W_e.at[x.T].add(-(rate * rows))
        updated = [W_e, *(W - rate * g for W, g in zip(others, gradients.values(), strict=True))]
        return updated, jnp.stack([cost, correct.astype(model.dtype), length])  # one array: one copy to the host

    compiled = jit(update, donate_argnums=0)  # the new parameters take the memory of the old ones

    def step(x: np.ndarray, y: np.ndarray, weights: np.ndarray, rate: float) -> tuple[float, int, float]:
        batch = model.fitted(x, y, weights)
        # for each position the index of its word among the distinct words
        which = np.unique(flat(batch[0]), return_inverse=True)[1] if clip is not None else None
        with model.settings():
            model.arrays, numbers = compiled(model.arrays, *batch, np.asarray(rate, model.dtype), which)
        cost, correct, length = np.asarray(numbers).tolist()
        return cost, int(correct), length

    return step


def torch_step(model: Any, descent: Descent) -> Step:
    """Return the step function that `make_step` describes."""
    import torch

    from lxmls_rnn.deep_learning.torch_rnn import own_settings, time_first

    W_e, *others = model.param

    @own_settings(model.threads)
    def step(x: np.ndarray, y: np.ndarray, weights: np.ndarray, rate: float) -> tuple[float, int, float]:
        batch = model.tensors(x, y, weights)
        cost, scores, gradients = model.loss_and_gradients(*batch)
        words, rows, length = time_first(batch[0]).flatten(), gradients.pop("e_z").flatten(0, -2), 0.0
        if descent.clip is not None:
            words, which = words.unique(return_inverse=True)
            rows = rows.new_zeros((len(words), rows.shape[-1])).index_add_(0, which, rows)
            trained = [*gradients.values(), *([] if descent.freeze_embeddings else [rows])]
            length = float(torch.stack([(g * g).sum() for g in trained]).sum().sqrt())
            rate = descent.clipped(rate, length, model.dtype)
        with torch.no_grad():
            if not descent.freeze_embeddings:
                W_e.T.index_add_(0, words, rows, alpha=-rate)
            torch._foreach_add_(others, list(gradients.values()), alpha=-rate)
        return float(cost), count_correct(scores.argmax(-1).cpu().numpy().T, y, weights), length

    return step


# Theano's two step functions are chosen in `make_step`
STEPS: dict[Framework, Callable[[Any, Descent], Step]] = {NUMPY: numpy_step, JAX: jax_step, TORCH: torch_step}
