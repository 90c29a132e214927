"""Checks of exercise 6.6 on early stopping and gradients: each returns a text, or raises `NotYet` or `Wrong`."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy.special import expit

from lab.exercises.difference import as_numbers, close, recognise, vector
from lab.exercises.setting import MODEL_SIZES, several, what
from lab.exercises.slips import Quantities, Slip
from lab.exercises.verdict import NotYet, Wrong, attempt

Run = tuple[int, int, float]  # epochs trained, the epoch whose parameters the model has, the accuracy returned
# accuracy on dev after each epoch, and the patience
ACCURACIES: tuple[tuple[tuple[float, ...], int], ...] = (
    ((0.5, 0.6, 0.7, 0.65, 0.7, 0.66, 0.9, 0.91), 3),  # a tie, and a gain that comes too late
    ((0.5, 0.4, 0.6, 0.5, 0.7, 0.6, 0.65, 0.66, 0.8, 0.9), 2),  # losses that a gain makes good
    ((0.5, 0.4, 0.9), 1),
    ((0.3, 0.4, 0.41), 2),  # never stops early, with a small gain
    ((0.3, 0.6, 0.5), 2),  # neither, and the last epoch is not the best
)


def stop_early(
    accuracies: Sequence[float],
    patience: int,
    *,
    gain: Callable[[float, float, float], bool] = lambda now, best, last: now > best,
    resets: bool = True,
    limit: Callable[[int], float] = lambda patience: patience,
) -> Run:
    """Return what early stopping does with these accuracies; the keywords introduce mistakes."""
    best, best_epoch, without_gain, last, epoch = -1.0, 0, 0, -1.0, 0
    for epoch, now in enumerate(accuracies, 1):
        if gain(now, best, last):
            best, best_epoch, without_gain = now, epoch, 0 if resets else without_gain
        else:
            without_gain += 1
        last = now
        if without_gain >= limit(patience):
            break
    return epoch, best_epoch, best


STOPPING_SLIPS: list[Slip] = [
    ("It never stops: leave the loop with break once `patience` epochs in a row have brought no gain.",
     {"limit": lambda patience: np.inf}),
    ("The count starts anew when the accuracy beats the last epoch. Compare with the best epoch.",
     {"gain": lambda now, best, last: now > last}),
    ("A tie counts as a gain: only an accuracy above the best one does.",
     {"gain": lambda now, best, last: now >= best}),
    ("A gain does not start the count anew: set it to 0.", {"resets": False}),
    ("It stops one epoch late: after `patience` epochs without gain, not patience + 1.",
     {"limit": lambda patience: patience + 1}),
    ("It stops at the first epoch without gain: wait for `patience` of them.", {"limit": lambda patience: 1}),
    ("Every epoch counts as one without gain: a gain sets the count to 0.", {"gain": lambda now, best, last: False}),
    ("A lower accuracy counts as a gain: a gain is above the best one.",
     {"gain": lambda now, best, last: best < 0 or now < best}),
    ("It stops one epoch early.", {"limit": lambda patience: patience - 1}),
    ("It stops one epoch early.", {"limit": lambda patience: patience - 1 or np.inf}),
    ("It stops one epoch early.", {"limit": lambda patience: max(1, patience - 1)}),
    ("It stops after the first epoch: is the break in the branch of a gain?", {"limit": lambda patience: 0}),
]  # fmt: skip


class _Training:
    """A model whose one parameter is the number of epochs that it was trained; its accuracies are given."""

    def __init__(self, accuracies: Sequence[float]) -> None:
        self.accuracies, self.W, self.epochs = accuracies, np.zeros(1), 0
        self.resumed = self.restored = False
        self.misuse = ""

    def train_epoch(self) -> None:
        if self.epochs == len(self.accuracies):
            self.misuse = (
                f"The training goes on after {self.epochs} epochs: `epochs` is the most, and each trains once."
            )
            raise IndexError(self.misuse)
        self.resumed |= self.W[0] != self.epochs
        self.epochs += 1
        self.W[0] += 1

    def dev_accuracy(self) -> float:
        if not self.epochs:
            self.misuse = "The accuracy is asked for before the first epoch."
            raise IndexError(self.misuse)
        return self.accuracies[self.epochs - 1]

    def get_values(self) -> dict[str, np.ndarray]:
        return {"W": self.W.copy()}

    def set_values(self, values: dict[str, np.ndarray]) -> None:
        self.W[:] = values["W"]
        self.restored = True


def early_stopping(student: Any) -> str:
    """Check early stopping: a function of (model, train_epoch, dev_accuracy, epochs, patience)."""
    runs: list[Run] = []
    trainings = [_Training(accuracies) for accuracies, _ in ACCURACIES]
    for training, (accuracies, patience) in zip(trainings, ACCURACIES, strict=True):
        given = training, training.train_epoch, training.dev_accuracy, len(accuracies), patience
        try:
            result = attempt(student, *given)
        except Wrong:
            if training.misuse:
                raise Wrong(training.misuse) from None
            raise
        if not isinstance(result, (float, np.floating, int)):
            raise Wrong(f"Expected the best accuracy on dev, a number; got {what(result)}.")
        runs.append((training.epochs, int(training.W[0]), float(result)))
    right = [stop_early(*case) for case in ACCURACIES]
    if all(best == -1 for *_, best in runs) and not any(training.restored for training in trainings):
        raise NotYet("All epochs are trained, and the best accuracy is still -1: fill in the lines of the loop.")
    for n, (run, expected, (accuracies, patience)) in enumerate(zip(runs, right, ACCURACIES, strict=True)):
        if run != expected:
            said = ", ".join(f"{accuracy:.0%}" for accuracy in accuracies)
            case = f"With dev accuracies {said} and patience {patience}"
            if run[0] != expected[0] or not trainings[n].resumed:
                raise Wrong(f"{case}: {_difference_of_runs(run, expected)}", _stopping_mistake(runs, right, n) or None)
        if trainings[n].resumed:
            raise Wrong("The best parameters are put back during the training. Put them back once, after the loop.")
    return "It stops in the right epoch, returns the best accuracy and leaves the best parameters in the model."


def _difference_of_runs(run: Run, right: Run) -> str:
    if run[0] != right[0]:
        return f"{run[0]} epochs were trained, expected {right[0]}."
    if run[1] != right[1]:
        return f"the model ends with the parameters of epoch {run[1]}, expected those of epoch {right[1]}, the best."
    return f"the function returns {run[2]:.4g}, expected {right[2]:.4g}, the best accuracy."


def _stopping_mistake(runs: list[Run], right: list[Run], n: int) -> str:
    if runs[n][2] == -1:
        return "`best` is still -1: at a gain set it to the accuracy."
    if runs[n][0] != right[n][0]:
        trained = [run[0] for run in runs]
        tried = (
            (message, [stop_early(*case, **mistake)[0] for case in ACCURACIES]) for message, mistake in STOPPING_SLIPS
        )
        return next((message for message, epochs in tried if epochs == trained), "")
    if runs[n][1] == runs[n][0] != right[n][1]:
        return "These are the last ones: get_values() at a gain, leave the loop by break, after the loop set_values."
    if runs[n][1] == right[n][1] - 1 > 0 and runs[n][2] == right[n][2]:
        return "These are from before the best epoch was trained: call model.get_values() after train_epoch()."
    if runs[n][1] == 0:
        return "These are the initial ones: keep model.get_values() at each gain, not only before the training."
    return ""


def _norm(gradients: Sequence[np.ndarray]) -> float:
    return float(np.sqrt(sum((g**2).sum() for g in gradients)))


CLIP_SLIPS: list[tuple[str, Callable[[list[np.ndarray], float], list[np.ndarray]]]] = [
    *[
        (message, lambda gs, m, factor=factor: [g * factor(max(_norm(gs), 1e-12), m) for g in gs])
        for message, factor in (
            ("No gradient is changed: multiply by the factor if the norm exceeds max_norm.", lambda n, m: 1),
            ("The comparison is the wrong way round: change it if norm > max_norm.", lambda n, m: max(1, m / n)),
            ("A short gradient is made longer: change only one whose norm exceeds max_norm.", lambda n, m: m / n),
            ("The result has norm 1: multiply by max_norm / norm.", lambda n, m: 1 / n if n > m else 1),
            ("The factor is upside down: it is max_norm / norm.", lambda n, m: max(1, n / m)),
            ("The factor is max_norm alone: divide by the norm too.", lambda n, m: m if n > m else 1),
            ("Nothing is left of a long gradient: shorten it to max_norm, do not drop it.", lambda n, m: n <= m),
            ("The square root is missing: take that of the sum of squares.", lambda n, m: min(1, m / n**2)),
        )
    ],
    *[
        (
            f"The norm is {what}: add the squares of all numbers of all gradients, then take one root.",
            lambda gs, m, norm=norm: [g * min(1, m / max(norm(gs), 1e-12)) for g in gs],
        )
        for what, norm in (
            ("the sum of the gradients' norms", lambda gs: sum(_norm([g]) for g in gs)),
            ("the largest of the gradients' norms", lambda gs: max(_norm([g]) for g in gs)),
            ("the sum of absolute values", lambda gs: sum(np.abs(g).sum() for g in gs)),
            ("the largest number", lambda gs: max(np.abs(g).max() for g in gs)),
            ("that of the first gradient only", lambda gs: _norm(gs[:1])),
        )
    ],
    ("Each gradient is clipped by itself, which changes the direction: one norm, of all numbers of all gradients.",
     lambda gs, m: [g * min(1, m / max(_norm([g]), 1e-12)) for g in gs]),
    ("Each number is clipped, which changes the direction: multiply all gradients by the same factor.",
     lambda gs, m: [np.clip(g, -m, m) for g in gs]),
    ("Only the first gradient is clipped: multiply all of them by the factor.",
     lambda gs, m: [gs[0] * min(1, m / max(_norm(gs), 1e-12)), *gs[1:]]),
]  # fmt: skip
CLIP_NORM = 1.5


def _equal(some: Sequence[np.ndarray], others: Sequence[np.ndarray]) -> bool:
    """Return whether gradients are equal, also if 1e-6 is added to the norm, as PyTorch does."""
    return all(close(a, b, "float32") for a, b in zip(some, others, strict=True))


def clip(student: Any) -> str:
    """Check gradient clipping: a function of (gradients, max_norm) that returns the clipped gradients."""
    rng = np.random.RandomState(8)
    drawn = [rng.uniform(-1, 1, shape) for shape in ((5, 4), (4, 9), (3, 5))]
    for scales in ((2.0, 0.1, 0.28), (0.0,)):  # long, short, short with a square above max_norm; all zeros
        runs = [(given, _clipped(student, given)) for given in ([scale * g for g in drawn] for scale in scales)]
        for given, got in runs:
            norm = _norm(given)
            right = [g * min(1, CLIP_NORM / max(norm, 1e-12)) for g in given]
            if _equal(got, right):
                continue
            case = f"A gradient of norm {norm:.4g} with max_norm {CLIP_NORM:g}"
            if not all(np.isfinite(g).all() for g in got):
                raise Wrong(f"{case} has become NaN.", "The norm may be 0: divide only if it exceeds max_norm.")
            now = "is unchanged" if _equal(got, given) else f"has norm {_norm(got):.4g} now"
            kinds = (message for message, slip in CLIP_SLIPS if all(_equal(b, slip(a, CLIP_NORM)) for a, b in runs))
            raise Wrong(f"{case} {now}; expected norm {_norm(right):.4g}.", next(kinds, "") or _turned(given, got))
    if not _equal(_clipped(student, drawn, np.inf), drawn):
        hint = "inf / inf is not a number: multiply only if the norm exceeds max_norm."
        raise Wrong("With max_norm np.inf, which means no clipping, the gradients have changed.", hint)
    return "Long gradients are scaled to max_norm and keep their direction; short ones are unchanged."


def _clipped(student: Any, given: list[np.ndarray], max_norm: float = CLIP_NORM) -> list[np.ndarray]:
    result = several(attempt(student, [g.copy() for g in given], max_norm), f"{len(given)} gradients, in a list", 3)
    for n, (g, before) in enumerate(zip(result, given, strict=True), 1):
        if np.ndim(g) != 2:
            raise Wrong(f"Gradient {n} has {np.ndim(g)} dimensions; expected the shape of its matrix, {before.shape}.")
    return [as_numbers("A gradient", g, ("rows", "columns"), old) for g, old in zip(result, given, strict=True)]


def _turned(given: list[np.ndarray], got: list[np.ndarray]) -> str:
    """Return whether clipping has used a wrong norm or has changed the direction."""
    factor = sum((a * b).sum() for a, b in zip(given, got, strict=True)) / _norm(given) ** 2
    if factor > 0 and _equal(got, [factor * g for g in given]):
        return (
            f"The direction is right, but the norm in the factor is {CLIP_NORM / factor:.4g} instead of "
            f"{_norm(given):.4g}: is it one root of the sum of the squares of all numbers?"
        )
    return "It is the direction that is not right: multiply all gradients by the same factor, max_norm / norm."


def gate_errors(
    e_c: np.ndarray,
    f: np.ndarray,
    h: np.ndarray,
    c: np.ndarray,
    W_c: np.ndarray,
    *,
    met: Callable[..., np.ndarray] = lambda e_c, c, h: e_c * c,
    slope: Callable[[np.ndarray], np.ndarray] = lambda f: f * (1 - f),
    product: Callable[..., np.ndarray] = lambda e_a, h, c, e_c: np.outer(e_a, h),
    back: Callable[..., np.ndarray] = lambda f, e_c, W_c, e_a: f * e_c + W_c.T @ e_a,
) -> Quantities:
    """Return the errors of a forget gate with a peephole, the gradient of its rows of W_h, and the error of c_{t-1}."""
    e_a = met(e_c, c, h) * slope(f)
    return {"e_a": e_a, "dW_h": product(e_a, h, c, e_c), "e_c_tm1": back(f, e_c, W_c, e_a)}


GATE_ERROR_SLIPS: list[Slip] = [
    ("The slope of the gate is missing: e_a = e_f * f * (1 - f).", {"slope": lambda f: 1.0}),
    ("The slope is that of tanh, 1 - f**2; a gate is logistic: f * (1 - f).", {"slope": lambda f: 1 - f**2}),
    ("The slope is f alone; expected f * (1 - f).", {"slope": lambda f: f}),
    ("The slope is 1 - f alone; expected f * (1 - f).", {"slope": lambda f: 1 - f}),
    ("c_{t-1} is missing: f is multiplied by it, so the error of f is e_c * c_{t-1}.", {"met": lambda e, c, h: e}),
    ("e_c is missing: the error of f is e_c * c_{t-1}.", {"met": lambda e, c, h: c}),
    ("It is transposed: np.outer(e_a, h_tm1), a row for each unit of the gate.",
     {"product": lambda e_a, h, c, e_c: np.outer(h, e_a)}),
    ("It has c_{t-1}; W_h multiplies h_{t-1}.", {"product": lambda e_a, h, c, e_c: np.outer(e_a, c)}),
    ("It has e_c; the error of what W_h computes is e_a.", {"product": lambda e_a, h, c, e_c: np.outer(e_c, h)}),
    ("It has h_{t-1} in the place of c_{t-1}: f multiplies the previous cell.", {"met": lambda e, c, h: e * h}),
    ("f is the gate's value already: its slope is f * (1 - f), without the logistic function.",
     {"slope": lambda f: expit(f) * (1 - expit(f))}),
    ("The peephole is missing: c_{t-1} also reaches a_f, through W_c, so add W_c.T @ e_a.",
     {"back": lambda f, e, W, a: f * e}),
    ("The way along the cell is missing: add f * e_c.", {"back": lambda f, e, W, a: W.T @ a}),
    ("W_c is not transposed: back through W_c goes W_c.T @ e_a.", {"back": lambda f, e, W, a: f * e + W @ a}),
    ("Along the cell the error is multiplied by f: f * e_c.", {"back": lambda f, e, W, a: e + W.T @ a}),
    ("The two ways are multiplied: add their errors.", {"back": lambda f, e, W, a: f * e * (W.T @ a)}),
    ("e_c takes the way through W_c; what reaches it is e_a: W_c.T @ e_a.",
     {"back": lambda f, e, W, a: f * e + W.T @ e}),
]  # fmt: skip


def forget_gate(student: Any) -> str:
    """Check a forget gate's backward pass: a function of (e_c, f, h_tm1, c_tm1, W_c) that returns three errors."""
    H, rng = MODEL_SIZES[2], np.random.RandomState(9)
    e_c, h, c = (rng.uniform(-1, 1, H) for _ in range(3))
    given = (e_c, rng.uniform(0.1, 0.9, H), h, c, rng.uniform(-1, 1, (H, H)))
    right = gate_errors(*given)
    result = several(attempt(student, *(a.copy() for a in given), whole=False), ", ".join(right), 3)
    axes = {"e_a": ("n_hidd",), "dW_h": ("n_hidd", "n_hidd"), "e_c_tm1": ("n_hidd",)}
    fine: list[str] = []
    there = {name: value for name, value in zip(right, result, strict=True) if value is not None and value is not ...}
    for name, value in there.items():
        got = as_numbers(name, value, axes[name], right[name])
        if not close(got, right[name]):
            tried = [(message, gate_errors(*given, **mistake)[name]) for message, mistake in GATE_ERROR_SLIPS]
            swapped = [(f"This is {other}.", right[other]) for other in right if other != name]
            kind = recognise(got, right[name], [*tried, *swapped, ("The sign is wrong.", -right[name])])
            lead = f"Correct: {', '.join(fine)}. " if fine else ""
            text = f"{lead}First difference: {name} is {vector(got)}, expected {vector(right[name])}."
            raise Wrong(text, kind or None)
        fine.append(name)
    if missing := [name for name in right if name not in there]:
        raise NotYet(f"Correct so far: {', '.join(fine)}. Still missing: {', '.join(missing)}.")
    return "e_a, the gradient and the error of c_{t-1} equal NumpyLSTM's."
