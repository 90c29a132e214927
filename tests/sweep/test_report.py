"""What is told of a sweep: tables, sentences, and how long the rest takes."""

from dataclasses import replace

from sweep.small import by_size, small_sweep, with_runs

from lxmls_rnn.sweep import report
from lxmls_rnn.sweep.results import by_setting, chosen, read_all


def test_a_table_has_a_line_for_each_setting_and_says_what_is_amiss(tmp_path):
    sweep = with_runs(tmp_path, by_size, "n_hidd=2,4", "clip=none,1", "shuffle=yes")
    sweep = replace(sweep, failed={"n_hidd=4,clip=none,shuffle=yes,seed=2": "no memory"})
    assert report.header(sweep) == ["n_hidd", "clip", "shuffle", "seeds", "dev", "sd", "epochs", ""]
    assert report.lines(by_setting(read_all(sweep))) == [
        ["4", "1.0", "yes", "2/2", "41.90%", "0.71%", "4", ""],
        ["2", "none", "yes", "2/2", "21.90%", "0.71%", "4", ""],
        ["2", "1.0", "yes", "2/2", "21.90%", "0.71%", "4", ""],
        ["4", "none", "yes", "1/2", "41.40%", "-", "4", "1 failed"],
    ]
    begun = small_sweep(tmp_path, "n_hidd=2", name="begun").begin()
    assert report.lines(by_setting(read_all(begun))) == [["2", "0/2", "-", "-", "0", "2 waiting"]]


def test_the_verdict_says_the_setting_its_accuracy_and_that_of_the_test_part(tmp_path, monkeypatch):
    sweep = with_runs(tmp_path, by_size, "n_hidd=2,4", "clip=none")
    best = chosen(by_setting(read_all(sweep)))
    on_test = {sweep.folder: [0.4, 0.6], tmp_path: []}  # by folder
    monkeypatch.setattr(report, "on_test", lambda sweep, setting: on_test[sweep.folder] if setting is best else None)
    on_dev = "Chosen on dev: n_hidd=4, clip=none with 41.90% ± 0.71% (2 seeds)."
    measured = "On the test part, measured for this setting alone: 50.00% ± 14.14% (2 seeds)."
    assert report.verdict(sweep, best) == f"{on_dev} {measured}"
    without = replace(sweep, folder=tmp_path)
    assert report.verdict(without, best) == f"{on_dev} The test part is not measured: there is none."
    (only,) = by_setting(read_all(with_runs(tmp_path, lambda *_: 0.25, seeds=[1], name="only")))
    assert report.in_words(only) == "the only setting with 25.00% (1 seed)"


def test_the_rest_takes_as_long_as_others_of_its_setting_shared_by_the_workers(tmp_path):
    results = read_all(small_sweep(tmp_path, "n_hidd=2,3,4", seeds=[1, 2, 3]).begin())
    took = {"n_hidd=2,seed=1": 10.0, "n_hidd=2,seed=2": 20.0, "n_hidd=3,seed=1": 60.0}
    done = [replace(r, state="done") if r.training.name in took else r for r in results]
    assert report.seconds_left(done, {}, 2) is None
    # one of 15 s, two of 60 s, and three of a setting of which nothing is known: the mean of all, 30 s
    assert report.seconds_left(done, took, 1) == 15 + 2 * 60 + 3 * 30
    assert report.seconds_left(done, took, 2) == (15 + 2 * 60 + 3 * 30) / 2
    assert report.seconds_left(done, took, 0) == 15 + 2 * 60 + 3 * 30  # none is there yet
    assert report.seconds_left([replace(r, state="failed") for r in results], took, 2) == 0


def test_epochs_that_are_varied_are_told_from_those_done(tmp_path):
    sweep = with_runs(tmp_path, lambda *_: 0.5, "epochs=4,6", seeds=[1])
    assert report.header(sweep) == ["epochs", "seeds", "dev", "sd", "epochs done", ""]
    assert report.lines(by_setting(read_all(sweep)))[1] == ["6", "0/1", "-", "-", "4", "1 begun"]


def test_values_that_are_no_ascii_stay_readable(tmp_path):
    (tmp_path / "größe.txt").write_text("")
    sweep = small_sweep(tmp_path, f"embeddings=none,{tmp_path}/größe.txt", seeds=[1])
    settings = by_setting(read_all(sweep))
    assert report.lines(settings)[1][0] == "größe.txt"
    assert [training.name for training in sweep.trainings()] == [
        "embeddings=none,seed=1",
        "embeddings=größe.txt,seed=1",
    ]
