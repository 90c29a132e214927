"""Checks of exercises 6.2 and 6.3 (scan, RNN in Theano): each returns a text, or raises `NotYet` or `Wrong`."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from lab.exercises.difference import as_numbers, check_order, close, compare_gradients, compare_steps, recognise, vector
from lab.exercises.setting import SENTENCES, model_of, several
from lab.exercises.slips import RNN_SLIPS, rnn_forward
from lab.exercises.theano_models import evaluate, symbolic, theano_class, theano_forward
from lab.exercises.verdict import Wrong, attempt
from lxmls_rnn.deep_learning.numpy_rnn import NumpyRNN


def _has_scan(variable: Any) -> bool:
    import theano
    from theano.scan_module.scan_op import Scan

    return any(isinstance(node.op, Scan) for node in theano.gof.graph.io_toposort([], [variable]))


def squares(student: Any) -> str:
    """Check scan over a sequence: a function of a symbolic integer n that returns the squares of 0, 1, ..., n - 1."""
    import theano.tensor as T

    for n in (5, 1):
        _n = T.lscalar("n")
        result = symbolic("The result", attempt(student, _n))
        got = np.asarray(attempt(evaluate, result, {_n: n}))
        right = np.arange(n) ** 2
        if got.shape == right.shape and np.array_equal(got, right):
            if not _has_scan(result):
                raise Wrong("The squares are correct, but the graph contains no scan: use scan in this exercise.")
            continue
        kinds = {
            "The first number is 1: T.arange(n) is 0, 1, ..., n - 1.": np.arange(1, n + 1) ** 2,
            "These are the numbers, not their squares.": np.arange(n),
            "These are sums of squares: a step should use only its own element.": np.cumsum(right),
        }
        found = ((message, np.asarray(wrong)) for message, wrong in kinds.items())
        kind = recognise(got, right, found) if n > 1 else ""
        raise Wrong(f"For n = {n} the function returns {got.tolist()}, expected {right.tolist()}.", kind or None)
    return "The squares of 0, 1, ..., n - 1, by scan."


def markov(student: Any) -> str:
    """Check scan with a state: a function of symbolic (s_0, A, n) that returns s_1, ..., s_n, one row per step."""
    A = np.array([[0.6, 0.1, 0.2], [0.3, 0.7, 0.2], [0.1, 0.2, 0.6]])
    s_0 = np.array([0.9, 0.1, 0.0])
    for n in (4, 1):
        _markov(student, A, s_0, n)
    return "s_1, ..., s_n: each is A times the previous one."


def _markov(student: Any, A: np.ndarray, s_0: np.ndarray, n: int) -> None:
    import theano.tensor as T

    def chain(step: Callable[[np.ndarray, int], np.ndarray]) -> np.ndarray:
        return np.array(list(itertools.accumulate(range(n), step, initial=s_0))[1:])

    _s0, _A, _n = T.dvector("s0"), T.dmatrix("A"), T.lscalar("n")
    result = symbolic("The result", attempt(student, _s0, _A, _n))
    got = np.asarray(attempt(evaluate, result, {_s0: s_0, _A: A, _n: n}))
    right = chain(lambda s, t: A @ s)
    if not np.any(got):
        raise Wrong("All states are zeros: the first state is s_0, outputs_info=_s0.")
    if got.shape == (n + 1, 3) and close(got[1:], right):
        raise Wrong(f"The result has shape {got.shape}: it contains s_0. Return only s_1, ..., s_n.")
    got = as_numbers("The result", got, ("n", "states"), right)
    restarted = np.repeat((A @ s_0)[None], n, axis=0)
    kinds = {
        "It is A^T s: is it T.dot(s, A), or are the arguments of the step swapped? scan passes the previous state "
        "first, then the non_sequences.": chain(lambda s, t: A.T @ s),
        "A is multiplied element by element: use T.dot.": chain(lambda s, t: np.diag(A) * s),
        "Every step starts from s_0: pass s_0 as outputs_info, so that a step gets the previous state.": restarted,
        "A is applied twice in each step.": chain(lambda s, t: A @ A @ s),
        "The state does not change.": np.repeat(s_0[None], n, axis=0),
        "It starts with s_0: the first state should be s_1.": np.vstack([s_0, right[:-1]]),
    }
    slips = [(message, {"states": wrong}) for message, wrong in kinds.items()]
    compare_steps({"s": got.T}, lambda states=right: {"s": states.T}, slips, range(1, n + 1))
    if not _has_scan(result):
        raise Wrong("The states are correct, but the graph contains no scan: use scan in this exercise.")


def rnn(student: Any) -> str:
    """Check the symbolic forward pass of a subclass of `RNN`."""
    where = theano_forward(theano_class(student, "RNN"), NumpyRNN, rnn_forward, RNN_SLIPS)
    return f"_forward returns NumpyRNN's probabilities in every step, {where}."


def theano_gradients(student: Any) -> str:
    """Check symbolic gradients: a function of (p (L, n_tags), y (L,), param) that returns one for each parameter."""
    import theano.tensor as T

    from lxmls_rnn.deep_learning.rnn import RNN

    x, gold = SENTENCES[0]
    model, reference = model_of(RNN), model_of()
    _x, _y = T.ivector("x"), T.ivector("y")
    _p = model._forward(_x)
    result = attempt(student, _p, _y, model.param)
    if getattr(result, "ndim", None) == 0:
        raise Wrong("This is one number, the cost: return a list of its gradients, T.grad(cost, W) for each W.")
    result = several(result, "a list of gradients, one for each parameter")
    given = {_x: x.astype("int32"), _y: gold.astype("int32")}
    names = list(model.shapes(model.sizes))
    if len(result) == 1 and isinstance(result[0], list):
        raise Wrong("The list of gradients is in another list: T.grad(cost, param) returns a list already.")
    if len(result) != len(names):
        raise Wrong(f"Expected {len(names)} gradients, of {', '.join(names)}; got {len(result)}.")
    variables = [symbolic(f"The gradient of {name}", value) for name, value in zip(names, result, strict=True)]
    values = attempt(evaluate, variables, given)
    right = dict(zip(names, reference.grads(x, gold), strict=True))
    if not any(map(np.any, values)):
        raise Wrong("All gradients are zeros: argmax and comparisons such as T.neq have no derivative. T.log has one.")
    check_order(values, right, model.dtype)
    try:
        compare_gradients([np.asarray(value) for value in values], right, len(x), None, model.dtype)
    except Wrong as error:
        kind = _kind_of_cost(student, reference.forward(x).T, gold) if error.is_open else ""
        raise Wrong(error.what, kind or error.advice) from None
    return "All four equal NumpyRNN's gradients, without hand-written back-propagation."


def _kind_of_cost(student: Any, p: np.ndarray, gold: np.ndarray) -> str:
    """Return the likely mistake in a cost, by its gradient with respect to p (L, n_tags)."""
    import theano
    import theano.tensor as T

    _p, _y = theano.shared(p), T.ivector("y")
    try:
        got = np.asarray(evaluate(student(_p, _y, [_p])[0], {_y: gold.astype("int32")}))
    except Exception:
        return ""
    (L, n_tags), words = p.shape, np.arange(len(p))
    onehot, chosen = np.eye(n_tags)[gold], np.eye(n_tags)[p.argmax(axis=1)]
    rows = np.bincount(gold, minlength=L)[:, None]
    variants = [
        ("The logarithm is missing: the cost is the mean of -log p of the gold tags.", -onehot / L),
        ("This is the logarithm of the mean; the cost is the mean of the logarithms.", -onehot / p[words, gold].sum()),
        ("These are the largest probabilities; the cost has those of the gold tags.", -chosen / p / L),
        ("p is a softmax already: take its logarithm as it is.", (np.exp(p) / np.exp(p).sum(1)[:, None] - onehot) / L),
        ("This is the squared error; the cost is the mean of -log p of the gold tags.", 2 * (p - onehot) / L),
        ("This is W minus its gradient: return the gradients alone.", p + onehot / p / L),
        ("The sum is divided by the number of tags, not by the number of words.", -onehot / p / n_tags),
        ("The mean is over words and tags: divide the sum by the number of words only.", -onehot / p / L / n_tags),
        ("The mean is over all tags; only the gold tag of each word counts.", -1 / p / p.size),
        ("p[:, y] is a matrix: every word with every gold tag. Take one entry per word: p[T.arange(L), y].",
         -onehot.sum(axis=0) / p / L**2),
        ("p[y] is a matrix: rows of p picked by tag id. Take one entry per word: p[T.arange(L), y].",
         -rows / p / L / n_tags),
    ]  # fmt: skip
    for word in words:
        some = onehot * (words != word)[:, None]
        text = f"Word {word + 1} of {L} does not count: the cost is the mean over all words."
        variants += [(text, -some / p / n) for n in (L, L - 1)]
    if kind := recognise(got, -onehot / p / L, variants, "float32"):
        return kind
    if got.shape == p.shape and np.any(got * (1 - onehot)):
        return "Other tags than the gold one change the cost: does it have only log p of the gold tag of each word?"
    return ""


def updates(student: Any) -> str:
    """Check gradient descent: a function of (cost, param, rate) that returns pairs (variable, its new value)."""
    import theano
    import theano.tensor as T

    rate, before = 0.15, np.array([1.0, 2.0, 4.0, 3.0, -1.0, 0.5])
    goals = np.array([[0.0, 5.0, 1.0, -1.0, 2.0, 1.5], [3.0, -2.0, 0.5, 1.0, 4.0, -3.0]])
    param = [theano.shared(before.astype(theano.config.floatX), name=name) for name in ("W_x", "W_h")]
    cost = sum(T.sum((W - goals[n]) ** 2) for n, W in enumerate(param))
    result = attempt(student, cost, param, rate)
    if isinstance(result, dict):
        result = list(result.items())
    if not isinstance(result, (tuple, list)) or not all(isinstance(p, (tuple, list)) and len(p) == 2 for p in result):
        raise Wrong("Expected a list of pairs: (shared variable, its new value).")
    variables = [variable for variable, _ in result]
    if [new for _, new in result] == param and variables != param:
        raise Wrong("The pairs are swapped: expected (shared variable, its new value).")
    if not all(any(variable is W for W in param) for variable in variables):
        raise Wrong("The first element of each pair must be a parameter: (W, its new value).")
    if len(set(variables)) < len(variables):
        raise Wrong("A parameter occurs twice: expected one pair for each.")
    if missing := [W.name for W in param if W not in variables]:
        raise Wrong(f"Expected a pair for each of the {len(param)} parameters; {missing[0]} has none.")
    result = [(W, dict(result)[W]) for W in param]
    values = attempt(evaluate, [T.as_tensor_variable(new) for _, new in result], {})
    for n, (W, got) in enumerate(zip(param, values, strict=True)):
        gradient = 2 * (before - goals[n])
        right = before - rate * gradient
        if close(got, right, "float32"):
            continue
        terms = {"W": before, "gradient": gradient, "W * gradient": before * gradient, "": np.ones(len(before))}
        terms["gradient of the other parameter"] = 2 * (before - goals[1 - n])
        raise Wrong(f"The new {W.name} is {vector(got)}, expected {vector(right)}.{_as_sum(got, terms, rate)}", None)
    for W in param:
        W.set_value(W.get_value() + 1)
    again = attempt(evaluate, [T.as_tensor_variable(new) for _, new in result], {})
    for n, (W, got) in enumerate(zip(param, again, strict=True)):
        if not close(got, before + 1 - rate * 2 * (before + 1 - goals[n]), "float32"):
            raise Wrong(
                f"The new {W.name} is correct for the first sentence only: it contains a number of this moment, not a "
                "variable. Use W itself and T.grad, without get_value() and eval()."
            )
    return "Each parameter moves one step against its gradient."


def _as_sum(got: np.ndarray, terms: dict[str, np.ndarray], rate: float) -> str:
    """Return a new value as a sum of multiples of known terms, or an empty string if it is none."""
    columns = np.stack(list(terms.values()), axis=1)
    factors = np.linalg.lstsq(columns, got, rcond=None)[0]
    if not close(columns @ factors, got, "float32"):
        return ""
    shown = " + ".join(
        f"{c:.4g} {name}".strip().removeprefix("1 ") for name, c in zip(terms, factors, strict=True) if abs(c) > 1e-4
    )
    return f" It is {shown or 0}; expected W + -{rate} gradient, with the rate {rate}.".replace("+ -", "- ")
