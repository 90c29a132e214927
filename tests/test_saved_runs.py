"""Runs that an earlier version of the library has saved, in tests/saved_runs with its numbers: they open and go on."""

import json
import shutil
from pathlib import Path

import pytest

from lxmls_rnn.runs import Run
from lxmls_rnn.tagger import Tagger

SAVED = Path(__file__).parent / "saved_runs"
EXPECTED = json.loads((SAVED / "expected.json").read_text(encoding="utf-8"))
SENTENCE = "João found the old dog ."


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A copy of the runs' folder, which is where their settings look for the corpus."""
    shutil.copytree(SAVED, tmp_path / "runs")
    monkeypatch.chdir(tmp_path / "runs")
    return tmp_path / "runs"


@pytest.mark.parametrize("name", EXPECTED)
def test_its_model_tags_and_measures_as_it_did(folder, name):
    for tagger in (Run.open(name, folder).load()[0], Tagger.load(folder / name)):
        tagged = tagger.tag(SENTENCE)
        assert [word.tag for word in tagged] == [tag for tag, _ in EXPECTED[name]["tags"]]
        assert [word.probability for word in tagged] == pytest.approx([p for _, p in EXPECTED[name]["tags"]], rel=1e-6)
        assert tagger.evaluate("dev.conll").accuracy == EXPECTED[name]["accuracy"]


@pytest.mark.parametrize("name", EXPECTED)
def test_it_goes_on_to_the_numbers_that_it_came_to(folder, name):
    run = Run.open(name, folder)
    assert run.metrics()[0].gradient_norm is None  # it is from before norms were recorded
    for _ in run.fit(epochs=4):
        pass
    epochs = EXPECTED[name]["epochs"]
    found = [{key: getattr(row, key) for key in epochs[0]} for row in run.metrics()]
    assert found == [pytest.approx(row) for row in epochs]
