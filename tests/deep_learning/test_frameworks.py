"""The models in PyTorch: the numbers of NumPy's; what is said where a framework or its GPU is missing."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from typer.testing import CliRunner

from lab import GradientCheckPanel
from lab.widgets.settings_choice import ModelChoice
from lxmls_rnn.cli import app
from lxmls_rnn.deep_learning import frameworks, models
from lxmls_rnn.deep_learning.training import EpochDone, Trainer
from lxmls_rnn.experiment import Settings
from lxmls_rnn.teaching.gradient_check import random_values

IMAGES_ADVICE = Path(__file__).parents[2] / "docker" / "advice.json"

OPTIONAL = [name for name, model in models.MODELS.items() if model.framework.group]
another = pytest.mark.nightly("the same as the first activation, with another or without peepholes")


def kinds(name):
    """Return parameters of all kinds of a model."""
    model = models.MODELS[name]
    option, values = ("peepholes", model.peephole_options) if "LSTM" in name else ("activation", model.activations)
    return [pytest.param(name, {option: value}, marks=another if n else ()) for n, value in enumerate(values)]


KINDS = pytest.mark.parametrize(("name", "options"), [kind for name in OPTIONAL for kind in kinds(name)])
SIZES = 12, 6, 5, 4
X, Y = np.array([3, 1, 4, 1, 5, 9, 2, 6, 5]), np.array([0, 1, 2, 3, 0, 1, 2, 3, 0])
TOLERANCE = {"float64": 1e-12, "float32": 1e-4}
BOTH_DTYPES = pytest.mark.parametrize("dtype", TOLERANCE)


def pair(name, options, dtype, seed=1):
    """Give the model and NumPy's in float64, with the same numbers."""
    model, expected = (
        models.model_class(name)(*SIZES, **options, dtype=dtype),
        models.numpy_class(name)(*SIZES, **options),
    )
    expected.set_values(random_values(expected, np.random.RandomState(seed)))
    model.set_values(expected.get_values())
    return model, expected


@KINDS
@BOTH_DTYPES
def test_both_passes_have_numpys_numbers(name, options, dtype):
    model, expected = pair(name, options, dtype)
    p_y, gradients = model.forward(X), model.grads(X, Y)
    assert {p_y.dtype.name, *(g.dtype.name for g in gradients)} == {dtype}
    assert np.abs(p_y - expected.forward(X)).max() <= TOLERANCE[dtype]
    for gradient, other in zip(gradients, expected.grads(X, Y), strict=True):
        assert np.abs(gradient - other).max() <= TOLERANCE[dtype] * np.abs(other).max()
    batch = np.array([X, X[::-1], 0 * X])
    assert np.abs(model.forward(batch) - expected.forward(batch)).max() <= TOLERANCE[dtype]


def corpus():
    rng = np.random.RandomState(0)
    lengths = rng.randint(1, 9, 10)
    return [SimpleNamespace(x=rng.randint(0, 12, n), y=rng.randint(0, 4, n)) for n in lengths]


other_settings = pytest.mark.nightly("the same as with clipping, without; test_both_passes has float32")


@pytest.mark.parametrize("name", OPTIONAL)
@pytest.mark.parametrize(
    ("dtype", "settings"),
    [
        pytest.param("float64", {}, marks=other_settings),
        ("float64", {"batch_size": 4, "clip": 0.1}),
        ("float64", {"clip": 0.1, "freeze_embeddings": True}),
        pytest.param("float32", {"batch_size": 4}, marks=other_settings),
    ],
)
def test_five_epochs_have_numpys_costs(name, dtype, settings):
    options = {"peepholes": models.MODELS[name].peephole_options[0]} if "LSTM" in name else {}
    classes, sentences = (models.model_class(name), models.numpy_class(name)), corpus()
    pair = [cls(*SIZES, seed=1, **options, dtype=kind) for cls, kind in zip(classes, (dtype, "float64"), strict=True)]
    drawn = pair[0].get_values()["W_e"]
    epochs = [
        [e for e in Trainer(epochs=5, **settings).fit(model, sentences, sentences) if isinstance(e, EpochDone)]
        for model in pair
    ]
    for event, expected in zip(*epochs, strict=True):
        assert event.cost == pytest.approx(expected.cost, rel=TOLERANCE[dtype])
        assert (event.train_accuracy, event.dev_accuracy) == (expected.train_accuracy, expected.dev_accuracy)
        if "clip" in settings:
            assert event.gradient_norm == pytest.approx(expected.gradient_norm, rel=TOLERANCE[dtype])
    values = [model.get_values() for model in pair]
    for W, value in values[1].items():
        assert np.abs(values[0][W] - value).max() <= TOLERANCE[dtype]
    assert (values[0]["W_e"] == drawn).all() == settings.get("freeze_embeddings", False)


@pytest.mark.parametrize("name", OPTIONAL)
def test_wrong_ids_and_numbers_are_refused_as_in_numpy(name):
    options = {"peepholes": False} if "LSTM" in name else {}
    model = models.model_class(name)(*SIZES, seed=0, **options)
    with pytest.raises(IndexError, match="word id 12 in x is outside the 12 words"):
        model.forward([1, 12])
    with pytest.raises(ValueError, match="x and y must have the same shape"):
        model.grads([1, 2], [0])
    with pytest.raises(ValueError, match="W_x holds NaN"):
        model.set_values({**model.get_values(), "W_x": np.full_like(model.get_values()["W_x"], np.nan)})
    before = model.get_values()
    before["W_x"][:] = 7  # a copy
    assert not (model.get_values()["W_x"] == 7).any()


