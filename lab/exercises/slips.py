"""Common student mistakes ("slips") as variants of the correct computation, with messages for the checks.

Each function computes the correct result by default; a slip is a keyword argument that introduces one mistake. A check
recognises a mistake if a slip reproduces the student's result.
"""

from collections.abc import Callable, Collection, Iterable
from typing import Any

import numpy as np
from scipy.special import expit, log_softmax, logit, softmax

Quantities = dict[str, np.ndarray]
Slip = tuple[str, dict[str, Any]]


def rnn_forward(
    x: np.ndarray,
    param: Iterable[np.ndarray],
    *,
    words: Callable[..., Any] = lambda x: x,
    first: float | np.ndarray = 0.0,
    recurrent: Callable[..., Any] = lambda W_h, h, t: W_h @ h[:, t],
    inputs: Callable[..., Any] = lambda W_x, z: W_x @ z,
    f: Callable[..., Any] = expit,
    seen: Callable[..., Any] = lambda h, a, t: h[:, t + 1],
    output: Callable[..., Any] = lambda y: softmax(y, axis=0),
    skip: Collection[str] = (),
) -> Quantities:
    """Return z, a, h, y and p of a sentence, (L,), as `NumpyRNN.forward` does; a, h and y in `skip` stay zero."""
    W_e, W_x, W_h, W_y = param
    z = W_e[:, words(x)]
    a, h = np.zeros((len(W_h), len(x))), np.zeros((len(W_h), len(x) + 1))
    h[:, 0] = first
    y = np.zeros((len(W_y), len(x)))
    for t in range(len(x)):
        a[:, t] = ("a" not in skip) * (inputs(W_x, z[:, t]) + recurrent(W_h, h, t))
        h[:, t + 1] = ("h" not in skip) * f(a[:, t])
        y[:, t] = ("y" not in skip) * (W_y @ seen(h, a, t))
    return {"z": z, "a": a, "h": h, "y": y, "p": output(y)}


def _sums_so_far(y: np.ndarray) -> np.ndarray:
    """Return what exp(y).sum() is at each step of a loop that fills y, whose later columns are still zero."""
    later = np.arange(y.shape[1])[::-1]
    sums: np.ndarray = np.exp(y).sum(0).cumsum() + len(y) * later
    return sums


RNN_SLIPS: list[Slip] = [
    ("W_h h_{t-1} is missing: W_h is not used, or multiplied by h_0 or a column of h that is still zero (go from the "
     "first word to the last one).",
     {"recurrent": lambda W, h, t: 0.0}),
    ("W_h is transposed: W_h.T is used instead of W_h.", {"recurrent": lambda W, h, t: W.T @ h[:, t]}),
    ("W_h is missing: h_{t-1} is added without it.", {"recurrent": lambda W, h, t: h[:, t]}),
    ("W_h is multiplied by h element by element: use the matrix product, W_h @ h.",
     {"recurrent": lambda W, h, t: np.diag(W) * h[:, t]}),
    ("h is shifted by one step: h_{t-2} is used instead of h_{t-1}.",
     {"recurrent": lambda W, h, t: W @ h[:, max(t - 1, 0)]}),
    ("W_h is multiplied by a_{t-1}: use h_{t-1}.", {"recurrent": lambda W, h, t: W @ logit(h[:, t]) if t else 0.0}),
    ("W_h h_{t-1} is subtracted: add it. (-(a + b) is -a - b.)", {"recurrent": lambda W, h, t: -W @ h[:, t]}),
    ("h_0 is not zero: it seems to be all ones.", {"first": 1.0}),
    ("W_x z_t is missing.", {"inputs": lambda W, z: 0.0}),
    ("The words are shifted by one step: this is the embedding of the next word.", {"words": lambda x: np.roll(x, -1)}),
    ("The words are shifted by one step: this is the embedding of the previous word.",
     {"words": lambda x: np.roll(x, 1)}),
    ("The embedding is that of the position t: the word is x[t], and z[:, t] its embedding.",
     {"words": lambda x: np.arange(len(x))}),
    ("The sentence is read backwards, from the last word to the first.", {"words": lambda x: x[::-1]}),
    ("The activation is missing: h_t = f(a_t) with the logistic function f.", {"f": lambda a: a}),
    ("The activation is tanh; expected the logistic function.", {"f": np.tanh}),
    ("The activation is relu; expected the logistic function.", {"f": lambda a: np.maximum(a, 0)}),
    ("The activation is applied twice.", {"f": lambda a: expit(expit(a))}),
    ("The activation has the wrong sign: logistic(a) = 1 / (1 + exp(-a)).", {"f": lambda a: expit(-a)}),
    ("The scores are computed from h_{t-1}: h is shifted by one step, use h[:, t + 1].",
     {"seen": lambda h, a, t: h[:, t]}),
    ("The scores are computed from a_t, before the activation; use h_t.", {"seen": lambda h, a, t: a[:, t]}),
    ("The softmax is not normalised: exp(y) must be divided by its sum over the tags.", {"output": np.exp}),
    ("The softmax runs over the wrong axis: over the words. The probabilities of each word must sum to 1.",
     {"output": lambda y: softmax(y, axis=1)}),
    *[
        ("exp(y) is divided by the sum over all words and tags; divide by the sum of each word.", {"output": output})
        for output in (lambda y: np.exp(y) / np.exp(y).sum(), lambda y: np.exp(y) / _sums_so_far(y))
    ],
    ("These are the logarithms of the probabilities.", {"output": lambda y: log_softmax(y, axis=0)}),
    ("The softmax is missing: these are the scores.", {"output": lambda y: y}),
    ("The softmax is missing: the scores are divided by their sum, without exp.", {"output": lambda y: y / y.sum(0)}),
    ("This is the logistic function of the scores; expected their softmax.", {"output": expit}),
    ("The activation is applied to the scores: y_t = W_y h_t has none.",
     {"output": lambda y: softmax(expit(y), axis=0)}),
    ("The softmax is applied twice.", {"output": lambda y: softmax(softmax(y, axis=0), axis=0)}),
]  # fmt: skip


