"""Run answers that use Theano: functions that make expressions, gradients or updates, and models."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np
import theano
import theano.tensor as T
from theano.scan_module.scan_op import Scan

from lab.exercises.exercise import Exercise
from lab.exercises.inputs import Case
from lab.exercises.run import CHANGED, SCANS, Arrays, BadResult, Unfinished, changed_names, named, parameters, what
from lxmls_rnn.deep_learning.models import library_class


def _interpret_scans(variables: Sequence[Any], mode: Any) -> None:
    """Let the scans of a graph compute their steps in Python: C would take seconds to compile.

    Theano's configuration is not changed: all threads share it.
    """
    for node in theano.gof.graph.io_toposort([], list(variables)):
        if isinstance(node.op, Scan):
            node.op.mode_instance = mode
            _interpret_scans(node.op.outputs, mode)


def _evaluate(variables: list[Any], given: dict[Any, Any]) -> list[np.ndarray]:
    """Evaluate symbolic variables without optimising their graph."""
    mode = theano.compile.mode.Mode(linker="py", optimizer=None)
    _interpret_scans(variables, mode)
    options = {"mode": mode, "on_unused_input": "ignore", "allow_input_downcast": True}
    return [np.asarray(value) for value in theano.function(list(given), variables, **options)(*given.values())]


def _symbolic(name: str, value: Any) -> Any:
    if type(value).__name__ == "OrderedUpdates":
        raise BadResult("These are the updates of scan's pair (results, updates): return the results.")
    if isinstance(value, (tuple, list)) and len(value) == 2 and type(value[1]).__name__ == "OrderedUpdates":
        raise BadResult("The function returns scan's pair (results, updates): return only the results.")
    if not isinstance(value, theano.gof.Variable):
        raise BadResult(f"{name} has the wrong type: expected a Theano variable, got {what(value)}.")
    return value


def _scans(variables: Sequence[Any]) -> np.ndarray:
    nodes = theano.gof.graph.io_toposort([], list(variables))
    return np.array(any(isinstance(node.op, Scan) for node in nodes))


def _symbol(name: str, value: Any) -> Any:
    array = np.asarray(value)
    return T.TensorType(str(array.dtype), [False] * array.ndim)(name)


def expressions(exercise: Exercise, answer: Any, inputs: Case) -> Arrays:
    """Return the values of the expressions that a function makes of symbols, and whether their graph has a scan."""
    given = {_symbol(name, inputs[name]): inputs[name] for name in exercise.arguments}
    variables = {name: _symbolic(name, value) for name, value in named(exercise, answer(*given)).items()}
    values = _evaluate(list(variables.values()), given)
    return dict(zip(variables, values, strict=True)) | {SCANS: _scans(list(variables.values()))}


def gradients(exercise: Exercise, answer: Any, inputs: Case) -> Arrays:
    """Return the gradients that a function makes for probabilities p, gold tags y and a list of shared variables W_k.

    p, (L, n_tags), is the softmax of sum_k A_k W_k B_k.
    """
    param = [theano.shared(inputs[name], name=name) for name in parameters(inputs)]
    scores = sum(T.dot(T.dot(a, W), b) for a, W, b in zip(inputs["A"], param, inputs["B"], strict=True))
    _y = T.ivector("y")
    result = answer(T.nnet.softmax(scores), _y, param)
    if getattr(result, "ndim", None) == 0:
        raise BadResult("This is one number, the cost: return a list of its gradients, T.grad(cost, W) for each W.")
    if isinstance(result, (tuple, list)) and len(result) == 1 and isinstance(result[0], list):
        raise BadResult("The list of gradients is in another list: T.grad(cost, param) returns a list already.")
    variables = {name: _symbolic(name, value) for name, value in named(exercise, result).items()}
    values = _evaluate(list(variables.values()), {_y: inputs["y"]})
    return dict(zip(variables, values, strict=True))


def updates(exercise: Exercise, answer: Any, inputs: Case) -> Arrays:
    """Return the new value of each W by a function's updates, first and after all W have changed.

    The cost is sum (W - goal)^2.
    """
    param = [theano.shared(inputs[name], name=name) for name in parameters(inputs)]
    cost = sum(T.sum((W - goal) ** 2) for W, goal in zip(param, inputs["goals"], strict=True))
    pairs = answer(cost, param, inputs["rate"])
    if pairs is None or pairs is ...:
        raise Unfinished("The function returns None or `...`.")
    pairs = list(pairs.items()) if isinstance(pairs, dict) else pairs
    if not isinstance(pairs, (tuple, list)) or not all(isinstance(p, (tuple, list)) and len(p) == 2 for p in pairs):
        raise BadResult("Expected a list of pairs: (shared variable, its new value).")
    if any(part is ... or part is None for pair in pairs for part in pair):
        raise Unfinished("A part of the result is still None or `...`.")
    if not all(any(variable is W for W in param) for variable, _ in pairs):
        swapped = all(any(new is W for W in param) for _, new in pairs)
        advice = " The pairs are swapped." if swapped else ""
        raise BadResult(f"The first element of each pair must be a parameter: (W, its new value).{advice}")
    news = {variable: new for variable, new in pairs}
    if len(news) < len(pairs):
        raise BadResult("A parameter occurs twice: expected one pair for each.")
    if missing := [W.name for W in param if W not in news]:
        raise BadResult(f"Expected a pair for each of the {len(param)} parameters; {missing[0]} has none.")
    variables = [T.as_tensor_variable(news[W]) for W in param]
    changed = changed_names(parameters(inputs), [W.get_value() for W in param], inputs)
    got = dict(zip((f"new {W.name}" for W in param), _evaluate(variables, {}), strict=True))
    for W in param:
        W.set_value(W.get_value() + np.asarray(1, W.dtype))
    got[CHANGED] = changed
    return got | dict(zip((f"new {W.name} later" for W in param), _evaluate(variables, {}), strict=True))


def model(exercise: Exercise, answer: Any, inputs: Case) -> Arrays:
    """Return p of a class's `_forward`, the gradients of the cost of this p, and p for other initial states."""
    family = "LSTM" if "W_c" in inputs else "RNN"
    cls: Any = answer if inspect.isclass(answer) else type(answer)
    if not issubclass(cls, library_class(family)):
        raise BadResult(f"Expected a subclass of {family}, or an instance of one; got {cls.__name__}.")
    if str(getattr(cls._forward, "__module__", "")).startswith("lxmls_rnn."):
        other = " Rename its `forward` to `_forward`." if "forward" in vars(cls) else ""
        raise BadResult(f"{cls.__name__} has no method `_forward` of its own: the library's would do the work.{other}")
    states = ["_h0", "_c0"] if family == "LSTM" else ["_h0"]
    taken = list(inspect.signature(cls._forward).parameters)
    if not set(states) <= set(taken):
        taken = taken[2:]  # after self and _x, in order, under other names
        if len(taken) < len(states):
            name = states[len(taken)]
            raise BadResult(
                f"_forward has no argument `{name}`, the state before the first step: keep the given first line."
            )
    arguments = states if set(states) <= set(taken) else taken
    W_e, W_y = inputs["W_e"], inputs["W_y"]
    model = cls(W_e.shape[1], W_e.shape[0], inputs["W_h"].shape[1], W_y.shape[0])
    names = parameters(inputs)
    model.set_values({name: inputs[name] for name in names})
    _x, L = T.ivector("x"), len(inputs["x"])
    _p = _symbolic("What _forward returns", named(exercise, model._forward(_x))["p"])
    given = {_x: inputs["x"].astype("int32")}
    (p,) = _evaluate([_p], given)
    got = {"p": p, SCANS: _scans([_p])}
    if p.shape != (L, len(W_y)) or not inputs.get("through", True):
        return got
    symbols = {name: T.vector(name, dtype=model.dtype) for name in states}
    others = {symbols[name]: inputs[name].astype(model.dtype) for name in states}
    first = dict(zip(arguments, symbols.values(), strict=False))
    _from = _symbolic("What _forward returns", model._forward(_x, **first))
    cost = -T.mean(T.log(_p)[T.arange(L), inputs["y"]])
    reached = theano.grad(cost, list(model.param), disconnected_inputs="ignore")
    values = _evaluate([_from, *reached], given | others)
    return got | dict(zip(["p from other first states", *(f"d{name}" for name in names)], values, strict=True))
