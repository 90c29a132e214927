"""The training panel: through its buttons and what it shows; the trainings are real, on a few sentences."""

import os
import re
import tempfile
import threading
from dataclasses import replace
from math import nan
from unittest.mock import Mock
from urllib.parse import unquote

import bqplot
import pytest
import theano
from html_tables import tables
from rich.filesize import decimal

import lab.widgets.panel
from lab import TrainingPanel
from lab.panels.training import job as job_module
from lab.panels.training import parameters as parameters_module
from lab.panels.training.curves import Curves
from lab.panels.training.job import training_jobs
from lab.panels.training.text import epochs_table, status
from lab.runtime.job import Listeners
from lxmls_rnn.datasets.corpora import corpus_files
from lxmls_rnn.deep_learning import model_file
from lxmls_rnn.deep_learning.events import Metrics
from lxmls_rnn.deep_learning.training import BatchDone, Progress, Started, Trainer
from lxmls_rnn.experiment import Settings, find, prepare
from lxmls_rnn.runs import Run

TRAIN, DEV, _ = map(str, corpus_files("sample"))


@pytest.fixture(autouse=True)
def no_training_is_left(monkeypatch):
    training_jobs._all.clear()
    monkeypatch.setattr(training_jobs, "listeners", Listeners())
    monkeypatch.setattr(lab.widgets.panel, "DOUBLE_CLICK_SECONDS", 0)  # tests press faster than hands
    yield
    for training in training_jobs._all:
        training.stop()
        training.wait()


def small(panel, epochs=2, sentences=40):
    """Set a panel to a training of moments."""
    panel.corpus["max_nr_sent"].value = sentences
    panel.model["n_emb"].value, panel.model["n_hidd"].value = 6, 5
    panel.trainer["epochs"].value = epochs
    return panel


@pytest.fixture
def panel():
    made = small(TrainingPanel())
    yield made
    made.close()


def training_of(panel):
    return training_jobs.find(panel.folder())


def train(panel):
    """Press Start and wait for the end."""
    panel.start_button.click()
    training = training_of(panel)
    training.wait()
    return training


def begun(training, updates=1):
    """Wait until a training has done some updates, at the least."""
    reached = threading.Event()
    listener = lambda t: t is training and t.updates >= updates and reached.set()  # noqa: E731
    training_jobs.listeners.add(listener)
    reached.wait()
    training_jobs.listeners.remove(listener)


def endless(panel):
    """Start a training that ends only when it is stopped."""
    panel.trainer["epochs"].value = 100_000
    panel.start_button.click()
    begun(training_of(panel))
    return training_of(panel)


def numbers(run):
    return [(row.epoch, row.cost, row.train_accuracy, row.dev_accuracy) for row in run.metrics()]


def values(folder, file="model.npz"):
    return {name: W.tobytes() for name, W in model_file.load(folder / file).model.get_values().items()}


def alone(name, settings, root):
    """Train with the library alone."""
    run = Run.create(name, settings, root)
    for _ in run.fit():
        pass
    return run


def test_a_training_is_seen_in_curves_table_and_status(panel):
    training = train(panel)
    lines = panel.curves.lines["NumpyRNN-1"]
    assert list(lines.cost.y) == [row.cost for row in training.rows]
    assert list(lines.dev.y) == [row.dev_accuracy for row in training.rows]
    assert list(lines.cost.x) == list(lines.train.x) == [0.5, 1.5]  # the mean of an epoch, in its middle
    assert list(lines.dev.x) == [1, 2]
    assert list(lines.train.y) == [row.train_accuracy for row in training.rows]
    assert "NumpyRNN-1" in panel.curves.legend.value
    assert panel.table.value == epochs_table(training.name, training.rows)
    for text in ("Done", "words/s", "NumPy computes on the CPU"):
        assert text in panel.status.value
    assert panel.training_bar.value == 1
    assert "All 2 epochs done" in panel.message.value
    assert str(training.path) in panel.message.value
    assert [point.done for point in training.points] == pytest.approx([n / 40 for n in range(1, 81)])
    for epoch, row in enumerate(training.rows):  # the curve within the epochs comes to the cost of the epoch
        points = training.points[40 * epoch : 40 * (epoch + 1)]
        assert sum(point.cost for point in points) / 40 == pytest.approx(row.cost)
    assert len(lines.cost_within.x) == 80
    assert list(lines.train_within.y) == [point.accuracy for point in training.points]
    assert {figure.axes[0].scale.max for figure in (panel.curves.cost, panel.curves.accuracy)} == {2}
    panel.curves.logarithmic.value = True
    assert isinstance(panel.curves.cost.axes[1].scale, bqplot.LogScale)
    assert len(lines.cost.y) == len(lines.dev.y) == 2


