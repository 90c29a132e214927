"""Sweep panel: train a grid of settings with several seeds, compare them, and inspect single runs."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from html import escape
from pathlib import Path
from time import monotonic
from typing import Any

import bqplot
import ipywidgets as widgets
import numpy as np

from lab.drawing import html
from lab.drawing.figures import figure, key, put, put_chart, scales_of
from lab.drawing.looks import ColumnBox, make
from lab.runtime.job import JobList, SavedJob
from lab.widgets.controls import (
    RULE,
    dropdown,
    in_row,
    integer,
    on_change,
    progress_bar,
    set_options,
    settings_code,
    show,
    text,
    view,
)
from lab.widgets.panel import controls
from lab.widgets.runs_panel import RunsPanel
from lab.widgets.settings_choice import (
    CorpusChoice,
    ModelChoice,
    TrainerChoice,
    chosen_settings,
    group_buttons,
)
from lxmls_rnn.deep_learning.models import activations_of
from lxmls_rnn.device.processor import cores
from lxmls_rnn.experiment import SETTINGS
from lxmls_rnn.plotting.palette import GREY, LINES
from lxmls_rnn.runs import Damaged
from lxmls_rnn.runs.folder import check_name
from lxmls_rnn.storage.files import modified
from lxmls_rnn.storage.messages import counted
from lxmls_rnn.sweep import grid, report
from lxmls_rnn.sweep.charts import MAX_COLOURED_CURVES, Lines, against, curves, lines_against, places
from lxmls_rnn.sweep.driver import Driver
from lxmls_rnn.sweep.results import Result, SettingResults, by_setting, chosen, read_all
from lxmls_rnn.sweep.sweep import FILE, Sweep, find_sweeps, more_seeds

NO_SETTING = "nothing"
CURVE_STYLES = ("solid", "dashed", "dotted")  # of learning curves that have the colour of the same line
Looks = dict[str, tuple[str, str]]  # colour and style of the learning curve of a setting, by its point of the grid
REDRAW_SECONDS = 1.0  # minimum time between two redraws of the plots


class SweepJob(SavedJob):
    """A sweep whose unfinished trainings this kernel runs; `driver` trains it."""

    def __init__(self, sweep: Sweep, workers: int) -> None:
        self.driver = Driver(sweep, workers)
        super().__init__(sweep.folder, self.driver.run, self._record)
        self.changes = 0  # number of trainings that have ended in this kernel

    def _record(self, result: Result | None) -> None:
        self.changes += result is not None

    @property
    def done(self) -> int:
        """Number of finished trainings."""
        return sum(result.is_over for result in self.driver.results.values())


sweep_jobs = JobList[SweepJob]("sweep")


class SweepPanel(RunsPanel[SweepJob]):
    """Train a grid of settings with several seeds.

    `trainer`, `model` and `corpus` hold the fixed settings; each row of `vary` holds a varied setting and its values.
    """

    jobs, file = sweep_jobs, FILE
    title = "Sweep"
    help = """Choose what to vary and over which values: <code>2,5,20</code>, or a range, <code>log:0.05:0.5:4</code> or
    <code>lin:0.1:0.5:5</code>. Each setting is trained with several seeds, because a single training says little:
    differences smaller than the spread over the seeds mean nothing. <b>Start</b> trains on all cores, and the
    notebook stays usable. <b>Stop</b> stops all trainings after their current update and saves checkpoints, and
    <b>Resume</b> runs those that are unfinished or missing. At the end, the setting with the best accuracy on dev is
    chosen, and only this one is measured on the test part. Click a point to inspect its run."""

    make_inspection_panel: Callable[[str], widgets.Widget]  # called with a run's name; set by `lab`

    def __init__(self, corpus: str | None = None, model: str = "NumpyRNN") -> None:
        self.trainer, self.model, self.corpus = groups = TrainerChoice(), ModelChoice(model), CorpusChoice(corpus)
        self._seen: tuple[object, ...] = ()
        self._drawn_at = 0.0
        self._make_controls()
        self.plots = Plots(self._inspect_run)
        self.table, self.best, self.inspection = view("sweep-table"), view("sweep-best"), ColumnBox()
        super().__init__(
            group_buttons(*groups),
            *groups,
            make(widgets.HTML, RULE),
            *(in_row(name, values) for name, values in self.vary),
            in_row(self.seeds, self.sample, self.workers),
            self.count,
            in_row(self.name, self.start_button),
            make(widgets.HTML, RULE),
            in_row(self.selected, self.stop_button, self.resume_button, self.refresh_button),
            in_row(self.progress, self.status),
            self.left_out,
            self.across,
            self.plots,
            self.best,
            self.table,
            self.inspection,
        )
        varied = [control for row in self.vary for control in row]
        on_change(self._count, *controls(*groups), *varied, self.seeds, self.sample)
        self.on_input(self._redraw, self.across)
        self._count()
        self.follow()

    def _make_controls(self) -> None:
        names = [(NO_SETTING, NO_SETTING), *((_label(name), name) for name in grid.VARIED if name != "seed")]
        first = [("n_hidd", "2, 5, 20"), (NO_SETTING, ""), (NO_SETTING, "")]
        self.vary = [
            (
                dropdown("Vary" if number == 0 else "and", names, "The setting to vary", name, "27em"),
                text("over", values, "Values separated by commas, or log:low:high:n or lin:low:high:n", "30em"),
            )
            for number, (name, values) in enumerate(first)
        ]
        tooltip = "Trainings of each setting; the first one has the model's seed"
        self.seeds = integer("Seeds", 3, tooltip, 1000, "14em", label="6em")
        tooltip = "Train this many settings, drawn at random from the grid; 0: all"
        self.sample = integer("Sample", 0, tooltip, 100_000, "14em", 0, "6em")
        self.workers = integer("Workers", cores(), "Processes that train in parallel", 1000, "14em", label="6em")
        self.count = view("sweep-count")
        self.make_list()
        self.progress, self.status = progress_bar("14em"), view("sweep-status")
        self.across = dropdown("X axis", [], "The setting on the x axis of the plot", width="27em")

    # settings

    def described(self) -> Sweep:
        """Return the sweep that the controls describe; raise the library's errors for invalid settings."""
        name = check_name(self.name.value.strip(), "a sweep")
        texts = [f"{name.value}={values.value}" for name, values in self.vary if name.value != NO_SETTING]
        base = chosen_settings(self.corpus, self.model, self.trainer)
        vary = grid.parse_vary(texts)
        if "model" in vary and "activation" not in vary and base.activation == activations_of(base.model)[0]:
            base = base.changed(activation=None)  # each model family has its own default
        seeds = more_seeds([base.seed], self.seeds.parsed)
        return Sweep(self.root() / name, base, vary, seeds, self.sample.parsed or None)

    def _count(self) -> None:
        self.propose_name()
        try:
            (sweep := self.described()).check_values()
            rare = [text for group in (self.trainer, self.model, self.corpus) if (text := group.in_words(False))]
            self.count.value = sweep.in_words() + escape(f"; with {', '.join(rare)}" if rare else "")
        except (ValueError, OSError) as error:
            self.count.value = f"<i>{escape(str(error))}</i>"

    # the list of sweeps

    def stem(self) -> str:
        return "sweep"

    def found(self) -> tuple[list[str], list[Damaged]]:
        sweeps, damaged = find_sweeps()
        return [sweep.name for sweep in sorted(sweeps, key=lambda sweep: -modified(sweep.folder))], damaged

    def new(self, name: str) -> SweepJob:
        return SweepJob(self.described().begin(), self.workers.parsed)

    def again(self, folder: Path) -> SweepJob:
        return SweepJob(Sweep.load(folder.name), self.workers.parsed)

    # output

    def show_selected(self) -> None:
        self._seen = ()
        job = self.current()
        if job is not None:
            self.show_job(job)
            return
        self.show_buttons()
        if self.selected.value is None:
            self.status.value = "No sweep yet: press Start."
            self.plots.draw(None, {}, [], "")
            show(self.across, False)
        else:
            sweep = Sweep.load(self.selected.value)
            self.status.value = f"<b>On disk</b>: {escape(str(sweep.folder))}"
            self._show(sweep, read_all(sweep))

    def show_job(self, job: SweepJob) -> None:
        if job.name != self.selected.value:
            return
        self.show_buttons()
        driver, count = job.driver, len(job.driver.results)
        parts = [
            f"<b>{escape(driver.state if job.active else job.state)}</b>",
            f"{job.done} of {count} trainings",
        ]
        if job.state == "stopping":
            parts.append("each training writes a checkpoint …")
        elif job.active:
            parts.append(counted(driver.alive, "worker"))
            if driver.seconds_left:
                parts.append(f"about {driver.seconds_left:.0f} s left")
        self.status.value = ", ".join(parts)
        self.progress.value = job.done / count
        seen = job, job.changes, job.state
        if seen != self._seen and (not job.active or monotonic() - self._drawn_at > REDRAW_SECONDS):
            self._seen, self._drawn_at = seen, monotonic()
            self._show(driver.sweep, list(driver.results.values()), job.active)

    def _show(self, sweep: Sweep, results: list[Result], active: bool = False) -> None:
        settings = by_setting(results)
        show(self.across, bool(sweep.vary))
        self._shown = sweep, settings
        with self.quietly():
            set_options(self.across, [(_label(name), name) for name in sweep.vary])
        self._redraw()
        caption = f"{sweep.name}: accuracy on dev over the seeds, best first"
        self.table.value = html.table(report.header(sweep), report.lines(settings), caption) + "".join(
            f"<div><small>{html.linked(note)}</small></div>" for note in report.notes(sweep, results)
        )
        self.progress.value = sum(result.is_over for result in results) / len(results)
        self.best.value = "" if active else self._verdict(sweep, settings)

    def _redraw(self) -> None:
        sweep, settings = self._shown
        self.plots.draw(self.across.value, sweep.vary, settings, self.across.label or "")

    def _verdict(self, sweep: Sweep, settings: list[SettingResults]) -> str:
        best = chosen(settings)
        return "" if best is None else f"<p><b>{html.linked(report.verdict(sweep, best))}</b></p>"

    def _inspect_run(self, result: Result) -> None:
        """Open the run of a clicked point in an inspection panel."""
        with self.guard():
            run = f"{self.selected.value}/{result.training.name}"
            for before in self.inspection.children:
                before.close()
            self.inspection.children = [self.make_inspection_panel(run)]
            self.show_message(f"Below: {run}")

    def code(self) -> str:
        sweep = self.described()
        return f"""{settings_code(sweep.base)}
from lxmls_rnn import paths
from lxmls_rnn.sweep.driver import Driver
from lxmls_rnn.sweep.results import by_setting
from lxmls_rnn.sweep.sweep import Sweep

if __name__ == "__main__":  # the workers are processes that import this file
    sweep = Sweep(
        paths.runs() / {sweep.name!r},
        settings,
        vary={sweep.vary!r},
        seeds={sweep.seeds!r},
        sample={sweep.sample!r},
    )
    driver = Driver(sweep.begin(), workers={self.workers.parsed})
    for result in driver.run():
        if result is not None:
            print(result.training.name, result.state)
    for setting in by_setting(driver.results.values()):
        print(setting.point, setting.mean, setting.deviation)
"""


