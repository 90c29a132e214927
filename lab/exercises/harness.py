"""Run an answer to an exercise on inputs and return named arrays, whatever the framework.

There is a harness for each kind of answer: a NumPy function, a Theano expression or class, a PyTorch function or
layers, a training loop, a method of a class in the interface of the guide of 2026. Inputs are named
arrays, numbers, texts and lists of these.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lxmls_rnn.deep_learning.frameworks import NUMPY, THEANO, TORCH, Framework

if TYPE_CHECKING:
    from lab.exercises.exercise import Exercise

Arrays = dict[str, np.ndarray]
Value = Any  # an array, a number, a text, None, or a list of these

CHANGED = "changed arguments"  # the array of names of arguments that the answer has changed in place
SCANS = "scans"  # the array that counts the scans in the graph of an answer


class BadResult(Exception):
    """The answer returns something that is not the results of the exercise; the message says what was expected."""


class Unfinished(Exception):
    """The answer is not filled in: it is None or `...`, or returns one of these."""


class Kind(NamedTuple):
    """A kind of exercise."""

    harness: Callable[[Exercise, Any, dict[str, Value]], Arrays]
    framework: Framework = NUMPY
    imports: str = "import numpy as np\n"  # of the notebook's cells before the exercise
    method: str = ""  # that is checked of a class; "" for a function


def run(exercise: Exercise, answer: Any, inputs: dict[str, Value]) -> Arrays:
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
    return exercise.kind.harness(exercise, answer, inputs)


# --- NumPy ------------------------------------------------------------------------------------------------------------


def _numpy(read: Callable[[str, Any], np.ndarray], exercise: Exercise, answer: Any, inputs: dict[str, Value]) -> Arrays:
    names = [name for name in exercise.arguments if name in inputs]
    before = [inputs[name] for name in names]
    given = _copy(before)
    got = {name: read(name, value) for name, value in _named(exercise, answer(*given)).items()}
    return got | {CHANGED: _changed(names, given, before)}


def _words(name: str, part: Any) -> np.ndarray:
    """Return the sentences of a part of a corpus that an answer returns, each as one text."""
    sentences = None
    if not isinstance(part, (str, dict)):
        with suppress(TypeError):
            sentences = list(part)
    if sentences is None or not all(isinstance(sentence, (list, tuple, np.ndarray)) for sentence in sentences):
        description = what(part) + (f" of {type(sentences[0]).__name__}" if sentences else "")
        raise BadResult(f"{name} should be a list of sentences, each a list of words; got {description}.")
    return np.array([" ".join(map(str, sentence)) for sentence in sentences], dtype=str)


def _finite_differences(exercise: Exercise, answer: Any, inputs: dict[str, Value]) -> Arrays:
    """Return the gradient of an answer, and how it had changed W whenever it called `cost()`.

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
    value = _named(exercise, answer(cost, W, *step))["gradient"]
    asked = np.array(offsets).reshape(-1, *before.shape)
    got = {
        "count of changed numbers of W at a call of cost()": np.count_nonzero(asked, axis=(1, 2)).max(initial=0),
        "asked above": (asked > 0).any(axis=0),
        "asked below": (asked < 0).any(axis=0),
        "W": W,
        "gradient": _array("gradient", value),
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


def _training_loop(exercise: Exercise, answer: Any, inputs: dict[str, Value]) -> Arrays:
    """Return the number of trained epochs, the epoch whose parameters the model has, and the result of the answer."""
    training = _Training(inputs["accuracies"])
    epochs = len(training.accuracies)
    result = answer(training, training.train_epoch, training.dev_accuracy, epochs, int(inputs["patience"]))
    best = _named(exercise, result)["best"]
    if not isinstance(best, (float, np.floating, int)):
        raise BadResult(f"Expected the best accuracy on dev, a number; got {what(best)}.")
    return {
        "epochs trained": np.array(training.epochs),
        "epochs from restored parameters": np.array(training.went_on),
        "epoch of the parameters": np.array(int(training.W[0])),
        "best": np.array(float(best)),
    }


# --- Theano -----------------------------------------------------------------------------------------------------------


def _interpret_scans(variables: Sequence[Any], mode: Any) -> None:
    """Let the scans of a graph compute their steps in Python: C would take seconds to compile.

    Theano's configuration is not changed: all threads share it.
    """
    import theano
    from theano.scan_module.scan_op import Scan

    for node in theano.gof.graph.io_toposort([], list(variables)):
        if isinstance(node.op, Scan):
            node.op.mode_instance = mode
            _interpret_scans(node.op.outputs, mode)


def _evaluate(variables: list[Any], given: dict[Any, Any]) -> list[np.ndarray]:
    """Evaluate symbolic variables without optimising their graph."""
    import theano

    mode = theano.compile.mode.Mode(linker="py", optimizer=None)
    _interpret_scans(variables, mode)
    options = {"mode": mode, "on_unused_input": "ignore", "allow_input_downcast": True}
    return [np.asarray(value) for value in theano.function(list(given), variables, **options)(*given.values())]


def _symbolic(name: str, value: Any) -> Any:
    import theano

    if type(value).__name__ == "OrderedUpdates":
        raise BadResult("These are the updates of scan's pair (results, updates): return the results.")
    if isinstance(value, (tuple, list)) and len(value) == 2 and type(value[1]).__name__ == "OrderedUpdates":
        raise BadResult("The function returns scan's pair (results, updates): return only the results.")
    if not isinstance(value, theano.gof.Variable):
        raise BadResult(f"{name} has the wrong type: expected a Theano variable, got {what(value)}.")
    return value


def _scans(variables: Sequence[Any]) -> np.ndarray:
    import theano
    from theano.scan_module.scan_op import Scan

    nodes = theano.gof.graph.io_toposort([], list(variables))
    return np.array(any(isinstance(node.op, Scan) for node in nodes))


def _symbol(name: str, value: Value) -> Any:
    import theano.tensor as T

    array = np.asarray(value)
    return T.TensorType(str(array.dtype), [False] * array.ndim)(name)


def _theano(exercise: Exercise, answer: Any, inputs: dict[str, Value]) -> Arrays:
    given = {_symbol(name, inputs[name]): inputs[name] for name in exercise.arguments}
    variables = {name: _symbolic(name, value) for name, value in _named(exercise, answer(*given)).items()}
    values = _evaluate(list(variables.values()), given)
    return dict(zip(variables, values, strict=True)) | {SCANS: _scans(list(variables.values()))}


def _theano_gradients(exercise: Exercise, answer: Any, inputs: dict[str, Value]) -> Arrays:
    """Return the gradients of an answer: its arguments are probabilities p, gold tags y and shared variables W_k.

    p, (L, n_tags), is the softmax of sum_k A_k W_k B_k.
    """
    import theano
    import theano.tensor as T

    param = [theano.shared(inputs[name], name=name) for name in _parameters(exercise, inputs)]
    scores = sum(T.dot(T.dot(a, W), b) for a, W, b in zip(inputs["A"], param, inputs["B"], strict=True))
    _y = T.ivector("y")
    result = answer(T.nnet.softmax(scores), _y, param)
    if getattr(result, "ndim", None) == 0:
        raise BadResult("This is one number, the cost: return a list of its gradients, T.grad(cost, W) for each W.")
    if isinstance(result, (tuple, list)) and len(result) == 1 and isinstance(result[0], list):
        raise BadResult("The list of gradients is in another list: T.grad(cost, param) returns a list already.")
    named = {name: _symbolic(name, value) for name, value in _named(exercise, result).items()}
    values = _evaluate(list(named.values()), {_y: inputs["y"]})
    return dict(zip(named, values, strict=True))


def _parameters(exercise: Exercise, inputs: dict[str, Value]) -> list[str]:
    """Return the names of the inputs that are parameters."""
    return [name for name in inputs if name.startswith("W_")]


def _theano_updates(exercise: Exercise, answer: Any, inputs: dict[str, Value]) -> Arrays:
    """Return the new values that the updates of an answer give each W, and those they give after W has changed.

    The cost is sum (W - goal)^2.
    """
    import theano
    import theano.tensor as T

    param = [theano.shared(inputs[name], name=name) for name in _parameters(exercise, inputs)]
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
    names = _parameters(exercise, inputs)
    changed = _changed(names, [W.get_value() for W in param], [inputs[name] for name in names])
    got = dict(zip((f"new {W.name}" for W in param), _evaluate(variables, {}), strict=True))
    for W in param:
        W.set_value(W.get_value() + np.asarray(1, W.dtype))
    got[CHANGED] = changed
    return got | dict(zip((f"new {W.name} later" for W in param), _evaluate(variables, {}), strict=True))


def _theano_model(exercise: Exercise, answer: Any, inputs: dict[str, Value]) -> Arrays:
    """Return p of a class's `_forward`, p for other initial states, and the gradients of the cost of the latter."""
    import theano
    import theano.tensor as T

    from lxmls_rnn.deep_learning.models import library_class

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
    names = _parameters(exercise, inputs)
    model.set_values({name: inputs[name] for name in names})
    _x, L = T.ivector("x"), len(inputs["x"])
    _p = _symbolic("What _forward returns", _named(exercise, model._forward(_x))["p"])
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


# --- PyTorch ----------------------------------------------------------------------------------------------------------


def _torch_array(name: str, value: Any) -> Any:
    import torch

    if not isinstance(value, torch.Tensor):
        advice = " torch.stack makes one of a list." if isinstance(value, (tuple, list)) else ""
        raise BadResult(f"{name} has the wrong type: expected a torch.Tensor, got {what(value)}.{advice}")
    return value


def _torch_ids(ids: np.ndarray) -> Any:
    """Return words or tags as a tensor of int64, as the notebook's cells pass them: PyTorch's losses take no int32."""
    import torch

    return torch.as_tensor(ids).long()


def _torch_loop(exercise: Exercise, answer: Any, inputs: dict[str, Value]) -> Arrays:
    import torch

    names = _parameters(exercise, inputs)
    tensors = [torch.tensor(inputs[name], requires_grad=True) for name in names]
    with _torch_settings():
        p = _torch_array("p", _named(exercise, answer(_torch_ids(inputs["x"]), *tensors))["p"])
        return _with_torch_gradients({"p": p}, torch.log(p), inputs, dict(zip(names, tensors, strict=True)))


def _with_torch_gradients(
    got: dict[str, Any], log_p: Any, inputs: dict[str, Value], tensors: dict[str, Any], prefix: str = "d"
) -> Arrays:
    """Return arrays with the gradients of the cost of log p, (L, n_tags), added; zeros where autograd finds no path."""
    import torch

    y = inputs["y"]
    if log_p.requires_grad and log_p.ndim == 2 and len(log_p) == len(y):
        cost = -log_p[range(len(y)), torch.tensor(y)].mean()
        reached = torch.autograd.grad(cost, list(tensors.values()), allow_unused=True)
        for (name, W), gradient in zip(tensors.items(), reached, strict=True):
            got[f"{prefix}{name}"] = torch.zeros_like(W) if gradient is None else gradient
    else:
        got |= {f"{prefix}{name}": torch.zeros_like(W) for name, W in tensors.items()}
    return {name: value.detach().numpy() for name, value in got.items()}


def _torch_settings() -> Any:
    from lxmls_rnn.deep_learning import torch_rnn

    return torch_rnn.own_settings()


def _torch_gradients(exercise: Exercise, answer: Any, inputs: dict[str, Value]) -> Arrays:
    names = _parameters(exercise, inputs)
    weights = [inputs[name].copy() for name in names]
    with _torch_settings():
        result = answer(_torch_ids(inputs["x"]), _torch_ids(inputs["y"]), weights)
        named = {name: _torch_array(name, value) for name, value in _named(exercise, result).items()}
    changed = _changed(names, weights, [inputs[name] for name in names])
    return {name: value.detach().numpy() for name, value in named.items()} | {CHANGED: changed}


def _torch_step(exercise: Exercise, answer: Any, inputs: dict[str, Value]) -> Arrays:
    """Return the costs of two updates on the same sentence, and the parameters after each of them."""
    import torch

    param = {name: torch.tensor(inputs[name], requires_grad=True) for name in _parameters(exercise, inputs)}
    optimizer = torch.optim.SGD(param.values(), lr=0.5)
    got: Arrays = {}
    with _torch_settings():
        for cost, new in (("cost", "new {}"), ("cost of the next step", "{} after the next step")):
            result = answer(_torch_ids(inputs["x"]), _torch_ids(inputs["y"]), list(param.values()), optimizer)
            value = _named(exercise, result)["cost"]
            got[cost] = _array("cost", value.detach() if isinstance(value, torch.Tensor) else value)
            got |= {new.format(name): W.detach().numpy().copy() for name, W in param.items()}
    has_graph = isinstance(value, torch.Tensor) and value.requires_grad
    return got | {"cost returned": np.array("a tensor with its graph" if has_graph else "a number")}


def _torch_layers(exercise: Exercise, answer: Any, inputs: dict[str, Value]) -> Arrays:
    """Return the weights of the layers embedding, RNN and output, their probabilities, and gradients of the cost."""
    import torch
    from torch import nn

    W = {name: torch.tensor(inputs[name]) for name in _parameters(exercise, inputs)}
    with _torch_settings(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # weights that are not copied are the same in each run
        layers = _named(exercise, answer(*W.values()))
        if len(layers) < len(exercise.results):
            raise Unfinished("A layer is still None or `...`.")
        changed = _changed(list(W), [value.numpy() for value in W.values()], [inputs[name] for name in W])
        for (name, layer), kind in zip(layers.items(), (nn.Embedding, nn.RNN, nn.Linear), strict=True):
            if not isinstance(layer, kind):
                order = f" Return {', '.join(layers)}."
                raise BadResult(f"{name} should be an nn.{kind.__name__}, got {what(layer)}.{order}")
        embedding, rnn, output = layers.values()
        holders = {
            "embedding.weight": embedding.weight,
            "layer.weight_ih_l0": rnn.weight_ih_l0,
            "layer.weight_hh_l0": rnn.weight_hh_l0,
            "output.weight": output.weight,
        }
        got = {name: value.detach().numpy() for name, value in holders.items()}
        frozen = [name for name, value in holders.items() if not value.requires_grad]
        got |= {"frozen": np.array(frozen, dtype=str), CHANGED: changed}
        right = {"embedding.weight": W["W_e"].T, "layer.weight_ih_l0": W["W_x"], "layer.weight_hh_l0": W["W_h"]}
        right["output.weight"] = W["W_y"]
        if any(got[name].shape != value.shape for name, value in right.items()):
            return got
        p = torch.softmax(output(rnn(embedding(_torch_ids(inputs["x"])))[0]), -1)
        learned = {name: value for name, value in holders.items() if value.requires_grad}
        return got | _with_torch_gradients({"p": p}, torch.log(p), inputs, learned)


# --- methods of the guide's classes ---------------------------------------------------------------------------------


def _is_own(cls: type, method: str) -> bool:
    """Return whether a class has a method that is not the library's."""
    return not str(getattr(getattr(cls, method, None), "__module__", "lxmls_rnn.")).startswith("lxmls_rnn.")


def _guide_model(exercise: Exercise, answer: Any, inputs: dict[str, Value]) -> Any:
    """Return a model of the student's class with the sizes of the inputs."""
    cls, method = answer if isinstance(answer, type) else type(answer), exercise.kind.method
    if not _is_own(cls, method):
        raise BadResult(f"Expected a class with a method `{method}` of its own, or an instance; got {cls.__name__}.")
    (n_words, n_emb), (n_tags, n_hidd) = inputs["W_e"].shape, inputs["W_y"].shape
    return cls(input_size=n_words, embedding_size=n_emb, hidden_size=n_hidd, output_size=n_tags, learning_rate=0.1)


def _numpy_method(exercise: Exercise, answer: Any, inputs: dict[str, Value]) -> Arrays:
    """Return the gradients of `backpropagation`, called twice to detect state that is kept between calls.

    A class without its own `log_forward` gets the correct result of `log_forward` from the inputs.
    """
    model, names = _guide_model(exercise, answer, inputs), _parameters(exercise, inputs)
    model.parameters = [inputs[name].copy() for name in names]
    if not _is_own(type(model), "log_forward"):
        model.log_forward = lambda input: (*_copy(inputs["log_forward"]), input)
    for _ in range(2):
        result = model.backpropagation(inputs["x"].copy(), inputs["y"].copy())
    got = {name: _array(name, value) for name, value in _named(exercise, result).items()}
    return got | {CHANGED: _changed(names, model.parameters, [inputs[name] for name in names])}


def _torch_method(exercise: Exercise, answer: Any, inputs: dict[str, Value]) -> Arrays:
    """Return log_p_y of `_log_forward`, called twice to detect kept state, and the gradients of its cost."""
    import torch

    with _torch_settings(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # layers with weights of their own have the same in each run
        model, names = _guide_model(exercise, answer, inputs), _parameters(exercise, inputs)
        for W, name in zip(model.parameters, names, strict=True):  # in place: a layer may hold the same tensor
            W.data = torch.tensor(inputs[name], dtype=W.dtype)
        for _ in range(2):
            result = model._log_forward(inputs["x"].copy())
        if isinstance(result, tuple):
            raise BadResult(f"_log_forward returns log_p_y alone, a tensor (L, K); got {what(result)}.")
        log_p_y = _torch_array("log_p_y", _named(exercise, result)["log_p_y"])
        tensors = dict(zip(names, model.parameters, strict=True))
        return _with_torch_gradients({"log_p_y": log_p_y}, log_p_y, inputs, tensors, "gradient_")


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


def _named(exercise: Exercise, result: Any) -> dict[str, Any]:
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


def _array(name: str, value: Any) -> np.ndarray:
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


def _copy(value: Value) -> Value:
    if isinstance(value, list):
        return [_copy(part) for part in value]
    return value.copy("K") if isinstance(value, np.ndarray) else value


def _changed(names: Sequence[str], now: Sequence[Value], before: Sequence[Value]) -> np.ndarray:
    """Return the names of the arguments that the answer has changed in place."""
    changed = [name for name, a, b in zip(names, now, before, strict=False) if not _same(a, b)]
    return np.array(changed, dtype=str)


def _same(a: Value, b: Value) -> bool:
    if isinstance(b, list):
        return isinstance(a, list) and len(a) == len(b) and all(map(_same, a, b))
    if isinstance(b, np.ndarray):
        return a.shape == b.shape and a.dtype == b.dtype and np.array_equal(a, b, equal_nan=b.dtype.kind == "f")
    return bool(a == b)


# --- kinds of exercises -----------------------------------------------------------------------------------------------

_WITH_THEANO = (
    THEANO,
    "import numpy as np\nimport theano\nimport theano.tensor as T\nfrom lxmls_rnn.deep_learning.rnn import LSTM, RNN\n",
)
_WITH_TORCH = TORCH, "import torch\nfrom torch import nn\n"
_OF_GUIDE = TORCH, "import torch\nfrom lxmls_rnn.deep_learning.pytorch_models.rnn import PytorchRNN\n"
KINDS = {
    "numpy": Kind(partial(_numpy, _array)),
    "words": Kind(partial(_numpy, _words)),
    "finite_differences": Kind(_finite_differences),
    "training_loop": Kind(_training_loop),
    "theano": Kind(_theano, *_WITH_THEANO),
    "theano_gradients": Kind(_theano_gradients, *_WITH_THEANO),
    "theano_updates": Kind(_theano_updates, *_WITH_THEANO),
    "theano_model": Kind(_theano_model, *_WITH_THEANO, "_forward"),
    "torch_loop": Kind(_torch_loop, *_WITH_TORCH),
    "torch_gradients": Kind(_torch_gradients, *_WITH_TORCH),
    "torch_step": Kind(_torch_step, *_WITH_TORCH),
    "torch_layers": Kind(_torch_layers, *_WITH_TORCH),
    "numpy_method": Kind(_numpy_method, method="backpropagation"),
    "torch_method": Kind(_torch_method, *_OF_GUIDE, "_log_forward"),
}
