"""Checks of models in Theano: evaluate variables, and compare a student's forward pass with NumPy's."""

import functools
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from lab.exercises.difference import as_numbers, close, compare_gradients, recognise
from lab.exercises.setting import MODEL_SIZES, SENTENCES, class_of, compare_probabilities, model_of, own_method, what
from lab.exercises.slips import Quantities, Slip
from lab.exercises.verdict import NotYet, Wrong, attempt
from lab.widgets import limit
from lxmls_rnn.deep_learning.numpy_rnn import NumpyRNN

INITIAL_STATES = {"RNN": ("_h0",), "LSTM": ("_h0", "_c0")}  # arguments of `_forward`: the states before the first step


def evaluate(variables: Any, given: dict[Any, Any]) -> Any:
    """Evaluate symbolic variables in Python; this saves the seconds of compiling C."""
    import theano

    mode = theano.compile.mode.Mode(linker="py", optimizer=None)
    options = {"mode": mode, "on_unused_input": "ignore", "allow_input_downcast": True}
    with limit.timed(limit.MAX_COMPILING_SECONDS):
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


def theano_class(student: Any, family: str) -> Any:
    """Return the class of a student's Theano model; raise NotYet or Wrong if it is not one."""
    from lxmls_rnn.deep_learning.rnn import library_class

    cls, base = class_of(student), library_class(family)  # even if check.use has replaced it
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


def theano_forward(cls: Any, numpy_cls: type[NumpyRNN], pass_: Callable[..., Quantities], slips: list[Slip]) -> str:
    """Compare the symbolic forward pass of a Theano class with NumPy's."""
    import theano.tensor as T

    for x, _ in SENTENCES:
        model = model_of(cls)
        _x = T.ivector("x")
        given = {_x: x.astype("int32")}
        _p = symbolic("What _forward returns", attempt(model._forward, _x))
        p = np.asarray(attempt(evaluate, _p, given))
        param = model_of(numpy_cls).param
        right = pass_(x, param)["p"]
        p = as_numbers("What _forward returns", p, ("L", "n_tags"), right.T)
        compare_probabilities(x, p.T, param, pass_, slips, model.dtype)
    _states_and_gradients(cls, numpy_cls, pass_)
    return "for a sentence of 6 words and one of 1 word, also from another first state, and T.grad its gradients"


def _gradients_of(_cost: Any, param: list[Any]) -> Any:
    import theano

    with limit.timed(limit.MAX_COMPILING_SECONDS):
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
        raise Wrong(f"p is correct, but not from another first state, {' and '.join(names)}.", kind or None)
    right = dict(zip(model.shapes(model.sizes), reference.grads(x, gold), strict=True))
    try:
        compare_gradients([np.asarray(value) for value in gradients], right, len(x), None, model.dtype)
    except Wrong as error:
        raise Wrong(f"p is correct, but T.grad through it is not. {error.what}", error.advice) from None
    except NotYet as error:
        raise Wrong(f"p is correct, but T.grad through it is not. {error}", None) from None
