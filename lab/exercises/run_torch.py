"""Run answers that use PyTorch: functions that make losses, updates or layers, and a method of the guide's class."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from lab.exercises.exercise import Exercise
from lab.exercises.inputs import Case
from lab.exercises.run import (
    CHANGED,
    Arrays,
    BadResult,
    Unfinished,
    array_of,
    changed_names,
    guide_model,
    named,
    parameters,
    what,
)
from lxmls_rnn.deep_learning.torch_rnn import own_settings


def _array(name: str, value: Any) -> Any:
    if not isinstance(value, torch.Tensor):
        advice = " torch.stack makes one of a list." if isinstance(value, (tuple, list)) else ""
        raise BadResult(f"{name} has the wrong type: expected a torch.Tensor, got {what(value)}.{advice}")
    return value


def _ids(ids: np.ndarray) -> Any:
    """Return words or tags as a tensor of int64, as the notebook's cells pass them: PyTorch's losses take no int32."""
    return torch.as_tensor(ids).long()


def loop(exercise: Exercise, answer: Any, inputs: Case) -> Arrays:
    """Return p of a function that loops over the words, and the gradients of the cost."""
    tensors = {name: torch.tensor(inputs[name], requires_grad=True) for name in parameters(inputs)}
    with own_settings():
        p = _array("p", named(exercise, answer(_ids(inputs["x"]), *tensors.values()))["p"])
        return _with_gradients({"p": p}, torch.log(p), inputs, tensors)


def _with_gradients(
    got: dict[str, Any], log_p: Any, inputs: Case, tensors: dict[str, Any], prefix: str = "d"
) -> Arrays:
    """Return arrays with the gradients of the cost of log p, (L, n_tags), added; zeros where autograd finds no path."""
    y, reached = inputs["y"], [None] * len(tensors)
    if log_p.requires_grad and log_p.ndim == 2 and len(log_p) == len(y):
        cost = -log_p[range(len(y)), torch.tensor(y)].mean()
        reached = torch.autograd.grad(cost, list(tensors.values()), allow_unused=True)
    for (name, W), gradient in zip(tensors.items(), reached, strict=True):
        got[f"{prefix}{name}"] = torch.zeros_like(W) if gradient is None else gradient
    return {name: value.detach().numpy() for name, value in got.items()}


def gradients(exercise: Exercise, answer: Any, inputs: Case) -> Arrays:
    """Return the gradients that a function computes with autograd."""
    names = parameters(inputs)
    weights = [inputs[name].copy() for name in names]
    with own_settings():
        result = answer(_ids(inputs["x"]), _ids(inputs["y"]), weights)
        tensors = {name: _array(name, value) for name, value in named(exercise, result).items()}
    changed = changed_names(names, weights, inputs)
    return {name: value.detach().numpy() for name, value in tensors.items()} | {CHANGED: changed}


def step(exercise: Exercise, answer: Any, inputs: Case) -> Arrays:
    """Return the costs of two updates on the same sentence, and the parameters after each of them."""
    param = {name: torch.tensor(inputs[name], requires_grad=True) for name in parameters(inputs)}
    optimizer = torch.optim.SGD(param.values(), lr=0.5)
    got: Arrays = {}
    with own_settings():
        for cost, new in (("cost", "new {}"), ("cost of the next step", "{} after the next step")):
            result = answer(_ids(inputs["x"]), _ids(inputs["y"]), list(param.values()), optimizer)
            value = named(exercise, result)["cost"]
            got[cost] = array_of("cost", value.detach() if isinstance(value, torch.Tensor) else value)
            got |= {new.format(name): W.detach().numpy().copy() for name, W in param.items()}
    has_graph = isinstance(value, torch.Tensor) and value.requires_grad
    return got | {"cost returned": np.array("a tensor with its graph" if has_graph else "a number")}


def layers(exercise: Exercise, answer: Any, inputs: Case) -> Arrays:
    """Return the weights of the layers embedding, RNN and output, their probabilities, and gradients of the cost."""
    W = {name: torch.tensor(inputs[name]) for name in parameters(inputs)}
    with own_settings(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # weights that are not copied are the same in each run
        layers = named(exercise, answer(*W.values()))
        if len(layers) < len(exercise.results):
            raise Unfinished("A layer is still None or `...`.")
        changed = changed_names(list(W), [value.numpy() for value in W.values()], inputs)
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
        p = torch.softmax(output(rnn(embedding(_ids(inputs["x"])))[0]), -1)
        learned = {name: value for name, value in holders.items() if value.requires_grad}
        return got | _with_gradients({"p": p}, torch.log(p), inputs, learned)


def method(exercise: Exercise, answer: Any, inputs: Case) -> Arrays:
    """Return log_p_y of `_log_forward`, called twice to detect kept state, and the gradients of its cost."""
    with own_settings(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # layers with weights of their own have the same in each run
        model, names = guide_model(exercise, answer, inputs), parameters(inputs)
        for W, name in zip(model.parameters, names, strict=True):  # in place: a layer may hold the same tensor
            W.data = torch.tensor(inputs[name], dtype=W.dtype)
        for _ in range(2):
            result = model._log_forward(inputs["x"].copy())
        if isinstance(result, tuple):
            raise BadResult(f"_log_forward returns log_p_y alone, a tensor (L, K); got {what(result)}.")
        log_p_y = _array("log_p_y", named(exercise, result)["log_p_y"])
        tensors = dict(zip(names, model.parameters, strict=True))
        return _with_gradients({"log_p_y": log_p_y}, log_p_y, inputs, tensors, "gradient_")
