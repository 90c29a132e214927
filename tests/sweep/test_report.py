"""What is told of a sweep: tables, sentences, CSV and JSON, and how long the rest takes."""

import csv
import io
import json
from dataclasses import replace

import pytest
from sweep.small import by_size, small_sweep, with_runs

from lxmls_rnn.sweep import halving, report
from lxmls_rnn.sweep.results import DIVERGED, by_setting, chosen


def test_a_table_has_a_line_for_each_setting_and_says_what_is_amiss(tmp_path):
    sweep = with_runs(tmp_path, by_size, "n_hidd=2,4", "clip=none,1", "shuffle=yes")
    sweep = replace(sweep, failed={"n_hidd=4,clip=none,shuffle=yes,seed=2": "no memory"})
    assert report.header(sweep) == ["n_hidd", "clip", "shuffle", "seeds", "dev", "sd", "epochs", ""]
    assert report.lines(by_setting(halving.results(sweep))) == [
        ["4", "1.0", "yes", "2/2", "41.90%", "0.71%", "4", ""],
        ["2", "none", "yes", "2/2", "21.90%", "0.71%", "4", ""],
        ["2", "1.0", "yes", "2/2", "21.90%", "0.71%", "4", ""],
        ["4", "none", "yes", "1/2", "41.40%", "-", "4", "1 failed"],
    ]
    begun = small_sweep(tmp_path, "n_hidd=2", name="begun").begin()
    assert report.lines(by_setting(halving.results(begun))) == [["2", "0/2", "-", "-", "0", "2 waiting"]]


def test_the_verdict_says_the_setting_its_accuracy_and_that_of_the_test_part(tmp_path):
    best = chosen(by_setting(halving.results(with_runs(tmp_path, by_size, "n_hidd=2,4", "clip=none"))))
    on_dev = "Chosen on dev: n_hidd=4, clip=none with 41.90% ± 0.71% (2 seeds)."
    measured = "On the test part, measured for this setting alone: 50.00% ± 14.14% (2 seeds)."
    assert report.verdict(best, [0.4, 0.6], "") == f"{on_dev} {measured}"
    assert report.verdict(best, [], "there is none") == f"{on_dev} The test part is not measured: there is none."
    (only,) = by_setting(halving.results(with_runs(tmp_path, lambda *_: 0.25, seeds=[1], name="only")))
    assert report.in_words(only) == "the only setting with 25.00% (1 seed)"


def test_the_rest_takes_as_long_as_others_of_its_setting_shared_by_the_workers(tmp_path):
    results = halving.results(small_sweep(tmp_path, "n_hidd=2,3,4", seeds=[1, 2, 3]).begin())
    took = {"n_hidd=2,seed=1": 10.0, "n_hidd=2,seed=2": 20.0, "n_hidd=3,seed=1": 60.0}
    done = [replace(r, state="done") if r.training.name in took else r for r in results]
    assert report.seconds_left(done, {}, 2) is None
    # one of 15 s, two of 60 s, and three of a setting of which nothing is known: the mean of all, 30 s
    assert report.seconds_left(done, took, 1) == 15 + 2 * 60 + 3 * 30
    assert report.seconds_left(done, took, 2) == (15 + 2 * 60 + 3 * 30) / 2
    assert report.seconds_left(done, took, 0) == 15 + 2 * 60 + 3 * 30  # none is there yet
    assert report.seconds_left([replace(r, state="failed") for r in results], took, 2) == 0


def test_a_line_of_csv_and_json_has_all_that_is_known_of_a_training(tmp_path):
    sweep = with_runs(tmp_path, by_size, "n_hidd=2,4", seeds=[1])
    sweep = replace(sweep, seeds=[1, 2], failed={"n_hidd=4,seed=2": DIVERGED + "nan"})
    found = halving.results(sweep)
    settings = by_setting(found)
    done = {
        **{"run": "n_hidd=2,seed=1", "n_hidd": 2, "seed": 1, "state": "done", "why": "", "epochs_done": 4, "epoch": 4},
        **{"cost": 2.25, "train_accuracy": 0.5, "dev_accuracy": pytest.approx(0.214), "seconds": pytest.approx(0.4)},
    }
    waits = {
        **{"run": "n_hidd=2,seed=2", "n_hidd": 2, "seed": 2, "state": "waiting", "why": "", "epochs_done": 0},
        **{"epoch": None, "cost": None, "train_accuracy": None, "dev_accuracy": None, "seconds": 0},
    }
    other = done | {"run": "n_hidd=4,seed=1", "n_hidd": 4, "dev_accuracy": pytest.approx(0.414)}
    wild = waits | {"run": "n_hidd=4,seed=2", "n_hidd": 4, "state": "diverged", "why": "nan"}
    one = {"deviation": None, "seeds": 1}
    assert json.loads(report.to_json(sweep, settings, None, [])) == {
        "sweep": "small",
        "base": sweep.base.to_dict(),
        "settings": [
            {"setting": {"n_hidd": 4}, "mean": pytest.approx(0.414), **one, "trainings": [other, wild]},
            {"setting": {"n_hidd": 2}, "mean": pytest.approx(0.214), **one, "trainings": [done, waits]},
        ],
        "chosen": None,
    }  # fmt: skip
    header, *lines = csv.reader(io.StringIO(report.to_csv(found)))
    assert header == list(done)
    assert [line[0] for line in lines] == ["n_hidd=2,seed=1", "n_hidd=4,seed=1", "n_hidd=2,seed=2", "n_hidd=4,seed=2"]
    assert lines[2] == ["n_hidd=2,seed=2", "2", "2", "waiting", "", "0", "", "", "", "", "0"]


def test_epochs_that_are_varied_are_told_from_those_done(tmp_path):
    sweep = with_runs(tmp_path, lambda *_: 0.5, "epochs=4,6", seeds=[1])
    assert report.header(sweep) == ["epochs", "seeds", "dev", "sd", "epochs done", ""]
    _, row = csv.DictReader(io.StringIO(report.to_csv(halving.results(sweep))))
    assert (row["run"], row["epochs"], row["epochs_done"]) == ("epochs=6,seed=1", "6", "4")


def test_values_that_are_no_ascii_stay_readable(tmp_path):
    (tmp_path / "größe.txt").write_text("")
    sweep = small_sweep(tmp_path, f"embeddings=none,{tmp_path}/größe.txt", seeds=[1])
    settings = by_setting(halving.results(sweep))
    assert report.lines(settings)[1][0] == "größe.txt"
    assert "größe.txt" in report.to_json(sweep, settings, None, [])
    assert [training.name for training in sweep.trainings()] == [
        "embeddings=none,seed=1",
        "embeddings=größe.txt,seed=1",
    ]
