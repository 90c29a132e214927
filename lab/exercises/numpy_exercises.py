"""Checks of exercise 6.1, forward and backward pass by hand: each returns a text, or raises `NotYet` or `Wrong`."""

import functools
import inspect
from typing import Any

import numpy as np

from lab.exercises import theano_exercises
from lab.exercises.difference import (
    as_numbers,
    check_order,
    close,
    compare_gradients,
    compare_steps,
    vector,
)
from lab.exercises.setting import (
    SENTENCES,
    class_of,
    compare_probabilities,
    model_of,
    own_method,
    several,
    what,
)
from lab.exercises.slips import ERROR_SLIPS, RNN_SLIPS, rnn_errors, rnn_forward, rnn_gradient_slips
from lab.exercises.verdict import NotYet, Wrong, attempt

HEIGHTS = {"z": "n_emb", "a": "n_hidd", "h": "n_hidd", "y": "n_tags", "p": "n_tags"}
HEIGHTS |= {"e_y": "n_tags", "e_h": "n_hidd", "e_a": "n_hidd"}
AXES = {name: (height, "L + 1" if name == "h" else "L") for name, height in HEIGHTS.items()}

# methods of `NumpyRNN` that a student's model may override
GRADIENT_METHODS = ("backward", "_backward", "score_errors", "slope", "from_later", "recurrent_gradient")


def _copies(*arrays: np.ndarray) -> list[np.ndarray]:
    return [array.copy("K") for array in arrays]


def forward(student: Any) -> str:
    """Check a forward pass: a function of (x, W_e, W_x, W_h, W_y) that returns (z, a, h, y, p).

    Also accepts a student's model, as a class or an instance, with the parameters of `NumpyRNN` or of `RNN`.
    """
    if hasattr(student, "forward") or inspect.isclass(student):
        return _forward_of_model(student)
    for x, _ in SENTENCES:
        param = model_of().param
        result = attempt(student, x.copy(), *_copies(*param))
        compute = functools.partial(rnn_forward, x, param)
        right = compute()
        if isinstance(result, np.ndarray):
            result = {"p": result}
        elif isinstance(result, (tuple, list)) and len(result) == len(right):
            result = dict(zip(right, result, strict=True))
        else:
            raise Wrong(f"Expected the results z, a, h, y, p; got {what(result)}.")
        check_order(list(result.values()), right)
        got = {name: as_numbers(name, value, AXES[name], right[name]) for name, value in result.items()}
        if "h" in got and np.any(got["h"][:, 0]):
            first = got["h"][:, 0]
            shifted = " h is shifted by one step: h[:, 0] is h_0, and the word x[t] has h[:, t + 1]."
            kind = shifted if close(first, right["h"][:, 1], "float32") else ""
            raise Wrong(f"First difference: h_0 = h[:, 0] is {vector(first)}, expected zeros.{kind}")
        compare_steps(got, compute, RNN_SLIPS, range(1, len(x) + 1))
    if list(got) == ["p"]:
        raise NotYet("p is correct in every step. The next cells also need the other results: return z, a, h, y, p.")
    return "z, a, h, y and p equal NumpyRNN's in every step, for a sentence of 6 words and one of 1 word."


def _forward_of_model(student: Any) -> str:
    cls = class_of(student)
    if hasattr(cls, "_recurrent"):  # a Theano model
        return theano_exercises.rnn(cls)
    own_method(cls, "forward", "_forward")
    for x, _ in SENTENCES:
        model = attempt(model_of, cls)
        param = model_of().param
        p = as_numbers("p", attempt(model.forward, x.copy()), AXES["p"], rnn_forward(x, param)["p"])
        compare_probabilities(x, p, param, rnn_forward, RNN_SLIPS, "float64")
    return "p equals NumpyRNN's in every step, for a sentence of 6 words and one of 1 word."


def errors(student: Any) -> str:
    """Check backpropagated errors: a function of (gold, h, p, W_h, W_y) that returns (e_y, e_h, e_a)."""
    for x, gold in SENTENCES:
        model = model_of()
        W_h, W_y = model.param.W_h, model.param.W_y
        p, _, h, _, _ = model.forward(x, True)
        compute = functools.partial(rnn_errors, gold, h, p, W_h, W_y)
        right = compute()
        result = several(attempt(student, gold.copy(), *_copies(h, p, W_h, W_y)), "e_y, e_h, e_a", 3)
        check_order(result, right)
        named = zip(right.items(), result, strict=True)
        got = {name: as_numbers(name, value, AXES[name], expected) for (name, expected), value in named}
        compare_steps(got, compute, ERROR_SLIPS, range(len(x), 0, -1))
    return "e_y, e_h and e_a equal NumpyRNN's in every step, for a sentence of 6 words and one of 1 word."


