"""The models of the table: their commands, their place in the step-through panel, batches."""

import numpy as np
import pytest
from cli.command import SHORT
from typer.testing import CliRunner

from lab import StepThroughPanel
from lxmls_rnn.cli import app
from lxmls_rnn.deep_learning.rnn import MODELS, model_class, name_of

compiles = pytest.mark.daily("compiles, half a minute from an empty cache; tests/deep_learning has quick ones")
slow_scan = pytest.mark.nightly("the same as FastLSTM, with scan; test_training and test_gradient_check compile scan")
own_layer = pytest.mark.nightly("the same as TorchRNN, with nn.LSTM")
MARKS = {"fused": compiles, "scan": slow_scan, "torch-fused": own_layer}
# one of each framework and its layers; the others of a family differ in their numbers alone
NAMES = "NumpyLSTM", "FastLSTM", "RNN", "JaxLSTM", "TorchRNN", "FastTorchLSTM"


@pytest.mark.parametrize("name", [pytest.param(name, marks=MARKS.get(MODELS[name].backend, ())) for name in NAMES])
def test_a_model_is_taken_by_all(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def call(*args):
        result = CliRunner().invoke(app, list(args))
        assert result.exit_code == 0, (args, result.output)

    peepholes = [] if True in MODELS[name].peephole_options or MODELS[name].family == "RNN" else ["--no-peepholes"]
    settings = [*SHORT, "--model", name, *peepholes]
    call("train", *settings, "--epochs", "1", "--name", "first")
    call("train", "--resume", "first", "--epochs", "2")
    call("tag", "runs/first", "the dog")
    call("evaluate", "runs/first", "sample", "--max-nr-sent", "3")
    call("check", "--model", name, "--against", name_of(MODELS[name].family, "numpy"), "--length", "2")
    for kind in ("html", "safetensors"):
        call("export", "runs/first", "--to", kind)
    panel = StepThroughPanel()
    panel.source.value = "a trained run"
    assert panel.walk is not None
    model = model_class(name)(5, 4, 3, 2)
    assert model.forward(np.array([[0, 1], [2, 3]])).shape == (2, 2, 2)
