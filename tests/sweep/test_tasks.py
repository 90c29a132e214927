"""A worker reads a corpus once for trainings that follow each other, and comes to the numbers of serial runs."""

import itertools
import math
import shutil
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from sweep.small import BASE, of_sweep, serial, small_sweep

from lxmls_rnn.datasets.corpora import corpus_files, find
from lxmls_rnn.deep_learning import model_file
from lxmls_rnn.deep_learning.training import Trainer
from lxmls_rnn.runs import Run
from lxmls_rnn.storage.files import locked
from lxmls_rnn.sweep import tasks
from lxmls_rnn.sweep.results import by_setting, on_test, read_all


def train(sweep, *options, **changes):
    """Train a sweep as a worker would, in this process, for a client with `changes`; return how each training ended."""
    client = tasks.Identity("token", str(sweep.folder.absolute()), tasks.version(), sweep.checksums)
    client = replace(client, **changes)
    ended = [tasks.train(t.name, t.settings.to_dict(), client, *options) for t in sweep.trainings()]
    assert all(one["seconds"] > 0 for one in ended)
    return [(one["state"], one["why"]) for one in ended]


def test_trainings_with_one_corpus_and_with_another_are_those_of_serial_runs(tmp_path):
    sweep = small_sweep(tmp_path, "n_hidd=2,3", "min_count=2,3", seeds=[1]).begin()
    assert train(sweep) == [("done", "")] * 4
    assert of_sweep(sweep) == serial(sweep, tmp_path / "serial")


def test_corpora_are_varied(tmp_path):
    base = replace(BASE, corpus="sample", dev=None, max_nr_sent=100)
    sweep = small_sweep(tmp_path, "corpus=sample,reach:2", base=base, seeds=[1]).begin()
    assert set(sweep.checksums) == {file for corpus in ("sample", "reach:2") for file in find(corpus).files[:2]}
    assert train(sweep) == [("done", "")] * 2
    assert of_sweep(sweep) == serial(sweep, tmp_path / "serial")
    settings = {setting.point["corpus"]: setting for setting in by_setting(read_all(sweep))}
    for corpus, setting in settings.items():
        tagger, _ = Run.open(f"corpus={corpus},seed=1", sweep.folder).load()
        assert on_test(sweep, setting) == [tagger.evaluate(corpus_files(corpus)[2], max_nr_sent=100).accuracy]


def test_the_tags_that_a_run_has_chosen_are_kept_when_it_is_resumed(tmp_path):
    own = tmp_path / "own.conllu"
    lines = "1\tO\t_\tDET\t_\n2\tgato\t_\tNOUN\t_\n\n" * 4 + "1\tDorme\t_\tVERB\t_\n2\tgato\t_\tNOUN\t_\n\n"
    own.write_text(lines)
    sweep = small_sweep(tmp_path, "n_hidd=2", base=replace(BASE, corpus=str(own), dev=str(own)), seeds=[1]).begin()
    assert train(sweep) == [("done", "")]
    assert Run.open("n_hidd=2,seed=1", sweep.folder).settings.tags == "upos"
    longer = replace(sweep, base=replace(sweep.base, trainer=replace(sweep.base.trainer, epochs=4)))
    assert train(longer) == [("done", "")]


def test_a_corpus_that_has_changed_is_read_again(tmp_path):
    file = tmp_path / "train.conll"
    shutil.copy(BASE.corpus, file)
    base = replace(BASE, corpus=str(file), max_nr_sent=100)
    train(small_sweep(tmp_path, "n_hidd=2", base=base, name="before").begin())
    shutil.copy(BASE.dev, file)
    sweep = small_sweep(tmp_path, "n_hidd=2", base=base, name="after").begin()
    assert train(sweep) == [("done", "")] * 2
    assert of_sweep(sweep) == serial(sweep, tmp_path / "serial")


def test_asked_to_stop_a_training_writes_a_checkpoint_and_none_begins(tmp_path):
    sweep = small_sweep(tmp_path, "n_hidd=2,3", seeds=[1]).begin()
    questions = itertools.count()
    assert train(sweep, lambda: next(questions) != 9 or not tasks.stop("x"), token="x") == [("stopped", "")] * 2
    first, second = (sweep.folder / training.name for training in sweep.trainings())
    progress = model_file.read_header(first / "checkpoint.npz")["progress"]
    assert (progress["epoch"], progress["batch"] > 0, second.exists()) == (0, True, False)
    assert train(sweep) == [("done", "")] * 2
    assert of_sweep(sweep) == serial(sweep, tmp_path / "serial")


def test_a_training_that_nobody_wants_any_more_writes_nothing_and_waits_for_no_lock(tmp_path):
    sweep = small_sweep(tmp_path, "n_hidd=2", seeds=[1]).begin()
    folder = sweep.folder / "n_hidd=2,seed=1"
    assert train(sweep, lambda: not (folder / "checkpoint.npz").exists()) == [("stopped", "")]
    assert [row.epoch for row in Run.open(folder.name, sweep.folder).metrics()] == [1]
    before, questions = {file.name: file.read_bytes() for file in folder.iterdir()}, iter([True, True])
    with locked(folder, None, for_all_machines=True):
        ((state, why),) = train(sweep, lambda: next(questions, False), math.inf)
    assert (state, why) == ("failed", f"RuntimeError: another process trains the run {folder}")
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before
    assert train(sweep) == [("done", "")]
    assert of_sweep(sweep) == serial(sweep, tmp_path / "serial")