def test_the_legend_shows_the_lines_as_they_are_drawn_whichever_run_was_removed():
    curves = Curves()
    curves.show(["first", "second"])
    curves.show(["second", "third"])
    legend = re.findall(r"border-top:4px (\w+) (#\w+)\"></span> (\w+)<", curves.legend.value)
    drawn = [(lines.cost.line_style, lines.cost.colors[0], name) for name, lines in curves.lines.items()]
    assert legend == drawn
    assert len(set(legend)) == 2


def test_the_few_sentences_left_at_the_end_of_an_epoch_are_no_point(panel, monkeypatch):
    monkeypatch.setattr(job_module, "MAX_POINTS", 4)
    small(panel, epochs=2, sentences=43)  # a point every 21 updates, and one update is left
    panel.trainer["gradient_norm"].value = True
    training = train(panel)
    assert [point.done for point in training.points] == pytest.approx([21 / 43, 42 / 43, 64 / 43, 85 / 43])
    assert all(point.norm > 0 for point in training.points)


def test_the_points_of_batches_have_the_cost_of_the_epoch(panel):
    small(panel, epochs=1, sentences=40)
    panel.trainer["batch_size"].value = 4
    training = train(panel)
    assert len(training.points) == 10
    assert sum(point.cost for point in training.points) / 10 == pytest.approx(training.rows[0].cost)


def test_a_long_training_is_drawn_with_fewer_points_and_its_last_epoch():
    rows = [Metrics(n, 1 / n, n / 2600, n / 2700, 1 / (9 + n), n / 9, 7.0 * n, True) for n in range(1, 2502)]
    curves = Curves()
    curves.show(["long"])
    curves.update("long", rows, [])
    lines = curves.lines["long"]
    x = lines.cost.x
    assert len(x) == 834
    assert x[-1] == 2500.5
    for line, y in ((lines.cost, 1 / (x + 0.5)), (lines.train, (x + 0.5) / 2600), (lines.dev, lines.dev.x / 2700)):
        assert list(line.y) == list(y)
    ((head, *shown),) = tables(epochs_table("a", rows))
    assert head == ["epoch", "cost", "training", "dev", "rate", "seconds", "words/s"]
    assert shown == [
        f"{n} {1 / n:.4f} {n / 2600:.2%} {n / 2700:.2%} {1 / (9 + n):.4g} {n / 9:.2f} {7 * n:,}".split()
        for n in range(2501, 2401, -1)
    ]


ROW = {"train_accuracy": 0.5, "dev_accuracy": 0.4, "rate": 0.5, "seconds": 1.0, "words_per_second": 1.0}
ROW |= {"is_best": True}


