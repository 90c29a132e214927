"""What has come of a sweep: of each setting over its seeds, in tables."""

import json
import os
from dataclasses import replace

import numpy as np
import pytest
from sweep.small import BASE, by_size, checkpoint, small_sweep, with_runs

from lxmls_rnn.runs import Run
from lxmls_rnn.sweep import report
from lxmls_rnn.sweep.results import DIVERGED, by_setting, chosen, on_test, read, read_all


def test_what_failed_and_what_is_missing_comes_last_and_is_said(tmp_path):
    sweep = with_runs(tmp_path, by_size, "n_hidd=2,4,3")
    names = [training.name for training in sweep.trainings()]
    sweep = replace(sweep, failed={names[1]: DIVERGED + "nan", names[4]: "no memory"}, seeds=[1, 2, 3])
    settings = by_setting(read_all(sweep))
    found = {setting.point["n_hidd"]: report.unfinished_in_words(setting.results) for setting in settings}
    assert found == {2: "1 waiting", 4: "1 diverged, 1 failed, 1 waiting", 3: "1 waiting"}
    failures = [f"{names[1]} diverged: nan", f"{names[4]} failed: no memory"]
    assert report.notes(sweep, read_all(sweep)) == failures
    of_few = replace(sweep, vary={"max_nr_sent": [20, 40]})
    limit = "max_nr_sent changes dev and the test part, too: its values are measured on different sentences or tags"
    assert report.notes(of_few, read_all(sweep)) == [limit, *failures]
    assert chosen(settings) is None


def test_settings_whose_means_hardly_differ_are_ranked_by_them(tmp_path):
    sweep = with_runs(tmp_path, lambda training, epoch: 0.5 + training.point["n_hidd"] / 1e6, "n_hidd=2,4,3")
    assert [setting.point["n_hidd"] for setting in by_setting(read_all(sweep))] == [4, 3, 2]


def test_a_training_has_the_accuracy_of_its_last_model_and_is_done_once_its_checkpoint_is_there(tmp_path):
    sweep = with_runs(tmp_path, lambda training, epoch: 0.9 - epoch / 10, "n_hidd=2", seeds=[1])
    (training,) = sweep.trainings()
    result = read(sweep, training)
    assert (result.state, result.accuracy) == ("done", pytest.approx(0.5))
    file = sweep.folder / training.name / "checkpoint.npz"
    for content in (checkpoint(3), None):  # that of the epoch before, and none
        file.unlink() if content is None else file.write_bytes(content)
        assert read(sweep, training).state == "begun"


def test_early_stopping_ends_before_the_last_epoch(tmp_path):
    sweep = with_runs(tmp_path, by_size, "n_hidd=2", seeds=[1])
    (training,) = sweep.trainings()
    path = sweep.folder / training.name / "metrics.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()][:3]
    for row, accuracy in zip(rows, (0.5, 0.7, 0.6), strict=True):
        row |= {"dev_accuracy": accuracy, "is_best": accuracy != 0.6}
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    patient = replace(training.settings, trainer=replace(training.settings.trainer, patience=1))
    result = read(sweep, training._replace(settings=patient))
    assert (result.state, result.accuracy) == ("done", 0.7)
    assert read(sweep, training).state == "begun"
    assert by_setting([replace(result, rows=result.rows[:2]), result])[0].epochs == 3


def test_the_test_part_is_measured_for_the_chosen_one(tmp_path):
    sweep = small_sweep(tmp_path, "n_hidd=2,3", seeds=[1], base=replace(BASE, max_nr_sent=100)).begin()
    for training in sweep.trainings():
        for _ in Run.create(training.name, training.settings, sweep.folder).fit():
            pass
    best = chosen(by_setting(read_all(sweep)))
    test = on_test(sweep, best)
    tagger, _ = Run.open(best.results[0].training.name, sweep.folder).load()
    assert test == [tagger.evaluate(BASE.corpus.replace("train.conll", "test.conll"), max_nr_sent=100).accuracy]
    assert "On the test part, measured for this setting alone" in report.verdict(sweep, best)
    failed = replace(best.results[0], state="failed")
    assert on_test(sweep, replace(best, results=[failed, *best.results])) == test
    for _ in Run.open(best.results[0].training.name, sweep.folder).fit(epochs=4):
        pass
    with pytest.raises(ValueError, match=r"on dev from epoch 3, but its model is of epoch 4: .* sweep --resume small "):
        on_test(sweep, chosen(by_setting(read_all(sweep))))


def header_of(text):
    """What gives a checkpoint this header."""

    def damage(path):
        with np.load(path) as archive:
            arrays = {**archive, "header": np.frombuffer(text.encode(), np.uint8)}
        np.savez(path, **arrays)

    return damage


DAMAGES = {
    "cut": lambda path: os.truncate(path, 500),
    "pipe": lambda path: (path.unlink(), os.mkfifo(path)),
    "null": header_of('{"format": "lxmls-rnn model", "progress": null}'),
    "line": lambda path: path.with_name("metrics.jsonl").write_text('{"epoch": "x"}\n'),
    "endless": lambda path: os.truncate(path.with_name("metrics.jsonl"), 40 * 10**9),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_training_is_named_and_hides_no_other(tmp_path, damage):
    sweep = with_runs(tmp_path, by_size, "n_hidd=2,4")
    hurt, *_ = sweep.trainings()
    damage(sweep.folder / hurt.name / "checkpoint.npz")
    found = read_all(sweep)
    assert [result.state for result in found] == ["damaged", "done", "done", "done"]
    assert str(sweep.folder / hurt.name) in found[0].why
    assert not found[0].is_over  # --resume gives it to a worker, which says what to delete
    assert report.notes(sweep, found) == [f"{hurt.name} damaged: {found[0].why}"]
    assert report.unfinished_in_words(found) == "1 damaged"


def test_a_test_part_that_cannot_be_measured_is_a_value_error(tmp_path):
    sweep = small_sweep(tmp_path, "n_hidd=2", seeds=[1], base=replace(BASE, max_nr_sent=20)).begin()
    (training,) = sweep.trainings()
    for _ in Run.create(training.name, training.settings, sweep.folder).fit():
        pass
    (sweep.folder / training.name / "model.npz").unlink()
    with pytest.raises(ValueError, match="has no model yet"):
        on_test(sweep, by_setting(read_all(sweep))[0])


def test_of_a_damaged_training_that_diverged_before_the_reason_stays(tmp_path):
    sweep = with_runs(tmp_path, by_size, "n_hidd=2", seeds=[1])
    (training,) = sweep.trainings()
    (sweep.folder / training.name / "metrics.jsonl").write_text('{"epoch": "x"}\n')
    for why, expected in ((DIVERGED + "nan", ("diverged", "nan")), ("no memory", ("failed", "no memory"))):
        result = read(replace(sweep, failed={training.name: why}), training)
        assert (result.training, result.state, result.why, result.rows) == (training, *expected, [])
