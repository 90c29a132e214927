"""Common student mistakes ("slips") as variants of the correct computation, with messages for the checks.

Each function computes the correct result by default; a slip is a keyword argument that introduces one mistake. A check
recognises a mistake if a slip reproduces the student's result.
"""

from collections.abc import Callable, Collection, Iterable
from typing import Any

import numpy as np
from scipy.special import expit, log_softmax, softmax

Quantities = dict[str, np.ndarray]
Slip = tuple[str, dict[str, Any]]


def rnn_forward(
    x: np.ndarray,
    param: Iterable[np.ndarray],
    *,
    words: Callable[..., Any] = lambda x: x,
    first: float = 0.0,
    recurrent: Callable[..., Any] = lambda W_h, h, t: W_h @ h[:, t],
    inputs: Callable[..., Any] = lambda W_x, z: W_x @ z,
    bias: float = 0.0,
    f: Callable[..., Any] = expit,
    seen: Callable[..., Any] = lambda h, a, t: h[:, t + 1],
    output: Callable[..., Any] = lambda y: softmax(y, axis=0),
    skip: Collection[str] = (),
) -> Quantities:
    """Return z, a, h, y and p of a sentence, (L,), as `NumpyRNN.forward` has them; a, h and y in `skip` stay zero."""
    W_e, W_x, W_h, W_y = param
    z = W_e[:, words(x)]
    a, h = np.zeros((len(W_h), len(x))), np.zeros((len(W_h), len(x) + 1))
    h[:, 0] = first
    y = np.zeros((len(W_y), len(x)))
    for t in range(len(x)):
        a[:, t] = ("a" not in skip) * (inputs(W_x, z[:, t]) + recurrent(W_h, h, t) + bias)
        h[:, t + 1] = ("h" not in skip) * f(a[:, t])
        y[:, t] = ("y" not in skip) * (W_y @ seen(h, a, t))
    return {"z": z, "a": a, "h": h, "y": y, "p": output(y)}