def _label(name: str) -> str:
    """Return a setting's label in the other panels and its name in commands: "Hidden units (n_hidd)"."""
    label = SETTINGS[name].label
    return label if label.lower() == name else f"{label} ({name})"


def looks_of(settings: Sequence[SettingResults], lines: Lines, before: Looks) -> Looks:
    """Return the looks of the learning curves of the best settings, best first; they keep those of `before`.

    A curve has the colour of its setting in the other plot: that of its line, if there are several `lines`.
    """
    possible: dict[str, list[tuple[str, str]]] = {}
    for setting in settings:
        of_line = [(colour, style) for _, colour, line in lines if setting in line for style in CURVE_STYLES]
        looks = of_line if len(lines) > 1 else [(colour, CURVE_STYLES[0]) for colour in LINES]
        if len(possible) < MAX_COLOURED_CURVES and list(possible.values()).count(looks) < len(looks):
            possible[repr(setting.point)] = looks
    chosen = {point: before[point] for point, looks in possible.items() if before.get(point) in looks}
    for point, looks in possible.items():
        chosen[point] = chosen.get(point) or next(look for look in looks if look not in chosen.values())
    return {point: chosen[point] for point in possible}


class Plots(ColumnBox):
    """Accuracy against one setting, with a line per value of another, and learning curves of the best settings.

    `open_run` is called with the result whose point is clicked.
    """

    def __init__(self, open_run: Callable[[Result], None]) -> None:
        self._open, self._results, self._looks = open_run, list[Result](), Looks()
        self.against, self.curves = figure(size=(394, 300)), figure(size=(394, 300))
        self.against.axes[0].label_offset = "2.6em"
        self.against.display_toolbar = False  # it would lie on the best points
        self.points = bqplot.Scatter(x=[], y=[], scales=scales_of(self.against), default_size=40, unselected_style={})
        self.points.on_element_click(lambda _, event: self._open(self._results[event["data"]["index"]]))
        self.legends = view("sweep-lines"), view("sweep-curves")
        boxes = [ColumnBox([plot, key]) for plot, key in zip((self.against, self.curves), self.legends, strict=True)]
        self._row = in_row(*boxes)
        super().__init__()

    def draw(
        self, name: str | None, vary: dict[str, list[Any]], settings: Sequence[SettingResults], label: str
    ) -> None:
        """Draw the settings that have an accuracy, best first; `name` and `label` are of the setting on the x axis."""
        settings = [setting for setting in settings if setting.mean is not None]
        self.children = [self._row] if settings else []
        if not settings:
            return
        lines = lines_against(name, vary, settings)
        self._looks = looks_of(settings, lines, self._looks)
        best = [(setting, *look) for setting in settings if (look := self._looks.get(repr(setting.point)))]
        chart = against(name, vary, lines, label or "all seeds")
        colour_of = {id(setting): colour for _, colour, on_line in lines for setting in on_line}
        own: dict[str, Any] = {"has_dots": False}  # the trainings are drawn instead
        if len(lines) == 1:
            colour_of = {id(setting): GREY for setting in settings} | {
                id(setting): colour for setting, colour, _ in best
            }
            own |= {"colour": GREY, "bar_colours": [colour_of[id(setting)] for setting in lines[0][2]]}
        chart = replace(chart, lines=[replace(line, **own) for line in chart.lines])
        put_chart(self.against, chart, self.points)
        seen = [
            (setting, r) for setting in settings for r in setting.results if r.is_counted and r.accuracy is not None
        ]
        self._results = [result for _, result in seen]
        x, y = places(name, vary, [setting for setting, _ in seen]), [result.accuracy for result in self._results]
        put(self.points, np.array(x), np.array(y), colors=[colour_of[id(setting)] for setting, _ in seen])
        caption = "Each point is a training: click it to inspect its run."
        self.legends[0].value = f"<div>{key(chart.lines)}</div><small>{caption}</small>"

        chart = curves(best)
        put_chart(self.curves, chart)
        some = f"The {len(best)} best settings. " if len(settings) > len(best) else ""
        message = f"{some}Colours as in the other plot. Band: standard deviation over the seeds."
        legend = key(replace(line, name=line.name or "mean") for line in chart.lines[::-1])
        self.legends[1].value = f"<div>{legend}</div><small>{message}</small>"