def test_a_logarithmic_axis_of_the_cost_leaves_out_what_has_no_place_on_it():
    curves = Curves()
    curves.show(["diverged", "later"])
    costs = [2.0, 0.0, float("nan"), float("inf"), 1e9]
    rows = [Metrics(epoch=n, cost=cost, **ROW) for n, cost in enumerate(costs, 1)]
    curves.update("diverged", rows, [(0.5, 3.0, 0.5, nan), (1.0, nan, 0.5, nan)])
    assert list(curves.lines["diverged"].cost.x) == [0.5, 1.5, 4.5]
    curves.logarithmic.value = True
    curves.rescale()
    lines = curves.lines["diverged"]
    assert curves.cost.marks[:2] == lines.of_cost
    assert isinstance(curves.cost.axes[1].scale, bqplot.LogScale)
    assert lines.cost.scales["y"] is curves.cost.axes[1].scale
    assert list(lines.cost.x) == [0.5, 4.5]
    assert list(lines.cost_within.y) == [3.0]
    rows.append(Metrics(epoch=6, cost=3.0, **ROW))
    curves.update("diverged", rows, [])
    curves.update("later", rows[:1], [])
    assert list(lines.cost.x) == [0.5, 4.5, 5.5]
    assert list(curves.lines["later"].cost.y) == [2.0]
    curves.logarithmic.value = False
    curves.rescale()
    assert list(curves.lines["diverged"].cost.x) == [0.5, 1.5, 4.5, 5.5]


def test_two_panels_at_once_do_not_disturb_each_other(tmp_path):
    panels = small(TrainingPanel(), epochs=3), small(TrainingPanel(), epochs=3)
    panels[1].trainer["batch_size"].value, panels[1].trainer["rate"].value = 3, 0.2
    for number, panel in enumerate(panels):
        panel.name.value = f"panel-{number}"
        panel.start_button.click()
    for number, panel in enumerate(panels):
        training = training_of(panel)
        training.wait()
        run = alone(f"alone-{number}", panel.settings(), tmp_path)
        assert values(training.path) == values(run.folder)
        assert numbers(Run(training.path, training.settings)) == numbers(run)


def test_after_stop_at_most_one_more_update_is_made_and_resuming_gives_an_uninterrupted_runs_numbers(panel, tmp_path):
    panel.trainer["shuffle"].value = True
    training = endless(panel)
    panel.stop_button.click()
    updates = training.updates
    training.wait()
    assert training.updates <= updates + 1
    assert training.state == "stopped"
    assert "press Resume to continue" in panel.message.value
    assert (training.path / "checkpoint.npz").exists()
    rows = len(Run.open(training.name, training.path.parent).metrics())
    assert panel.epoch_bar.value == training.position[1] / training.started.batches
    assert panel.to_epoch.parsed == training.started.epochs  # it has not come to its end

    panel.to_epoch.value = rows + 3
    panel.resume_button.click()
    resumed = training_of(panel)
    assert resumed is not training
    resumed.wait()
    assert [row.epoch for row in resumed.rows] == list(range(1, rows + 4))
    settings = replace(panel.settings(), trainer=replace(panel.settings().trainer, epochs=rows + 3))
    run = alone("alone", settings, tmp_path)
    assert numbers(Run(resumed.path, settings)) == numbers(run)
    assert values(resumed.path) == values(run.folder)


def test_a_new_panel_shows_what_is_running_and_can_stop_it(panel):
    training = endless(panel)
    panel.trainer["epochs"].value = 1
    train(panel)  # a newer one, which is not running any more
    panel.close()
    other = TrainingPanel()
    assert other.selected.value == training.name
    assert other.shown.value == (training.name,)
    assert "of 100000" in other.status.value
    assert not other.stop_button.disabled
    other.stop_button.click()
    training.wait()
    assert "Stopped" in other.status.value
    assert "Stopped" not in panel.status.value


def test_an_open_panel_hears_of_a_training_that_another_began_and_a_view_that_is_gone_when_it_is_seen_again(panel):
    other = TrainingPanel()
    panel._view_count = 1
    panel._view_count = 0
    training = train(panel)
    other.selected.value = training.name
    assert "Done" in other.status.value
    assert "Done" not in panel.status.value
    panel._view_count = 1
    assert "Done" in panel.status.value
    assert len(panel.curves.lines[training.name].cost.y) == 2


