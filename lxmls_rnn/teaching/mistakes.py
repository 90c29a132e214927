"""Back-propagation with a mistake in it: what a gradient check is for, and how to read what it says.

`MISTAKES` names classes, each a `NumpyRNN` whose forward pass is right and whose gradients really are computed wrongly,
the way they are when one writes back-propagation for the first time.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from lxmls_rnn.deep_learning.numpy_rnn import DERIVATIVE, Backward, ForwardLoss, NumpyRNN, outer
from lxmls_rnn.deep_learning.rnn import MODELS
from lxmls_rnn.teaching.gradient_check import Comparison


class InPieces(NumpyRNN):
    """`NumpyRNN` with a method for each piece of its back-propagation, all of them right."""

    def slope(self, h: np.ndarray) -> np.ndarray:
        """Return the derivative of the activation, f'(a_t), from h_t = f(a_t)."""
        return DERIVATIVE[self.activation](h)

    def from_later(self, e_a_later: np.ndarray) -> np.ndarray:
        """Return what h_t is to blame for at later steps: W_h^T e_a_{t+1}."""
        return self.param.W_h.T @ e_a_later

    def recurrent_gradient(self, e_a: np.ndarray, h: np.ndarray) -> np.ndarray:
        """Return the gradient of W_h, sum_t e_a_t h_{t-1}^T; h is (n_hidd, L + 1), h_0 first."""
        return outer(e_a, h[:, :-1])

    def embedding_gradient(self, x: np.ndarray, e_z: np.ndarray) -> np.ndarray:
        """Return the gradient of W_e: the error of each word's embedding in the word's column."""
        gradient = np.zeros_like(self.param.W_e)
        for word, e_z_t in zip(x, e_z.T, strict=True):
            gradient[:, word] += e_z_t
        return gradient

    def grads(self, x: npt.ArrayLike, y: npt.ArrayLike) -> list[np.ndarray]:
        super().grads(x, y)  # complains about what is no sentence
        back = self.backward(x, y)
        return [self.embedding_gradient(back.forward.x, back.e_z), *back.gradients]

    def _backward(self, e_h: np.ndarray, forward: ForwardLoss, memory: Any) -> tuple[np.ndarray, np.ndarray, tuple]:
        slope = self.slope(forward.h[:, 1:])
        e_a = np.empty_like(slope)
        from_later: Any = 0
        for t in reversed(range(e_h.shape[1])):
            e_h[:, t] += from_later
            e_a[:, t] = slope[:, t] * e_h[:, t]
            from_later = self.from_later(e_a[:, t])
        return e_h, e_a, (self.recurrent_gradient(e_a, forward.h),)


def _with(**pieces: Callable[..., Any]) -> type[NumpyRNN]:
    """Return `InPieces` with other pieces."""
    return type("InPieces", (InPieces,), pieces)


def _assigned(model: InPieces, x: np.ndarray, e_z: np.ndarray) -> np.ndarray:
    gradient = np.zeros_like(model.param.W_e)
    gradient[:, x] = e_z
    return gradient


def _without_gold(model: InPieces, x: np.ndarray, y: np.ndarray, weights: np.ndarray | None = None) -> Backward:
    forward, weights, memory = model._loss(x, y, weights)
    e_y = forward.p_y * weights
    right = InPieces.backward_unchecked(model, x, y, weights)
    e_h, e_a, recurrent = model._backward(model.param.W_y.T @ e_y, forward, memory)
    gradients = (outer(e_a, forward.z), *recurrent, outer(e_y, forward.h[:, 1:]))
    return right._replace(e_y=e_y, e_h=e_h, e_z=model.param.W_x.T @ e_a, gradients=gradients)


def _one_sign_wrong(model: InPieces, x: npt.ArrayLike, y: npt.ArrayLike) -> list[np.ndarray]:
    gradients = InPieces.grads(model, x, y)
    gradients[1][0, -1] *= -1
    return gradients


# what is wrong, in words: the class that does it
MISTAKES: dict[str, type[NumpyRNN]] = {
    "nothing": NumpyRNN,
    # e_a_t = e_h_t
    "derivative of the activation forgotten": _with(slope=lambda model, h: np.ones_like(h)),
    # 1 - h^2 for the logistic function, h (1 - h) for the others
    "derivative of another activation": _with(
        slope=lambda model, h: DERIVATIVE["tanh" if model.activation == "logistic" else "logistic"](h)
    ),
    # W_h e_a_{t+1}: no shape complains, W_h is square
    "W_h not transposed": _with(from_later=lambda model, e_a_later: model.param.W_h @ e_a_later),
    # no back-propagation through time, only from each step's output
    "error from the later step forgotten": _with(from_later=lambda model, e_a_later: np.zeros_like(e_a_later)),
    "h_t instead of h_{t-1} for W_h": _with(recurrent_gradient=lambda model, e_a, h: outer(e_a, h[:, 1:])),
    # a word that comes twice gets the error of one place only
    "error of a repeated word assigned, not added": _with(embedding_gradient=_assigned),
    # the cost is a mean over the words, the gradient is that of their sum
    "1/L forgotten": _with(grads=lambda model, x, y: [np.size(x) * g for g in InPieces.grads(model, x, y)]),
    # e_y_t = p_t / L, without onehot(k_t)
    "gold tag not subtracted": _with(backward_unchecked=_without_gold),
    # the last one of the first row
    "one entry of W_x's gradient has the wrong sign": _with(grads=_one_sign_wrong),
}


