"""Run an answer to an exercise on inputs and return named arrays, whatever the framework.

Here are the functions that do it for NumPy; those of `run_theano.py` and `run_torch.py` are found by name, so that a
check imports only the framework of its exercise. Inputs are named arrays, numbers, texts and lists of these.
"""

from __future__ import annotations

import copy
import inspect
import pkgutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from lab.exercises.exercise import Exercise
from lab.exercises.inputs import Case

Arrays = dict[str, np.ndarray]

CHANGED = "changed arguments"  # the array of names of arguments that the answer has changed in place
SCANS = "scans"  # the array that counts the scans in the graph of an answer


class BadResult(Exception):
    """The answer returns something that is not the results of the exercise; the message says what was expected."""


class Unfinished(Exception):
    """The answer is not filled in: it is None or `...`, or returns one of these."""


def run(exercise: Exercise, answer: Any, inputs: Case) -> Arrays:
    """Return the named arrays that an answer computes from the inputs.

    Raises
    ------
    Unfinished, BadResult
        The answer returns nothing, or something other than the results of the exercise.
    Exception
        An exception of the answer itself.
    """
    if answer is None or answer is ...:
        raise Unfinished("There is no code yet.")
    if not callable(answer) and not exercise.kind.method:
        raise BadResult(f"Expected a function, got {type(answer).__name__}.")
    function = pkgutil.resolve_name(f"lab.exercises.{exercise.kind.function}")
    return function(exercise, answer, inputs)


# --- values -----------------------------------------------------------------------------------------------------------


def what(value: object) -> str:
    """Describe an unexpected value."""
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}"
    if callable(value):
        return f"the function or method {getattr(value, '__name__', '')} itself: () calls it"
    if inspect.isgenerator(value):
        return "a generator: [...] makes a list of it"
    return f"{len(value)} values" if isinstance(value, (tuple, list)) else type(value).__name__


def named(exercise: Exercise, result: Any) -> dict[str, Any]:
    """Return the results of an answer by name; parts that are None or `...` are left out."""
    if result is None or result is ...:
        raise Unfinished("The function returns None or `...`.")
    if isinstance(result, (tuple, list)) and result and all(part is None or part is ... for part in result):
        raise Unfinished("All parts of the result are still None or `...`.")
    names = exercise.results
    if len(names) == 1:
        return {names[0]: result}
    if not isinstance(result, (tuple, list)) or len(result) != len(names):
        raise BadResult(f"Expected {len(names)} results, {', '.join(names)}; got {what(result)}.")
    return {name: part for name, part in zip(names, result, strict=True) if part is not None and part is not ...}


def array_of(name: str, value: Any) -> np.ndarray:
    """Return a result as an array of numbers, its dtype unchanged."""
    array = np.asarray(None)
    with suppress(Exception):
        array = np.asarray(value)
    if array.dtype.kind not in "iufb":
        symbolic = " It is a Theano variable; this exercise uses NumPy." if "theano" in type(value).__module__ else ""
        is_ragged = isinstance(value, (tuple, list)) or (isinstance(value, np.ndarray) and value.dtype == object)
        description = "rows of different lengths" if is_ragged else what(value)
        description = f"numbers of dtype {array.dtype}" if array.dtype.kind == "c" else description
        raise BadResult(f"{name} should be an array of numbers, got {description}.{symbolic}")
    return array


def changed_names(names: Sequence[str], values: Sequence[Any], inputs: Case) -> np.ndarray:
    """Return the names of the inputs that the answer has changed in place; `values` are the copies that it got."""
    return np.array([name for name, value in zip(names, values, strict=False) if not _same(value, inputs[name])], str)


def _same(a: Any, b: Any) -> bool:
    if isinstance(b, list):
        return isinstance(a, list) and len(a) == len(b) and all(map(_same, a, b))
    if isinstance(b, np.ndarray):
        return a.shape == b.shape and a.dtype == b.dtype and np.array_equal(a, b, equal_nan=b.dtype.kind == "f")
    return bool(a == b)


def parameters(inputs: Case) -> list[str]:
    """Return the names of the inputs that are parameters."""
    return [name for name in inputs if name.startswith("W_")]


# --- NumPy ------------------------------------------------------------------------------------------------------------


def arrays(exercise: Exercise, answer: Any, inputs: Case, read: Callable[[str, Any], np.ndarray] = array_of) -> Arrays:
    """Return the results of a NumPy function by name; `read(name, result)` makes an array of each."""
    names = [name for name in exercise.arguments if name in inputs]
    given = [copy.deepcopy(inputs[name]) for name in names]
    got = {name: read(name, value) for name, value in named(exercise, answer(*given)).items()}
    return got | {CHANGED: changed_names(names, given, inputs)}


def words(exercise: Exercise, answer: Any, inputs: Case) -> Arrays:
    """Return the parts of a corpus that a function returns, each sentence as one text."""
    return arrays(exercise, answer, inputs, _sentences)


