"""Adapters that measure the library's taggers: NumPy on the CPU, the other frameworks on any device."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from lxmls_rnn.benchmark.measure.cases import Case
from lxmls_rnn.deep_learning.frameworks import NUMPY, THEANO, TORCH
from lxmls_rnn.deep_learning.models import build, model_class, name_of
from lxmls_rnn.deep_learning.numpy_batches import columns, flat
from lxmls_rnn.deep_learning.numpy_rnn import Backward, NumpyRNN

ACTIVATION = "tanh"
Computed = dict[str, np.ndarray]


class Inputs(NamedTuple):
    """Word ids, tag ids, and the words' weights in the loss: (L,) for one sentence, (B, L) for more."""

    x: np.ndarray
    y: np.ndarray
    weights: np.ndarray


def draw_values(case: Case) -> dict[str, np.ndarray]:
    """Draw parameters that saturate no unit; the same sizes always give the same parameters."""
    shapes = model_class(name_of(case.layer.upper(), "numpy")).shapes(case.sizes, case.model == "lstm")
    rng = np.random.RandomState(1)
    values = {name: rng.uniform(-1, 1, shape) / shape[1] ** 0.5 for name, shape in shapes.items()}
    values["W_e"] = np.asfortranarray(values["W_e"] * case.n_words**0.5)
    if "W_c" in values and not case.peepholes:
        values["W_c"][:] = 0
    return values


def draw_batch(case: Case, sentences: int, words: int) -> Inputs:
    """Draw `sentences` of `words` words each; each sentence has weight 1.

    The first word of a sentence is repeated at its end, as frequent words such as "the" are.
    """
    rng = np.random.RandomState(2)
    shape = (words,) if case.batch == 1 else (sentences, words)
    x = rng.randint(0, case.n_words, shape).astype("int32")
    x[..., -1] = x[..., 0]
    y = rng.randint(0, case.n_tags, shape).astype("int32")
    return Inputs(x, y, np.full(shape, 1 / words, case.dtype))


def build_model(case: Case, values: dict[str, np.ndarray]) -> Any:
    """Return the library's tagger for a case, with these parameters."""
    cls = model_class(name_of(case.layer.upper(), case.implementation))
    return build(cls, case.sizes, values, ACTIVATION, case.dtype)


def reference(case: Case, values: dict[str, np.ndarray], batch: Inputs, rate: float) -> Computed:
    """Compute the expected results of a case with the NumPy model in float64; for "copy" return the copied arrays."""
    if case.work == "copy":
        return copied(case, batch)
    model = build_model(replace(case, implementation="numpy", dtype="float64"), values)
    if case.work == "forward":
        return {"p_y": model.forward(batch.x)}
    back = model.backward(batch.x, batch.y, batch.weights.astype("float64"))
    if case.work == "backward":
        return numpys_results(model, back)
    W_e = values["W_e"].copy("K")
    np.subtract.at(W_e.T, flat(batch.x), rate * columns(back.e_z).T)
    return {"W_e": W_e, **{name: values[name] - rate * g for name, g in model.by_name(back.gradients).items()}}


def numpys_results(model: NumpyRNN, back: Backward) -> Computed:
    """Return the cost, e_z and the gradients of a NumPy model by name."""
    return {"cost": np.array(back.forward.loss), "e_z": back.e_z, **model.by_name(back.gradients)}


def copied(case: Case, batch: Inputs) -> Computed:
    """Return the arrays that the work "copy" copies: the inputs, and p_y, an array of the size of the probabilities."""
    return {**batch._asdict(), "p_y": np.full((case.n_tags, batch.x.size), 1 / case.n_tags, case.dtype)}


class NumpyContender:
    """Adapter of `NumpyRNN` and `NumpyLSTM` for one kind of work and given sizes; base class of the other adapters."""

    compile_s = 0.0  # seconds until the first result, if a worker has built it

    def __init__(self, case: Case, values: dict[str, np.ndarray]) -> None:
        self.case, self.values = case, values
        self.model = build_model(case, values)
        self.backward: Callable[..., Any] = self.model.backward
        self.step: Callable[..., Any] = self.model.make_step(batched=case.batch > 1)

    def bind(self, batch: Inputs, rate: float) -> Callable[[], Any]:
        """Return the call that is timed: copy the inputs to the device, do the work, wait for the results.

        The work "copy" copies the inputs to the device, and an array of the size of the probabilities back.
        """
        if self.case.work == "copy":
            arrays = copied(self.case, batch)
            p_y = self.to_device(arrays.pop("p_y"))
            return lambda: ([self.to_device(array) for array in arrays.values()], self.to_host(p_y))
        if self.case.work == "forward":
            return partial(self.model.forward, batch.x)
        return partial(self.backward, *batch) if self.case.work == "backward" else partial(self.step, *batch, rate)

    def to_device(self, array: np.ndarray) -> Any:
        """Copy an array to the device, wait until the copy has ended, and return the device's array."""
        raise NotImplementedError("the CPU needs no copies")

    def to_host(self, array: Any) -> np.ndarray:
        """Copy an array that `to_device` returned back to the host, and return it as NumPy's."""
        return np.asarray(array)

    def results(self, returned: Any) -> Computed:
        """Return what the last call computed: p_y, or cost, e_z and gradients, or the parameters after the step."""
        if self.case.work == "copy":
            inputs, p_y = returned
            return dict(zip(Inputs._fields, map(self.to_host, inputs), strict=True)) | {"p_y": p_y}
        if self.case.work == "forward":
            return {"p_y": returned}
        return self.of_backward(returned) if self.case.work == "backward" else self.model.get_values()

    def of_backward(self, returned: Any) -> Computed:
        """Return the results of `backward` by name, in the shapes of the NumPy models."""
        return numpys_results(self.model, returned)

    def reset(self) -> None:
        """Restore the initial parameters."""
        self.model.set_values({name: self.values[name] for name in self.model.shapes(self.model.sizes)})

    def device(self) -> str:
        """Return the device that the parameters really are on."""
        return "cpu"

    def device_memory(self) -> int | None:
        """Return the bytes in use on a GPU; None on the CPU, or if the device does not report it."""
        return None