def test_a_closed_panel_leaves_nothing_behind():
    TrainingPanel().close()
    assert training_jobs.listeners._all == []


def test_runs_on_disk_are_drawn_in_colours_of_their_own_and_go_on(panel, runs_folder):
    first = train(panel).name
    panel.name.value = "one & more"
    second = train(panel).name
    training_jobs._all.clear()  # as in a new kernel
    (runs_folder / "bad").mkdir()
    (runs_folder / "bad" / "config.json").write_text("{")
    again = TrainingPanel()
    assert sorted(again.selected.options) == [first, second]
    assert "bad/config.json is not the config of a run" in again.left_out.value
    again.shown.value = (first, second)
    lines = again.curves.lines
    assert lines[first].colour != lines[second].colour
    assert len(lines[first].cost.y) == len(lines[second].cost.y) == 2
    again.shown.value = (second,)
    assert list(again.curves.lines) == [second]
    assert again.selected.value == second
    assert "2 of 2 epochs" in again.status.value
    assert "one &amp; more" in again.status.value
    assert again.to_epoch.parsed == 2 + 5
    again.to_epoch.value = 4
    again.resume_button.click()
    training_of(again).wait()
    assert list(again.curves.lines[second].cost.x) == [0.5, 1.5, 2.5, 3.5]
    metrics = runs_folder / first / "metrics.jsonl"
    metrics.write_text(metrics.read_text().splitlines(keepends=True)[0])  # as of a training that was stopped
    again.selected.value = first
    assert "1 of 2 epochs" in again.status.value
    assert again.training_bar.value == 1 / 2


def test_the_epochs_typed_for_a_run_stay_when_another_ends(panel):
    first, other = train(panel).name, endless(panel)
    panel.selected.value = first
    panel.to_epoch.value = 9
    other.stop()
    other.wait()
    assert panel.to_epoch.parsed == 9


def test_fewer_epochs_than_done_is_said(panel):
    name = train(panel).name
    panel.to_epoch.value = 1
    panel.resume_button.click()
    training_of(panel).wait()
    assert "at least 2" in panel.message.value
    assert f"</b>: {name}<br>" in panel.status.value  # without the place of an update
    panel.to_epoch.value = 3
    panel.resume_button.click()
    training_of(panel).wait()
    assert "All 3 epochs done" in panel.message.value
    within = panel.curves.lines[name].cost_within.x
    assert within[0] < 1  # drawn by the training that was resumed
    assert within[-1] == 3


def test_the_settings_of_a_run_can_be_taken(runs_folder):
    trainer = Trainer(epochs=1, rate=0.25, seed=7)
    lstm = {"model": "NumpyLSTM", "activation": "tanh", "dtype": "float64", "n_emb": 7, "n_hidd": 4, "seed": 7}
    settings = Settings("sample", max_nr_sent=30, trainer=trainer, **lstm)
    alone("given", settings, runs_folder)
    panel = TrainingPanel()
    panel.copy_button.click()
    assert "settings of given" in panel.message.value
    assert panel.settings() == find(settings).settings


def test_a_run_whose_start_fails_leaves_the_list(panel, monkeypatch):
    first = train(panel)
    with monkeypatch.context() as patch:
        patch.setattr(Run, "create", Mock(side_effect=MemoryError("the model needs 9 GB")))
        panel.start_button.click()
        training_jobs._all[-1].wait()
    assert "the model needs 9 GB" in panel.message.value
    assert panel.selected.options == panel.shown.options == TrainingPanel().selected.options == (first.name,)
    assert panel.selected.value == first.name
    panel.name.value = "NumpyRNN-2"  # its name is free again
    assert train(panel).name == "NumpyRNN-2"


