"""Adapters that measure the library's taggers: NumPy on the CPU, the other frameworks on any device."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from lxmls_rnn.benchmark.measure.cases import Case
from lxmls_rnn.deep_learning import model_file
from lxmls_rnn.deep_learning.frameworks import JAX, NUMPY, THEANO, TORCH
from lxmls_rnn.deep_learning.gpu_plans import local_floats
from lxmls_rnn.deep_learning.numpy_rnn import columns, flat
from lxmls_rnn.deep_learning.rnn import model_class, name_of
from lxmls_rnn.deep_learning.sgd import make_step

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
    cls = model_class(name_of(case.layer.upper(), case.backend))
    return model_file.build(cls, case.sizes, values, ACTIVATION, case.dtype)


def reference(case: Case, values: dict[str, np.ndarray], batch: Inputs, rate: float) -> Computed:
    """Compute the expected results of a case with the NumPy model in float64; of "copy", what comes back."""
    if case.work == "copy":
        return copied(case, batch)
    model = build_model(replace(case, implementation="numpy", dtype="float64"), values)
    if case.work == "forward":
        return {"p_y": model.forward(batch.x)}
    back = model.backward(batch.x, batch.y, batch.weights.astype("float64"))
    gradients = dict(zip(list(values)[1:], back.gradients, strict=True))
    if case.work == "backward":
        return {"cost": np.array(back.forward.loss), "e_z": back.e_z, **gradients}
    changed = {name: values[name] - rate * gradient for name, gradient in gradients.items()}
    W_e = values["W_e"].copy("K")
    np.subtract.at(W_e.T, flat(batch.x), rate * columns(back.e_z).T)
    return {"W_e": W_e, **changed}


def copied(case: Case, batch: Inputs) -> Computed:
    """Return the arrays of "copy": the inputs, and as much as the probabilities of all tags."""
    return {**batch._asdict(), "p_y": np.full((case.n_tags, batch.x.size), 1 / case.n_tags, case.dtype)}


class NumpyContender:
    """Adapter of `NumpyRNN` and `NumpyLSTM` for one kind of work and given sizes; base class of the other adapters."""

    def __init__(self, case: Case, values: dict[str, np.ndarray]) -> None:
        self.case, self.values = case, values
        self.model = build_model(case, values)
        self.step = make_step(self.model, batched=case.batch > 1)

    def bind(self, batch: Inputs, rate: float) -> Callable[[], Any]:
        """Return the call that is timed: copy the inputs to the device, do the work, wait for the results.

        That of "copy" only copies: the inputs to the device, and an array like the probabilities back.
        """
        x, y, weights = batch
        if self.case.work == "copy":
            arrays = copied(self.case, batch)
            p_y = self.to_device(arrays.pop("p_y"))
            return lambda: ([self.to_device(array) for array in arrays.values()], self.to_host(p_y))
        if self.case.work == "forward":
            return lambda: self.model.forward(x)
        if self.case.work == "backward":
            return lambda: self.model.backward(x, y, weights)
        return lambda: self.step(x, y, weights, rate)

    def to_device(self, array: np.ndarray) -> Any:
        """Copy an array to the device and return it there; not before the copy has ended."""
        raise NotImplementedError("the CPU needs no copies")

    def to_host(self, array: Any) -> np.ndarray:
        """Return the array of `to_device` on the host."""
        return np.asarray(array)

    def results(self, returned: Any) -> Computed:
        """Return what the last call computed: p_y, or cost, e_z and gradients, or the parameters after the step."""
        if self.case.work == "copy":
            there, p_y = returned
            return dict(zip(Inputs._fields, map(self.to_host, there), strict=True)) | {"p_y": p_y}
        if self.case.work == "forward":
            return {"p_y": returned}
        if self.case.work == "backward":
            gradients = dict(zip(list(self.values)[1:], returned.gradients, strict=True))
            return {"cost": np.array(returned.forward.loss), "e_z": returned.e_z, **gradients}
        return self.model.get_values()

    def reset(self) -> None:
        """Restore the initial parameters."""
        self.model.set_values(self.values)

    def device(self) -> str:
        """Return the device that the parameters really are on."""
        return "cpu"

    def device_memory(self) -> int | None:
        """Return the bytes in use on a GPU; None on the CPU, or if the device does not report it."""
        return None


class TheanoContender(NumpyContender):
    """Adapter of the Theano models; `FastRNN` and `FastLSTM` can be forced to one GPU plan for all sizes."""

    def __init__(self, case: Case, values: dict[str, np.ndarray]) -> None:
        import theano

        self.case, self.values = case, values
        self.context: Any = None  # libgpuarray's, of the GPU that Theano uses
        if theano.config.device != "cpu":
            from theano.gpuarray.type import get_context

            self.context = get_context(None)
            check_plan(case, self.context.lmemsize)
        self.free_at_start = self._free()
        self.model = build_model(case, values)
        if case.work == "step":
            self.step = make_step(self.model, batched=case.batch > 1)
        elif case.work == "backward":
            self.function, self.gradients = self._compile_backward()

    def _compile_backward(self) -> tuple[Any, dict[str, Any]]:
        """Compile loss and gradients; the function leaves the gradients on the device, in shared variables."""
        import theano
        import theano.tensor as T

        from lxmls_rnn.deep_learning.ops.cpu.softmax_cost import SoftmaxCost
        from lxmls_rnn.deep_learning.theano_rnn import on_host

        model, batched = self.model, self.case.batch > 1
        _x, _y = (T.imatrix(), T.imatrix()) if batched else (T.ivector(), T.ivector())
        _weights = (T.matrix if batched else T.vector)(dtype=model.dtype)
        _z = model._embed(_x)
        _scores = model._scores(_z).reshape((-1, model.sizes.n_tags))
        _loss = SoftmaxCost()(_scores, _y.T.flatten(), _weights.T.flatten())[0]
        names = ["e_z", *list(self.values)[1:]]
        gradients = {
            name: theano.shared(np.zeros((1,) * _g.ndim, model.dtype), borrow=True)
            for name, _g in zip(names, [_z, *model.param[1:]], strict=True)
        }
        updates = zip(gradients.values(), theano.grad(_loss, [_z, *model.param[1:]]), strict=True)
        function = theano.function([*map(on_host, (_x, _y, _weights))], _loss, updates=list(updates))
        function.trust_input = True  # as in the Trainer's step
        return function, gradients

    def bind(self, batch: Inputs, rate: float) -> Callable[[], Any]:
        x, y, weights = batch
        if self.case.work in ("forward", "copy"):
            return super().bind(batch, rate)  # the result is on the host, so the device has finished
        if self.case.work == "backward":
            written = list(self.gradients.values())
            call = lambda: self.function(x, y, weights)  # noqa: E731
        else:
            written = self.model.param
            call = lambda: self.step(x, y, weights, rate)  # noqa: E731
        if self.context is None:
            return call

        def call_and_wait() -> Any:
            returned = call()  # the loss is on the host, but the device may still compute the updates
            for variable in written:
                variable.get_value(borrow=True, return_internal_type=True).sync()
            return returned

        return call_and_wait

    def results(self, returned: Any) -> Computed:
        if self.case.work == "backward":
            values = {name: variable.get_value() for name, variable in self.gradients.items()}
            # from (L, n_emb) or (L, B, n_emb) to the shape of the NumPy models, (n_emb, [B,] L)
            values["e_z"] = values["e_z"].T
            return {"cost": np.asarray(returned), **values}
        return super().results(returned)

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


class JaxContender(NumpyContender):
    """Adapter of `JaxRNN` and `JaxLSTM`, compiled for the length of the sentences, without padding."""

    def __init__(self, case: Case, values: dict[str, np.ndarray]) -> None:
        super().__init__(case, without_absent(case, values))
        self.model.is_padded = False
        if case.work == "backward":
            self.function = self._compile_backward()

    def _compile_backward(self) -> Any:
        """Return the function of loss and gradients w.r.t. the embeddings in use and the matrices."""
        import jax

        from lxmls_rnn.deep_learning.jax_rnn import cross_entropy, jit

        def loss(z: Any, others: Any, *gold: Any) -> Any:
            return cross_entropy(self.model._scores(others, z), *gold)

        def backward(arrays: Any, x: Any, *gold: Any) -> Any:
            W_e, *others = arrays
            return jax.value_and_grad(loss, (0, 1))(self.model._embed(W_e, x), others, *gold)

        return jit(backward)

    def bind(self, batch: Inputs, rate: float) -> Callable[[], Any]:
        import jax

        def backward() -> Any:
            with self.model.settings():
                loss, gradients = jax.block_until_ready(self.function(self.model.arrays, *batch))
            return float(loss), gradients

        def step() -> None:
            self.step(*batch, rate)
            jax.block_until_ready(self.model.arrays)

        own = {"backward": backward, "step": step}
        return own.get(self.case.work) or super().bind(batch, rate)

    def to_device(self, array: np.ndarray) -> Any:
        import jax

        from lxmls_rnn.deep_learning.jax_rnn import device

        with self.model.settings():
            return jax.block_until_ready(jax.device_put(array, device()))

    def results(self, returned: Any) -> Computed:
        if self.case.work != "backward":
            return super().results(returned)
        loss, (e_z, gradients) = returned
        return named_gradients(self.values, loss, e_z, gradients)

    def device(self) -> str:
        from lxmls_rnn.deep_learning.jax_rnn import device

        on = {place for W in self.model.arrays for place in W.devices()}
        return self.case.device if on == {device()} else ", ".join(map(str, on))

    def device_memory(self) -> int | None:
        (place,) = self.model.arrays[0].devices()
        statistics = place.memory_stats() if self.case.device != "cpu" else None
        return statistics["peak_bytes_in_use"] if statistics else None


class TorchContender(NumpyContender):
    """Adapter of the PyTorch models, in as many threads as PyTorch has."""

    def __init__(self, case: Case, values: dict[str, np.ndarray]) -> None:
        import torch

        self.case, self.values = case, without_absent(case, values)
        self.model = build_model(case, self.values)
        self.model.threads = torch.get_num_threads()
        self.step = make_step(self.model, batched=case.batch > 1)
        self.on_cuda = self.model.device.type == "cuda"
        if self.on_cuda:
            torch.cuda.reset_peak_memory_stats(self.model.device)

    def bind(self, batch: Inputs, rate: float) -> Callable[[], Any]:
        import torch

        from lxmls_rnn.deep_learning.torch_rnn import cross_entropy, own_settings

        model = self.model
        wait = (lambda: torch.cuda.synchronize(model.device)) if self.on_cuda else (lambda: None)
        x, *gold = batch

        def backward() -> Any:
            with own_settings(model.threads):
                z = model._embed(model._tensor(x)).detach().requires_grad_()
                loss = cross_entropy(model._scores(z), *map(model._tensor, gold))
                gradients = torch.autograd.grad(loss, [z, *model.param[1:]])
                wait()
            return loss.item(), gradients

        def step() -> None:
            self.step(*batch, rate)
            wait()

        own = {"backward": backward, "step": step}
        return own.get(self.case.work) or super().bind(batch, rate)

    def to_device(self, array: np.ndarray) -> Any:
        there = self.model._tensor(array)
        if self.on_cuda:
            import torch

            torch.cuda.synchronize(self.model.device)
        return there

    def to_host(self, array: Any) -> np.ndarray:
        return array.cpu().numpy()

    def results(self, returned: Any) -> Computed:
        if self.case.work != "backward":
            return super().results(returned)
        loss, gradients = returned
        e_z, *others = (gradient.cpu() for gradient in gradients)
        return named_gradients(self.values, loss, e_z, others)

    def device(self) -> str:
        from lxmls_rnn.deep_learning.torch_rnn import device

        on = {W.device for W in self.model.param}
        return self.case.device if on == {device()} else ", ".join(map(str, on))

    def device_memory(self) -> int | None:
        import torch

        # the peak that PyTorch's allocator has handed out
        return torch.cuda.max_memory_allocated(self.model.device) if self.on_cuda else None


CLASSES = {NUMPY: NumpyContender, THEANO: TheanoContender, JAX: JaxContender, TORCH: TorchContender}


def without_absent(case: Case, values: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the parameters without W_c if the model of a case has no peepholes."""
    return {name: W for name, W in values.items() if case.peepholes or name != "W_c"}


def named_gradients(values: dict[str, np.ndarray], loss: float, e_z: Any, gradients: Any) -> Computed:
    """Return the results of a backward pass by name; e_z (L, [B,] n_emb) is turned to the shape of the NumPy models."""
    named = dict(zip(list(values)[1:], map(np.asarray, gradients), strict=True))
    return {"cost": np.asarray(loss), "e_z": np.asarray(e_z).T, **named}


def check_plan(case: Case, local_memory: int) -> None:
    """Raise NotImplementedError if the device's local memory, in bytes, is too small for the plan one-kernel."""
    needed = 4 * max(local_floats(case.layer, case.n_hidd))
    if case.implementation == "one-kernel" and needed > local_memory:
        raise NotImplementedError(f"one kernel needs {needed} bytes of local memory, the device has {local_memory}")