class GraphContender(NumpyContender):
    """Base of the adapters of frameworks that differentiate; `backward` returns the loss, and the gradients by name."""

    def of_backward(self, returned: tuple[Any, dict[str, Any]]) -> Computed:
        loss, gradients = returned
        by_name = {name: self.to_host(gradient) for name, gradient in gradients.items()}
        return {"cost": np.asarray(loss), **by_name, "e_z": by_name["e_z"].T}  # from (L, [B,] n_emb)


class TheanoContender(GraphContender):
    """Adapter of the Theano models."""

    def __init__(self, case: Case, values: dict[str, np.ndarray]) -> None:
        import theano

        self.case, self.values = case, values
        self.context: Any = None  # libgpuarray's, of the GPU that Theano uses
        if theano.config.device != "cpu":
            from theano.gpuarray.type import get_context

            self.context = get_context(None)
        self.free_at_start = self._free()
        self.model = build_model(case, values)
        if case.work == "step":
            self.step = self._waiting(self.model.make_step(batched=case.batch > 1), self.model.param)
        elif case.work == "backward":
            self.backward = self._compile_backward()

    def _compile_backward(self) -> Callable[..., Any]:
        """Compile loss and gradients; the function leaves the gradients on the device, in shared variables."""
        import theano

        from lxmls_rnn.deep_learning.theano_rnn import symbolic_batch, trusting

        _batch = symbolic_batch(self.case.batch > 1, self.model.dtype)
        _loss, _, _gradients = self.model.loss_and_gradients(*_batch)
        self.gradients = {
            name: theano.shared(np.zeros((1,) * _g.ndim, self.model.dtype), borrow=True)
            for name, _g in _gradients.items()
        }
        written = list(self.gradients.values())
        return self._waiting(
            trusting(_batch, _loss, updates=list(zip(written, _gradients.values(), strict=True))), written
        )

    def _waiting(self, call: Callable[..., Any], written: list[Any]) -> Callable[..., Any]:
        """Return the call, on a GPU with a wait for the shared variables that it writes."""
        if self.context is None:
            return call

        def call_and_wait(*arguments: Any) -> Any:
            returned = call(*arguments)  # the loss is on the host, but the device may still compute the updates
            for variable in written:
                variable.get_value(borrow=True, return_internal_type=True).sync()
            return returned

        return call_and_wait

    def of_backward(self, returned: Any) -> Computed:
        return super().of_backward((returned, {name: shared.get_value() for name, shared in self.gradients.items()}))

    def device(self) -> str:
        import theano

        on_gpu = all(type(W).__name__.startswith("GpuArray") for W in self.model.param)
        return str(theano.config.device) if on_gpu else "cpu"

    def to_device(self, array: np.ndarray) -> Any:
        import pygpu

        there = pygpu.asarray(array, context=self.context)
        there.sync()
        return there

    def _free(self) -> int | None:
        return int(self.context.free_gmem) if self.context is not None else None

    def device_memory(self) -> int | None:
        free = self._free()
        if free is None or self.free_at_start is None:
            return None
        return max(0, self.free_at_start - free)  # includes blocks that the allocator caches


class TorchContender(GraphContender):
    """Adapter of the PyTorch models, in as many threads as PyTorch has."""

    def __init__(self, case: Case, values: dict[str, np.ndarray]) -> None:
        import torch

        from lxmls_rnn.deep_learning.torch_rnn import own_settings

        self.case, self.values = case, values
        self.model = model = build_model(case, without_absent(case, values))
        model.threads = torch.get_num_threads()
        self.on_cuda = model.device.type == "cuda"
        wait = (lambda: torch.cuda.synchronize(model.device)) if self.on_cuda else (lambda: None)
        made = model.make_step()

        def backward(*batch: np.ndarray) -> Any:
            with own_settings(model.threads):
                loss, _, gradients = model.loss_and_gradients(*model.tensors(*batch))
                wait()
            return loss.item(), gradients

        def step(*arguments: Any) -> None:
            made(*arguments)
            wait()

        self.backward, self.step = backward, step
        if self.on_cuda:
            torch.cuda.reset_peak_memory_stats(model.device)

    def to_device(self, array: np.ndarray) -> Any:
        there = self.model._tensor(array)
        if self.on_cuda:
            import torch

            torch.cuda.synchronize(self.model.device)
        return there

    def to_host(self, array: Any) -> np.ndarray:
        return array.cpu().numpy()

    def device(self) -> str:
        from lxmls_rnn.deep_learning.torch_rnn import device

        on = {W.device for W in self.model.param}
        return self.case.device if on == {device()} else ", ".join(map(str, on))

    def device_memory(self) -> int | None:
        import torch

        # the peak that PyTorch's allocator has handed out
        return torch.cuda.max_memory_allocated(self.model.device) if self.on_cuda else None


CLASSES = {NUMPY: NumpyContender, THEANO: TheanoContender, TORCH: TorchContender}


def without_absent(case: Case, values: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the parameters without W_c if the model of a case has no peepholes."""
    return {name: W for name, W in values.items() if case.peepholes or name != "W_c"}
