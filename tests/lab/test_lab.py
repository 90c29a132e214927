"""The names that notebooks import from `lab`."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import lab
from lxmls_rnn.deep_learning.training import Trainer
from lxmls_rnn.experiment import Settings
from lxmls_rnn.runs import Run

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(("name", "folder"), lab.PANELS.items(), ids=lab.PANELS)
def test_each_panel_has_a_picture_in_the_docs_a_notebook_a_test_and_a_browser_journey(name, folder):
    _, _, after = (ROOT / "docs/panels.md").read_text(encoding="utf-8").partition(f"`{name}()`\n")
    pictures = re.findall(r"^!\[.+\]\((.+)\)$", after.partition("\n## ")[0], re.MULTILINE)
    assert pictures, f"docs/panels.md has no section `{name}()` with a picture"
    assert all((ROOT / "docs" / picture).exists() for picture in pictures)
    for kind in ("lab/notebooks/*.ipynb", f"tests/lab/panels/test_{folder}.py", f"tests/browser/test_{folder}.py"):
        assert any(name in file.read_text(encoding="utf-8") for file in ROOT.glob(kind)), f"{kind} does not use {name}"


def test_all_names_can_be_imported():
    space = {}
    exec("from lab import *", space)
    assert set(lab.__all__) == {*lab.PANELS, "Answer", "check"} == set(space) - {"__builtins__"}
    assert lab.Answer.__module__ == "lab.exercises.written"
    assert lab.check.__name__ == "lab.exercises.check"


def test_a_name_that_is_no_panel_or_of_a_newer_checkout_is_an_error():
    with pytest.raises(AttributeError, match="module 'lab' has no attribute 'progress'"):
        lab.progress  # noqa: B018
    with pytest.raises(ImportError, match=r"lab has no HarpPanel: expected one of .*docker compose up --build"):
        from lab import HarpPanel  # noqa: F401


OPENING = """
import sys, lab
assert "ipywidgets" not in sys.modules
lab.PlayPanel
assert "lab.panels.sweep" not in sys.modules
training = lab.TrainingPanel(model="RNN"), lab.ScanPanel()
training[0].parameters.button.value = True
training[0].parameters.counting.job.wait()
assert "W_h" in training[0].parameters.table.value
assert "NumPy version" in lab.InspectionPanel("rnn").about.value
assert "theano" not in sys.modules
"""


@pytest.mark.daily("starts a Python that imports all panels")
def test_a_panel_is_imported_when_it_is_used_and_none_imports_theano_to_open(runs_folder):
    run = Run.create("rnn", Settings("sample", max_nr_sent=5, n_emb=2, n_hidd=2, trainer=Trainer(epochs=1)))
    list(run.fit())
    config = run.folder / "config.json"
    config.write_text(config.read_text().replace("NumpyRNN", "FastRNN"))  # as if it had been trained with Theano
    done = subprocess.run([sys.executable, "-c", OPENING], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
