"""The sweep panel, driven in Python."""

import itertools
import math
import os
import re
import shutil
import threading
from dataclasses import replace

import numpy as np
import pytest
from environment import wait_until
from html_tables import tables
from sweep.small import BASE, by_size, small_sweep, with_runs

import lab
from lab import SweepPanel
from lab.panels.sweep import panel as sweep_panel
from lab.panels.sweep.panel import Plots, sweep_jobs
from lab.widgets.controls import EVENT_LOCK, is_hidden
from lxmls_rnn.runs import Run
from lxmls_rnn.sweep.driver import Driver
from lxmls_rnn.sweep.results import by_setting, read_all
from lxmls_rnn.sweep.sweep import Sweep


@pytest.fixture
def panel(small_corpus):
    """A panel that is set to the least there is to train."""
    new = SweepPanel()
    new.trainer["epochs"].value, new.model["n_emb"].value, new.corpus["max_nr_sent"].value = 2, 3, 20
    new.vary[0][1].value, new.seeds.value, new.workers.value = "2,3", 2, 1
    return new


@pytest.fixture
def may_begin(monkeypatch):
    """An event that sweeps await before they do anything."""
    event, run = threading.Event(), Driver.run
    event.seen = lambda: None  # is called after each event of a sweep

    def late(driver):
        event.wait()
        for result in run(driver):
            yield result
            event.seen()

    monkeypatch.setattr(Driver, "run", late)
    return event