def test_a_training_waits_until_another_process_has_unlocked_its_run(tmp_path):
    sweep = small_sweep(tmp_path, "n_hidd=2", seeds=[1]).begin()
    (training,) = sweep.trainings()
    run, asked = Run.create(training.name, training.settings, sweep.folder), []
    with ExitStack() as held:
        held.enter_context(locked(run.folder, None, for_all_machines=True))

        def is_wanted():
            asked.append(True)
            if len(asked) == 2:  # the first question is that of the start
                held.close()
            return True

        assert train(sweep, is_wanted, math.inf) == [("done", "")]


def test_a_training_that_ends_otherwise_says_how(tmp_path):
    base = replace(BASE, activation="relu", trainer=replace(BASE.trainer, epochs=10))
    sweep = small_sweep(tmp_path, "rate=1e300", base=base, seeds=[1]).begin()
    ((state, why),) = train(sweep)
    assert (state, "try a lower rate than 1e+300" in why) == ("diverged", True)
    why = f"its worker does not fit: its lxmls-rnn is {tasks.version()}, and the client's 9"
    assert train(sweep, version="9") == [("failed", why)]
    sweep = small_sweep(tmp_path, "n_hidd=2", seeds=[1], name="file").begin()
    (sweep.folder / "n_hidd=2,seed=1").touch()
    (_, why), *_ = ended = train(sweep)
    assert ended == [("failed", why)]
    assert str(sweep.folder / "n_hidd=2,seed=1") in why
    assert "Error" not in why
    client = tasks.Identity("token", str(sweep.folder), tasks.version(), None)
    ended = tasks.train("other", BASE.to_dict(), client)
    assert ended["state"] == "failed"
    assert ended["why"].startswith("AttributeError: ")  # a mistake of the program: its kind helps to find it


def test_a_run_that_is_there_goes_on_if_but_its_epochs_differ(tmp_path):
    sweep = small_sweep(tmp_path, "n_hidd=2", seeds=[1]).begin()
    (training,) = sweep.trainings()
    few = replace(training.settings, dtype="float64", trainer=replace(training.settings.trainer, epochs=1))
    list(Run.create(training.name, few, sweep.folder).fit())
    assert train(sweep) == [("done", "")]
    assert of_sweep(sweep) == serial(sweep, tmp_path / "serial")
    said = f"the run {sweep.folder / training.name} has other settings than the sweep"
    for change in ({"n_emb": 4}, {"dtype": "float32"}):
        other = small_sweep(tmp_path, "n_hidd=2", base=replace(BASE, **change), seeds=[1])
        assert train(replace(other, checksums=sweep.checksums)) == [("failed", said)]


def test_what_compiles_alike_is_of_one_kind():
    fast = replace(BASE, model="FastLSTM")
    trainer = fast.trainer
    same = [
        replace(fast, n_hidd=9, seed=5),
        replace(fast, trainer=replace(trainer, rate=9.0, epochs=7)),
        replace(fast, max_nr_sent=3),
    ]
    others = [
        *(replace(fast, model="FastRNN"), replace(fast, peepholes=False), replace(fast, dtype="float32")),
        replace(BASE, model="FastRNN", activation="relu"),
        *(replace(fast, trainer=replace(trainer, **more)) for more in (
            {"batch_size": 2}, {"clip": 1.0}, {"freeze_embeddings": True}
        )),
    ]  # fmt: skip
    assert {tasks.kind(settings) for settings in same} == {tasks.kind(fast)}
    assert len({tasks.kind(settings) for settings in [fast, *others]}) == 1 + len(others)
    batches = [replace(fast, trainer=replace(trainer, batch_size=n)) for n in (2, 9)]
    assert len({tasks.kind(settings) for settings in batches}) == 1


@pytest.mark.parametrize(("model", "batch_size"), [("NumpyRNN", 1), ("NumpyLSTM", 9)])
def test_what_warms_is_a_training_of_every_kind(tmp_path, monkeypatch, model, batch_size):
    monkeypatch.chdir(tmp_path)
    settings = replace(BASE, model=model, trainer=replace(BASE.trainer, batch_size=batch_size))
    tasks.warm(settings.to_dict())
    assert not list(Path().iterdir())


def test_what_is_warmed_has_the_options_of_the_settings(monkeypatch):
    warmed = []
    fit = Trainer.fit
    monkeypatch.setattr(Trainer, "fit", lambda self, model, *data: warmed.append(model) or fit(self, model, *data))
    tasks.warm(replace(BASE, activation="relu").to_dict())
    tasks.warm(replace(BASE, model="NumpyLSTM", peepholes=False).to_dict())
    assert (warmed[0].activation, warmed[1].peepholes) == ("relu", False)
