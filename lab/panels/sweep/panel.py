"""Sweep panel: train a grid of settings with several seeds, compare them, and inspect single runs."""

from collections.abc import Callable
from html import escape
from pathlib import Path
from time import monotonic

import ipywidgets as widgets

from lab.drawing import html
from lab.panels.sweep import live_sweeps
from lab.panels.sweep.live_sweeps import LiveSweep
from lab.panels.sweep.plots import Plots
from lab.widgets.choices import CorpusChoice, ModelChoice, settings_code
from lab.widgets.controls import (
    RULE,
    checkbox,
    dropdown,
    in_row,
    integer,
    on_change,
    progress_bar,
    set_options,
    show,
    text,
    toggles,
    view,
)
from lab.widgets.panel import Panel, controls
from lab.widgets.trainer_choice import TrainerChoice
from lxmls_rnn import paths
from lxmls_rnn.device.processor import cores
from lxmls_rnn.experiment import Settings
from lxmls_rnn.storage.files import counted
from lxmls_rnn.sweep import grid, halving, report
from lxmls_rnn.sweep.results import Result, Setting, by_setting, chosen, on_test
from lxmls_rnn.sweep.sweep import Sweep, find_sweeps, more_seeds

NO_SETTING = "nothing"
REDRAW_SECONDS = 1.0  # minimum time between two redraws of the plots


