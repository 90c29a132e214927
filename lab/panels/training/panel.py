"""Training panel: start, pause, stop and resume trainings, and compare the curves of several runs."""

from html import escape
from pathlib import Path

import ipywidgets as widgets

from lab.drawing.looks import INVISIBLE, ColumnBox, make, size_class, switch
from lab.panels.training.curves import Curves
from lab.panels.training.job import TrainingJob, training_jobs
from lab.panels.training.parameters import Parameters
from lab.panels.training.text import ended, epochs_table, on_disk, status
from lab.widgets.controls import RULE, field, in_row, integer, on_change, progress_bar, settings_code, view
from lab.widgets.export_choice import Export
from lab.widgets.panel import controls
from lab.widgets.runs_panel import RunsPanel
from lab.widgets.settings_choice import (
    CorpusChoice,
    ModelChoice,
    TrainerChoice,
    chosen_settings,
    group_buttons,
)
from lxmls_rnn.experiment import Settings
from lxmls_rnn.runs import Damaged, Run, find_runs
from lxmls_rnn.runs.folder import read_metrics
from lxmls_rnn.storage.files import modified

EXTRA_EPOCHS = 5  # proposed for a finished run


class TrainingPanel(RunsPanel[TrainingJob]):
    """Train taggers; `trainer`, `model` and `corpus` hold the settings of a new run.

    `shown` holds the runs whose curves are plotted.
    """

    jobs = training_jobs
    title = "Training"
    help = """Set the training, the model and the corpus, and press <b>Start</b>. <b>Parameters</b> shows what the model
    learns, matrix by matrix. The cost should fall and the accuracy rise. If the accuracy on dev stays far below that
    on the training part, the model overfits; if the cost jumps, lower the learning rate or clip the gradient.
    <b>Pause</b>, <b>Stop</b> and <b>Resume</b> act on the <i>Selected run</i>, and <b>Export</b> makes a file of it to
    take home. Select several runs under <i>Plot</i> to compare them. The training continues when the page is closed."""

    def __init__(self, corpus: str | None = None, model: str = "NumpyRNN") -> None:
        self.trainer, self.model, self.corpus = groups = TrainerChoice(), ModelChoice(model), CorpusChoice(corpus)
        self._make_controls()
        self._make_views()
        self._to_delete: str | None = None  # the run that the next press of Delete deletes
        super().__init__(
            group_buttons(*groups),
            *groups,
            self.summary,
            in_row(self.name, self.start_button, self.parameters.button),
            self.parameters,
            make(widgets.HTML, RULE),
            in_row(self.selected, self.pause_button, self.stop_button, self.to_epoch, self.resume_button),
            in_row(self.copy_button, self.delete_button, self.exporting),
            self.status,
            in_row(self.epoch_bar, self.training_bar),
            self.curves,
            in_row(ColumnBox([self.shown, self.refresh_button]), self.table),
            self.left_out,
        )
        on_change(self._summarise, *controls(*groups))
        on_change(self.parameters.refresh, *controls(*groups))
        on_change(self.propose_name, self.model["model"])
        self.on_input(self.show_selected, self.shown)
        on_change(self.curves.rescale, self.curves.logarithmic)
        self._summarise()
        self.shown.options = self.shown.value = [job.name for job in self.jobs.active(self.root())]
        self.follow()

    def _make_controls(self) -> None:
        self.make_list()
        tooltip = "Pause the training after the current update, or continue it"
        self.pause_button = self.button("Pause", tooltip, self.pause, icon="pause")
        tooltip = "Copy the settings of the selected run to the controls above"
        self.copy_button = self.button("Copy settings", tooltip, self.copy_settings, icon="copy")
        self.to_epoch = integer("to epoch", 5, "Resume trains until this epoch", 100_000, "11em", label="5em")
        tooltip = "Delete the selected run from the disk; press twice to confirm"
        self.delete_button = self.button("Delete", tooltip, self.delete, icon="trash")
        self.exporting = Export(self, self.folder)
        tooltip = "The runs to plot; select several with Ctrl or Shift"
        self.shown = field(widgets.SelectMultiple, "Plot", (), tooltip, "25em", "3em", "lab-shown", rows=8)

    def _make_views(self) -> None:
        self.summary, self.status = view("summary"), view("status")
        self.parameters = Parameters(self, self.settings)
        label = size_class("label", "5em")
        self.epoch_bar = progress_bar("26em", label, "lab-epoch-bar", description="Epoch")
        self.training_bar = progress_bar("26em", label, "lab-training-bar", description="Training")
        self.curves, self.table = Curves(), view("log")

    # settings

    def settings(self) -> Settings:
        """Return the settings in the controls; raise the library's errors for invalid ones."""
        return chosen_settings(self.corpus, self.model, self.trainer)

    def copy_settings(self) -> None:
        """Copy the settings of the selected run to the controls."""
        settings = self._settings_of_run()
        for part in (self.corpus, self.model, self.trainer):
            part.copy_from(settings)
        self.show_message(f"Copied the settings of {self.selected.value}.")

    def _settings_of_run(self) -> Settings:
        job = self.current()
        if job is not None and job.settings is not None:
            return job.settings
        return Run.open(self.folder().name).settings

    def _summarise(self) -> None:
        try:
            groups = "; ".join(group.in_words() for group in (self.model, self.corpus, self.trainer))
        except ValueError as error:
            groups = str(error)
        self.summary.value = f"<small>Settings: {escape(groups)}.</small>"

    # the list of runs

    def stem(self) -> str:
        return str(self.model["model"].value)

    def found(self) -> tuple[list[str], list[Damaged]]:
        runs, damaged = find_runs(self.root())
        folders = sorted((run.folder for run in runs), key=lambda folder: -modified(folder / "config.json"))
        return [folder.name for folder in folders], damaged

    def new(self, name: str) -> TrainingJob:
        return TrainingJob(self.root() / name, self.settings())

    def again(self, folder: Path) -> TrainingJob:
        job, before = TrainingJob(folder, epochs=self.to_epoch.parsed), self.current()
        if before is not None:
            job.points = list(before.points)
        return job

    def pause(self) -> None:
        """Pause or resume the selected run."""
        if job := self.current():
            (job.resume if job.paused else job.pause)()
            self.show_job(job)

    def show_buttons(self) -> None:
        super().show_buttons()
        job = self.current()
        paused = job is not None and job.paused
        self.pause_button.disabled = self.stop_button.disabled
        self.pause_button.description, self.pause_button.icon = ("Resume", "play") if paused else ("Pause", "pause")
        # while the pause button says Resume, the button that resumes a stopped run is hidden
        switch(self.resume_button, INVISIBLE, paused)

    def delete(self) -> None:
        """Delete the selected run at the second press."""
        name, folder = self.selected.value, self.folder()
        if self._to_delete != name:
            self._to_delete = name
            self.show_message(f"Delete {name} and its model? Press Delete again.")
        else:
            self.jobs.delete(folder, lambda: Run.open(folder.name).remove())
            self.refresh()
            self.show_message(f"Deleted {name}.")

    def on_selected(self) -> None:
        self.exporting.clear()
        self._plot(*self.shown.value, self.selected.value)
        if self.selected.value is not None:
            self._propose_epochs()

    def _plot(self, *names: str | None) -> None:
        """Let `shown` list all runs, and select those of these names that exist."""
        with self.quietly():
            if self.shown.options != self.selected.options:
                self.shown.options = self.selected.options
            self.shown.value = [name for name in self.shown.options if name in names]

    def _propose_epochs(self) -> None:
        """Propose the epoch for Resume: the last one of the settings, or a later one for a finished run."""
        job = self.current()
        rows = job.rows if job and job.rows else read_metrics(self.folder())
        epochs = self._settings_of_run().trainer.epochs
        self.to_epoch.parsed = epochs if len(rows) < epochs else epochs + EXTRA_EPOCHS

    # output

    def show_selected(self) -> None:
        self._to_delete = None
        self._plot(*self.shown.value)
        self.curves.show(self.shown.value)
        for name in self.shown.value:
            self._draw_run(name)
        self._show_state()

    def show_job(self, job: TrainingJob) -> None:
        if job.name in self.shown.value:
            self._draw_run(job.name)
        if job.name == self.selected.value:
            self._show_state()

    def _draw_run(self, name: str) -> None:
        job = self.jobs.find(self.root() / name)
        if job is not None and job.started is not None:
            self.curves.update(name, job.rows, job.points)
        else:
            self.curves.update(name, read_metrics(self.root() / name))

    def _show_state(self) -> None:
        self.show_buttons()
        job, is_none = self.current(), self.selected.value is None
        self.copy_button.disabled = self.delete_button.disabled = self.exporting.button.disabled = is_none
        if job is None:
            self._show_from_disk()
            return
        self.table.value = epochs_table(job.name, job.rows)
        self.training_bar.value = job.done / job.started.epochs if job.started else 0.0
        self.epoch_bar.value = job.position[1] / job.started.batches if job.started else 0.0
        self.status.value = status(job)

    def _show_from_disk(self) -> None:
        self.epoch_bar.value = self.training_bar.value = 0.0
        self.table.value = self.status.value = ""
        if self.selected.value is None:
            self.status.value = "No run yet: press Start."
            return
        run = Run.open(self.selected.value)
        rows = run.metrics()
        self.training_bar.value = len(rows) / run.settings.trainer.epochs
        self.table.value, self.status.value = epochs_table(run.folder.name, rows), on_disk(run, rows)

    def ended(self, job: TrainingJob) -> str:
        if job.name == self.selected.value:
            self._propose_epochs()
        return ended(job)

    def code(self) -> str:
        return f"""{settings_code(self.settings())}
from lxmls_rnn.deep_learning.training import EpochDone
from lxmls_rnn.runs import Run

run = Run.create({self.name.value!r}, settings)  # or Run.open("its name") to resume a run
for event in run.fit():
    if isinstance(event, EpochDone):
        print(event.epoch, event.cost, event.train_accuracy, event.dev_accuracy)
"""
