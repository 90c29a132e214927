"""Readings of a gradient check: from its comparisons, where in back-propagation the fault is."""

from collections.abc import Sequence

import numpy as np

from lxmls_rnn.deep_learning.parameters import STACKED_GATES
from lxmls_rnn.deep_learning.rnn import MODELS
from lxmls_rnn.teaching.gradient_check import Comparison


def readings(rows: Sequence[Comparison], x: Sequence[int] | np.ndarray) -> list[str]:
    """Say for every model what its comparisons tell, and of two that differ which is wrong.

    `rows` are what `check_gradients` gives, `x` the word ids of the sentence, (L,).
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
    word, tells the steps apart. `rows` are the comparisons of all parameters of one model, in the order of `param`, `x`
    the word ids of the sentence, (L,).
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
            f"in {'e_h, e_c' if _is_lstm(rows) else 'e_h'} or e_a. {_step_of_fault(rows, x)}"
        )
    if wrong == ["W_e"]:
        start += "All errors up to e_a are right: it is e_z_t = W_x^T e_a_t, or how W_e gathers it. "
        return start + _words(by_name["W_e"], x)
    if len(wrong) == 1:
        (row,) = (row for row in rows if not row.agrees)
        entries = np.argwhere(~(row.differences <= row.tolerance))
        own = f"The errors are right, so it is {row.parameter}'s own product of an error and an input"
        if len(entries) == 1:
            return f"{start}{own}, and of its {row.gradient.size} entries only {entries[0].tolist()}."
        return f"{start}{own}: is it the input of that step?"
    return start + "The errors are right: each of these gradients is a product of its own, an error times an input."


def _is_lstm(rows: Sequence[Comparison]) -> bool:
    return rows[0].peepholes is not None


def _step_of_fault(rows: Sequence[Comparison], x: Sequence[int] | np.ndarray) -> str:
    """Tell, by the columns of W_e, whether the last step's error is right already."""
    ids = [int(word) for word in x]
    if ids.count(ids[-1]) > 1:
        return "With a last word that comes only once, W_e's columns would tell at which step it begins."
    by_name = {row.parameter: row for row in rows}
    if _column_agrees(by_name["W_e"], ids[-1]):
        start = "The last word's error is right and earlier ones are not: look at what comes back from the later step, "
        peepholes = " + W_c^T e_b_{t+1}" if rows[0].peepholes else ""
        cell = f" to h_t and f_{{t+1}} * e_c_{{t+1}}{peepholes} to c_t" if _is_lstm(rows) else ""
        return f"{start}W_h^T e_a_{{t+1}}{cell}."
    start = "Already the last word's error is wrong, where nothing comes from a later step: look at "
    if not _is_lstm(rows):
        return f"{start}f'(a_t) and W_y^T."
    return f"{start}e_c_t, and at each gate's slope and what its error is multiplied by.{_gates(by_name['W_x'])}"


def _gates(row: Comparison) -> str:
    """Name the gates whose rows of W_x differ, where not all do."""
    blocks = np.split(row.differences > row.tolerance, len(STACKED_GATES["W_x"]))
    wrong = [gate for gate, block in zip(STACKED_GATES["W_x"], blocks, strict=True) if block.any()]
    return f" In W_x only the rows of {_listed(wrong)} differ." if len(wrong) < len(blocks) else ""


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