def train(sweep):
    for training in sweep.trainings():
        for _ in Run.create(training.name, training.settings, sweep.folder).fit():
            pass


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The folder of a sweep, all its runs trained."""
    root = tmp_path_factory.mktemp("trained")
    sweep = small_sweep(root, "n_hidd=2,20", "activation=logistic,tanh", base=replace(BASE, max_nr_sent=100)).begin()
    train(sweep)
    return sweep.folder


@pytest.fixture
def trained(made, runs_folder):
    """That sweep among the runs of this test."""
    shutil.copytree(made, runs_folder / made.name)
    return Sweep.load(made.name)


def test_the_number_of_trainings_is_told_and_what_is_wrong(panel):
    assert panel.count.value == "4 trainings: 2 settings with 2 seeds each; with max. sentences 20"
    panel.vary[1][0].value, panel.vary[1][1].value = "rate", "log:0.1:1:3"
    assert panel.count.value.startswith("12 trainings: 6 settings")
    panel.sample.value = 5
    assert panel.count.value.startswith("10 trainings: 5 settings")
    panel.vary[1][1].value = "-1"
    assert "rate must be a positive number" in panel.count.value
    panel.vary[1][0].value, panel.vary[1][1].value = "model", "NumpyRNN,NumpyLSTM"
    panel.described().check()  # each has its own activation
    panel.model["activation"].value = "softsign"
    panel.start_button.click()
    assert "activation must be tanh, got &#x27;softsign&#x27;" in panel.message.value
    panel.vary[1][0].value, panel.vary[1][1].value = "rate", "-1"
    panel.start_button.click()
    assert "rate must be a positive number" in panel.message.value


def test_a_sweep_is_trained_shown_and_found_again(panel, runs_folder, monkeypatch, may_begin):
    monkeypatch.setattr(lab.widgets.panel, "DOUBLE_CLICK_SECONDS", math.inf)
    monkeypatch.setattr(Driver, "seconds_left", 40.0)
    panel.start_button.click()
    panel.start_button.click()  # a double click starts one
    assert not (runs_folder / "sweep-2").exists()
    assert not panel.message.value
    job = sweep_jobs.find(runs_folder / "sweep-1")
    again = SweepPanel()  # as after a reload
    assert again.selected.value == "sweep-1"
    assert not again.stop_button.disabled
    assert again.status.value.endswith("0 of 4 trainings, 0 workers, about 40 s left")
    drawn = []

    def seen():
        with EVENT_LOCK:
            again.show_job(job)
            drawn.append(len(again.plots.points.x))

    monkeypatch.setattr(sweep_panel, "monotonic", itertools.count(10**9, 2).__next__)  # each redraw is due
    may_begin.seen = seen
    may_begin.set()
    job.wait()
    assert {1, 2, 3} < set(drawn)
    for one in (panel, again):
        assert "done" in one.status.value
        assert "4 of 4 trainings" in one.status.value
        assert one.table.value.count("<tr>") == 3
        assert "Chosen on dev: n_hidd=" in one.best.value
        assert len(one.plots.points.x) == 4
        assert one.stop_button.disabled
    assert panel.name.value == "sweep-2"
    assert all(result.is_over for result in read_all(Sweep.load("sweep-1")))


@pytest.mark.daily("it starts workers twice")
def test_stop_ends_and_resume_does_the_rest(panel, runs_folder):
    panel.trainer["epochs"].value = 100
    panel.start_button.click()
    job = sweep_jobs.find(runs_folder / "sweep-1")
    wait_until(lambda: job.driver.alive)
    panel.stop_button.click()
    job.wait()
    assert "stopped" in panel.status.value
    assert "topping" not in panel.message.value + panel.status.value
    panel.resume_button.click()
    sweep_jobs.find(runs_folder / "sweep-1").wait()
    assert "4 of 4 trainings" in panel.status.value


def test_resume_takes_the_workers_of_the_panel(trained):
    panel = SweepPanel()
    panel.workers.value = 3
    panel.resume_button.click()  # nothing is missing, so none is started
    (job := sweep_jobs.find(trained.folder)).wait()
    assert (job.state, job.driver.workers) == ("done", 3)


def test_a_sweep_on_disk_is_drawn_against_each_setting(trained):
    panel = SweepPanel()
    assert panel.selected.value == "small"
    assert list(panel.across.options) == [("Hidden units (n_hidd)", "n_hidd"), ("Activation", "activation")]
    assert panel.plots.against.axes[0].label == "Hidden units (n_hidd)"
    assert sorted(set(panel.plots.points.x)) == [2, 20]
    points, key = panel.plots.points, panel.plots.legends[0].value
    colours = re.findall(r"(#\w+)\"></span> activation=(\w+)<", key)
    runs = {Run.open(t.name, trained.folder).metrics()[-1].dev_accuracy: t.point for t in trained.trainings()}
    for accuracy, colour in zip(points.y, points.colors, strict=True):
        assert (colour, runs[accuracy]["activation"]) in colours
    against, curves = map(entries, panel.plots.legends)  # a colour means the same in both plots
    colour_of = {name.removeprefix("activation="): colour for _, colour, name in against}
    assert [colour for _, colour, _ in curves] == [colour_of[name.split(", ")[1]] for *_, name in curves]
    assert len(curves) == len({(style, colour) for style, colour, _ in curves}) == 4
    drawn = [(curve.line_style, *curve.colors) for curve in panel.plots.curves.marks[1::2]]
    assert drawn[::-1] == [(style, colour) for style, colour, _ in curves]
    panel.across.value = "activation"
    assert panel.plots.against.axes[0].tick_labels == {"0": "logistic", "1": "tanh"}
    assert len(panel.plots.points.x) == 8
    assert panel.table.value.count("2/2") == 4
    scale = panel.plots.against.axes[0].scale
    assert scale.min < 0 < 1 < scale.max


def test_a_taken_name_is_refused_and_a_damaged_sweep_left_out_with_the_reason(panel, trained, runs_folder):
    panel.name.value = "small"
    panel.start_button.click()
    assert "take another name, or choose it at Selected sweep and press Resume" in panel.message.value
    assert is_hidden(panel.left_out)
    (runs_folder / "bad").mkdir()
    (runs_folder / "bad" / "sweep.json").write_text("{")
    panel = SweepPanel()
    assert not is_hidden(panel.left_out)
    assert panel.selected.options == ("small",)
    assert "bad/sweep.json is not the file of a sweep" in panel.left_out.value
    replace(trained, folder=runs_folder / "other").begin()
    for seconds, newest_first in ((10**9, ("small", "other")), (10**10, ("other", "small"))):
        os.utime(runs_folder / "other", (seconds, seconds))
        panel.refresh_button.click()
        assert panel.selected.options == newest_first


def entries(legend):
    """The entries of a legend: line style, colour, text."""
    return re.findall(r"border-top:4px (\w+) (#\w+)\"></span> (.*?)</span>", legend.value)


@pytest.mark.parametrize("vary", [["n_hidd=2,4,6,8"], ["n_hidd=2,4,6", "activation=logistic,tanh"]])
def test_a_setting_keeps_colour_and_style_whatever_its_rank(tmp_path, vary):
    sweep = with_runs(tmp_path, by_size, *vary)
    settings = by_setting(read_all(sweep))
    plots, seen = Plots(lambda result: None), {}
    for some in (settings[2:], settings, settings[::-1], settings[1:]):  # as the trainings end
        plots.draw("n_hidd", sweep.vary, some, "Hidden units")
        looks = {name: look for *look, name in entries(plots.legends[1])}
        assert [*looks] == [", ".join(map(str, one.point.values())) for one in some]
        assert len(set(map(tuple, looks.values()))) == len(some)
        assert seen | looks == looks | seen
        seen |= looks


def test_the_points_of_a_single_line_have_the_colours_of_their_curves(runs_folder):
    train(small_sweep(runs_folder, "n_hidd=2,3,4").begin())
    panel = SweepPanel()
    plots = panel.plots
    best_first = [row[0] for row in tables(panel.table.value)[0][1:]]
    assert best_first != sorted(best_first)  # else any order would do
    assert [name for *_, name in entries(plots.legends[1])] == best_first
    colour_of = {int(name): colour for _, colour, name in entries(plots.legends[1])}
    assert len(set(colour_of.values())) == 3
    assert list(plots.points.colors) == [colour_of[n_hidd] for n_hidd in plots.points.x]
    line, bars = plots.against.marks[:2]
    assert line.colors[0] not in colour_of.values()
    assert list(bars.colors) == [colour_of[x[0]] for x in bars.x]


def test_the_learning_curves_of_a_sweep_are_those_of_its_runs(trained):
    curves = SweepPanel().plots.curves
    lines = curves.marks[1::2]  # each has its band before it
    assert len(lines) == 4
    accuracies = {}  # of each setting, those of its seeds
    for training in trained.trainings():
        rows = Run.open(training.name, trained.folder).metrics()
        accuracies.setdefault(str(training.point), []).append([row.dev_accuracy for row in rows])
    expected = sorted(np.mean(seeds, axis=0).tolist() for seeds in accuracies.values())
    assert np.allclose(sorted(line.y.tolist() for line in lines), expected)


def test_a_point_opens_its_run_in_the_inspection_panel(trained):
    unfinished = list(trained.trainings())[:2]  # the first of two settings' two; they have no points
    for training in unfinished:
        (trained.folder / training.name / "metrics.jsonl").write_text("")
    panel = SweepPanel()
    points = panel.plots.points
    colour_of = {name: colour for _, colour, name in entries(panel.plots.legends[0])}
    accuracies, opened = set(), []
    for index, (n_hidd, accuracy) in enumerate(zip(points.x, points.y, strict=True)):
        points._handle_custom_msgs(None, {"event": "element_click", "data": {"index": index}}, None)
        (inspection,) = panel.inspection.children
        opened.append(inspection)
        assert [one.comm is None for one in opened] == [*[True] * index, False]  # those before are closed
        sweep, name = inspection.choice.run.value.split("/")
        run = Run.open(name, trained.folder)
        assert (sweep, run.settings.n_hidd, run.metrics()[-1].dev_accuracy) == ("small", n_hidd, accuracy)
        assert points.colors[index] == colour_of[f"activation={run.settings.activation}"]
        accuracies.add(accuracy)
    assert len(points.x) == 6
    assert len(accuracies) > 1  # else any run would do
    assert "NumpyRNN" in inspection.about.value
    assert panel.progress.value == 6 / 8
    replace(trained, failed={training.name: "its workers died" for training in unfinished}).save()
    assert SweepPanel().progress.value == 1  # nothing is left to train


def test_the_code_does_the_same(panel, tmp_path, monkeypatch):
    from lxmls_rnn.sweep.driver import Driver

    monkeypatch.setattr(Driver, "run", lambda self: iter(()))  # training is tested above
    exec(compile(panel.code(), "code", "exec"), {"__name__": "__main__"})
    sweep = Sweep.load("sweep-1")
    assert (sweep.vary, sweep.seeds, sweep.base) == ({"n_hidd": [2, 3]}, [1234, 1235], panel.described().base)
