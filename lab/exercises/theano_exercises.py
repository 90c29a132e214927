"""Checks of exercises 6.2 and 6.3 (scan, RNN in Theano): each returns a text, or raises `NotYet` or `Wrong`."""

import functools
import inspect
import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from lab.exercises import difference, limit
from lab.exercises.difference import as_numbers, check_order, close, compare_gradients, compare_steps, recognise, vector
from lab.exercises.setting import (
    MODEL_SIZES,
    SENTENCES,
    class_of,
    compare_probabilities,
    model_of,
    own_method,
    several,
    what,
)
from lab.exercises.slips import RNN_SLIPS, Quantities, Slip, rnn_forward
from lab.exercises.verdict import NotYet, Wrong, attempt
from lxmls_rnn.deep_learning.numpy_rnn import NumpyRNN

INITIAL_STATES = {"RNN": ("_h0",), "LSTM": ("_h0", "_c0")}  # arguments of `_forward`: the states before the first step


def evaluate(variables: Any, given: dict[Any, Any]) -> Any:
    """Evaluate symbolic variables in Python; this saves the seconds of compiling C."""
    import theano

    mode = theano.compile.mode.Mode(linker="py", optimizer=None)
    options = {"mode": mode, "on_unused_input": "ignore", "allow_input_downcast": True}
    with limit.timed(limit.MAX_THEANO_SECONDS):
        return theano.function(list(given), variables, **options)(*given.values())


def symbolic(name: str, result: Any) -> Any:
    """Return `result`; raise Wrong unless it is a Theano variable."""
    import theano

    if type(result).__name__ == "OrderedUpdates":
        raise Wrong("These are the updates of scan's pair (results, updates): return the results.")
    if isinstance(result, tuple) and len(result) == 2 and type(result[1]).__name__ == "OrderedUpdates":
        raise Wrong("The function returns scan's pair (results, updates): return only the results.")
    if not isinstance(result, theano.gof.Variable):
        raise Wrong(f"{name} has the wrong type: expected a Theano variable, got {what(result)}.")
    return result


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
            "These are the doubles, not the squares.": 2 * np.arange(n),
            "These are the cubes.": np.arange(n) ** 3,
            "These are powers of 2, 2**i, not squares.": 2 ** np.arange(n),
            "They are in reverse order.": right[::-1],
            "The step does not use its element: these are n * n.": np.full(n, n * n),
            "This is only the first step: the result of scan has all steps.": right[0],
            "These are sums of squares: a step should use only its own element.": np.cumsum(right),
            "This is only the last step: return the first result of scan, which has all steps.": right[-1],
            "One number too many: sequences=T.arange(n) ends with n - 1.": np.arange(n + 1) ** 2,
            "One number is missing: T.arange(n) ends with n - 1.": np.arange(n - 1) ** 2,
        }
        found = ((message, np.asarray(wrong)) for message, wrong in kinds.items())
        kind = recognise(got, right, found) if n > 1 else ""
        raise Wrong(f"For n = {n} the function returns {got.tolist()}, expected {right.tolist()}.{kind}")
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
    if got.shape != right.shape:
        kind = ""
        if got.shape == (n + 1, 3) and close(got[1:], right):
            kind = " It contains s_0: return only s_1, ..., s_n."
        elif got.shape in ((n + 1, 3), (n - 1, 3)):
            kind = f" One step too {'many' if len(got) > n else 'few'}: n_steps=_n."
        elif got.shape == right.shape[::-1]:
            kind = " It is transposed: expected one row per step."
        elif got.shape == (4, 3):
            kind = " The number of steps is fixed; n is 1 here: n_steps=_n."
        elif got.shape == (3,):
            kind = " It seems to be one step only: return all steps."
        raise Wrong(
            f"The result has shape {got.shape}, expected {difference.shape_text(('n', 'states'), right.shape)}.{kind}"
        )
    restarted = np.repeat((A @ s_0)[None], n, axis=0)
    kinds = {
        "It is A^T s: is it T.dot(s, A), or are the arguments of the step swapped? scan passes the previous state "
        "first, then the non_sequences.": chain(lambda s, t: A.T @ s),
        "A is multiplied element by element: use T.dot.": chain(lambda s, t: np.diag(A) * s),
        "Every step starts from s_0: pass s_0 as outputs_info, so that a step gets the previous state.": restarted,
        "They are in reverse order: s_1 comes first.": right[::-1],
        "A is applied twice in each step.": chain(lambda s, t: A @ A @ s),
        "The state does not change.": np.repeat(s_0[None], n, axis=0),
        "It starts with s_0: the first state should be s_1.": np.vstack([s_0, right[:-1]]),
    }
    slips = [(message, {"states": wrong}) for message, wrong in kinds.items()]
    compare_steps({"s": got.T}, lambda states=right: {"s": states.T}, slips, range(1, n + 1))
    if not _has_scan(result):
        raise Wrong("The states are correct, but the graph contains no scan: use scan in this exercise.")


