"""The training panel: train a tagger and watch it learn; pause, stop, resume; lay several runs over each other."""

from __future__ import annotations

import threading
from html import escape
from pathlib import Path
from typing import Any

import ipywidgets as widgets

from lab.panels.training import trainings
from lab.panels.training.curves import Curves
from lab.panels.training.text import epochs_table, status
from lab.panels.training.trainer_choice import TrainerChoice
from lab.panels.training.trainings import Training
from lab.widgets.choices import WRAP, CorpusChoice, ModelChoice, button, field, left_out, settings_code
from lab.widgets.panel import Panel, controls
from lxmls_rnn import paths
from lxmls_rnn.experiment import Settings
from lxmls_rnn.runs import Run, read_metrics

FURTHER = 5  # epochs that are proposed to a run that has done all
RULE = "<hr style='margin:4px 0;border:0;border-top:1px solid var(--lab-border)'>"


class TrainingPanel(Panel):
    """Train a tagger.

    Parameters
    ----------
    corpus, model
        What is chosen at first.

    Attributes
    ----------
    trainer, model, corpus
        How to train, what, and on what.
    run
        Which run is looked at: the one that pause, stop and resume act on.
    shown
        Which runs are drawn.
    """

    title = "Training"
    help = """Set the training, the model and the corpus, and press <b>Start</b>: the curves grow while the model
    learns, and the notebook stays usable. The cost should fall and the accuracy rise; where dev falls behind
    training, the model learns its sentences by heart; where the cost jumps about, try a lower rate or clip the
    gradient. <b>Pause</b>, <b>Stop</b> and <b>Resume</b> act on the run under <i>Look at</i>; to compare runs, mark
    several under <i>Draw</i> (with Ctrl or Shift); where one has diverged, a logarithmic axis shows the others too.
    Training goes on when the page is closed: the panel finds it again."""

    def __init__(self, corpus: str = "sample", model: str = "NumpyRNN") -> None:
        self.trainer, self.model, self.corpus = TrainerChoice(), ModelChoice(model), CorpusChoice(corpus)
        self._make_controls()
        self._make_views()
        self._lock = threading.RLock()  # a training's thread draws, and so does the kernel's
        self._listing = False
        self._proposed = ""
        self._seen: Any = None  # of the run that is looked at: what was told of it last
        self._awaited: Training | None = None  # whose end is to be told
        super().__init__(
            widgets.HBox([self.part_label, self.part]),
            self.trainer, self.model, self.corpus, self.summary,
            widgets.HBox([self.name, self.start_button], layout=WRAP), widgets.HTML(RULE),
            widgets.HBox([self.run, self.pause_button, self.stop_button, self.to_epoch, self.resume_button,
                          self.take_button], layout=WRAP),
            self.status, widgets.HBox([self.epoch_bar, self.training_bar], layout=WRAP),
            self.curves, widgets.HBox([widgets.VBox([self.shown, self.again_button]), self.table]), self.left_out,
        )  # fmt: skip
        for pressed, action in (
            (self.start_button, self.start), (self.pause_button, self.pause_or_go_on), (self.stop_button, self.stop),
            (self.resume_button, self.resume), (self.take_button, self.take_settings),
            (self.again_button, self.refresh),
        ):  # fmt: skip
            self.on_click(pressed, action)
        for control in controls(self.trainer, self.model, self.corpus):
            control.observe(lambda _: self._summarise(), "value")
        self.part.observe(lambda _: self._summarise(), "value")
        self.model.model.observe(lambda _: self._propose_name(), "value")
        self.run.observe(lambda _: self._picked(), "value")
        self.shown.observe(lambda _: self._marked(), "value")
        self.curves.logarithmic.observe(lambda _: self._rescale(), "value")
        self._summarise()
        self.refresh()
        self._propose_name()
        live = [training.name for training in reversed(trainings.of(paths.runs())) if training.job.active]
        for name in live or self.run.options[:1]:
            self.run.value = name
        trainings.follow(self._heard)
        # the front end counts the views of this panel: when its last is gone, there is nothing to draw for
        self._view_count = 0
        self.observe(self._viewed, "_view_count")

    def _make_controls(self) -> None:
        self.part = widgets.ToggleButtons(
            options=["Training", "Model", "Corpus"], tooltips=["How to train", "What to train", "What to train on"],
            style={"button_width": "6em"}, layout={"width": "auto"},
        ).add_class("lab-part")  # fmt: skip
        self.part_label = widgets.Label("Settings of", layout={"width": "9em", "justify_content": "flex-end"})
        self.name = field(widgets.Text, "Name of the run", "", "The folder of runs that it is kept in")
        self.start_button = button("Start", "Train a new run", "primary", "play")
        self.run = field(widgets.Dropdown, "Look at", None, "The run that these buttons act on", options=[])
        self.pause_button = button("Pause", "Wait after the present update; press again to go on", icon="pause")
        self.stop_button = button("Stop", "End after the present update; what has been learnt is kept", icon="stop")
        self.take_button = button("Take its settings", "Set the controls above as this run has them", icon="copy")
        self.again_button = button("Look again", "List the runs anew", icon="refresh")
        self.to_epoch = widgets.BoundedIntText(
            description="to epoch", value=5, min=1, max=100_000, tooltip="The epoch at which Resume is to end",
            style={"description_width": "5em"}, layout={"width": "10.5em"},
        )  # fmt: skip
        self.resume_button = button("Resume", "Train the run that is looked at further, to this epoch", icon="forward")
        self.shown = widgets.SelectMultiple(
            options=[], rows=8, description="Draw", tooltip="The runs whose curves are drawn: Ctrl or Shift marks more",
            style={"description_width": "3em"}, layout={"width": "19em"},
        ).add_class("lab-shown")  # fmt: skip

    def _make_views(self) -> None:
        self.summary = widgets.HTML().add_class("lab-summary")
        self.status = widgets.HTML(layout={"min_height": "44px"}).add_class("lab-status")
        bar: dict[str, Any] = {"min": 0, "max": 1, "layout": {"width": "26em"}, "style": {"description_width": "5em"}}
        self.epoch_bar = widgets.FloatProgress(description="Epoch", **bar).add_class("lab-epoch-bar")
        self.training_bar = widgets.FloatProgress(description="Training", **bar).add_class("lab-training-bar")
        self.curves, self.left_out = Curves(), widgets.HTML().add_class("lab-left-out")
        self.table = widgets.HTML(layout={"flex": "1 1 0", "min_width": "0", "max_height": "200px"}).add_class(
            "lab-log"
        )

    # settings

    def settings(self) -> Settings:
        """Return the settings of the controls; an error of the library where one is wrong."""
        trainer = self.trainer.trainer(self.model.seed.value, self.model.freeze.value)
        return Settings(**self.corpus.fields(), **self.model.fields(), trainer=trainer)

    def take_settings(self) -> None:
        """Set the controls to those of the run that is looked at."""
        settings = self._settings_of_run()
        self.corpus.take(settings)
        self.model.take(settings)
        self.trainer.take(settings.trainer)
        self.say(f"The controls have the settings of {self.run.value} now.")

    def _settings_of_run(self) -> Settings:
        training = trainings.find(self._folder())
        if training is not None and training.settings is not None:
            return training.settings
        return Run.open(self._folder().name).settings

    def _summarise(self) -> None:
        for name, view in (("Training", self.trainer), ("Model", self.model), ("Corpus", self.corpus)):
            view.layout.display = None if self.part.value == name else "none"
        self.summary.value = (
            f"<small>{escape(self.model.model.value)}, {self.model.n_hidd.value} hidden units, on "
            f"{escape(self.corpus.corpus.value)}: {self.trainer.summary()}.</small>"
        )

    def _propose_name(self) -> None:
        """Propose a name that is not taken, unless the user has written one."""
        if self.name.value in ("", self._proposed):
            model, number = self.model.model.value, 1
            while f"{model}-{number}" in self.run.options:
                number += 1
            self._proposed = self.name.value = f"{model}-{number}"

    # the run that is looked at

    def start(self) -> None:
        """Train a new run."""
        name = self.name.value.strip()
        if name in ("", ".", "..") or Path(name).name != name:
            raise ValueError(f"the name of a run must be the name of a folder, got {name!r}")
        self._look_at(trainings.begin(paths.runs() / name, self.settings()))
        self.name.value = ""
        self._propose_name()

    def resume(self) -> None:
        """Train the run that is looked at further."""
        self._look_at(trainings.resume(self._folder(), self.to_epoch.value))

    def pause_or_go_on(self) -> None:
        """Pause the run that is looked at, or let it go on."""
        training = self._training()
        if training.job.paused:
            training.job.go_on()
        else:
            training.job.pause()
        self._heard(training)

    def stop(self) -> None:
        """Stop the run that is looked at."""
        training = self._training()
        training.job.stop()
        self._heard(training)

    def _folder(self) -> Path:
        if self.run.value is None:
            raise ValueError("there is no run yet: press Start")
        return paths.runs() / self.run.value

    def _training(self) -> Training:
        training = trainings.find(self._folder())
        if training is None or not training.job.active:
            raise RuntimeError(f"the run {self.run.value} is not in training")
        return training

    # the lists of runs

    def refresh(self) -> None:
        """List the runs anew, newest first, and draw those that are marked."""
        with self._lock:
            (names, damaged), looked_at = trainings.names(paths.runs()), self.run.value
            self.left_out.value = left_out(damaged)
            if tuple(names) != tuple(self.run.options):
                shown = [name for name in self.shown.value if name in names]
                self._listing = True
                try:
                    self.run.options = self.shown.options = names
                    self.run.value, self.shown.value = looked_at if looked_at in names else None, shown
                finally:
                    self._listing = False
            self._draw()

    def _look_at(self, training: Training) -> None:
        with self._lock:
            self.refresh()
            self._seen, self._awaited = None, training
            self.run.value = training.name
            self._picked()

    def _picked(self) -> None:
        with self._lock, self.guard():
            if self._listing or self.run.value is None:
                return
            self._seen = None
            if self.run.value not in self.shown.value:
                self.shown.value = (*self.shown.value, self.run.value)
            self._draw()
            self._propose_epochs()

    def _propose_epochs(self) -> None:
        """Propose to train to the end, or where that is reached, further."""
        training = trainings.find(self._folder())
        rows = training.rows if training and training.rows else read_metrics(self._folder())
        epochs = self._settings_of_run().trainer.epochs
        self.to_epoch.value = epochs if len(rows) < epochs else epochs + FURTHER

    def _marked(self) -> None:
        with self._lock, self.guard():
            if not self._listing:
                self._draw()

    # what is seen

    def _heard(self, training: Training) -> None:
        """Show what a training does now; called in its thread too."""
        with self._lock, self.guard():
            if training.folder.parent != paths.runs():
                return
            if training.name not in self.run.options or training.name in self.shown.value:
                self._draw_run(training.name)
            if not training.job.active or training.name not in self.run.options:
                self.refresh()
            if training.name == self.run.value:
                self._tell(training)

    def _draw(self) -> None:
        """Draw the marked runs and tell about the one that is looked at."""
        self.curves.show(self.shown.value)
        for name in self.shown.value:
            self._draw_run(name)
        training = trainings.find(paths.runs() / self.run.value) if self.run.value else None
        self._tell(training)

    def _rescale(self) -> None:
        with self._lock, self.guard():
            self.curves.rescale()

    def _draw_run(self, name: str) -> None:
        training = trainings.find(paths.runs() / name)
        if training is not None and training.started is not None:
            self.curves.update(name, training.rows, training.running)
        else:
            self.curves.update(name, read_metrics(paths.runs() / name), [])

    def _tell(self, training: Training | None) -> None:
        state = "" if training is None else training.state
        active = training is not None and training.job.active
        self.pause_button.disabled = self.stop_button.disabled = not active
        self.resume_button.disabled = active or self.run.value is None
        self.take_button.disabled = self.run.value is None
        paused = training is not None and training.job.paused
        self.pause_button.description, self.pause_button.icon = ("Go on", "play") if paused else ("Pause", "pause")
        if training is None:
            self._tell_from_disk()
            return
        seen = training, state, len(training.rows)
        if self._seen != seen:
            self.table.value = epochs_table(training.name, training.rows)
            self._seen = seen
        self.training_bar.value = training.done / training.started.epochs if training.started else 0.0
        self.epoch_bar.value = training.position[1] / training.started.batches if training.started else 0.0
        self.status.value = status(training)
        if active:
            self._awaited = training
        elif self._awaited is training:
            self._awaited = None
            self._tell_end(training)

    def _tell_end(self, training: Training) -> None:
        if training.folder.exists():
            self._propose_epochs()
        warned = training.job.warned
        if training.job.error is not None:
            self.complain(training.job.error)
        elif training.state == "stopped":
            self.say(f"Stopped. {training.name} is kept in {training.folder}: Resume goes on from here. {warned}")
        else:
            self.say(f"{training.reason().capitalize()}. {training.name} is kept in {training.folder}. {warned}")

    def _tell_from_disk(self) -> None:
        self.epoch_bar.value = self.training_bar.value = 0.0
        self.table.value = self.status.value = ""
        if self.run.value is None:
            self.status.value = "No run yet: press Start."
            return
        run = Run.open(self.run.value)
        rows, epochs = run.metrics(), run.settings.trainer.epochs
        self.training_bar.value = len(rows) / epochs
        self.table.value = epochs_table(self.run.value, rows)
        self.status.value = (
            f"<b>On disk</b>: {escape(run.settings.model)}, {len(rows)} of {epochs} epochs, in "
            f"{escape(str(run.folder))}"
        )

    def _viewed(self, change: Any) -> None:
        if change["new"]:
            trainings.follow(self._heard)
            self.refresh()
        else:
            trainings.unfollow(self._heard)

    def close(self) -> None:
        """Take the panel off the page; its trainings go on."""
        trainings.unfollow(self._heard)
        super().close()

    def code(self) -> str:
        """Return code that trains the same run."""
        return (
            settings_code(self.settings())
            + f"""
from lxmls_rnn.deep_learning.training import EpochDone
from lxmls_rnn.runs import Run

run = Run.create({self.name.value!r}, settings)  # or Run.open("its name") to go on
for event in run.fit():
    if isinstance(event, EpochDone):
        print(event.epoch, event.cost, event.train_accuracy, event.dev_accuracy)
"""
        )
