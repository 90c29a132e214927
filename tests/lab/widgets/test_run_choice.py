"""Choices of runs, and of several things; every control has a name and says what it means."""

import ipywidgets as widgets
import pytest

from lab.widgets.run_choice import RunChoice
from lab.widgets.sentence_choice import SentenceChoice
from lab.widgets.settings_choice import CorpusChoice, ModelChoice, TrainerChoice
from lxmls_rnn.datasets.corpora import corpus_files
from lxmls_rnn.deep_learning.training import Trainer
from lxmls_rnn.experiment import Settings
from lxmls_rnn.runs import Run

TRAIN, DEV, _ = map(str, corpus_files("sample"))


@pytest.mark.parametrize(
    "make", [CorpusChoice, ModelChoice, TrainerChoice, RunChoice, lambda: SentenceChoice("The dog runs")]
)
def test_every_control_is_in_its_place_with_a_name_and_what_it_means(make):
    choice = make()
    shown = [choice]
    for part in shown:
        shown += getattr(part, "children", ())
    controls = {name: one for name, one in vars(choice).items() if isinstance(one, widgets.DOMWidget)}
    assert controls
    for name, control in controls.items():
        assert any(control is part for part in shown), name
        if control.trait_defaults().get("description") is not None and not isinstance(control, widgets.HTML):
            assert len(control.description) > 2, name
            assert len(control.tooltip) > 10, name
            assert any(name.startswith("lab-width-") for name in control._dom_classes)
        if isinstance(control, widgets.BoundedIntText | widgets.BoundedFloatText | widgets.Dropdown | widgets.Text):
            assert any(name.startswith("lab-label-") for name in control._dom_classes)
        if isinstance(control, widgets.BoundedFloatText):
            assert control.step < 1


def test_runs_are_offered_newest_first_and_again_when_that_is_asked_for(runs_folder):
    choice = RunChoice()
    assert choice.run.value is None
    with pytest.raises(ValueError, match="no trained run yet"):
        choice.folder()
    for name in ("old", "new", "sweep/one"):
        settings = Settings(TRAIN, max_nr_sent=3, n_emb=2, n_hidd=2, trainer=Trainer(epochs=1))
        for _ in Run.create(name.split("/")[-1], settings, (runs_folder / name).parent).fit():
            pass
    Run.create("empty", settings)
    again = next(child for child in choice.children if isinstance(child, widgets.Button))
    (runs_folder / "bad").mkdir()
    (runs_folder / "bad" / "config.json").write_text("{")
    again.click()
    assert choice.run.options == ("new", "old")
    assert "bad/config.json is not the config of a run" in choice.left_out.value
    assert choice.folder() == runs_folder / "new"
    choice.run.value = "old"
    again.click()
    assert choice.run.value == "old"
    choice.choose("sweep/one")  # which is offered when asked for
    assert choice.folder() == runs_folder / "sweep" / "one"
    with pytest.raises(ValueError, match="no trained run 'empty': expected one of sweep/one, new, old"):
        choice.choose("empty")