@pytest.mark.daily("builds a Theano model twice")
def test_a_compiler_that_fails_is_one_sentence_and_the_panel_trains_again(panel, tmp_path, monkeypatch):
    compiler = tmp_path / "g++"
    compiler.write_text("#!/bin/sh\necho 'mod.cpp:7:1: error: no luck' >&2\nexit 1\n")
    compiler.chmod(0o755)
    panel.model["model"].value = "FastRNN"
    with monkeypatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(tmp_path))  # where all messages of the compiler are written
        patch.setattr(theano.config, "cxx", str(compiler))
        patch.setattr(theano.config.gcc, "cxxflags", f"-DPANEL={os.getpid()}")  # no cache has modules of such flags
        training = train(panel)
    (said,) = re.findall(r"the compiler \S+ failed: mod.cpp:7:1: error: no luck; [^<]*", panel.message.value)
    assert said.endswith("`lxmls-rnn doctor` checks the compiler")
    assert "Traceback" not in panel.message.value
    assert "Failed" in panel.status.value
    assert training.rows == []
    training = train(panel)
    assert "All 2 epochs done" in panel.message.value
    assert "Theano uses the" in training.device
    assert training.device.split(";")[0] in panel.status.value.replace("&#x27;", "'")


def test_a_warning_of_the_training_is_told_each_time(panel):
    train(panel)
    panel.corpus["min_count"].value = 1
    for _ in range(2):
        assert train(panel).warnings
        for view in (panel.message, panel.status):
            assert "Warning: no word of the training part occurs fewer than min_count=1 times" in view.value


def test_a_name_that_is_taken_or_no_name_or_a_wrong_number_is_refused(panel):
    train(panel)
    for name in ("", "..", "a/b", "NumpyRNN-1"):
        panel.name.value = name
        panel.start_button.click()
        assert "alert" in panel.message.value
    panel.name.value, panel.trainer["rate"].value = "mine", 0
    panel.start_button.click()
    assert "Learning rate must be a positive number, got 0.0" in panel.message.value
    assert "Learning rate must be a positive number, got 0.0" in panel.summary.value
    assert len(training_jobs._all) == 1


def test_a_run_that_is_in_training_is_not_begun_twice_nor_deleted(panel, runs_folder):
    training = endless(panel)
    panel.name.value = training.name
    panel.start_button.click()
    assert "take another name, or choose it at Selected run and press Resume" in panel.message.value
    assert training_jobs._all == [training]
    for _ in range(2):
        panel.delete_button.click()
    assert "is being trained: stop it first" in panel.message.value
    assert (runs_folder / training.name).is_dir()


def test_a_run_is_deleted_when_that_is_asked_for_twice(panel, runs_folder):
    name = train(panel).name
    panel.delete_button.click()
    assert f"Delete {name} and its model?" in panel.message.value
    panel.refresh_button.click()  # something else
    panel.delete_button.click()
    assert (runs_folder / name).is_dir()
    panel.delete_button.click()
    assert f"Deleted {name}." in panel.message.value
    assert list(runs_folder.iterdir()) == []
    assert (panel.selected.options, panel.shown.options, training_jobs._all) == ((), (), [])


def test_names_are_proposed_until_one_is_written_and_early_stopping_says_why_it_ended(panel, runs_folder):
    assert panel.name.value == "NumpyRNN-1"
    (runs_folder / "NumpyRNN-1").symlink_to("nowhere")  # that is no run
    panel.model["model"].value = "NumpyLSTM"
    assert panel.name.value == "NumpyLSTM-1"
    panel.trainer.switches["patience"].value, panel.trainer["patience"].value = True, 1
    panel.trainer["epochs"].value = 1000
    train(panel)
    assert "No better accuracy on dev for 1 epoch. " in panel.message.value
    assert panel.name.value == "NumpyLSTM-2"
    panel.model["model"].value = "NumpyRNN"
    assert panel.name.value == "NumpyRNN-2"
    panel.name.value = "mine"
    panel.model["model"].value = "NumpyLSTM"
    assert panel.name.value == "mine"
    for name, told in (("a/b", "the name of a run must be a folder name"), ("NumpyLSTM-1", "already exists")):
        panel.name.value = name
        assert told in unquote(panel.name._dom_classes[-1])
    panel.name.value = "free"
    assert not any("refused" in css for css in panel.name._dom_classes)