class SweepPanel(Panel):
    """Train a grid of settings with several seeds.

    `trainer`, `model` and `corpus` hold the fixed settings; each row of `vary` holds a varied setting and its values.
    `sweep` holds the selected sweep.
    """

    title = "Sweep"
    help = """Choose what to vary and over which values: <code>2,5,20</code>, or a range, <code>log:0.05:0.5:4</code> or
    <code>lin:0.1:0.5:5</code>. Each setting is trained with several seeds, because a single training says little:
    differences smaller than the spread over the seeds mean nothing. <b>Start</b> trains on all cores, and the
    notebook stays usable. <b>Pause</b> pauses all trainings after their current update, <b>Stop</b> stops them and
    saves checkpoints, and <b>Resume</b> runs those that are unfinished or missing. At the end, the setting with the
    best accuracy on dev is chosen, and only this one is measured on the test part. Click a point to inspect its run."""

    make_inspection_panel: Callable[[str], widgets.Widget] | None = None  # called with a run's name; set by `lab`

    def __init__(self, corpus: str = "sample", model: str = "NumpyRNN") -> None:
        self.trainer, self.model, self.corpus = TrainerChoice(), ModelChoice(model), CorpusChoice(corpus)
        self._live: LiveSweep | None = None  # the sweep that this panel listens to
        self._shown: tuple[Sweep, list[Setting]] | None = None
        self._seen: tuple[object, ...] = ()
        self._drawn_at = 0.0
        self._make_controls()
        self.plots = Plots(self._inspect_run)
        self.table, self.best, self.inspection = view("sweep-table"), view("sweep-best"), widgets.VBox()
        super().__init__(
            widgets.HBox([widgets.Label("Settings of", layout={"width": "9em"}), self.part]),
            *self.parts.values(),
            widgets.HTML(RULE),
            *(in_row(name, values) for name, values in self.vary),
            in_row(self.seeds, self.sample, self.workers, self.halving),
            self.count,
            in_row(self.name, self.start_button),
            widgets.HTML(RULE),
            in_row(self.sweep, self.pause_button, self.stop_button, self.resume_button, self.refresh_button),
            in_row(self.progress, self.status),
            self.across,
            self.plots,
            self.best,
            self.table,
            self.inspection,
        )
        varied = [control for row in self.vary for control in row]
        on_change(self._count, *controls(*self.parts.values()), *varied, self.seeds, self.sample, self.halving)
        on_change(self._show_part, self.part)
        on_change(self._show_selected, self.sweep)
        on_change(self._redraw, self.across)
        self._show_part()
        self._count()
        self.refresh()

    def _make_controls(self) -> None:
        parts = {"Training": "Training settings", "Model": "Model settings", "Corpus": "Corpus settings"}
        self.part = toggles(parts, "6em").add_class("lab-part")
        self.parts = dict(zip(parts, (self.trainer, self.model, self.corpus), strict=True))
        names = [(NO_SETTING, NO_SETTING), *((self._label(name), name) for name in grid.KINDS if name != "seed")]
        first = [("n_hidd", "2, 5, 20"), (NO_SETTING, ""), (NO_SETTING, "")]
        self.vary = [
            (
                dropdown("Vary" if number == 0 else "and", names, "The setting to vary", name, "27em"),
                text("over", values, "Values separated by commas, or log:low:high:n or lin:low:high:n", "30em"),
            )
            for number, (name, values) in enumerate(first)
        ]
        what = "Trainings of each setting; the first one has the model's seed"
        self.seeds = integer("Seeds", 3, what, 1000, "14em", label="6em")
        what = "Train this many settings, drawn at random from the grid; 0: all"
        self.sample = integer("Sample", 0, what, 100_000, "14em", 0, "6em")
        self.workers = integer("Workers", cores(), "Processes that train in parallel", 1000, "14em", label="6em")
        what = "Repeatedly drop the worse half of the settings, by accuracy on dev, and double the epochs"
        self.halving = checkbox("Successive halving", what)
        self.count = view("sweep-count")
        self.name = text("Name", "", "The sweep is saved in a folder of this name")
        self.start_button = self.button("Start", "Train a new sweep", self.start, "primary", "play", single=True)
        self.sweep = dropdown("Selected sweep", [], "The sweep that the buttons next to it act on")
        what = "Pause all trainings after their current update, or resume them"
        self.pause_button = self.button("Pause", what, self.pause, icon="pause")
        self.stop_button = self.button("Stop", "Stop all trainings and save checkpoints", self.stop, icon="stop")
        what = "Run the trainings that are unfinished or missing"
        self.resume_button = self.button("Resume", what, self.resume, icon="forward")
        self.refresh_button = self.button("Refresh", "Reload the list", self.refresh, icon="refresh")
        self.progress, self.status = progress_bar("14em"), view("sweep-status")
        self.across = dropdown("X axis", [], "The setting on the x axis of the plot", width="27em")

    # settings

    def _label(self, name: str) -> str:
        """Return a setting's label in the other panels and its name in commands: "Hidden units (n_hidd)"."""
        found = (getattr(part, name, None) for part in self.parts.values())
        label = next((control.description for control in found if isinstance(control, widgets.DOMWidget)), name)
        return label if label.lower() == name else f"{label} ({name})"

    def described(self) -> Sweep:
        """Return the sweep that the controls describe; raise the library's errors for invalid settings."""
        texts = [f"{name.value}={values.value}" for name, values in self.vary if name.value != NO_SETTING]
        trainer = self.trainer.trainer(self.model.seed.value, self.model.freeze.value)
        base = Settings(**self.corpus.fields(), **self.model.fields(), trainer=trainer)
        vary = grid.parse_vary(texts)
        if "model" in vary and "activation" not in vary:
            base = Settings(**{**vars(base), "activation": None})  # each model family has its own default
        seeds = more_seeds([base.seed], self.seeds.value)
        return Sweep(self._folder(self.name.value), base, vary, seeds, self.sample.value or None, self.halving.value)

    def _folder(self, name: str | None) -> Path:
        if not name or name in (".", "..") or Path(name).name != name:
            raise ValueError(f"the name of a sweep must be a folder name, got {name or ''!r}")
        return paths.runs() / name

    def _count(self) -> None:
        if not self.name.value:
            self._propose_name()
        try:
            (sweep := self.described()).check_values()
            rare = self.trainer.advanced.changed + self.model.advanced.changed + self.corpus.advanced.changed
            self.count.value = sweep.in_words() + escape(rare.replace(", ", "; with ", 1))
        except (ValueError, OSError) as error:
            self.count.value = f"<i>{escape(str(error))}</i>"

    def _propose_name(self) -> None:
        number = 1
        while (paths.runs() / f"sweep-{number}").exists():
            number += 1
        self.name.value = f"sweep-{number}"

    def _show_part(self) -> None:
        for name, part in self.parts.items():
            show(part, self.part.value == name)

    # the selected sweep

    def start(self) -> None:
        """Train a new sweep."""
        begun = self.described().begin("or choose it at Selected sweep and press Resume")
        self._follow(live_sweeps.start(begun, self.workers.value))
        self.refresh(self.name.value)
        self._propose_name()

    def resume(self) -> None:
        """Run the unfinished and missing trainings of the selected sweep."""
        sweep = Sweep.load(self._folder(self.sweep.value).name)
        self._follow(live_sweeps.start(sweep, self.workers.value))

    def pause(self) -> None:
        """Pause or resume the trainings."""
        driver = self._active().driver
        (driver.resume if driver.paused else driver.pause)()

    def stop(self) -> None:
        """Stop the selected sweep."""
        self._active().job.stop()

    def _active(self) -> LiveSweep:
        live = live_sweeps.find(self._folder(self.sweep.value))
        if live is None or not live.job.active:
            raise RuntimeError(f"the sweep {self.sweep.value} is not being trained in this notebook")
        return live

    def refresh(self, name: str | None = None) -> None:
        """Reload the list of sweeps, newest first, and show the selected one, or the one called `name`."""
        found, damaged = find_sweeps()
        names = [sweep.name for sweep in sorted(found, key=lambda sweep: -sweep.folder.stat().st_mtime)]
        active = [other for other in names if self._is_active(other)]
        set_options(self.sweep, names, name or self.sweep.value or next(iter(active), None))
        if damaged:
            self.show_message(" ".join(map(str, damaged)))
        self._show_selected()

    def _is_active(self, name: str) -> bool:
        live = live_sweeps.find(paths.runs() / name)
        return live is not None and live.job.active

    def _show_selected(self) -> None:
        with self.lock, self.guard():
            self._seen = ()
            if self.sweep.value is None:
                self._show_state(None)
                self.status.value = "No sweep yet: press Start."
                self.plots.draw(None, {}, [], "")
                show(self.across, False)
                return
            live = live_sweeps.find(self._folder(self.sweep.value))
            if live is not None:
                self._follow(live)
            else:
                self._follow(None)
                self._show_state(None)
                sweep = Sweep.load(self.sweep.value)
                self._show(sweep, halving.results(sweep))

    def _follow(self, live: LiveSweep | None) -> None:
        if self._live is not None:
            self._live.job.listeners.remove(self._changed)
        self._live, self._seen = live, ()
        if live is not None:
            live.job.listeners.add(self._changed)
            self._changed()

    def close(self) -> None:
        """Close the panel; its sweep continues."""
        self._follow(None)
        super().close()

    # output

    def _changed(self) -> None:
        """Show the current state of the sweep; also called in its thread."""
        with self.lock, self.guard():
            live = self._live
            if live is None:
                return
            self._show_state(live)
            seen = live, live.changes, live.job.state
            if seen != self._seen and (not live.job.active or monotonic() - self._drawn_at > REDRAW_SECONDS):
                self._seen, self._drawn_at = seen, monotonic()
                self._show(live.driver.sweep, list(live.driver.results.values()))
            if live.job.error is not None:
                self.show_error(live.job.error)

    def _show_state(self, live: LiveSweep | None) -> None:
        active = live is not None and live.job.active
        self.pause_button.disabled = self.stop_button.disabled = not active
        self.resume_button.disabled = active or self.sweep.value is None
        paused = active and live is not None and live.driver.paused
        self.pause_button.description, self.pause_button.icon = ("Resume", "play") if paused else ("Pause", "pause")
        # while the pause button says Resume, the button that resumes a stopped sweep is hidden
        self.resume_button.layout.visibility = "hidden" if paused else "visible"
        if live is None:
            return
        driver, count = live.driver, len(live.driver.results)
        self.progress.value = live.done / count
        parts = [f"<b>{escape(driver.state if active else live.job.state)}</b>", f"{live.done} of {count} trainings"]
        if live.job.state == "stopping":
            parts.append("each training writes a checkpoint …")
        elif active:
            parts.append(counted(driver.alive, "worker"))
            if driver.seconds_left:
                parts.append(f"about {driver.seconds_left:.0f} s left")
        self.status.value = ", ".join(parts)

    def _show(self, sweep: Sweep, results: list[Result]) -> None:
        settings = by_setting(results)
        show(self.across, bool(sweep.vary))
        self._shown = sweep, settings
        set_options(self.across, [(self._label(name), name) for name in sweep.vary])
        self._redraw()
        caption = f"{sweep.name}: accuracy on dev over the seeds, best first"
        self.table.value = html.table(report.header(sweep), report.lines(settings), caption) + "".join(
            f"<div><small>{escape(failure)}</small></div>" for failure in report.failures(results)
        )
        if self._live is None or not self._live.job.active:
            self.progress.value = sum(result.is_over for result in results) / len(results)
            if self._live is None:
                self.status.value = f"<b>On disk</b>: {escape(str(sweep.folder))}"
            self.best.value = self._verdict(sweep, settings)
        else:
            self.best.value = ""

    def _redraw(self) -> None:
        if self._shown is None:
            return
        sweep, settings = self._shown
        if self.across.value is not None and self.across.value not in sweep.vary:
            return  # its options will be replaced by those of this sweep
        self.plots.draw(self.across.value, sweep.vary, settings, self.across.label or "")

    def _verdict(self, sweep: Sweep, settings: list[Setting]) -> str:
        best = chosen(settings)
        if best is None:
            return ""
        try:
            verdict = report.verdict(best, on_test(sweep, best), "there is none")
        except ValueError as error:
            verdict = report.verdict(best, [], str(error))
        return f"<p><b>{escape(verdict)}</b></p>"

    def _inspect_run(self, result: Result) -> None:
        """Open the run of a clicked point in an inspection panel."""
        with self.guard():
            run = f"{self.sweep.value}/{result.training.name}"
            for before in self.inspection.children:
                before.close()
            self.inspection.children = [] if self.make_inspection_panel is None else [self.make_inspection_panel(run)]
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
        halving={sweep.halving!r},
    )
    driver = Driver(sweep.begin(), workers={self.workers.value})
    for result in driver.run():
        if result is not None:
            print(result.training.name, result.state)
    for setting in by_setting(driver.results.values()):
        print(setting.point, setting.mean, setting.deviation)
"""
