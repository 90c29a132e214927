"""A worker reads a corpus once for trainings that follow each other, and comes to the numbers of serial runs."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from sweep.small import BASE, of_sweep, serial, small_sweep

from lxmls_rnn.datasets.corpora import corpus_files, find
from lxmls_rnn.deep_learning.training import EpochDone, Trainer
from lxmls_rnn.runs import Run
from lxmls_rnn.sweep import tasks
from lxmls_rnn.sweep.halving import results
from lxmls_rnn.sweep.owner import Claim
from lxmls_rnn.sweep.results import by_setting, on_test


def train(sweep, *asked, epochs=3, **changes):
    """Train a sweep as a worker would, in this process; returns how each training ended.

    `asked` are what the client asks for before, `changes` of the client.
    """
    claim = Claim(sweep.folder)
    client = tasks.Identity(claim.token, str(sweep.folder.absolute()), tasks.version(), sweep.checksums)
    client = replace(client, **changes)
    for what in asked:
        tasks.ask(client.token, what)
    ended = [tasks.train(t.name, t.settings.to_dict(), client, epochs) for t in sweep.trainings()]
    claim.release()
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
    settings = {setting.point["corpus"]: setting for setting in by_setting(results(sweep))}
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
    assert train(sweep, epochs=4) == [("done", "")]


def test_a_corpus_that_has_changed_is_read_again(tmp_path):
    file = tmp_path / "train.conll"
    shutil.copy(BASE.corpus, file)
    base = replace(BASE, corpus=str(file), max_nr_sent=100)
    train(small_sweep(tmp_path, "n_hidd=2", base=base, name="before").begin())
    shutil.copy(BASE.dev, file)
    sweep = small_sweep(tmp_path, "n_hidd=2", base=base, name="after").begin()
    assert train(sweep) == [("done", "")] * 2
    assert of_sweep(sweep) == serial(sweep, tmp_path / "serial")


def test_what_a_worker_is_asked_for_it_does(tmp_path):
    sweep = small_sweep(tmp_path, "n_hidd=2", seeds=[1]).begin()
    assert train(sweep, "pause", "stop", "resume") == [("stopped", "")]  # a stop is for good
    assert [file.name for file in sweep.folder.iterdir()] == ["sweep.json"]
    assert train(sweep, "pause", "resume") == [("done", "")]


def test_who_loses_its_claim_in_a_training_writes_no_more(tmp_path, monkeypatch):
    sweep = small_sweep(tmp_path, "n_hidd=2", seeds=[1]).begin()
    run, fit = sweep.folder / "n_hidd=2,seed=1", Run.fit

    def claimed_after_an_epoch(self, *given, **options):
        for event in fit(self, *given, **options):
            if isinstance(event, EpochDone):
                Claim(run)
            yield event

    monkeypatch.setattr(Run, "fit", claimed_after_an_epoch)
    monkeypatch.setattr(Claim, "check_if_due", lambda claim: None)  # which looks now and then
    assert [state for state, _ in train(sweep)] == ["lost"]
    assert [row.epoch for row in Run.open(run.name, sweep.folder).metrics()] == [1]


def test_a_training_that_ends_otherwise_says_how(tmp_path):
    base = replace(BASE, activation="relu", trainer=replace(BASE.trainer, epochs=10))
    sweep = small_sweep(tmp_path, "rate=1e300", base=base, seeds=[1]).begin()
    ((state, why),) = train(sweep, epochs=10)
    assert (state, "try a lower rate than 1e+300" in why) == ("diverged", True)
    assert train(sweep, version="9") == [("unfit", f"its lxmls-rnn is {tasks.version()}, and the client's 9")]
    sweep = small_sweep(tmp_path, "n_hidd=2", seeds=[1], name="file").begin()
    (sweep.folder / "n_hidd=2,seed=1").touch()
    (_, why), *_ = ended = train(sweep)
    assert ended == [("failed", why)]
    assert str(sweep.folder / "n_hidd=2,seed=1") in why
    assert "Error" not in why
    client = tasks.Identity(Claim(sweep.folder).token, str(sweep.folder), tasks.version(), None)
    ended = tasks.train("other", {}, client, 3)
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