def numeric(student: Any) -> str:
    """Check finite differences: a function of (cost, W) that returns d cost / d W; each cost() reads W again."""
    x, gold = SENTENCES[0]
    model = model_of()
    W, right = model.param.W_x, model.grads(x, gold)[1]  # not square
    before = W.copy()
    offsets: list[np.ndarray] = []  # what has been added to W, at each cost()

    def cost() -> float:
        offsets.append(np.where(np.abs(W - before) > 1e-15, W - before, 0.0))
        return float(model.forward(x, True, gold).loss)

    got = as_numbers("The gradient", attempt(student, cost, W, fixed=False), ("rows", "columns"), right)
    if not np.any(got) and (not offsets or np.min(offsets) < 0 < np.max(offsets)):
        raise NotYet("Fill in the gradient: still all zeros.")
    kept = np.abs(before - W) <= 1e-9 * np.abs(before).max()
    if not kept.all():
        row, col = np.argwhere(~kept)[0].tolist()
        raise Wrong(f"W[{row}, {col}] was {before[row, col]:.6g} and is now {W[row, col]:.6g}: restore each number.")
    off = np.abs(got - right).max() / np.abs(right).max()
    if off < 1e-6:
        return "It equals the gradient of back-propagation to at least six digits, without knowing the network."
    row, col = map(int, np.unravel_index(int(np.abs(got - right).argmax()), right.shape))
    raise Wrong(
        f"Largest difference: [{row}, {col}] is {got[row, col]:.6g}, expected {right[row, col]:.6g}.",
        _kind_of_numeric(got, right, np.array(offsets)) or None,
    )


def _kind_of_numeric(got: np.ndarray, right: np.ndarray, offsets: np.ndarray) -> str:
    """Return the likely mistake in finite differences; `offsets` is what was added to W at each call of the cost."""
    reached, above, below = np.any(offsets, 0), np.any(offsets > 0, 0), np.any(offsets < 0, 0)
    if not reached.any():
        return (
            "W never changes before cost(): change W[i, j] itself, not a number, not a copy (W.copy()), not a "
            "new array (W = W + ...)."
        )
    if np.any(np.count_nonzero(offsets, axis=(1, 2)) > 1):
        return "Several numbers of W differ at once: change one entry at a time, and restore it before the next one."
    if not reached.all():
        n, m = map(int, np.argwhere(~reached)[0])
        return f"W[{n}, {m}] never changes: i runs over range(W.shape[0]), j over range(W.shape[1])."
    if not (above & below).all():
        return (
            f"The difference is one-sided: cost() is never asked at W {'-' if above.any() else '+'} step. Put W back "
            "between the two, or go 2 * step from one to the other."
        )
    step = float(np.abs(offsets).max())
    if step < 1e-9:
        return f"The step of {step:.2g} is so small that only rounding is left: take about 1e-4."
    steps = np.abs(offsets).max(axis=0)
    if np.ptp(steps) > 1e-3 * step:
        return "The steps have different sizes: add the same step to each number, W[i, j] + step and W[i, j] - step."
    factor = float((got * right).sum() / (right * right).sum())
    off = np.abs(got - right).max() / np.abs(right).max()
    kinds = {
        "It is twice too large: the distance between the two points is 2 steps.": close(got, 2 * right, "float32"),
        "The sign is wrong: subtract the cost at W - step from the cost at W + step.": close(-got, right, "float32"),
        "Some signs are wrong: do all take the cost at W + step minus the cost at W - step?": close(
            np.abs(got), np.abs(right), "float32"
        ),
        f"It is {factor:.3g} times the correct one everywhere: is it divided by the points' distance?": close(
            got, factor * right, "float32"
        ),
        "Only a few digits are correct: step to both sides, with a small step such as 1e-4.": off < 1e-2,
    }
    return next((message for message, is_so in kinds.items() if is_so), "")


def gradients(student: Any) -> str:
    """Check gradients: a function of (x, z, h, e_y, e_a, W_e, W_x) that returns those of W_e, W_x, W_h, W_y.

    Also accepts a student's model, as a class or an instance, with `grads(x, y)`.
    """
    for x, gold in SENTENCES:
        model = model_of()
        right = dict(zip(model.shapes(model.sizes), model.grads(x, gold), strict=True))
        back = model.backward(x, gold)
        h, z = back.forward.h, back.forward.z
        e_a = rnn_errors(gold, h, back.forward.p_y, model.param.W_h, model.param.W_y)["e_a"]
        if hasattr(student, "grads"):
            own_method(class_of(student), "grads", *GRADIENT_METHODS)
            result = attempt(attempt(model_of, class_of(student)).grads, x.copy(), gold.copy())
        else:
            result = attempt(student, x.copy(), *_copies(z, h, back.e_y, e_a, model.param.W_e, model.param.W_x))
        result = several(result, "four gradients, of W_e, W_x, W_h, W_y")
        wrong = rnn_gradient_slips(x, z, h, back.e_y, e_a, model.param)
        compare_gradients(result, right, len(x), wrong)
    return "The gradients of W_e, W_x, W_h and W_y equal NumpyRNN's, also with a repeated word."
