"""Checks of exercise 6.5, the RNN in PyTorch and JAX: each returns a text, or raises an exception of `verdict`.

The network has tanh, which PyTorch's `nn.RNN` knows, and no logistic function.
"""

import functools
import importlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from scipy.special import expit, softmax

from lab.exercises.difference import as_numbers, close, compare_gradients
from lab.exercises.setting import SENTENCES, compare_probabilities, model_of, several, what
from lab.exercises.slips import RNN_SLIPS, Quantities, Slip, rnn_errors, rnn_forward
from lab.exercises.verdict import NotYet, Unavailable, Wrong, attempt, explain
from lab.widgets import limit
from lxmls_rnn.deep_learning.frameworks import JAX, TORCH, Framework

tanh_forward = functools.partial(rnn_forward, f=np.tanh)
TANH_SLIPS: list[Slip] = [
    ("W_h h_{t-1} is missing, or h_{t-1} is always h_0: assign h_t in the loop (in JAX: the step's first result).",
     {"recurrent": lambda W, h, t: 0.0}),
    ("tanh is applied to W_h h_{t-1} only: h_t = tanh(W_x z_t + W_h h_{t-1}).",
     {"recurrent": lambda W, h, t: np.tanh(W @ h[:, t]), "f": lambda a: a}),
    *[(message, mistake) for message, mistake in RNN_SLIPS if "f" not in mistake],
    ("The activation is missing: h_t = tanh(a_t).", {"f": lambda a: a}),
    ("The activation is the logistic function; expected tanh.", {"f": expit}),
    ("The activation is relu; expected tanh.", {"f": lambda a: np.maximum(a, 0)}),
    ("The activation is applied twice.", {"f": lambda a: np.tanh(np.tanh(a))}),
    ("The steps run backwards, from the last word to the first.",
     {"words": lambda x: x[::-1], "output": lambda y: (np.exp(y) / np.exp(y).sum(0))[:, ::-1]}),
]  # fmt: skip
# mistakes in the cost, as its error of the scores, and in the way back through the steps
COST_SLIPS: list[Slip] = [
    ("The mean is over all tags; only the gold tag of each word counts.",
     {"output": lambda p, k, L: (p - 1 / len(p)) / L}),
    ("p[:, y] is a matrix: every word with every gold tag. Take one entry per word: p[range(len(y)), y].",
     {"output": lambda p, k, L: (p - k.mean(1, keepdims=True)) / L}),
    ("The sum is divided by the number of tags, not by the number of words.",
     {"output": lambda p, k, L: (p - k) / len(p)}),
    ("cross_entropy takes scores, before the softmax; of probabilities, take -log(p).mean().",
     {"output": lambda p, k, L: _through_softmax(p, (softmax(p, axis=0) - k) / L)}),
    ("The mean is over the words and the tags: sum over the tags, the mean is over the words.",
     {"output": lambda p, k, L: (p - k) / L / len(p)}),
    ("The gradient stops at each step: leave out .detach() in the loop.", {"later": lambda *_: 0.0}),
]  # fmt: skip
NO_PATH = "Leave out .detach(), .data, .numpy(), .item(), torch.tensor(...) and torch.no_grad() on the way from W to p."


def _through_softmax(p: np.ndarray, e_p: np.ndarray) -> np.ndarray:
    """Return the error of the scores from that of the probabilities."""
    e_y: np.ndarray = p * (e_p - (p * e_p).sum(0))
    return e_y


def _import(framework: Framework) -> Any:
    """Import a framework, with the module of this package that computes as the checks do."""
    if framework.missing:
        raise Unavailable(f"{framework.missing}.")
    importlib.import_module(framework.module)
    return importlib.import_module(f"lxmls_rnn.deep_learning.{framework.module}_rnn")


def tanh_gradients(x: np.ndarray, gold: np.ndarray, param: Sequence[np.ndarray], **mistake: Any) -> Quantities:
    """Return the gradient of each parameter; `mistake` is one of `rnn_errors`."""
    z, _, h, _, p = tanh_forward(x, param).values()
    W_e, W_x, W_h, W_y = param
    errors = rnn_errors(gold, h, p, W_h, W_y, slope=lambda h, t: 1 - h[:, t + 1] ** 2, **mistake)
    e_y, e_a = errors["e_y"], errors["e_a"]
    of_W_e = np.zeros_like(W_e)
    np.add.at(of_W_e.T, x, (W_x.T @ e_a).T)
    return {"W_e": of_W_e, "W_x": e_a @ z.T, "W_h": e_a @ h[:, :-1].T, "W_y": e_y @ h[:, 1:].T}