@pytest.mark.parametrize("name", ["TorchRNN"])
def test_the_framework_keeps_its_settings_and_numpy_its_numbers(name):
    """In a process of its own: the import comes between two passes of NumPy's model."""
    code = f"""
import numpy as np
from lxmls_rnn.deep_learning import models, rnn
model = rnn.NumpyRNN(50, 60, 300, 40, seed=1, dtype="float32")
x = np.arange(40)
before = [model.forward(x), *model.grads(x, x)]
import torch
threads = torch.get_num_threads()
other = models.model_class("{name}")(12, 6, 5, 4)
other.grads([1, 2], [0, 1])
after = [model.forward(x), *model.grads(x, x)]
assert all((a == b).all() for a, b in zip(before, after))
assert torch.ones(1).dtype == torch.float32
assert torch.get_num_threads() == threads
assert other.get_values()["W_x"].dtype == "float64"
"""
    subprocess.run([sys.executable, "-c", code], check=True, env={"PATH": "", "OMP_NUM_THREADS": "2"})


def test_neither_the_table_nor_a_command_imports_a_framework():
    code = """
import sys
import lxmls_rnn.benchmark.measure.runner, lxmls_rnn.cli
from lxmls_rnn.deep_learning import models, rnn
print(rnn.NumpyRNN, models.available())
assert not {"theano", "torch"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.fixture
def without(monkeypatch):
    """Make an installed framework one that cannot be imported."""
    return lambda module: monkeypatch.setitem(sys.modules, module, None)


def test_a_framework_is_missing_where_it_cannot_be_imported():
    """Only there, or the tests that need it would be left out everywhere."""
    tried = subprocess.run([sys.executable, "-c", "import torch"], capture_output=True)
    assert bool(frameworks.TORCH.missing) == bool(tried.returncode)


@pytest.mark.parametrize("name", ["TorchLSTM", "FastTorchRNN"])
def test_a_missing_framework_is_named_with_what_brings_it(without, name):
    without("torch")
    assert name not in models.available()
    assert models.MODELS[name].label.endswith("needs `make setup WITH=torch`")
    with pytest.raises(RuntimeError, match=f"{name} is unavailable: .* not installed: `make setup WITH=torch`"):
        models.model_class(name)


def test_commands_and_panels_name_a_missing_framework_and_what_brings_it(without, tmp_path):
    without("torch")
    result = CliRunner().invoke(app, ["train", "sample", "--model", "TorchRNN", "--root", str(tmp_path)])
    assert "PyTorch is not installed: `make setup WITH=torch` installs it" in " ".join(result.output.split())
    assert not list(tmp_path.iterdir())  # no run was made
    result = CliRunner().invoke(app, ["check", "--all", "--length", "1", "--n-hidd", "1", "--model", "NumpyRNN"])
    assert "Left out" not in result.output  # it was not asked for
    boxes = GradientCheckPanel().choice["model"].boxes
    assert (boxes["TorchRNN"].disabled, boxes["NumpyRNN"].disabled) == (True, False)
    assert "`make setup WITH=torch`" in boxes["TorchRNN"].tooltip
    offered = GradientCheckPanel().choice["against"].options
    assert ("TorchRNN" in offered, "NumpyRNN" in offered) == (False, True)
    choice = ModelChoice()
    assert [label for label, name in choice["model"].options if name == "TorchLSTM"] == [
        "TorchLSTM (LSTM in PyTorch; needs `make setup WITH=torch`)"
    ]


def test_a_check_of_all_models_says_which_are_left_out(without, monkeypatch):
    without("torch")
    # without those of Theano, whose gradients take ten seconds to compile
    others = {name: model for name, model in models.MODELS.items() if model.framework is not frameworks.THEANO}
    monkeypatch.setattr(models, "MODELS", others)
    result = CliRunner().invoke(app, ["check", "--all", "--length", "1", "--n-hidd", "1"])
    assert "NumpyLSTM" in result.output
    assert "TorchRNN" not in result.output
    assert "Left out: PyTorch is not installed" in result.output


def test_a_model_without_peepholes_is_not_offered_them():
    choice = ModelChoice("LSTM")
    choice["model"].value = "FastTorchLSTM"
    assert (choice["peepholes"].disabled, choice.value_of("peepholes")) == (True, False)
    choice["model"].value = "TorchLSTM"
    assert (choice["peepholes"].disabled, choice.value_of("peepholes")) == (False, True)
    with pytest.raises(ValueError, match=r"FastTorchLSTM has no peepholes: .* --no-peepholes"):
        Settings("sample", model="FastTorchLSTM")


@pytest.mark.parametrize("name", ["TorchRNN"])
def test_the_device_is_read_from_an_array(name, monkeypatch):
    for asked in ("", "cpu", "auto"):
        monkeypatch.setenv("LXMLS_DEVICE", asked)
        assert models.device_of(name).endswith("computes on the CPU.")  # no GPU on the machines that run this
    monkeypatch.setenv("LXMLS_DEVICE", "cuda1")
    with pytest.raises(RuntimeError, match=r"cuda1 is unavailable: .* sees no GPUs"):
        models.model_class(name)(*SIZES)