def theano_class(student: Any, family: str) -> Any:
    """Return the class of a student's Theano model; raise NotYet or Wrong if it is not one."""
    from lxmls_rnn.deep_learning.rnn import model_class

    cls, base = class_of(student), model_class(family)
    if student is None or student is ...:
        raise NotYet("There is no code yet.")
    if not issubclass(cls, base):
        raise Wrong(f"Expected a subclass of {family}, or an instance of one; got {cls.__name__}.")
    own_method(cls, "_forward")
    missing = [name for name in INITIAL_STATES[family] if name not in inspect.signature(cls._forward).parameters]
    if missing:
        raise Wrong(
            f"_forward has no argument `{missing[0]}`, the state before the first step: keep the given first line."
        )
    return cls


@contextmanager
def _scans_noted(sequences: list[Any]) -> Iterator[None]:
    """Record the sequences that are passed to ``theano.scan`` in a list."""
    import theano

    scan = theano.scan

    def noting(fn: Any, sequences_: Any = None, *rest: Any, **options: Any) -> Any:
        given = options.pop("sequences", sequences_)
        sequences.extend(given if isinstance(given, (tuple, list)) else [given])
        return scan(fn, given, *rest, **options)

    theano.scan = noting
    try:
        yield
    finally:
        theano.scan = scan


def _wrong_sequence(sequence: Any, given: dict[Any, Any]) -> str:
    """Return what is wrong with a sequence given to scan, or an empty string if it may be correct."""
    import theano

    (x,) = given.values()
    if not isinstance(sequence, theano.gof.Variable):
        return ""
    try:
        values = np.asarray(evaluate(sequence, given))
    except Exception:
        return ""
    if values.shape == (MODEL_SIZES[1], len(x)):
        return (
            "scan iterates over the first axis of its sequence: pass _z, (L, n_emb), with one row per word, not its "
            "transpose."
        )
    if values.ndim == 1 and np.array_equal(values, x):
        return "scan iterates over the word ids, so a step gets a number: pass _z, the embeddings, as its sequence."
    if values.ndim and len(values) != len(x):
        long = f"which has length {len(values)}; the sentence has {len(x)} words"
        return f"scan iterates over the first axis of its sequence, {long}."
    return ""