def rnn_errors(
    gold: np.ndarray,
    h: np.ndarray,
    p: np.ndarray,
    W_h: np.ndarray,
    W_y: np.ndarray,
    *,
    output: Callable[..., Any] = lambda p, onehot, L: (p - onehot) / L,
    later: Callable[..., Any] = lambda W_h, e_a, e_h, t: W_h.T @ e_a[:, t],
    slope: Callable[..., Any] = lambda h, t: h[:, t + 1] * (1 - h[:, t + 1]),
    from_output: Callable[..., Any] = lambda has_later: 1.0,
    skip: Collection[str] = (),
) -> Quantities:
    """Return the errors e_y, e_h and e_a (d cost / d quantity) of a sentence, as `NumpyRNN.backward` computes them.

    The errors in `skip` stay zero.
    """
    L = len(gold)
    e_y = ("e_y" not in skip) * output(p, np.eye(len(p))[:, gold], L)
    e_h, e_a = np.zeros((len(h), L)), np.zeros((len(h), L))
    for t in reversed(range(L)):
        e_h[:, t] = from_output(t + 1 < L) * (W_y.T @ e_y[:, t]) + (later(W_h, e_a, e_h, t + 1) if t + 1 < L else 0)
        e_h[:, t] *= "e_h" not in skip
        e_a[:, t] = ("e_a" not in skip) * slope(h, t) * e_h[:, t]
    return {"e_y": e_y, "e_h": e_h, "e_a": e_a}


