"""The groups of controls: they offer what there is, and what they say is what is trained."""

from dataclasses import replace

import ipywidgets as widgets
import pytest

from lab.widgets.choices import Checkboxes, CorpusChoice, ModelChoice, RunChoice, new_files, settings_code
from lab.widgets.sentence_choice import SentenceChoice
from lab.widgets.trainer_choice import TrainerChoice
from lxmls_rnn.deep_learning import rnn
from lxmls_rnn.deep_learning.activations import OF_FAST_TORCH, OF_RNN
from lxmls_rnn.deep_learning.training import Trainer
from lxmls_rnn.experiment import Settings, corpus_files
from lxmls_rnn.runs import Run

TRAIN, DEV, _ = map(str, corpus_files("sample"))


def upload(data, *names):
    (data / "uploads").mkdir(exist_ok=True)
    for name in names:
        (data / "uploads" / name).write_text("")


def chosen(corpus, model, trainer):
    """Return the settings that three groups of controls come to."""
    made = trainer.trainer(7, model.freeze.value)
    return Settings(**corpus.fields(), **model.fields(), trainer=made)


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
            assert control.layout.width
        if isinstance(control, widgets.BoundedIntText | widgets.FloatText | widgets.Dropdown | widgets.Text):
            assert control.style.description_width
        if isinstance(control, widgets.FloatText):
            assert control.step < 1


def test_what_is_chosen_at_first_is_what_the_library_and_the_command_line_do():
    assert chosen(CorpusChoice(), ModelChoice("NumpyRNN"), TrainerChoice()) == Settings(
        "sample", activation="logistic", trainer=Trainer(seed=7)
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"max_sent_len": 9, "max_nr_sent": 40, "vocabulary": "guide"},
        {"min_count": 3, "model": "LSTM", "n_hidd": 7, "n_emb": 6, "activation": "tanh", "peepholes": False, "seed": 3},
        {"init": "glorot", "embeddings": "sample/ppmi_30", "trainer": Trainer(seed=7, freeze_embeddings=True)},
        {"trainer": Trainer(epochs=3, rate=0.25, decay=0.5, batch_size=4, shuffle=True, gradient_norm=True, seed=7)},
        {"trainer": Trainer(clip=2.5, patience=4, seed=7)},
        {"corpus": "reach:7"},
        {"corpus": "uploads/mine.conll", "dev": "uploads/other.conll"},
        {"corpus": "uploads/mine.conll"},
        {"tags": "upos", "tag_map": "universal", "encoding": "latin-1"},
        {"tags": "7", "tag_map": "none"},
    ],
)
def test_settings_that_are_taken_are_those_that_are_trained_and_written_as_code(data, changes):
    upload(data, "mine.conll", "other.conll")
    plain = Settings("sample", activation="logistic")
    wanted = replace(plain, trainer=Trainer(seed=7))
    wanted = replace(wanted, **changes)
    of_old = {what: str(data / file) for what, file in wanted.files().items()}  # runs of old versions have paths
    of_old["corpus"] = of_old.pop("train")
    wanted.located()
    for given in (wanted, replace(wanted, **of_old)):
        groups = CorpusChoice(), ModelChoice("NumpyRNN"), TrainerChoice()
        for group, source in zip(groups, (given, given, given.trainer), strict=True):
            group.copy_from(source)
        assert chosen(*groups) == wanted
    code = settings_code(wanted)
    space = {}
    exec(code, space)
    assert space["settings"] == wanted
    assert str(data) not in code  # a path that holds on another machine too
    unchanged = {"max_sent_len", "n_hidd", "init", "min_count", "embeddings"} - set(changes)
    assert not any(f"{name}=" in code for name in unchanged)


def test_a_corpus_of_a_distance_is_chosen_by_a_slider_that_the_others_do_not_show(data):
    choice = CorpusChoice()
    assert (choice.distance.layout.display, choice.dev.layout.display) == ("none", "none")
    choice.corpus.value = "reach"
    assert choice.distance.layout.display is None
    assert choice.name == choice.in_words() == "reach:5"
    assert (choice.distance.min, choice.distance.max) == (1, 200)
    choice.distance.value = 7
    other = CorpusChoice()
    other.copy_from(Settings(**choice.fields()))
    assert other.name == "reach:7"