def theano_forward(cls: Any, numpy_cls: type[NumpyRNN], pass_: Callable[..., Quantities], slips: list[Slip]) -> str:
    """Compare the symbolic forward pass of a Theano class with NumPy's."""
    import theano.tensor as T

    for x, _ in SENTENCES:
        model = model_of(cls)
        _x = T.ivector("x")
        given = {_x: x.astype("int32")}
        sequences: list[Any] = []
        try:
            with _scans_noted(sequences):
                _p = symbolic("What _forward returns", attempt(model._forward, _x))
            p = np.asarray(attempt(evaluate, _p, given))
            param = model_of(numpy_cls).param
            right = pass_(x, param)["p"]
            if p.shape == right.shape and p.shape != right.shape[::-1]:
                same = " The numbers are correct." if close(p, right, "float32") else ""
                found = f"_forward returns shape (n_tags, L) = {p.shape}, expected (L, n_tags)"
                raise Wrong(f"{found}, one row per step.{same}")
            if p.shape == (len(x), MODEL_SIZES[2]):
                raise Wrong(
                    "_forward returns shape (L, n_hidd): are these the hidden states? Return the probabilities."
                )
            p = as_numbers("What _forward returns", p, ("L", "n_tags"), right.T)
        except Wrong as error:
            if message := next(filter(None, (_wrong_sequence(s, given) for s in sequences)), ""):
                raise Wrong(error.what, message) from None
            raise
        compare_probabilities(x, p.T, param, pass_, slips, model.dtype)
    _states_and_gradients(cls, numpy_cls, pass_)
    return "for a sentence of 6 words and one of 1 word, also from another first state, and T.grad its gradients"


def _gradients_of(_cost: Any, param: list[Any]) -> Any:
    import theano

    with limit.timed(limit.MAX_THEANO_SECONDS):
        return theano.grad(_cost, param)


def _states_and_gradients(cls: Any, numpy_cls: type[NumpyRNN], pass_: Callable[..., Quantities]) -> None:
    """Raise Wrong unless a Theano class, whose p is correct, uses the states it is given and T.grad goes through it."""
    import theano.tensor as T

    x, gold = SENTENCES[0]
    model, reference = model_of(cls), model_of(numpy_cls)
    names = INITIAL_STATES["LSTM" if "_c0" in inspect.signature(cls._forward).parameters else "RNN"]
    starts = dict(zip(names, np.random.RandomState(8).uniform(-1, 1, (len(names), MODEL_SIZES[2])), strict=True))
    _x, _states = T.ivector("x"), {name: T.vector(name, dtype=model.dtype) for name in names}
    _p_of_states = attempt(functools.partial(model._forward, **_states), _x)
    _cost = -T.mean(T.log(model._forward(_x))[T.arange(len(x)), gold])
    given = {_x: x.astype("int32"), **{_states[name]: start.astype(model.dtype) for name, start in starts.items()}}
    p, *gradients = attempt(evaluate, [_p_of_states, *attempt(_gradients_of, _cost, list(model.param))], given)
    keywords = ("first",) if len(names) == 1 else ("h_0", "c_0")

    def right_p(*values: Any) -> np.ndarray:
        return pass_(x, reference.param, **dict(zip(keywords, values, strict=True)))["p"].T

    h, *c = starts.values()
    if not close(p, right_p(*starts.values()), model.dtype):
        variants = [(f"{names[0]} is not used: only without it, the first state is zeros.", right_p(0.0, *c))]
        if c:
            variants += [
                ("The states are swapped: outputs_info=[_h0, _c0], in the order in which the step returns them.",
                 right_p(*c, h)),
                ("_c0 is not used: only without it, the first cell is zeros.", right_p(h, 0.0)),
                ("_h0 and _c0 are not used: only without them, the first state is zeros.", right_p(0.0, 0.0)),
            ]  # fmt: skip
        kind = recognise(p, right_p(*starts.values()), variants, model.dtype)
        raise Wrong(f"p is correct, but not from another first state, {' and '.join(names)}.{kind}")
    right = dict(zip(model.shapes(model.sizes), reference.grads(x, gold), strict=True))
    try:
        compare_gradients([np.asarray(value) for value in gradients], right, len(x), None, model.dtype)
    except (Wrong, NotYet) as error:
        raise Wrong(f"p is correct, but T.grad through it is not. {error}") from None


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
    result = several(attempt(student, _p, _y, model.param), "a list of gradients, one for each parameter")
    given = {_x: x.astype("int32"), _y: gold.astype("int32")}
    names = list(model.shapes(model.sizes))
    if len(result) != len(names):
        raise Wrong(f"Expected {len(names)} gradients, of {', '.join(names)}; got {len(result)}.")
    variables = [symbolic(f"The gradient of {name}", value) for name, value in zip(names, result, strict=True)]
    values = attempt(evaluate, variables, given)
    right = dict(zip(names, reference.grads(x, gold), strict=True))
    if not any(map(np.any, values)):
        raise Wrong("All gradients are zeros: argmax and comparisons such as T.neq have no derivative. T.log has one.")
    check_order(values, right, model.dtype)
    picked, log = _p[T.arange(_y.shape[0]), _y], T.log(_p)
    costs = {
        "This is the logarithm of the mean; the cost is the mean of the logarithms.": -T.log(T.mean(picked)),
        "These are the largest probabilities; the cost has those of the gold tags.": -T.mean(T.max(log, axis=1)),
        "The sum is divided by the number of tags, not by the number of words.": -T.sum(T.log(picked)) / _p.shape[1],
        "The logarithm is missing: the cost is the mean of -log p of the gold tags.": -T.mean(picked),
        "The mean is over all tags; only the gold tag of each word counts.": -T.mean(log),
        "p[:, y] is a matrix: every word with every gold tag. Take one entry per word: p[T.arange(L), y].": -T.mean(
            log[:, _y]
        ),
        "p[y] is a matrix: rows of p picked by tag id. Take one entry per word: p[T.arange(L), y].": -T.mean(log[_y]),
    }
    wrong: dict[str, list[tuple[str, np.ndarray]]] = {}
    if not close(np.asarray(values[0]), right["W_e"], model.dtype):  # W_y recognises a cost without going back in scan
        of_W_y = evaluate([T.grad(cost, model.param.W_y) for cost in costs.values()], given)
        message = recognise(values[3], right["W_y"], zip(costs, of_W_y, strict=True), model.dtype)
        wrong["W_e"] = [(message.strip(), values[0])] if message else []
    compare_gradients([np.asarray(value) for value in values], right, len(x), wrong, model.dtype)
    return "All four equal NumpyRNN's gradients, without hand-written back-propagation."