def readings(rows: Sequence[Comparison], x: Sequence[int] | np.ndarray) -> list[str]:
    """Say for every model what its comparisons tell, and of two that differ which is wrong.

    Parameters
    ----------
    rows
        What `check_gradients` gives.
    x
        The word ids of the sentence, (L,).
    """
    groups: dict[tuple[str, str, bool | None], list[Comparison]] = {}
    for row in rows:
        groups.setdefault((row.model, row.activation, row.peepholes), []).append(row)
    wrong = {key: [row.parameter for row in group if not row.agrees] for key, group in groups.items()}
    found = []
    for own, group in groups.items():
        other = group[0].against
        key = (other, *own[1:])
        start = f"{group[0].name}: {_listed(wrong[own] or ['nothing'])} not as in {other}"
        if not wrong[own] or other not in MODELS:
            found.append(reading(group, x))
        elif key not in groups:
            found.append(f"{start}. Compare {other} with finite differences too: they tell which of the two is wrong.")
        elif wrong[key] == wrong[own]:
            found.append(f"{start}, where {other} differs from finite differences too: so {other} is the wrong one.")
        else:
            found.append(reading(group, x))
    return found


def reading(rows: Sequence[Comparison], x: Sequence[int] | np.ndarray) -> str:
    """Say where in back-propagation the fault is, from which parameters and which words differ.

    Errors flow back from the output: e_y -> e_h -> e_a -> e_z, and from step to step e_a_{t+1} -> e_h_t. What is right
    in a parameter's gradient clears everything before it on that way; the embeddings' gradient, which has a column a
    word, tells the steps apart.

    Parameters
    ----------
    rows
        The comparisons of all parameters of one model, in the order of `param`.
    x
        The word ids of the sentence, (L,).
    """
    wrong = [row.parameter for row in rows if not row.agrees]
    name = rows[0].name
    if not wrong:
        against = rows[0].against if rows[0].against in MODELS else "finite differences"
        return f"{name}: all gradients agree with {against}."
    start = f"{name}: {_listed(wrong)} {'differ' if len(wrong) > 1 else 'differs'}"
    right = [row.parameter for row in rows if row.agrees]
    start += f", {_listed(right)} {'agree' if len(right) > 1 else 'agrees'}. " if right else ", no parameter agrees. "
    factor = _common_factor(rows)
    if factor is not None:
        length = f" (the sentence has {len(x)} words)" if abs(factor - len(x)) < 1e-3 else ""
        return f"{start}Every entry is {factor:.4g} times what it should be{length}: a factor is missing everywhere."
    by_name = {row.parameter: row for row in rows}
    if "W_y" in wrong:
        if wrong == ["W_y"]:
            return start + "The errors that flow on from there are right, so it is W_y's own product e_y_t h_t^T."
        return start + "W_y comes first on the way back: look at e_y, the error of the output; the others inherit it."
    if "W_x" in wrong and "W_e" in wrong:
        return (
            start + "The error e_y at the output is right, so the fault is between the output and the recurrent layer, "
            "in e_h or e_a. " + _step_of_fault(by_name["W_e"], x)
        )
    if wrong == ["W_e"]:
        return (
            start
            + "All errors up to e_a are right: it is e_z_t = W_x^T e_a_t, or how W_e gathers it. "
            + _words(by_name["W_e"], x)
        )
    if len(wrong) == 1:
        (row,) = (row for row in rows if not row.agrees)
        entries = np.argwhere(~(row.differences <= row.tolerance))
        own = f"The errors are right, so it is {row.parameter}'s own product of an error and an input"
        if len(entries) == 1:
            return f"{start}{own}, and of its {row.gradient.size} entries only {entries[0].tolist()}."
        return f"{start}{own}: is it the input of that step?"
    return start + "The errors are right: each of these gradients is a product of its own, an error times an input."


def _step_of_fault(row: Comparison, x: Sequence[int] | np.ndarray) -> str:
    """Tell, by the columns of W_e, whether the last step's error is right already."""
    ids = [int(word) for word in x]
    if ids.count(ids[-1]) > 1 or len(ids) < 2:
        return "With a last word that comes only once, W_e's columns would tell at which step it begins."
    if _column_agrees(row, ids[-1]):
        return (
            "The last word's error is right and earlier ones are not: look at what comes back from the later step, "
            "W_h^T e_a_{t+1}."
        )
    return "Already the last word's error is wrong, where nothing comes from a later step: look at f'(a_t) and W_y^T."


def _words(row: Comparison, x: Sequence[int] | np.ndarray) -> str:
    """Tell whether only words that come several times differ in W_e."""
    ids = [int(word) for word in x]
    wrong = {word for word in ids if not _column_agrees(row, word)}
    if wrong and all(ids.count(word) > 1 for word in wrong):
        return "Only words that come several times differ: their errors must be added."
    return ""


def _column_agrees(row: Comparison, word: int) -> bool:
    return bool((row.differences[:, word] <= row.tolerance).all())


def _common_factor(rows: Sequence[Comparison]) -> float | None:
    """Return k where every gradient is k times what was expected, k not 1."""
    got = np.concatenate([row.gradient.ravel() for row in rows]).astype("float64")
    expected = np.concatenate([row.expected.ravel() for row in rows]).astype("float64")
    square = float(expected @ expected)
    factor = float(got @ expected) / square if square else float("nan")
    fits = all(
        np.abs(row.gradient - factor * row.expected).max() <= row.tolerance * max(np.abs(row.gradient).max(), 1e-300)
        for row in rows
        if row.expected.any() or row.gradient.any()
    )
    return factor if np.isfinite(factor) and fits else None


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