def test_only_a_file_of_ones_own_is_measured_on_one_that_is_chosen(data):
    choice = CorpusChoice()
    upload(data, "mine.conll", ".hidden")
    new_files()
    assert [name for name in choice.corpus.options if "/" in name] == ["uploads/mine.conll"]
    assert choice.dev.options == ("none", "uploads/mine.conll")
    choice.corpus.value = "uploads/mine.conll"
    assert choice.dev.layout.display is None
    assert choice.in_words() == "uploads/mine.conll"
    assert choice.fields()["dev"] is None


def test_the_least_count_is_asked_for_the_vocabulary_of_the_training_part_alone():
    choice = CorpusChoice()
    assert not choice.min_count.disabled
    choice.vocabulary.value = "guide"
    assert choice.min_count.disabled


def test_limits_are_whole_numbers_and_0_is_none():
    choice = CorpusChoice()
    choice.longest.value, choice.max_nr_sent.value, choice.min_count.value = -1, -1, 0
    assert (choice.longest.value, choice.max_nr_sent.value, choice.min_count.value) == (0, 0, 1)
    assert choice.fields()["max_sent_len"] is choice.fields()["max_nr_sent"] is None
    choice.longest.value = 10
    assert choice.fields()["max_sent_len"] == 11  # of which the library leaves out those of 11 words


def test_a_file_that_is_elsewhere_cannot_be_taken(data, tmp_path):
    for what in ("corpus", "dev"):
        given = {"corpus": str(data / "uploads/mine.conll"), "dev": None, what: str(tmp_path / "far.conll")}
        upload(data, "mine.conll")
        with pytest.raises(ValueError, match=rf"^{what} is the file .*far.conll: it is not in the data folder"):
            CorpusChoice().copy_from(Settings(**given))
    with pytest.raises(ValueError, match=r"^embeddings is the file"):
        ModelChoice().copy_from(Settings(TRAIN, embeddings=str(tmp_path / "far_50")))


def test_embeddings_are_the_files_that_hold_some_and_they_decide_their_size(data):
    for name in ("glove_50", "glove_50.sha256", "b_20"):
        (data / name).write_text("")
    (data / "sample").unlink()  # a link to the real one
    for folder in ("folder_30", "sample/__pycache__"):
        (data / folder).mkdir(parents=True)
    (data / "sample" / "ppmi_30").write_text("")
    choice = ModelChoice()
    assert choice.embeddings.options == ("random", "b_20", "glove_50", "sample/ppmi_30")
    assert not choice.n_emb.disabled
    choice.embeddings.value = "b_20"
    assert choice.n_emb.disabled


def test_each_model_has_its_activations():
    choice = ModelChoice("NumpyRNN")
    assert choice.activation.options == OF_RNN
    choice.model.value = "FastTorchRNN"
    assert choice.activation.options == OF_FAST_TORCH
    choice.model.value = "FastLSTM"
    assert choice.activation.options == ("tanh",)
    assert choice.peepholes.layout.display is None
    choice.peepholes.value = False
    assert choice.fields()["peepholes"] is False
    choice.model.value = "NumpyRNN"
    assert choice.fields()["peepholes"] is True  # of which it has none to leave out


def test_a_replaced_model_has_its_own_activations():
    choice = ModelChoice("FastRNN")
    rnn.replace("NumpyRNN", type("NumpyRNN", (rnn.NumpyRNN,), {"activations": ("logistic",)}))
    try:
        choice.model.value = "RNN"
        assert choice.activation.options == OF_RNN
        choice.model.value = "NumpyRNN"
        assert choice.activation.options == ("logistic",)
    finally:
        rnn.replace(None)


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
    again.click()
    assert choice.run.options == ("new", "old")
    assert choice.folder() == runs_folder / "new"
    choice.choose("sweep/one")  # which is offered when asked for
    assert choice.folder() == runs_folder / "sweep" / "one"
    with pytest.raises(ValueError, match="no trained run 'empty': expected one of sweep/one, new, old"):
        choice.choose("empty")


def test_of_several_things_at_least_one_is_chosen():
    several = Checkboxes("Work", {"forward": "one way", "step": "both"}, ["step"])
    assert several.value == ["step"]
    assert several.children[0].value == "<b>Work</b>"
    assert several.children[1:] == tuple(several.boxes.values())
    several.boxes["step"].value = False
    with pytest.raises(ValueError, match="Work: choose at least one of forward, step"):
        _ = several.value
