"""Time one sentence in every model, and in its peers: `make benchmark-models`.

One table for each family, dtype and piece of work; in parentheses, how many times the fastest's time. All have the same
parameters, tanh in the recurrent layer and one thread. Nothing is timed before its result is that of the NumPy model.

A dense gradient of the embeddings takes a megabyte or two a sentence. With glibc that is memory used before, already
mapped, or fresh memory, several times slower, depending on what the process did earlier. By default these
benchmarks meet the first; `MALLOC_MMAP_THRESHOLD_=131072 make benchmark-models` shows the second.
"""

from types import SimpleNamespace

import numpy as np
import pytest
from textbook_rnn import TextbookRNN

from lxmls_rnn.deep_learning.rnn import MODELS, available, model_class
from lxmls_rnn.deep_learning.sgd import make_step
from lxmls_rnn.teaching.gradient_check import TOLERANCE, relative_difference

SIZES = (4786, 50, 20, 12)  # n_words, n_emb, n_hidd, n_tags: those of the school's lab guide
LENGTH = 10
RATE = 0.1
WITHOUT = ", no peepholes"

rng = np.random.RandomState(0)
x = rng.randint(0, SIZES[0], LENGTH).astype("int32")
y = rng.randint(0, SIZES[3], LENGTH).astype("int32")
x[-1] = x[0]  # as "the" comes twice in a sentence


def reference(family):
    """Give the NumPy model of a family in float64, with parameters under which no unit saturates."""
    model = model_class(f"Numpy{family}")(*SIZES, activation="tanh")
    rng = np.random.RandomState(1)
    values = {name: rng.uniform(-0.5, 0.5, W.shape) for name, W in model.get_values().items()}
    if "W_c" in values:
        values["W_c"][:] = 0  # PyTorch has no peepholes
    model.set_values(values)
    return model


def options_of(name):
    """Return what a model of this name is made with."""
    return {"peepholes": False} if name.endswith(WITHOUT) else {}


# Each function below returns what is timed - forward(), grads(), step() - and how to read the results in the terms of
# NumpyRNN: p_y(what forward gave), gradients(what grads gave), param().


def library(name, expected, dtype):
    model = model_class(name.removesuffix(WITHOUT))(*SIZES, activation="tanh", dtype=dtype, **options_of(name))
    model.set_values({W: value for W, value in expected.get_values().items() if W in model.shapes(model.sizes)})
    weights = np.full(LENGTH, 1 / LENGTH, dtype)
    sgd_step = make_step(model)
    return SimpleNamespace(
        forward=lambda: model.forward(x),
        grads=lambda: model.grads(x, y),
        step=lambda: sgd_step(x, y, weights, RATE),
        p_y=lambda p_y: p_y,
        gradients=lambda gradients: gradients,
        param=lambda: list(model.get_values().values()),
    )


def textbook(name, expected, dtype):
    model = TextbookRNN([W.astype(dtype) for W in expected.param])
    return SimpleNamespace(
        forward=lambda: model.forward(x),
        grads=lambda: model.grads(x, y),
        step=lambda: model.step(x, y, RATE),
        p_y=lambda zhp: np.transpose([zhp[2][t] for t in range(LENGTH)]),
        gradients=lambda cost_and_gradients: cost_and_gradients[1],
        param=lambda: [W.copy() for W in model.param],
    )


def pytorch(name, expected, dtype):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: `make setup WITH=torch` brings it")
    from torch_tagger import TorchTagger

    torch.set_num_threads(1)
    tagger = TorchTagger([W.astype(dtype) for W in expected.param], RATE, sparse=name.endswith("sparse"))
    x_, y_ = torch.tensor(x).long(), torch.tensor(y).long()

    def arrays(tensors):
        W_e, *others = (tensor.detach().numpy().copy() for tensor in tensors)
        return [W_e.T, *others]

    return SimpleNamespace(
        forward=lambda: tagger.probabilities(x_),
        grads=lambda: tagger.grads(x_, y_),
        step=lambda: tagger.step(x_, y_),
        p_y=lambda probabilities: probabilities.numpy().T,
        gradients=lambda cost: arrays(W.grad for W in tagger.parameters()),
        param=lambda: arrays(tagger.parameters()),
    )


def cases(*kinds):
    """Parametrise a benchmark over all implementations of both families, with these kinds of PyTorch's gradients."""
    models = {name: MODELS[name] for name in available()}
    found = [(model.family, name, library) for name, model in models.items() if True in model.peephole_options]
    found += [("LSTM", name + WITHOUT, library) for name, model in models.items() if model.family == "LSTM"]
    found.append(("RNN", "textbook NumPy", textbook))
    found += [(family, f"torch.nn.{family} {kind}", pytorch) for family in ("RNN", "LSTM") for kind in kinds]
    return pytest.mark.parametrize(
        ("family", "name", "implementation", "dtype"),
        [pytest.param(*case, dtype, id=f"{case[1]}, {dtype}") for dtype in ("float32", "float64") for case in found],
    )


def check(results, expected, dtype):
    """Compare results with the reference's; without peepholes there is none for W_c."""
    results = [np.asarray(result) for result in results]
    if len(results) == len(expected) - 1:
        expected = [*expected[:-2], expected[-1]]
    for result, right in zip(results, expected, strict=True):
        assert relative_difference(result, right)[0] <= TOLERANCE[dtype]


@cases("dense")
def test_forward(benchmark, family, name, implementation, dtype):
    expected = reference(family)
    model = implementation(name, expected, dtype)
    check([model.p_y(model.forward())], [expected.forward(x)], dtype)
    benchmark.group = f"{family}, {dtype}: forward"
    benchmark.extra_info.update(model=name, work="forward", dtype=dtype)
    benchmark(model.forward)


@cases("dense")
def test_grads(benchmark, family, name, implementation, dtype):
    expected = reference(family)
    model = implementation(name, expected, dtype)
    check(model.gradients(model.grads()), expected.grads(x, y), dtype)
    benchmark.group = f"{family}, {dtype}: grads"
    benchmark.extra_info.update(model=name, work="grads", dtype=dtype)
    benchmark(model.grads)


@cases("dense", "sparse")
def test_step(benchmark, family, name, implementation, dtype):
    expected = reference(family)
    model = implementation(name, expected, dtype)
    before = model.param()
    model.step()
    change = [(W - W_new) / RATE for W, W_new in zip(before, model.param(), strict=True)]
    check(change, expected.grads(x, y), dtype)
    benchmark.group = f"{family}, {dtype}: step"
    benchmark.extra_info.update(model=name, work="step", dtype=dtype)
    benchmark(model.step)
