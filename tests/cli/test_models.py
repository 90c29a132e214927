"""The models of the table: their commands, their place in the step-through panel, batches."""

import numpy as np
import pytest
from cli.command import SHORT
from typer.testing import CliRunner

from lab import StepThroughPanel
from lxmls_rnn.cli import app
from lxmls_rnn.deep_learning.models import MODELS, model_class, name_of

compiles = pytest.mark.daily("compiles, half a minute from an empty cache; tests/deep_learning has quick ones")
# one of each framework; the others of a family differ in their numbers alone
NAMES = "NumpyLSTM", pytest.param("FastLSTM", marks=compiles), "TorchRNN"


@pytest.mark.parametrize("name", NAMES)
def test_a_model_is_taken_by_all(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def call(*args):
        result = CliRunner().invoke(app, list(args))
        assert result.exit_code == 0, (args, result.output)

    call("train", *SHORT, "--model", name, "--epochs", "1", "--name", "first")
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
