"""docs/models.md: which commands and panels take which model; the table is generated, and what it says is tried."""

from pathlib import Path

import numpy as np
import pytest
from cli.command import SHORT
from typer.testing import CliRunner

from lab import GradientCheckPanel, StepThroughPanel
from lab.panels.play.panel import TAGGER_MODELS
from lab.widgets.choices import ModelChoice
from lxmls_rnn.cli import app
from lxmls_rnn.deep_learning.frameworks import NUMPY
from lxmls_rnn.deep_learning.rnn import MODELS, model_class, name_of
from lxmls_rnn.distance import TAGGERS

PAGE = Path(__file__).parents[1] / "docs/models.md"
COMMANDS = (
    "train",
    "resume",
    "tag",
    "evaluate",
    "sweep",
    "check",
    "export",
)  # `test_a_model_is_taken_by_all` tries them
HEADER = (
    "model", "framework", *COMMANDS, "padded batches", "peepholes", "GPU", "training and sweep panel", "inspection",
    "gradient check", "step-through", "Play", "distance",
)  # fmt: skip


def mark(value):
    return "yes" if value else "no"


def line(name, choice, checked, stepped):
    """Return the cells of a model; N stands for NumPy's model with the weights of a run of this one."""
    entry = MODELS[name]
    numpy = entry.framework is NUMPY
    peepholes = " or ".join(["no", "yes"][p] for p in entry.peephole_options) if entry.family == "LSTM" else "-"
    in_play = name in {model for model, _ in TAGGER_MODELS.values()}
    in_distance = name in {model for model, _ in TAGGERS.values()}
    steps = ("new, run" if name in stepped else "run") if numpy else "N"
    cells = ["yes"] * (len(COMMANDS) + 1), peepholes, mark(not numpy), mark(name in choice), "yes" if numpy else "N"
    many, *others = cells
    return [
        f"`{name}`",
        entry.framework.name,
        *many,
        *others,
        mark(name in checked),
        steps,
        *map(mark, (in_play, in_distance)),
    ]


def drawn():
    """The table as the page has it."""
    choice = {name for _, name in ModelChoice("NumpyRNN").model.options}
    panels = choice, GradientCheckPanel().models, StepThroughPanel().model.options
    rows = [HEADER, ["---"] * len(HEADER), *(line(name, *panels) for name in MODELS)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


@pytest.mark.skipif(not PAGE.exists(), reason="the documentation is not in the image")
def test_the_page_shows_the_table_of_the_code():
    table = drawn()
    assert table in PAGE.read_text(encoding="utf-8"), f"{PAGE} should have\n{table}"


slow_scan = pytest.mark.slow("compiles scan for training and the checks, half a minute")
compiled = {"scan": [pytest.mark.theano, slow_scan], "fused": [pytest.mark.theano]}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=compiled.get(model.backend, ())) for name, model in MODELS.items()]
)
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
    call("sweep", *settings, "--epochs", "1", "--seeds", "1", "--name", "grid")
    call("check", "--model", name, "--against", name_of(MODELS[name].family, "numpy"), "--length", "2")
    for kind in ("html", "safetensors"):
        call("export", "runs/first", "--to", kind)
    panel = StepThroughPanel()
    panel.source.value = "a trained run"
    assert panel.walk is not None
    model = model_class(name)(5, 4, 3, 2)
    assert model.forward(np.array([[0, 1], [2, 3]])).shape == (2, 2, 2)
