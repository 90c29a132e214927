"""Checks of exercise 6.4 (LSTM in Theano): each returns a text, or raises `NotYet` or `Wrong`."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from lab.exercises.difference import as_numbers, check_order, close, first_difference, recognise
from lab.exercises.lstm_slips import GATE_SLIPS, LSTM_SENTENCE_SLIPS, LSTM_SLIPS, lstm_forward
from lab.exercises.lstm_slips import lstm_gates as gates_of
from lab.exercises.lstm_slips import lstm_step as one_step
from lab.exercises.setting import MODEL_SIZES, model_of, several
from lab.exercises.slips import Quantities
from lab.exercises.theano_models import evaluate, symbolic, theano_class, theano_forward
from lab.exercises.verdict import NotYet, Wrong, attempt
from lxmls_rnn.deep_learning.numpy_lstm import NumpyLSTM


def _of_one_step(student: Any, names: tuple[str, ...]) -> tuple[list[np.ndarray], Quantities]:
    """Return the inputs of an LSTM step and the results of a student's function that are not None or `...`."""
    import theano.tensor as T

    rng = np.random.RandomState(7)
    _, W_x, W_h, W_c, _ = model_of(NumpyLSTM).param
    given = [*(rng.uniform(-1, 1, MODEL_SIZES[n]) for n in (1, 2, 2)), W_x, W_h, W_c]
    symbols = [T.dvector(name) for name in ("z_t", "h_tm1", "c_tm1")] + [T.dmatrix(n) for n in ("W_x", "W_h", "W_c")]
    result = zip(names, several(attempt(student, *symbols, whole=False), ", ".join(names), len(names)), strict=True)
    there = {name: symbolic(name, value) for name, value in result if value is not None and value is not ...}
    values = attempt(evaluate, list(there.values()), dict(zip(symbols, given, strict=True)))
    right = ("n_hidd",), np.empty(MODEL_SIZES[2])
    return given, {name: as_numbers(name, value, *right) for name, value in zip(there, values, strict=True)}


def _all_there(got: Quantities, names: Iterable[str]) -> None:
    """Raise NotYet if some results are missing; the others are correct."""
    if missing := [name for name in names if name not in got]:
        raise NotYet(f"Correct so far: {', '.join(got)}. Still missing: {', '.join(missing)}.")


def lstm_gates(student: Any) -> str:
    """Check an LSTM's gates: a function with the arguments of `lstm_step` that returns (i, f, g, o)."""
    given, got = _of_one_step(student, tuple("ifgo"))
    right = gates_of(*given)
    if len(got) == len(right):
        check_order(list(got.values()), right)
    fine = [name for name in got if close(got[name], right[name])]
    for name in got:
        if name in fine:
            continue
        tried = [(message, gates_of(*given, **mistake)) for message, mistake in GATE_SLIPS]
        tried.sort(
            key=lambda slip: -sum(close(got[gate], slip[1][gate]) for gate in got)
        )  # first the mistake that explains most gates
        swapped = [(f"This is {other}.", right[other]) for other in right if other != name]
        swapped += [(f"This is 1 - {other}: each gate has rows of its own.", 1 - right[other]) for other in "ifo"]
        late = one_step(*given, late=True, state=lambda o, c: o)["h"]
        swapped += [("The peephole of o is given the new cell: in this LSTM all three get c_{t-1}.", late)]
        kind = recognise(got[name], right[name], [*swapped, *((message, gates[name]) for message, gates in tried)])
        before = [gate for gate in fine if "ifgo".index(gate) < "ifgo".index(name)]
        raise first_difference(name, got[name], right[name], kind, before)
    _all_there(got, right)
    return "i, f, g and o equal NumpyLSTM's."


def lstm_step(student: Any) -> str:
    """Check an LSTM's step: a function of symbolic (z_t, h_{t-1}, c_{t-1}, W_x, W_h, W_c) that returns (h_t, c_t)."""
    given, got = _of_one_step(student, ("h_t", "c_t"))
    right = {f"{name}_t": value for name, value in one_step(*given).items()}
    if len(got) == 2 and all(close(got[a], right[b]) for a, b in (("c_t", "h_t"), ("h_t", "c_t"))):
        raise Wrong("Both are correct, but in the wrong order: return h_t, c_t.")
    for name in sorted(got):
        if not close(got[name], right[name]):
            tried = [(message, one_step(*given, **mistake)[name[0]]) for message, mistake in LSTM_SLIPS]
            kind = recognise(got[name], right[name], tried)
            raise first_difference(name, got[name], right[name], kind, [other for other in got if other < name])
    _all_there(got, right)
    return "h_t and c_t equal NumpyLSTM's."


def lstm(student: Any) -> str:
    """Check the symbolic forward pass of a subclass of `LSTM`, and the gradients through it."""
    cls = theano_class(student, "LSTM")
    where = theano_forward(cls, NumpyLSTM, lstm_forward, LSTM_SENTENCE_SLIPS)
    return f"_forward returns NumpyLSTM's probabilities in every step, {where}."