def _attempt_compiling(function: Any, *arguments: Any) -> Any:
    return attempt(function, *arguments, seconds=limit.MAX_COMPILING_SECONDS)


def _array(name: str, result: Any, kind: Any) -> Any:
    """Return `result`; raise Wrong unless it is an array of the framework in float64."""
    if not isinstance(result, kind):
        expected = f"expected {kind.__module__}.{kind.__name__}, got {what(result)}"
        advice = "torch.stack and jnp.stack make one of a list." if isinstance(result, (tuple, list)) else ""
        raise Wrong(f"{name} has the wrong type: {expected}.", advice)
    if str(result.dtype).endswith("float32"):
        raise Wrong(f"{name} is float32, the weights are float64: does something on the way have its own dtype?")
    return result


def _probabilities(x: np.ndarray, result: Any, param: Sequence[np.ndarray]) -> None:
    """Raise Wrong at the first step where p (L, n_tags) is not the network's."""
    right = tanh_forward(x, param)["p"].T
    got = as_numbers("p", np.asarray(result), ("L", "n_tags"), right)
    compare_probabilities(x, got.T, param, tanh_forward, TANH_SLIPS, "float64")


def _gradients(x: np.ndarray, gold: np.ndarray, result: Iterable[Any], param: Sequence[np.ndarray]) -> None:
    """Raise Wrong at the first gradient that differs from back-propagation by hand."""
    right = tanh_gradients(x, gold, param)
    got = [np.asarray(value) for value in result]
    if not any(map(np.any, got)):
        raise Wrong("All gradients are zeros: the cost does not depend on its parameters. Compute p inside of cost.")
    slips = [(message, tanh_gradients(x, gold, param, **mistake)) for message, mistake in COST_SLIPS]
    slips += [("This is the parameter itself: return its gradient.", dict(zip(right, param, strict=True)))]
    if [value.shape for value in got] == [W.shape for W in param] and (message := _cost_mistake(x, gold, param, got)):
        slips += [(message, dict(zip(right, got, strict=True)))]
    wrong = {name: [(message, gradients[name]) for message, gradients in slips] for name in right}
    compare_gradients(got, right, len(x), wrong)


def _implied_errors(x: np.ndarray, param: Sequence[np.ndarray], got: list[np.ndarray]) -> np.ndarray | None:
    """Return the errors of the scores (n_tags, L) that lead to these gradients, which are linear in them, if any do."""
    shape = len(param[-1]), len(x)
    units = np.eye(shape[0] * shape[1]).reshape(-1, *shape)
    of_units = [tanh_gradients(x, x * 0, param, output=lambda *_, unit=unit: unit).values() for unit in units]
    matrix = np.array([np.concatenate([*map(np.ravel, one)]) for one in of_units]).T
    flat = np.concatenate([*map(np.ravel, got)])
    errors: np.ndarray = np.linalg.lstsq(matrix, flat, rcond=None)[0]
    return errors.reshape(shape) if close(matrix @ errors, flat) else None