def _sentences(name: str, part: Any) -> np.ndarray:
    """Return one part of a corpus as texts, one for each sentence; BadResult if it is no list of sentences."""
    sentences = None
    if not isinstance(part, (str, dict)):
        with suppress(TypeError):
            sentences = list(part)
    if sentences is None or not all(isinstance(sentence, (list, tuple, np.ndarray)) for sentence in sentences):
        description = what(part) + (f" of {type(sentences[0]).__name__}" if sentences else "")
        raise BadResult(f"{name} should be a list of sentences, each a list of words; got {description}.")
    return np.array([" ".join(map(str, sentence)) for sentence in sentences], dtype=str)


def finite_differences(exercise: Exercise, answer: Any, inputs: Case) -> Arrays:
    """Return the gradient that a function finds by calls of `cost()`, and how W was changed at these calls.

    The cost is log sum_k exp <A_k, W>.
    """
    A, before = inputs["A"], inputs["W"]
    W = before.copy()
    offsets: list[np.ndarray] = []

    def cost() -> float:
        difference = W - before
        offsets.append(np.where(np.abs(difference) > 1e-12, difference, 0.0))
        scores = (A * W).sum(axis=(1, 2))
        return float(np.log(np.exp(scores).sum()))

    step = [inputs["step"]] if "step" in inputs else []
    value = named(exercise, answer(cost, W, *step))["gradient"]
    asked = np.array(offsets).reshape(-1, *before.shape)
    got = {
        "count of changed numbers of W at a call of cost()": np.count_nonzero(asked, axis=(1, 2)).max(initial=0),
        "asked above": (asked > 0).any(axis=0),
        "asked below": (asked < 0).any(axis=0),
        "W": W,
        "gradient": array_of("gradient", value),
    }
    if step:
        got["smallest step"] = np.abs(asked[asked != 0]).min(initial=np.inf)
    return {name: np.asarray(value) for name, value in got.items()}


class _Training:
    """A model with given accuracies; its one parameter is the number of epochs of training."""

    def __init__(self, accuracies: Sequence[float]) -> None:
        self.accuracies, self.W, self.epochs = list(accuracies), np.zeros(1), 0
        self.went_on = 0  # epochs that began with restored parameters

    def train_epoch(self) -> None:
        if self.epochs == len(self.accuracies):
            raise BadResult(f"A call of train_epoch() too many: `epochs` is {self.epochs}, and each call trains one.")
        self.went_on += int(self.W[0] != self.epochs)
        self.epochs += 1
        self.W[0] += 1

    def dev_accuracy(self) -> float:
        if not self.epochs:
            raise BadResult("dev_accuracy() is called before the first train_epoch().")
        return float(self.accuracies[self.epochs - 1])

    def get_values(self) -> dict[str, np.ndarray]:
        return {"W": self.W.copy()}

    def set_values(self, values: dict[str, np.ndarray]) -> None:
        self.W[:] = values["W"]


def training_loop(exercise: Exercise, answer: Any, inputs: Case) -> Arrays:
    """Return the number of trained epochs, the epoch whose parameters the model has, and the result of the answer."""
    training = _Training(inputs["accuracies"])
    epochs = len(training.accuracies)
    result = answer(training, training.train_epoch, training.dev_accuracy, epochs, int(inputs["patience"]))
    best = named(exercise, result)["best"]
    if not isinstance(best, (float, np.floating, int)):
        raise BadResult(f"Expected the best accuracy on dev, a number; got {what(best)}.")
    return {
        "epochs trained": np.array(training.epochs),
        "epochs from restored parameters": np.array(training.went_on),
        "epoch of the parameters": np.array(int(training.W[0])),
        "best": np.array(float(best)),
    }


def _is_own(cls: type, method: str) -> bool:
    """Return whether a class has a method that is not the library's."""
    return not str(getattr(getattr(cls, method, None), "__module__", "lxmls_rnn.")).startswith("lxmls_rnn.")


def guide_model(exercise: Exercise, answer: Any, inputs: Case) -> Any:
    """Return a model of the student's class with the sizes of the inputs."""
    cls, method = answer if isinstance(answer, type) else type(answer), exercise.kind.method
    if not _is_own(cls, method):
        raise BadResult(f"Expected a class with a method `{method}` of its own, or an instance; got {cls.__name__}.")
    (n_words, n_emb), (n_tags, n_hidd) = inputs["W_e"].shape, inputs["W_y"].shape
    return cls(input_size=n_words, embedding_size=n_emb, hidden_size=n_hidd, output_size=n_tags, learning_rate=0.1)


def method(exercise: Exercise, answer: Any, inputs: Case) -> Arrays:
    """Return the gradients of `backpropagation`, called twice to detect state that is kept between calls.

    A class without its own `log_forward` gets the correct result of `log_forward` from the inputs.
    """
    model, names = guide_model(exercise, answer, inputs), parameters(inputs)
    model.parameters = [inputs[name].copy() for name in names]
    if not _is_own(type(model), "log_forward"):
        model.log_forward = lambda input: (*copy.deepcopy(inputs["log_forward"]), input)
    for _ in range(2):
        result = model.backpropagation(inputs["x"].copy(), inputs["y"].copy())
    got = {name: array_of(name, value) for name, value in named(exercise, result).items()}
    return got | {CHANGED: changed_names(names, model.parameters, inputs)}
