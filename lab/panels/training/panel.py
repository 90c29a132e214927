"""Training panel: start, pause, stop and resume trainings, and compare the curves of several runs."""

from html import escape
from pathlib import Path

import ipywidgets as widgets

from lab.panels.training import live_runs
from lab.panels.training.curves import Curves
from lab.panels.training.live_runs import LiveRun
from lab.panels.training.text import ended, epochs_table, on_disk, status
from lab.widgets.choices import CorpusChoice, ModelChoice, left_out, settings_code
from lab.widgets.controls import (
    RULE,
    dropdown,
    field,
    in_row,
    integer,
    on_change,
    progress_bar,
    show,
    text,
    toggles,
    view,
)
from lab.widgets.export import Export
from lab.widgets.panel import Panel, controls
from lab.widgets.trainer_choice import TrainerChoice
from lxmls_rnn import paths
from lxmls_rnn.experiment import Settings
from lxmls_rnn.runs import Run
from lxmls_rnn.runs.folder import read_metrics

EXTRA_EPOCHS = 5  # proposed for a finished run


class TrainingPanel(Panel):
    """Train taggers; `trainer`, `model` and `corpus` hold the settings of a new run.

    `run` holds the selected run, which Pause, Stop and Resume act on; `shown` holds the runs whose curves are plotted.
    """

    title = "Training"
    help = """Set the training, the model and the corpus, and press <b>Start</b>. The cost should fall and the accuracy
    rise. If the accuracy on dev stays far below that on the training part, the model overfits; if the cost jumps, lower
    the learning rate or clip the gradient. <b>Pause</b>, <b>Stop</b> and <b>Resume</b> act on the <i>Selected run</i>,
    and <b>Export</b> makes a file of it to take home. Select several runs under <i>Plot</i> to compare them. The
    training continues when the page is closed."""

    def __init__(self, corpus: str = "sample", model: str = "NumpyRNN") -> None:
        self.trainer, self.model, self.corpus = TrainerChoice(), ModelChoice(model), CorpusChoice(corpus)
        self._make_controls()
        self._make_views()
        self._listing, self._proposed = False, ""
        self._to_delete: str | None = None  # the run that the next press of Delete deletes
        self._stopping: LiveRun | None = None  # the run being stopped
        self._table_of: tuple[LiveRun, str, int] | None = None  # what the table shows: run, state, epochs
        self._awaited: LiveRun | None = None  # the run whose end the message line will report
        super().__init__(
            widgets.HBox([self.part_label, self.part]),
            *self.parts.values(),
            self.summary,
            in_row(self.name, self.start_button),
            widgets.HTML(RULE),
            in_row(self.run, self.pause_button, self.stop_button, self.to_epoch, self.resume_button),
            in_row(self.copy_button, self.delete_button, self.exporting),
            self.status,
            in_row(self.epoch_bar, self.training_bar),
            self.curves,
            in_row(widgets.VBox([self.shown, self.refresh_button]), self.table),
            self.left_out,
        )
        on_change(self._summarise, self.part, *controls(*self.parts.values()))
        on_change(self._propose_name, self.model.model)
        on_change(self._on_run_selected, self.run)
        on_change(self._on_plot_selected, self.shown)
        on_change(self.curves.rescale, self.curves.logarithmic)
        self._summarise()
        self.refresh()
        self._propose_name()
        active = [live.name for live in reversed(live_runs.of(paths.runs())) if live.job.active]
        for name in active or self.run.options[:1]:
            self.run.value = name
        live_runs.listeners.add(self._show_live)
        # JupyterLab counts the views of this panel: without views, it stops drawing
        self._view_count = 0
        self.observe(self._on_views_changed, "_view_count")

    def _make_controls(self) -> None:
        parts = {"Training": "Training settings", "Model": "Model settings", "Corpus": "Corpus settings"}
        self.part = toggles(parts, "6em").add_class("lab-part")
        self.parts = dict(zip(parts, (self.trainer, self.model, self.corpus), strict=True))
        self.part_label = widgets.Label("Settings of", layout={"width": "9em", "justify_content": "flex-end"})
        self.name = text("Run name", "", "The run is saved in a folder of this name")
        self.start_button = self.button("Start", "Train a new run", self.start, "primary", "play", single=True)
        self.run = dropdown("Selected run", [], "The run that the buttons below act on")
        what = "Pause after the current update, or resume a paused training"
        self.pause_button = self.button("Pause", what, self.pause_or_resume, icon="pause")
        what = "Stop after the current update and save a checkpoint"
        self.stop_button = self.button("Stop", what, self.stop, icon="stop")
        what = "Copy the settings of the selected run to the controls above"
        self.copy_button = self.button("Copy settings", what, self.copy_settings, icon="copy")
        self.refresh_button = self.button("Refresh", "Reload the list", self.refresh, icon="refresh")
        self.to_epoch = integer("to epoch", 5, "Resume trains until this epoch", 100_000, "10.5em", label="5em")
        what = "Resume the selected run and train until this epoch"
        self.resume_button = self.button("Resume", what, self.resume, icon="forward")
        what = "Delete the selected run from the disk; press twice to confirm"
        self.delete_button = self.button("Delete", what, self.delete, icon="trash")
        self.exporting = Export(self, self._folder)
        what = "The runs to plot; select several with Ctrl or Shift"
        self.shown = field(widgets.SelectMultiple, "Plot", (), what, "25em", "3em", rows=8).add_class("lab-shown")

    def _make_views(self) -> None:
        self.summary, self.status = view("summary"), view("status", min_height="44px")
        appearance = {"style": {"description_width": "5em"}}
        self.epoch_bar = progress_bar("26em", description="Epoch", **appearance).add_class("lab-epoch-bar")
        self.training_bar = progress_bar("26em", description="Training", **appearance).add_class("lab-training-bar")
        self.curves, self.left_out = Curves(), view("left-out")
        self.table = view("log", flex="1 1 0", min_width="26em")

    # settings

    def settings(self) -> Settings:
        """Return the settings in the controls; raise the library's errors for invalid ones."""
        trainer = self.trainer.trainer(self.model.seed.value, self.model.freeze.value)
        return Settings(**self.corpus.fields(), **self.model.fields(), trainer=trainer)

    def copy_settings(self) -> None:
        """Copy the settings of the selected run to the controls."""
        settings = self._settings_of_run()
        self.corpus.copy_from(settings)
        self.model.copy_from(settings)
        self.trainer.copy_from(settings.trainer)
        self.show_message(f"Copied the settings of {self.run.value}.")

    def _settings_of_run(self) -> Settings:
        live = live_runs.find(self._folder())
        if live is not None and live.settings is not None:
            return live.settings
        return Run.open(self._folder().name).settings

    def _summarise(self) -> None:
        for name, part in self.parts.items():
            show(part, self.part.value == name)
        self.summary.value = (
            f"<small>{escape(self.model.in_words())}; on {escape(self.corpus.in_words())}; "
            f"{self.trainer.summary()}.</small>"
        )

    def _propose_name(self) -> None:
        """Propose an unused run name, unless the user has typed one."""
        if self.name.value in ("", self._proposed):
            model, number = self.model.model.value, 1
            while f"{model}-{number}" in self.run.options:
                number += 1
            self._proposed = self.name.value = f"{model}-{number}"

    # the selected run

    def start(self) -> None:
        self._select_live(live_runs.begin(self.name.value.strip(), self.settings()))
        self.name.value = ""
        self._propose_name()

    def resume(self) -> None:
        self._select_live(live_runs.resume(self._folder(), self.to_epoch.value))
        self.pause_button.focus()  # the pressed button is disabled now

    def pause_or_resume(self) -> None:
        """Pause or resume the selected run."""
        live = self._live_run()
        (live.job.resume if live.job.paused else live.job.pause)()
        self._show_live(live)

    def stop(self) -> None:
        self._stopping = live = self._live_run()
        live.job.stop()
        self._show_live(live)

    def delete(self) -> None:
        """Delete the selected run at the second press."""
        name, folder = self.run.value, self._folder()
        if self._to_delete != name:
            self._to_delete = name
            self.show_message(f"Delete {name} and its model? Press Delete again.")
        else:
            live_runs.remove(folder)
            self.refresh()
            self.run.value = next(iter(self.run.options), None)
            self.show_message(f"Deleted {name}.")

    def _folder(self) -> Path:
        if self.run.value is None:
            raise ValueError("no run yet: press Start")
        return paths.runs() / self.run.value

    def _live_run(self) -> LiveRun:
        live = live_runs.find(self._folder())
        if live is None or not live.job.active:
            raise RuntimeError(f"the run {self.run.value} is not being trained in this notebook")
        return live

    # the lists of runs

    def refresh(self) -> None:
        """Reload the lists of runs, newest first, and redraw."""
        with self.lock:
            (names, damaged), selected = live_runs.names(paths.runs()), self.run.value
            self.left_out.value, self._to_delete = left_out(damaged), None
            if tuple(names) != tuple(self.run.options):
                shown = [name for name in self.shown.value if name in names]
                self._listing = True
                try:
                    self.run.options = self.shown.options = names
                    self.run.value, self.shown.value = selected if selected in names else None, shown
                finally:
                    self._listing = False
            self._draw()

    def _select_live(self, live: LiveRun) -> None:
        with self.lock:
            self.refresh()
            self._table_of, self._awaited = None, live
            self.run.value = live.name
            self._on_run_selected()

    def _on_run_selected(self) -> None:
        with self.lock, self.guard():
            if self._listing or self.run.value is None:
                return
            self._to_delete = self._table_of = None
            self.exporting.clear()
            if self.run.value not in self.shown.value:
                self.shown.value = (*self.shown.value, self.run.value)
            self._draw()
            self._propose_epochs()

    def _propose_epochs(self) -> None:
        """Propose the epoch for Resume: the last one of the settings, or a later one for a finished run."""
        live = live_runs.find(self._folder())
        rows = live.rows if live and live.rows else read_metrics(self._folder())
        epochs = self._settings_of_run().trainer.epochs
        self.to_epoch.value = epochs if len(rows) < epochs else epochs + EXTRA_EPOCHS

    def _on_plot_selected(self) -> None:
        with self.lock, self.guard():
            if not self._listing:
                self._draw()

    # output

    def _show_live(self, live: LiveRun) -> None:
        """Show the current state of a live run; also called in its thread."""
        with self.lock, self.guard():
            if live.folder.parent != paths.runs():
                return
            if not live.job.active or live.name not in self.run.options:
                self.refresh()
                if live is self._awaited and live.name not in self.run.options:  # its start failed
                    self.run.value = next(iter(self.run.options), None)
                    self._report_end(live)
                return
            if live.name in self.shown.value:
                self._draw_run(live.name)
            if live.name == self.run.value:
                self._show_state(live)

    def _draw(self) -> None:
        """Draw the curves and show the state of the selected run."""
        self.curves.show(self.shown.value)
        for name in self.shown.value:
            self._draw_run(name)
        live = live_runs.find(paths.runs() / self.run.value) if self.run.value else None
        self._show_state(live)

    def _draw_run(self, name: str) -> None:
        live = live_runs.find(paths.runs() / name)
        if live is not None and live.started is not None:
            self.curves.update(name, live.rows, live.running, live.norms)
        else:
            self.curves.update(name, read_metrics(paths.runs() / name), [])

    def _show_state(self, live: LiveRun | None) -> None:
        state = "" if live is None else live.state
        active = live is not None and live.job.active
        self.pause_button.disabled = self.stop_button.disabled = not active
        self.resume_button.disabled = active or self.run.value is None
        self.copy_button.disabled = self.delete_button.disabled = self.run.value is None
        self.exporting.button.disabled = self.run.value is None
        if live is not None and live is self._stopping and not active:
            self._stopping = None
            self.resume_button.focus()
        paused = live is not None and live.job.paused
        self.pause_button.description, self.pause_button.icon = ("Resume", "play") if paused else ("Pause", "pause")
        # while the pause button says Resume, the button that resumes a stopped run is hidden
        self.resume_button.layout.visibility = "hidden" if paused else "visible"
        if live is None:
            self._show_from_disk()
            return
        seen = live, state, len(live.rows)
        if self._table_of != seen:
            self.table.value, self._table_of = epochs_table(live.name, live.rows), seen
        self.training_bar.value = live.done / live.started.epochs if live.started else 0.0
        self.epoch_bar.value = live.position[1] / live.started.batches if live.started else 0.0
        self.status.value = status(live)
        if active:
            self._awaited = live
        elif self._awaited is live:
            self._awaited = None
            self._report_end(live)

    def _report_end(self, live: LiveRun) -> None:
        if live.folder.exists():
            self._propose_epochs()
        if live.job.error is not None:
            self.show_error(live.job.error)
        else:
            self.show_message(ended(live))

    def _show_from_disk(self) -> None:
        self.epoch_bar.value = self.training_bar.value = 0.0
        self.table.value = self.status.value = ""
        if self.run.value is None:
            self.status.value = "No run yet: press Start."
            return
        run = Run.open(self.run.value)
        rows = run.metrics()
        self.training_bar.value = len(rows) / run.settings.trainer.epochs
        self.table.value, self.status.value = epochs_table(self.run.value, rows), on_disk(run, rows)

    def _on_views_changed(self, change: dict[str, bool]) -> None:
        if change["new"]:
            live_runs.listeners.add(self._show_live)
            self.refresh()
        else:
            live_runs.listeners.remove(self._show_live)

    def close(self) -> None:
        """Close the panel; its trainings continue."""
        live_runs.listeners.remove(self._show_live)
        super().close()

    def code(self) -> str:
        return f"""{settings_code(self.settings())}
from lxmls_rnn.deep_learning.training import EpochDone
from lxmls_rnn.runs import Run

run = Run.create({self.name.value!r}, settings)  # or Run.open("its name") to resume a run
for event in run.fit():
    if isinstance(event, EpochDone):
        print(event.epoch, event.cost, event.train_accuracy, event.dev_accuracy)
"""