def _cost_mistake(x: np.ndarray, gold: np.ndarray, param: Sequence[np.ndarray], got: list[np.ndarray]) -> str:
    """Return what is wrong with the cost that gradients belong to, or an empty string.

    A weighted sum of -log p of one tag for each word has the errors weight * (p - onehot).
    """
    if (errors := _implied_errors(x, param, got)) is None:
        return ""
    p, n_tags, L = tanh_forward(x, param)["p"], len(param[-1]), len(x)
    weights, tags = np.zeros(L), gold.copy()
    for t in np.flatnonzero(np.abs(errors).max(0) > 1e-9):
        of_tags = p[:, t] - np.eye(n_tags)
        factors = of_tags @ errors[:, t] / (of_tags**2).sum(1)
        fits = [tag for tag in range(n_tags) if close(factors[tag] * of_tags[tag], errors[:, t])]
        if not fits:
            return "The way back is right, but the cost is another one than the mean of -log p of the gold tags."
        tags[t], weights[t] = fits[0], factors[fits[0]]
    if (others := np.flatnonzero(tags != gold)).size:
        if (tags == p.argmax(0)).all():
            return "These are the largest probabilities; the cost has those of the gold tags."
        t = others[0]
        return f"The tag of another word, or a wrong one: y[{t}] is {gold[t]}, but the cost has p[{t}, {tags[t]}]."
    missing = np.flatnonzero(weights == 0)
    if missing.size == L:
        return "All gradients are zeros: they are those of a constant, such as a sum of probabilities, not of the cost."
    if missing.size:
        return f"The cost lacks the words {', '.join(map(str, missing))} (of 0 to {L - 1}): it is the mean over all."
    if close(weights, p[gold, range(L)] / L):
        return "The logarithm is missing: the cost is the mean of -log p of the gold tags."
    if close(weights, p[gold, range(L)] / p[gold, range(L)].sum()):
        return "This is the logarithm of the mean; the cost is the mean of the logarithms."
    return "" if close(weights, 0 * weights + weights[0]) else "The words have different weights: each counts 1 / L."


def _torch_gradients(x: np.ndarray, gold: np.ndarray, p: Any, tensors: list[Any], param: Sequence[np.ndarray]) -> None:
    """Raise Wrong unless autograd finds the right gradients through p (L, n_tags), which is right itself."""
    import torch

    reached = [None] * len(tensors)
    if p.requires_grad:
        try:
            cost = -torch.log(p[range(len(x)), gold]).mean()
            reached = torch.autograd.grad(cost, tensors, allow_unused=True)
        except RuntimeError as error:
            raise explain(error) from None
    names = ("W_e", "W_x", "W_h", "W_y")
    if missing := [name for name, value in zip(names, reached, strict=True) if value is None]:
        raise Wrong(f"p is correct, but autograd finds no way back from it to {', '.join(missing)}.", NO_PATH)
    _gradients(x, gold, reached, param)


def torch_loop(student: Any) -> str:
    """Check a forward pass in PyTorch: a function of (x, W_e, W_x, W_h, W_y) that returns p (L, n_tags)."""
    module = _import(TORCH)
    import torch

    param = model_of().param
    for x, gold in SENTENCES:
        tensors = [torch.tensor(W, requires_grad=True) for W in param]
        with module.own_settings():
            p = _array("p", attempt(student, torch.tensor(x), *tensors), torch.Tensor)
            _probabilities(x, p.detach(), param)
            _torch_gradients(x, gold, p, tensors, param)
    return "p equals NumPy's in every step, and autograd goes back through the loop to all four matrices."


def torch_gradients(student: Any) -> str:
    """Check gradients by autograd: a function of (x, y, weights as NumPy arrays) that returns one for each weight."""
    module = _import(TORCH)
    import torch

    param = model_of().param
    for x, gold in SENTENCES:
        weights = [W.copy("K") for W in param]
        with module.own_settings():
            result = attempt(student, torch.tensor(x), torch.tensor(gold), weights)
        result = several(result, "four gradients, of W_e, W_x, W_h, W_y", 4)
        _gradients(x, gold, [_array("A gradient", value, torch.Tensor).detach() for value in result], param)
    return "All four equal back-propagation by hand."