ERROR_SLIPS: list[Slip] = [
    ("It is L times too large: the cost is the mean over the L words, so divide by L.",
     {"output": lambda p, k, L: p - k}),
    ("The sign is wrong: it is p - onehot.", {"output": lambda p, k, L: (k - p) / L}),
    ("The sign is wrong, and the division by L is missing.", {"output": lambda p, k, L: k - p}),
    ("The gold tag is missing: subtract 1 from its probability.", {"output": lambda p, k, L: p / L}),
    ("The id of the gold tag is subtracted; subtract 1, and only from the gold tag's entry.",
     {"output": lambda p, k, L: (p - k.argmax(0)) / L}),
    ("The id of the gold tag is subtracted instead of 1, and the division by L is missing.",
     {"output": lambda p, k, L: p - k.argmax(0)}),
    ("1 is subtracted from every tag's probability; subtract it only from the gold tag's.",
     {"output": lambda p, k, L: (p - 1) / L}),
    ("1 is subtracted from every tag's probability, and the division by L is missing.",
     {"output": lambda p, k, L: p - 1}),
    ("1 is subtracted after the division by L; subtract it before.",
     {"output": lambda p, k, L: p / L - k}),
    ("Only 1 is divided by L; divide p too: (p - onehot) / L.", {"output": lambda p, k, L: p - k / L}),
    ("Only the gold tag has an error here; every tag has one: p / L, minus 1 / L for the gold tag.",
     {"output": lambda p, k, L: (p - k) * k / L}),
    ("It is divided by the number of tags; divide by the number of words, L.",
     {"output": lambda p, k, L: (p - k) / len(p)}),
    ("This is the error of p; propagate it back through the softmax: the error of y is (p - onehot) / L.",
     {"output": lambda p, k, L: -k / p / L}),
    ("The error from the later step is missing: add W_h^T e_a of step t + 1. (Or it is still zero: the loop goes from "
     "the last word to the first.)",
     {"later": lambda W, e_a, e_h, t: 0.0}),
    ("W_h is not transposed: the error goes back through W_h^T.", {"later": lambda W, e_a, e_h, t: W @ e_a[:, t]}),
    ("W_h^T is multiplied by e_h of step t + 1; use e_a, the error of the activation's input.",
     {"later": lambda W, e_a, e_h, t: W.T @ e_h[:, t]}),
    ("The error of the later step is added without W_h^T.", {"later": lambda W, e_a, e_h, t: e_a[:, t]}),
    ("The error from the output, W_y^T e_y, is missing.", {"from_output": lambda has_later: 0.0}),
    ("The error from the later step replaces the error from the output, W_y^T e_y: e_h is their sum (+=, not =).",
     {"from_output": lambda has_later: 0.0 if has_later else 1.0}),
    ("The derivative of the activation is missing: f'(a_t) = h_t (1 - h_t).", {"slope": lambda h, t: 1.0}),
    ("The derivative is computed from h_{t-1}: h is shifted by one step, h[:, t + 1] belongs to word t.",
     {"slope": lambda h, t: h[:, t] * (1 - h[:, t])}),
    ("This is the derivative of tanh; that of the logistic function is h_t (1 - h_t).",
     {"slope": lambda h, t: 1 - h[:, t + 1] ** 2}),
    ("The derivative is only half there: h_t (1 - h_t).", {"slope": lambda h, t: h[:, t + 1]}),
    ("The derivative is only half there: h_t (1 - h_t).", {"slope": lambda h, t: 1 - h[:, t + 1]}),
    ("The logistic function is applied to h_t again; h_t is already its value: f'(a_t) = h_t (1 - h_t).",
     {"slope": lambda h, t: expit(h[:, t + 1]) * (1 - expit(h[:, t + 1]))}),
]  # fmt: skip


def rnn_gradient_slips(
    x: np.ndarray, z: np.ndarray, h: np.ndarray, e_y: np.ndarray, e_a: np.ndarray, param: Iterable[np.ndarray]
) -> dict[str, list[tuple[str, np.ndarray]]]:
    """Return typical wrong gradients by parameter, each with the message about its mistake."""
    W_e, W_x, W_h, W_y = param
    L, before, after = len(x), h[:, :-1], h[:, 1:]

    def of_steps(steps: slice) -> Quantities:
        words = np.zeros_like(W_e)
        np.add.at(words.T, x[steps], (W_x.T @ e_a[:, steps]).T)
        others = ((e_a, z), (e_a, before), (e_y, after))
        return {"W_e": words} | {
            name: error[:, steps] @ met[:, steps].T
            for name, (error, met) in zip(("W_x", "W_h", "W_y"), others, strict=True)
        }

    right = of_steps(slice(L))
    last, places = np.zeros_like(W_e), np.zeros_like(W_e)
    last[:, x] = places[:, :L] = W_x.T @ e_a
    repeated = (
        "Only the last occurrence of a repeated word counts: add all of them (dW_e[:, x[t]] += ... in a loop; "
        "dW_e[:, x] += ... adds only once)."
    )
    shifted = "h is shifted by one step: {} is used instead of {}."
    slips = {
        "W_e": [
            (repeated, last),
            ("dW_e[:, x] adds to all words in each of the L steps: step t belongs only to the word x[t].", L * last),
            ("It is added to column t, the position in the sentence; the word's column is x[t].", places),
        ],
        "W_x": [],
        "W_h": [
            (shifted.format("h_t", "h_{t-1}"), e_a @ after.T),
        ],
        "W_y": [(shifted.format("h_{t-1}", "h_t"), e_y @ before.T)],
    }
    for (name, gradient), W in zip(right.items(), (W_e, W_x, W_h, W_y), strict=True):
        slips[name] += [
            (f"It is L = {L} times too large: is a product of all steps added in each step? (e_y and e_a are already "
             "divided by L, since the cost is the mean over the words, not the sum.)", L * gradient),
            *[("The sum starts from zeros, np.zeros_like.", start + gradient) for start in (1, W)],
        ]  # fmt: skip
    for message, steps in (
        ("Only the last step counts: the gradient is the sum over all steps (+=, not =).", slice(L - 1, L)),
        ("Only the first step counts: is there a return inside the loop?", slice(1)),
        ("The first step is missing.", slice(1, L)),
        ("The last step is missing.", slice(L - 1)),
    ):
        for name, gradient in of_steps(steps).items():
            slips[name].append((message, gradient))
    return slips