def updates(student: Any) -> str:
    """Check gradient descent: a function of (cost, param, rate) that returns pairs (variable, its new value)."""
    import theano
    import theano.tensor as T

    rate, before, goal = 0.1, np.array([1.0, 2.0, 4.0]), np.array([0.0, 5.0, 1.0])
    param = [theano.shared(before.astype(theano.config.floatX), name=name) for name in ("W_x", "W_h")]
    cost = sum(T.sum((W - (n + 1) * goal) ** 2) for n, W in enumerate(param))
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
        gradient = 2 * (before - (n + 1) * goal)
        right = before - rate * gradient
        if close(got, right, "float32"):
            continue
        kinds = {
            "The gradient is added: subtract it.": before + rate * gradient,
            "The rate is missing.": before - gradient,
            "The gradient is divided by the rate: multiply by it.": before - gradient / rate,
            "The rate is there twice.": before - rate**2 * gradient,
            "The step is multiplied by W: the new value is W minus rate times gradient.": before
            * (1 - rate * gradient),
            "W and the gradient are swapped: the new value is W minus rate times gradient.": gradient - rate * before,
            "This is only the step: the new value is the old one minus rate times gradient.": -rate * gradient,
            "This is the gradient: the new value is the old one minus rate times gradient.": gradient,
            "The parameter does not change.": before,
        }
        kind = recognise(got, right, kinds.items(), "float32")
        raise Wrong(f"The new {W.name} is {vector(got)}, expected {vector(right)}.{kind}")
    for W in param:
        W.set_value(W.get_value() + 1)
    again = attempt(evaluate, [T.as_tensor_variable(new) for _, new in result], {})
    for n, (W, got) in enumerate(zip(param, again, strict=True)):
        if not close(got, before + 1 - rate * 2 * (before + 1 - (n + 1) * goal), "float32"):
            raise Wrong(
                f"The new {W.name} is correct for the first sentence only: it contains a number of this moment, not a "
                "variable. Use W itself and T.grad, without get_value() and eval()."
            )
    return "Each parameter moves one step against its gradient."