RNN_SLIPS: list[Slip] = [
    ("W_h h_{t-1} has no part in it: W_h is forgotten, or multiplied with a column of h that is still zero.",
     {"recurrent": lambda W, h, t: 0.0}),
    ("W_h is transposed: W_h.T was used where W_h belongs.", {"recurrent": lambda W, h, t: W.T @ h[:, t]}),
    ("W_h is forgotten: h_{t-1} is added as it is.", {"recurrent": lambda W, h, t: h[:, t]}),
    ("W_h is multiplied with h element by element: take the matrix product, W_h @ h.",
     {"recurrent": lambda W, h, t: np.diag(W) * h[:, t]}),
    ("h is shifted by a step: h_{t-2} was used where h_{t-1} belongs.",
     {"recurrent": lambda W, h, t: W @ h[:, max(t - 1, 0)]}),
    ("W_h h_{t-1} is subtracted; it is added.", {"recurrent": lambda W, h, t: -W @ h[:, t]}),
    ("h_0 is not zero: it seems to be all ones.", {"first": 1.0}),
    ("W_x z_t is missing.", {"inputs": lambda W, z: 0.0}),
    ("1 is added: this network has no biases.", {"bias": 1.0}),
    ("The words are shifted by a step: it is the next word's embedding.", {"words": lambda x: np.roll(x, -1)}),
    ("The words are shifted by a step: it is the last word's embedding.", {"words": lambda x: np.roll(x, 1)}),
    ("The sentence is read backwards.", {"words": lambda x: x[::-1]}),
    ("The activation is missing: h_t = f(a_t) with the logistic function f.", {"f": lambda a: a}),
    ("The activation is tanh; it is the logistic function here.", {"f": np.tanh}),
    ("The activation is relu; it is the logistic function here.", {"f": lambda a: np.maximum(a, 0)}),
    ("The activation is applied twice.", {"f": lambda a: expit(expit(a))}),
    ("The activation has the wrong sign: logistic(a) = 1 / (1 + exp(-a)).", {"f": lambda a: expit(-a)}),
    ("The scores are made of h_{t-1}: h is shifted by a step, take h[:, t + 1].", {"seen": lambda h, a, t: h[:, t]}),
    ("The scores are made of a_t, before the activation; they are made of h_t.", {"seen": lambda h, a, t: a[:, t]}),
    ("The softmax is not normalised: exp(y) must be divided by its sum over the tags.", {"output": np.exp}),
    ("The softmax runs over the wrong axis: over the words. The probabilities of each word must sum to 1.",
     {"output": lambda y: softmax(y, axis=1)}),
    ("exp(y) is divided by the sum over all words and tags; each word has a sum of its own.",
     {"output": lambda y: np.exp(y) / np.exp(y).sum()}),
    ("These are the logarithms of the probabilities.", {"output": lambda y: log_softmax(y, axis=0)}),
    ("The softmax is missing: these are the scores.", {"output": lambda y: y}),
    ("The softmax is missing: the scores are divided by their sum, without exp.", {"output": lambda y: y / y.sum(0)}),
    ("It is the logistic function of the scores; it should be their softmax.", {"output": expit}),
    ("The softmax is applied twice.", {"output": lambda y: softmax(softmax(y, axis=0), axis=0)}),
    ("The softmax has the wrong sign: exp(y), not exp(-y).", {"output": lambda y: softmax(-y, axis=0)}),
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
    """Return the errors e_y, e_h and e_a = d cost / d quantity of a sentence, as `NumpyRNN.backward` has them.

    Those in `skip` stay zero.
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
    ("The sign is wrong, and the division by L is forgotten.", {"output": lambda p, k, L: k - p}),
    ("The gold tag is forgotten: 1 is taken from its probability.", {"output": lambda p, k, L: p / L}),
    ("The number of the gold tag is subtracted; it is 1, and from the gold tag's entry only.",
     {"output": lambda p, k, L: (p - k.argmax(0)) / L}),
    ("The number of the gold tag is subtracted, and the division by L is forgotten.",
     {"output": lambda p, k, L: p - k.argmax(0)}),
    ("1 is taken from every tag's probability; it belongs to the gold tag's only.",
     {"output": lambda p, k, L: (p - 1) / L}),
    ("1 is taken from every tag's probability, and the division by L is forgotten.",
     {"output": lambda p, k, L: p - 1}),
    ("1 is taken from the gold tag's probability only after the division by L.",
     {"output": lambda p, k, L: p / L - k}),
    ("Only 1 is divided by L; so is p: (p - onehot) / L.", {"output": lambda p, k, L: p - k / L}),
    ("Only the gold tag has an error here; all tags have one, p / L without the gold tag's 1 / L.",
     {"output": lambda p, k, L: (p - k) * k / L}),
    ("It is divided by the number of tags; the mean is over the L words.",
     {"output": lambda p, k, L: (p - k) / len(p)}),
    ("This is the error of p, before it has gone back through the softmax: that of y is (p - onehot) / L.",
     {"output": lambda p, k, L: -k / p / L}),
    ("The error that comes from the later step is missing: add W_h^T e_a of step t + 1.",
     {"later": lambda W, e_a, e_h, t: 0.0}),
    ("W_h is not transposed: the error goes back through W_h^T.", {"later": lambda W, e_a, e_h, t: W @ e_a[:, t]}),
    ("W_h^T is multiplied with e_h of step t + 1; it should be e_a, which has passed the activation.",
     {"later": lambda W, e_a, e_h, t: W.T @ e_h[:, t]}),
    ("The error of the later step is added without W_h^T.", {"later": lambda W, e_a, e_h, t: e_a[:, t]}),
    ("The error from the output, W_y^T e_y, is missing.", {"from_output": lambda has_later: 0.0}),
    ("The part of the later step takes the place of that from the output, W_y^T e_y: e_h is the sum of both, +=.",
     {"from_output": lambda has_later: 0.0 if has_later else 1.0}),
    ("The derivative of the activation is missing: f'(a_t) = h_t (1 - h_t).", {"slope": lambda h, t: 1.0}),
    ("The derivative is taken at h_{t-1}: h is shifted by a step, h[:, t + 1] belongs to word t.",
     {"slope": lambda h, t: h[:, t] * (1 - h[:, t])}),
    *[
        ("The two factors are of different steps: h_t (1 - h_t), and h_t is h[:, t + 1] both times.", {"slope": slope})
        for slope in (lambda h, t: h[:, t + 1] * (1 - h[:, t]), lambda h, t: h[:, t] * (1 - h[:, t + 1]))
    ],
    ("The derivative is that of tanh; the activation is the logistic function: h_t (1 - h_t).",
     {"slope": lambda h, t: 1 - h[:, t + 1] ** 2}),
    ("The derivative is only half there: h_t (1 - h_t).", {"slope": lambda h, t: h[:, t + 1]}),
    ("The derivative is only half there: h_t (1 - h_t).", {"slope": lambda h, t: 1 - h[:, t + 1]}),
    ("The logistic function is applied to h_t once more; h_t is its value already: f'(a_t) = h_t (1 - h_t).",
     {"slope": lambda h, t: expit(h[:, t + 1]) * (1 - expit(h[:, t + 1]))}),
]  # fmt: skip


def rnn_gradient_slips(
    x: np.ndarray, z: np.ndarray, h: np.ndarray, e_y: np.ndarray, e_a: np.ndarray, param: Iterable[np.ndarray]
) -> dict[str, list[tuple[str, np.ndarray]]]:
    """Return for each parameter wrong gradients with what is wrong with them."""
    W_e, W_x, _, _ = param
    L, before, after = len(x), h[:, :-1], h[:, 1:]

    def of_steps(steps: slice) -> Quantities:
        words = np.zeros_like(W_e)
        np.add.at(words.T, x[steps], (W_x.T @ e_a[:, steps]).T)
        others = ((e_a, z), (e_a, before), (e_y, after))
        return {"W_e": words} | {
            name: error[:, steps] @ met[:, steps].T
            for name, (error, met) in zip(("W_x", "W_h", "W_y"), others, strict=True)
        }

    last, places = np.zeros_like(W_e), np.zeros_like(W_e)
    last[:, x] = places[:, :L] = W_x.T @ e_a
    repeated = (
        "Only the last occurrence of a repeated word counts: add up (dW_e[:, x[t]] += ... in a loop; dW_e[:, x] += ... "
        "adds once only)."
    )
    shifted = "h is shifted by a step: {} was used where {} belongs."
    slips = {
        "W_e": [
            (repeated, last),
            ("dW_e[:, x] is all words, in each of the L steps: step t is for the word x[t] only.", L * last),
            ("It is added to column t, the place in the sentence; the word's column is x[t].", places),
        ],
        "W_x": [],
        "W_h": [
            (shifted.format("h_t", "h_{t-1}"), e_a @ after.T),
            (shifted.format("h[:, t - 1]", "h[:, t], which is h_{t-1},"), e_a @ h[:, np.arange(L) - 1].T),
            (
                "e_a @ h is one number, a sum: take the outer product, np.outer.",
                np.full((len(h), len(h)), (e_a * before).sum()),
            ),
            (
                "* multiplies element by element: take the outer product, np.outer.",
                np.tile((e_a * before).sum(1), (len(h), 1)),
            ),
        ],
        "W_y": [(shifted.format("h_{t-1}", "h_t"), e_y @ before.T)],
    }
    for says, steps in (
        ("Only the last step counts: the gradient is the sum over all steps (+=, not =).", slice(L - 1, L)),
        ("Only the first step counts: does the loop end with it, by a return within?", slice(1)),
        ("The first step is left out.", slice(1, L)),
        ("The last step is left out.", slice(L - 1)),
    ):
        for name, gradient in of_steps(steps).items():
            slips[name].append((says, gradient))
    return slips


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
    blind: str = "",
    tanh: str = "",
    g_peeps: str = "",
) -> Quantities:
    """Return i, f, g and o of one step, as `numpy_lstm` has them."""
    H = len(h)
    a = inputs * (W_x @ z) + recurrent * (W_h @ h)
    b = W_c @ c
    A = {gate: a[n * H : (n + 1) * H] for n, gate in enumerate(order)}
    B = {gate: b[n * H : (n + 1) * H] * (gate not in blind) for n, gate in enumerate(peep)}
    made = {gate: (np.tanh if gate in tanh else f)(A[gate] + B[gate]) for gate in "ifo"}
    return {"i": made["i"], "f": made["f"], "g": g(A["g"] + (B[g_peeps] if g_peeps else 0)), "o": made["o"]}


def lstm_step(
    z: np.ndarray,
    h: np.ndarray,
    c: np.ndarray,
    *matrices: np.ndarray,
    late: bool = False,
    old_cell: bool = False,
    cell: Callable[..., Any] = lambda i, f, g, c: f * c + i * g,
    state: Callable[..., Any] = lambda o, c: o * np.tanh(c),
    **gates: Any,
) -> Quantities:
    """Return c_t and h_t of one step, as `numpy_lstm` has them; `gates` are slips of `lstm_gates`."""
    i, f, g, o = lstm_gates(z, h, c, *matrices, **gates).values()
    c_t = cell(i, f, g, c)
    if late:
        o = lstm_gates(z, h, c_t, *matrices, **gates)["o"]
    return {"c": c_t, "h": state(o, c if old_cell else c_t)}


GATE_SLIPS: list[Slip] = [
    ("The peepholes are missing: W_c c_{t-1} is added to the three gates.", {"blind": "ifo"}),
    *[(f"The {name} gate's peephole is missing.", {"blind": name[0]}) for name in ("input", "forget", "output")],
    ("W_h h_{t-1} is missing.", {"recurrent": 0.0}),
    ("W_x z_t is missing.", {"inputs": 0.0}),
    *[
        (f"The gates are mixed up: the rows of W_x and W_h are those of i, f, g, o in this order, not {', '.join(o)}.",
         {"order": o})
        for o in ("figo", "ifog", "iofg", "ofgi", "gfio", "igfo", "oifg", "gifo")
    ],
    *[
        (f"The peepholes are mixed up: the rows of W_c are those of i, f, o in this order, not {', '.join(p)}.",
         {"peep": p})
        for p in ("fio", "oif", "ofi", "iof", "foi")
    ],
    ("Order of gates and of peepholes are mixed up: i and f are swapped.", {"order": "figo", "peep": "fio"}),
    ("g goes through the logistic function; g = tanh(a_g).", {"g": expit}),
    ("g has no activation; g = tanh(a_g).", {"g": lambda a: a}),
    ("The gates go through tanh; a gate is between 0 and 1: logistic.", {"f": np.tanh}),
    *[
        (f"The {name} gate goes through tanh; a gate is between 0 and 1: logistic.", {"tanh": name[0]})
        for name in ("input", "forget", "output")
    ],
    *[
        (f"g has a peephole, that of the {name} gate; g = tanh(a_g) looks at no cell.", {"g_peeps": name[0]})
        for name in ("input", "forget", "output")
    ],
    ("The gates have no activation: logistic.", {"f": lambda a: a}),
]  # fmt: skip

LSTM_SLIPS: list[Slip] = [
    *GATE_SLIPS,
    ("The old cell is missing: c_t = f c_{t-1} + i g.", {"cell": lambda i, f, g, c: i * g}),
    ("What is written is missing: c_t = f c_{t-1} + i g.", {"cell": lambda i, f, g, c: f * c}),
    ("The forget gate is missing: c_t = f c_{t-1} + i g.", {"cell": lambda i, f, g, c: c + i * g}),
    ("The input gate is missing: c_t = f c_{t-1} + i g.", {"cell": lambda i, f, g, c: f * c + g}),
    ("The forget gate works the wrong way: 1 keeps, 0 forgets.", {"cell": lambda i, f, g, c: (1 - f) * c + i * g}),
    ("1 - f is used where the input gate belongs: c_t = f c_{t-1} + i g.",
     {"cell": lambda i, f, g, c: f * c + (1 - f) * g}),
    ("Input and forget gate are swapped: c_t = f c_{t-1} + i g.", {"cell": lambda i, f, g, c: i * c + f * g}),
    *[
        (f"T.dot({pair}) is one number, a sum; * multiplies by element: c_t = f c_{{t-1}} + i g.", {"cell": cell})
        for pair, cell in (
            ("f, c", lambda i, f, g, c: f @ c + i * g),
            ("i, g", lambda i, f, g, c: f * c + i @ g),
        )
    ],
    ("i and g are added; they are multiplied: c_t = f c_{t-1} + i g.", {"cell": lambda i, f, g, c: f * c + i + g}),
    ("The cell goes through tanh; only what is shown of it does: h_t = o tanh(c_t).",
     {"cell": lambda i, f, g, c: np.tanh(f * c + i * g)}),
    ("The output gate looks at c_t; in the lab guide's LSTM all three look at c_{t-1}.", {"late": True}),
    ("h_t = o tanh(c_t): it is made of the old cell, c_{t-1}.", {"old_cell": True}),
    ("h_t = o tanh(c_t): the tanh is missing.", {"state": lambda o, c: o * c}),
    ("h_t = o tanh(c_t): the output gate is missing.", {"state": lambda o, c: np.tanh(c)}),
    ("h_t = o tanh(c_t): the tanh is that of c_t, not of o c_t.", {"state": lambda o, c: np.tanh(o * c)}),
    ("h_t = o tanh(c_t): o is added, it is multiplied.", {"state": lambda o, c: o + np.tanh(c)}),
    ("h_t = o tanh(c_t): it is the logistic function of c_t.", {"state": lambda o, c: o * expit(c)}),
]  # fmt: skip


def lstm_forward(
    x: np.ndarray,
    param: Iterable[np.ndarray],
    *,
    h_0: float = 0.0,
    c_0: float = 0.0,
    seen: str = "h",
    output: Callable[..., Any] = lambda y: softmax(y, axis=0),
    **step: Any,
) -> Quantities:
    """Return p of a sentence, (L,), as `NumpyLSTM.forward` has it."""
    W_e, W_x, W_h, W_c, W_y = param
    state = {"h": np.full(W_h.shape[1], h_0), "c": np.full(W_h.shape[1], c_0)}
    y = []
    for word in x:
        state = lstm_step(W_e[:, word], state["h"], state["c"], W_x, W_h, W_c, **step)
        y.append(W_y @ state[seen])
    return {"p": output(np.array(y).T)}


LSTM_SENTENCE_SLIPS: list[Slip] = [
    ("The scores are made of the cells c_t; they are made of the hidden states h_t.", {"seen": "c"}),
    ("h_0 is not zero: it seems to be all ones.", {"h_0": 1.0}),
    ("c_0 is not zero: it seems to be all ones.", {"c_0": 1.0}),
    *[(says, how) for says, how in RNN_SLIPS if list(how) == ["output"]],
    *LSTM_SLIPS,
]
