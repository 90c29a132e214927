"""Common mistakes in an LSTM as variants of the correct computation, see `slips`."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from scipy.special import expit, softmax

from lab.exercises.slips import RNN_SLIPS, Quantities, Slip


def lstm_gates(
    z: np.ndarray,
    h: np.ndarray,
    c: np.ndarray,
    W_x: np.ndarray,
    W_h: np.ndarray,
    W_c: np.ndarray,
    *,
    order: str = "ifgo",
    peep: str = "ifo",
    f: Callable[..., Any] = expit,
    g: Callable[..., Any] = np.tanh,
    recurrent: float = 1.0,
    inputs: float = 1.0,
    peepholes: float = 1.0,
    swapped: str = "",
    blind: str = "",
    tanh: str = "",
    g_peeps: str = "",
    interleaved: bool = False,
) -> Quantities:
    """Return i, f, g and o of one step, as `numpy_lstm` computes them."""
    H = len(h)
    a = inputs * (W_x @ z) + recurrent * (W_h @ (c if "h" in swapped else h))
    b = peepholes * (W_c @ (h if "c" in swapped else c))
    a, b = (v.reshape(H, -1).T if interleaved else v.reshape(-1, H) for v in (a, b))
    A = dict(zip(order, a, strict=True))
    B = {gate: row * (gate not in blind) for gate, row in zip(peep, b, strict=True)}
    made = {gate: (np.tanh if gate in tanh else f)(A[gate] + B[gate]) for gate in "ifo"}
    return {"i": made["i"], "f": made["f"], "g": g(A["g"] + (B[g_peeps] if g_peeps else 0)), "o": made["o"]}


def lstm_step(
    z: np.ndarray,
    h: np.ndarray,
    c: np.ndarray,
    *matrices: np.ndarray,
    late: bool = False,
    old_cell: bool = False,
    gates_as: str = "ifgo",
    cell_of_h: bool = False,
    cell: Callable[..., Any] = lambda i, f, g, c: f * c + i * g,
    state: Callable[..., Any] = lambda o, c: o * np.tanh(c),
    **gates: Any,
) -> Quantities:
    """Return c_t and h_t of one step, as `numpy_lstm` computes them; `gates` are slips of `lstm_gates`."""
    made = dict(zip(gates_as, lstm_gates(z, h, c, *matrices, **gates).values(), strict=True))
    i, f, g, o = (made[gate] for gate in "ifgo")
    c_t = cell(i, f, g, h if cell_of_h else c)
    if late:
        o = lstm_gates(z, h, c_t, *matrices, **gates)["o"]
    return {"c": c_t, "h": state(o, c if old_cell else c_t)}


GATE_SLIPS: list[Slip] = [
    ("The peepholes are missing: add W_c c_{t-1} to the three gates.", {"blind": "ifo"}),
    *[(f"The {name} gate's peephole is missing.", {"blind": name[0]}) for name in ("input", "forget", "output")],
    ("W_h h_{t-1} is missing.", {"recurrent": 0.0}),
    ("W_h h_{t-1} is subtracted: add it.", {"recurrent": -1.0}),
    ("h_{t-1} and c_{t-1} are swapped: W_h h_{t-1} and W_c c_{t-1}.", {"swapped": "hc"}),
    ("W_h is multiplied by c_{t-1}: use h_{t-1}.", {"swapped": "h"}),
    ("W_c is multiplied by h_{t-1}: use c_{t-1}.", {"swapped": "c"}),
    ("The peepholes are subtracted: add W_c c_{t-1}.", {"peepholes": -1.0}),
    ("W_x z_t is missing.", {"inputs": 0.0}),
    *[
        (f"The gates are mixed up: the rows of W_x and W_h are in the order i, f, g, o, not {', '.join(o)}.",
         {"order": o})
        for o in ("figo", "ifog", "iofg", "ofgi", "gfio", "igfo", "oifg", "gifo")
    ],
    *[
        (f"The peepholes are mixed up: the rows of W_c are in the order i, f, o, not {', '.join(p)}.",
         {"peep": p})
        for p in ("fio", "oif", "ofi", "iof", "foi")
    ],
    ("The gates and the peepholes are mixed up: i and f are swapped.", {"order": "figo", "peep": "fio"}),
    ("Each gate has every fourth row; its rows are a block, one after the other: _a[:H], _a[H : 2 * H] ...",
     {"interleaved": True}),
    ("g uses the logistic function; g = tanh(a_g).", {"g": expit}),
    ("g uses relu; g = tanh(a_g).", {"g": lambda a: np.maximum(a, 0)}),
    ("tanh is applied to g twice.", {"g": lambda a: np.tanh(np.tanh(a))}),
    ("g has no activation; g = tanh(a_g).", {"g": lambda a: a}),
    ("The gates use tanh; a gate is between 0 and 1: use the logistic function.", {"f": np.tanh}),
    *[
        (f"The {name} gate uses tanh; a gate is between 0 and 1: use the logistic function.", {"tanh": name[0]})
        for name in ("input", "forget", "output")
    ],
    *[
        (f"g has the peephole of the {name} gate; g = tanh(a_g) has none.", {"g_peeps": name[0]})
        for name in ("input", "forget", "output")
    ],
    ("The gates have no activation: use the logistic function.", {"f": lambda a: a}),
]  # fmt: skip

LSTM_SLIPS: list[Slip] = [
    ("The old cell is missing: c_t = f c_{t-1} + i g.", {"cell": lambda i, f, g, c: i * g}),
    ("The new content i g is missing: c_t = f c_{t-1} + i g.", {"cell": lambda i, f, g, c: f * c}),
    ("The forget gate is missing: c_t = f c_{t-1} + i g.", {"cell": lambda i, f, g, c: c + i * g}),
    ("g is missing: c_t = f c_{t-1} + i g.", {"cell": lambda i, f, g, c: f * c + i}),
    ("The input gate is missing: c_t = f c_{t-1} + i g.", {"cell": lambda i, f, g, c: f * c + g}),
    ("i g is subtracted; add it: c_t = f c_{t-1} + i g.", {"cell": lambda i, f, g, c: f * c - i * g}),
    ("The forget gate belongs only to the old cell: c_t = f c_{t-1} + i g.",
     {"cell": lambda i, f, g, c: f * (c + i * g)}),
    ("The gates are in another order: my_lstm_gates returns i, f, g, o.", {"gates_as": "ifog"}),
    ("The old state h_{t-1} is used instead of the cell: c_t = f c_{t-1} + i g.", {"cell_of_h": True}),
    ("The forget gate is inverted: 1 keeps, 0 forgets.", {"cell": lambda i, f, g, c: (1 - f) * c + i * g}),
    ("1 - f is used instead of the input gate: c_t = f c_{t-1} + i g.",
     {"cell": lambda i, f, g, c: f * c + (1 - f) * g}),
    ("Input and forget gate are swapped: c_t = f c_{t-1} + i g, and my_lstm_gates returns i, f, g, o.",
     {"cell": lambda i, f, g, c: i * c + f * g}),
    *[
        (f"T.dot({pair}) is one number, a sum; use *, element by element: c_t = f c_{{t-1}} + i g.", {"cell": cell})
        for pair, cell in (
            ("f, c", lambda i, f, g, c: f @ c + i * g),
            ("i, g", lambda i, f, g, c: f * c + i @ g),
        )
    ],
    ("i and g are added; multiply them: c_t = f c_{t-1} + i g.", {"cell": lambda i, f, g, c: f * c + i + g}),
    ("tanh is applied to the cell; it belongs only in h_t = o tanh(c_t).",
     {"cell": lambda i, f, g, c: np.tanh(f * c + i * g)}),
    ("The output gate uses c_t; in the lab guide's LSTM all three gates use c_{t-1}.", {"late": True}),
    ("h_t = o tanh(c_t): the old cell, c_{t-1}, is used.", {"old_cell": True}),
    ("h_t = o tanh(c_t): the tanh is missing.", {"state": lambda o, c: o * c}),
    ("h_t = o tanh(c_t): the output gate is missing.", {"state": lambda o, c: np.tanh(c)}),
    ("h_t = o tanh(c_t): tanh of c_t, not of o c_t.", {"state": lambda o, c: np.tanh(o * c)}),
    ("h_t = o tanh(c_t): o already is a gate; the logistic function is applied twice.",
     {"state": lambda o, c: expit(o) * np.tanh(c)}),
    ("h_t = o tanh(c_t): o is added; multiply by it.", {"state": lambda o, c: o + np.tanh(c)}),
    ("h_t = o tanh(c_t): the logistic function is used instead of tanh.", {"state": lambda o, c: o * expit(c)}),
    *GATE_SLIPS,
]  # fmt: skip


def lstm_forward(
    x: np.ndarray,
    param: Iterable[np.ndarray],
    *,
    h_0: float | np.ndarray = 0.0,
    c_0: float | np.ndarray = 0.0,
    seen: str = "h",
    output: Callable[..., Any] = lambda y: softmax(y, axis=0),
    **step: Any,
) -> Quantities:
    """Return p of a sentence, (L,), as `NumpyLSTM.forward` computes it."""
    W_e, W_x, W_h, W_c, W_y = param
    state = {"h": np.full(W_h.shape[1], h_0), "c": np.full(W_h.shape[1], c_0)}
    before = state
    y = []
    for word in x:
        before, state = state, lstm_step(W_e[:, word], state["h"], state["c"], W_x, W_h, W_c, **step)
        y.append(W_y @ (before["h"] if seen == "before" else state[seen]))
    return {"p": output(np.array(y).T)}


LSTM_SENTENCE_SLIPS: list[Slip] = [
    ("The scores are computed from the cells c_t; use the hidden states h_t.", {"seen": "c"}),
    ("The scores are computed from h_{t-1}: the states are shifted by one step.", {"seen": "before"}),
    ("h_0 is not zero: it seems to be all ones.", {"h_0": 1.0}),
    ("c_0 is not zero: it seems to be all ones.", {"c_0": 1.0}),
    *[(message, mistake) for message, mistake in RNN_SLIPS if list(mistake) == ["output"]],
    *LSTM_SLIPS,
]
