"""Diagnosis of a gradient check: where in back-propagation the mistake is."""

from collections.abc import Sequence

import numpy as np

from lxmls_rnn.deep_learning.models import MODELS
from lxmls_rnn.deep_learning.parameters import STACKED_GATES
from lxmls_rnn.teaching.comparison import Comparison


def diagnose(rows: Sequence[Comparison], x: Sequence[int] | np.ndarray) -> list[str]:
    """Return a diagnosis for each model; where two models differ, it names the wrong one if the rows show it.

    `rows` are the results of `check_gradients`, `x` the word ids of the sentence, (L,).
    """
    groups: dict[tuple[str, str, bool | None], list[Comparison]] = {}
    for row in rows:
        groups.setdefault((row.model, row.activation, row.peepholes), []).append(row)
    wrong = {key: [row.parameter for row in group if not row.agrees] for key, group in groups.items()}
    texts = []
    for key, group in groups.items():
        other = group[0].against
        other_key = (other, *key[1:])
        if not wrong[key] or other not in MODELS or (other_key in groups and wrong[other_key] != wrong[key]):
            texts.append(diagnose_model(group, x))
            continue
        start = f"{group[0].name}: different from {other} in {_listed(wrong[key])}"
        if other_key in groups:
            texts.append(f"{start}; {other} itself differs from finite differences, so {other} is the wrong one.")
        else:
            texts.append(f"{start}. Check {other} against finite differences too: they tell which of the two is wrong.")
    return texts


def diagnose_model(rows: Sequence[Comparison], x: Sequence[int] | np.ndarray) -> str:
    """Return a sentence that locates the mistake in back-propagation, from the parameters and words that differ.

    Errors are propagated from the output: e_y -> e_h -> e_a -> e_z, and from step to step e_a_{t+1} -> e_h_t. If a
    parameter's gradient is correct, so are all errors before it on this path. The gradient of the embeddings has a
    column for each word, so it distinguishes the steps. `rows` are the comparisons of all parameters of one model, in
    the order of `param`, `x` the word ids of the sentence, (L,).
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
        return f"{start}Every entry is {factor:.4g} times the expected one{length}: a constant factor is wrong."
    by_name = {row.parameter: row for row in rows}
    if "W_y" in wrong:
        if wrong == ["W_y"]:
            return (
                start + "The errors computed from e_y are correct, so the mistake is in W_y's own product, e_y_t h_t^T."
            )
        return (
            start
            + "W_y comes first in the backward pass: check e_y, the error of the output, on which all others depend."
        )
    if "W_x" in wrong and "W_e" in wrong:
        return (
            start + "The error e_y at the output is correct, so the mistake is between the output and the recurrent "
            f"layer, in {'e_h, e_c' if _is_lstm(rows) else 'e_h'} or e_a. {_step_of_fault(rows, x)}"
        )
    if wrong == ["W_e"]:
        start += "All errors up to e_a are correct: check e_z_t = W_x^T e_a_t, and how dW_e sums it over the words. "
        return start + _words(by_name["W_e"], x)
    if len(wrong) == 1:
        (row,) = (row for row in rows if not row.agrees)
        entries = np.argwhere(row.wrong)
        mistake = f"The errors are correct, so the mistake is in {row.parameter}'s own product of an error and an input"
        if len(entries) == 1:
            return f"{start}{mistake}, in one of {row.gradient.size} entries: {entries[0].tolist()}."
        return f"{start}{mistake}: does it use the input of that step?"
    return start + "The errors are correct: check the product of an error and an input in each of these gradients."


def _is_lstm(rows: Sequence[Comparison]) -> bool:
    return rows[0].peepholes is not None


def _step_of_fault(rows: Sequence[Comparison], x: Sequence[int] | np.ndarray) -> str:
    """Return advice that depends on the error of the last step; the columns of W_e show whether it is correct."""
    ids = [int(word) for word in x]
    if ids.count(ids[-1]) > 1:
        return "To find the step, choose a sentence whose last word occurs only once: the columns of W_e then show it."
    by_name = {row.parameter: row for row in rows}
    if not by_name["W_e"].wrong[:, ids[-1]].any():
        start = "The last word's error is correct, earlier ones are not: check the terms from the later step, "
        peepholes = " + W_c^T e_b_{t+1}" if rows[0].peepholes else ""
        cell = f" to h_t and f_{{t+1}} * e_c_{{t+1}}{peepholes} to c_t" if _is_lstm(rows) else ""
        return f"{start}W_h^T e_a_{{t+1}}{cell}."
    start = "The last word's error is already wrong, although it has no term from a later step: check "
    if not _is_lstm(rows):
        return f"{start}f'(a_t) and W_y^T."
    return f"{start}e_c_t, and for each gate its slope and the other factors of its error.{_gates(by_name['W_x'])}"


def _gates(row: Comparison) -> str:
    """Return a sentence that names the gates whose rows of W_x differ; empty if all do."""
    wrong = row.wrong_gates(STACKED_GATES["W_x"])
    return f" In W_x, only the rows of {_listed(wrong)} differ." if wrong else ""


def _words(row: Comparison, x: Sequence[int] | np.ndarray) -> str:
    """Return a hint if W_e differs only in words that occur several times; an empty string otherwise."""
    ids = [int(word) for word in x]
    wrong = {word for word in ids if row.wrong[:, word].any()}
    if wrong and all(ids.count(word) > 1 for word in wrong):
        return "Only repeated words differ: the errors of all their positions must be added."
    return ""


def _common_factor(rows: Sequence[Comparison]) -> float | None:
    """Return the factor between the gradients and the expected ones if it is the same for all, else None."""
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