def test_states_and_the_time_left_follow_from_the_events(panel, runs_folder):
    seen, left = [], []

    class Watched(job_module.TrainingJob):
        def _record(self, event):
            super()._record(event)
            seen.append((type(event), self.stage))
            if isinstance(event, BatchDone):
                left.append((self.done, self.seconds_left))

    Watched(runs_folder / "watched", panel.settings()).start().wait()
    (_, after_the_first), *later = left
    assert after_the_first is None
    assert [seconds > 0 for _, seconds in later] == [done < 2 for done, _ in later]
    assert (BatchDone, "training") in seen
    assert (BatchDone, "measuring on dev") in seen


@pytest.mark.parametrize(("model", "stage"), [("NumpyRNN", "Training"), ("FastRNN", "Compiling")])
def test_before_the_first_update_only_a_model_that_needs_a_compiler_compiles(runs_folder, model, stage):
    training = job_module.TrainingJob(runs_folder / "new", Settings(TRAIN, model=model))
    training.state, training.started = "running", Started(2, 3, 40, 400, Progress())
    assert f">{stage}</b>" in status(training)
    assert ("the first time this takes" in status(training)) == (stage == "Compiling")


def test_the_code_trains_the_same(panel, capsys, tmp_path):
    settings = panel.settings()
    exec(panel.code(), {})
    printed = capsys.readouterr().out
    for row in alone("alone", settings, tmp_path).metrics():
        assert str(row.cost) in printed


def test_the_norm_of_the_gradient_is_drawn_where_it_is_recorded(panel):
    train(panel)
    assert panel.curves.figures.children == (panel.curves.cost, panel.curves.accuracy)
    assert "gradient" not in panel.table.value
    panel.trainer["gradient_norm"].value = True
    training = train(panel)
    assert panel.curves.norm in panel.curves.figures.children
    assert set(panel.shown.value) == {"NumpyRNN-1", training.name}  # the one before stays
    lines = panel.curves.lines[training.name]
    assert list(lines.norm.y) == [row.gradient_norm for row in training.rows]
    assert [point.norm for point in training.points] == list(lines.norm_within.y)
    assert list(lines.norm_within.y) != sorted(lines.norm_within.y)  # each of its own updates alone
    assert max(point.norm for point in training.points if point.done <= 1) == training.rows[0].gradient_norm
    assert f"{training.rows[0].gradient_norm:.3g}</td>" in panel.table.value
    training_jobs._all.clear()  # as after a restart of the kernel
    panel.refresh()
    panel.selected.value = training.name
    assert list(panel.curves.lines[training.name].norm.y) == list(lines.norm.y)
    panel.shown.value = ("NumpyRNN-1",)
    assert panel.curves.norm not in panel.curves.figures.children


@pytest.mark.daily("trains four epochs of the whole sample")
def test_the_experiment_of_the_notebook_explodes_and_with_clipping_learns():
    panel = TrainingPanel()
    panel.model["activation"].value, panel.model["init"].value = "relu", "orthogonal"
    panel.trainer["gradient_norm"].value = True
    panel.trainer["epochs"].value = 2
    exploded = train(panel)
    assert re.search("alert.*clip the gradient", panel.message.value, re.DOTALL)
    assert "Failed" in panel.status.value
    usual = [point.norm for point in exploded.points[:-3]]
    assert max(usual) < 1000
    assert exploded.points[-1].norm > 1e6
    assert max(panel.curves.lines[exploded.name].norm_within.y) <= 1e7
    panel.trainer.switches["clip"].value = True
    clipped = train(panel)
    assert clipped.rows[-1].dev_accuracy > 0.91
    assert max(point.norm for point in clipped.points) < 100
    panel.close()