def torch_layer(student: Any) -> str:
    """Check PyTorch's own layers: a function of (W_e, W_x, W_h, W_y) that returns (embedding, layer, output)."""
    module = _import(TORCH)
    import torch
    from torch import nn

    param = model_of().param
    given = [torch.tensor(W) for W in param]
    parts = several(attempt(student, *given), "embedding, layer, output", 3)
    for part, kind in zip(parts, (nn.Embedding, nn.RNN, nn.Linear), strict=True):
        if not isinstance(part, kind):
            raise Wrong(f"Expected an nn.{kind.__name__}, got {what(part)}. Return embedding, layer, output.")
    embedding, layer, output = parts
    if layer.num_layers > 1 or layer.bidirectional:
        raise Wrong("Our network has one layer in one direction: leave out num_layers and bidirectional.")
    if embedding.padding_idx is not None:
        raise Wrong("A word with padding_idx does not learn: leave out padding_idx.")
    W_e, W_x, W_h, W_y = given
    right = {"embedding.weight": W_e.T, "layer.weight_ih_l0": W_x, "layer.weight_hh_l0": W_h, "output.weight": W_y}
    holders = (embedding.weight, layer.weight_ih_l0, layer.weight_hh_l0, output.weight)
    got = {name: _array(name, W, torch.Tensor) for name, W in zip(right, holders, strict=True)}
    names = dict(zip(right, ("W_e transposed", "W_x", "W_h", "W_y"), strict=True))
    fine = [name for name, W in got.items() if _same(W, right[name])]
    if not fine:
        raise NotYet("Copy the numbers into the layers, weight.copy_(W): none is there yet.")
    for name, W in got.items():
        if name not in fine:
            kind = "It is transposed." if _same(W, right[name].T) else "Copy that into it, with copy_."
            raise Wrong(f"Correct: {', '.join(fine)}. {name} is not {names[name]}.", kind)
    if layer.bias or output.bias is not None:
        raise Wrong("The weights are correct, but there are random biases too: our network has none, bias=False.")
    if frozen := [name for name, W in got.items() if not W.requires_grad]:
        raise Wrong(f"The weights are correct, but {frozen[0]} does not require gradients, so it could not learn.")
    for x, gold in SENTENCES:
        with module.own_settings():
            h = attempt(layer, embedding(torch.tensor(x)))[0]
            p = torch.softmax(output(h), -1)
            _probabilities(x, p.detach(), param)
            cost = -torch.log(p[range(len(x)), gold]).mean()
            first, *others = torch.autograd.grad(cost, list(got.values()))
            _gradients(x, gold, [first.T, *others], param)
    return "Embedding, nn.RNN and nn.Linear give NumPy's probabilities in every step, and autograd its gradients."


def _same(a: Any, b: Any) -> bool:
    return a.shape == b.shape and close(a.detach().numpy(), b.numpy())


def jax_scan(student: Any) -> str:
    """Check a forward pass in JAX: a function of (x, W_e, W_x, W_h, W_y) that returns p (L, n_tags)."""
    module = _import(JAX)
    import jax
    import jax.numpy as jnp

    param = model_of().param
    for x, gold in SENTENCES:
        with module.own_settings():
            given = [jnp.array(array) for array in (x, *param)]
            p = _array("p", _attempt_compiling(student, *given), jax.Array)
            if p.shape == param[3].shape[:1]:
                raise Wrong(
                    "p has one row only: lax.scan returns (the last state, what all steps collected), in this order."
                )
            _probabilities(x, p, param)
            if "scan[" not in str(jax.make_jaxpr(student)(*given)):
                raise Wrong(
                    "p is correct, but there is no scan: use lax.scan in this exercise.",
                    "jit would unroll a loop in Python: a long program, and another one for each length.",
                )
            if len(x) == 1:
                continue  # its compilation would take another second
            words, *weights = given

            def cost(weights: list[Any]) -> Any:
                return -jnp.log(student(words, *weights)[jnp.arange(len(gold)), gold]).mean()  # noqa: B023

            try:
                _gradients(x, gold, _attempt_compiling(jax.grad(cost), weights), param)
            except Wrong as error:
                raise Wrong(f"p is correct, but jax.grad through it is not. {error.what}", error.advice) from None
            except NotYet as error:
                raise Wrong(f"p is correct, but jax.grad through it is not. {error}", None) from None
    return "p equals NumPy's in every step, by lax.scan."


def jax_gradients(student: Any) -> str:
    """Check jax.grad: a function of (x, y, param) that returns the gradient of each parameter."""
    module = _import(JAX)
    import jax
    import jax.numpy as jnp

    param = model_of().param
    for x, gold in SENTENCES:
        with module.own_settings():
            result = _attempt_compiling(student, jnp.array(x), jnp.array(gold), [jnp.array(W) for W in param])
            if callable(result):
                raise Wrong("This is a function: jax.grad(cost) computes the gradient when it is called, with param.")
            if isinstance(result, jax.Array):
                raise Wrong("This is one array: jax.grad follows the first argument, so let cost take the whole list.")
            result = several(result, "four gradients, of W_e, W_x, W_h, W_y", 4)
            _gradients(x, gold, [_array("A gradient", value, jax.Array) for value in result], param)
    return "All four equal back-propagation by hand."