def test_the_selected_run_is_exported(panel):
    assert all(one.disabled for one in (panel.exporting.button, panel.copy_button, panel.delete_button))
    train(panel)
    name = panel.selected.value
    assert not panel.exporting.button.disabled
    panel.exporting.button.click()
    assert panel.exporting.link.value.startswith(f'<a download="{name}.html" href="data:text/html;base64,')
    train(panel)
    assert panel.exporting.link.value == ""
    panel.exporting.button.click()
    assert panel.exporting.link.value
    panel.resume_button.click()
    training_of(panel).wait()
    assert panel.exporting.link.value == ""  # that file has the parameters of before


def parameters(panel):
    """Wait until the words are counted; return the table of parameters without its header."""
    panel.parameters.counting.job.wait()
    ((_, *rows),) = tables(panel.parameters.table.value)
    return rows


def test_the_table_of_parameters_is_that_of_the_model_of_the_settings(panel, data):
    assert panel.parameters.counting.job is None  # as long as it is hidden
    panel.parameters.button.value = True
    (data / "mini_3").write_text("the 1 2 3\nold 4 5 6\n")
    panel.model.refresh()
    for control, value in (
        (panel.model["n_hidd"], 7),
        (panel.model["model"], "NumpyLSTM"),
        (panel.model["peepholes"], False),
        (panel.model["freeze_embeddings"], True),
        (panel.model["embeddings"], "mini_3"),
        (panel.corpus["min_count"], 2),
        (panel.corpus["vocabulary"], "guide"),
    ):
        control.value = value
        model = prepare(panel.settings()).tagger.model
        total, kept = sum(W.size for W in model.param), panel.model["freeze_embeddings"].value
        *rows, last = parameters(panel)
        assert [[row[0], *row[2:]] for row in rows] == [
            [
                *(name, f"{W.shape[0]:,} × {W.shape[1]:,}", f"{W.size:,}", f"{W.size / total:.1%}"),
                "frozen" if kept and name == "W_e" else "trained",
            ]
            for name, W in model.get_values().items()
        ]
        assert last == ["all", "", "", f"{total:,}", "", f"{total - kept * model.param.W_e.size:,} trained"]
        words, tags = model.sizes.n_words, model.sizes.n_tags
        in_bytes = f"{decimal(4 * total)} in float32, {decimal(8 * total)} in float64"
        assert f"{words:,} words, {tags} tags; {in_bytes}" in panel.parameters.table.value


def test_parameters_that_cannot_be_counted_are_in_no_table(panel, data):
    panel.parameters.button.value = True
    assert parameters(panel)
    panel.corpus["corpus"].value = "ewt"
    assert "lxmls-rnn fetch ewt" in panel.message.value
    assert panel.parameters.table.value == ""
    (data / "uploads").mkdir()
    (data / "uploads" / "bad.conll").write_text("1\tDogs\n")
    panel.corpus.refresh()
    panel.corpus["corpus"].value = "uploads/bad.conll"
    panel.parameters.counting.job.wait()
    assert "bad.conll" in panel.message.value
    assert panel.parameters.table.value == ""
    panel.corpus["corpus"].value = "sample"
    assert parameters(panel)
    assert panel.message.value == ""


def test_parameters_are_those_of_the_corpus_that_is_chosen_while_another_is_counted(panel, monkeypatch):
    go_on, read_corpus = threading.Event(), parameters_module.read_corpus

    def slow(corpus):
        if corpus.corpus == "sample":
            go_on.wait()
        return read_corpus(corpus)

    monkeypatch.setattr(parameters_module, "read_corpus", slow)
    panel.parameters.button.value = True
    first = panel.parameters.counting.job
    panel.model["n_hidd"].value = 9
    assert panel.parameters.counting.job is first  # the same corpus is not read twice
    panel.corpus["corpus"].value = "sample-pt"
    assert panel.parameters.counting.job is not first
    expected = parameters(panel)
    go_on.set()
    first.wait()
    assert parameters(panel) == expected
    panel.corpus["corpus"].value = "sample"
    assert parameters(panel) != expected
