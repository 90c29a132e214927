"""The command `lxmls-rnn train`."""

import shlex
from contextlib import closing
from typing import Annotated, Any

import numpy as np
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from lxmls_rnn.cli.console import Root, console, interruptible, name_and_folder, say_stopped
from lxmls_rnn.cli.options import Guide, given, guides, make_settings, refuse_settings, with_settings
from lxmls_rnn.datasets.corpora import corpus_name
from lxmls_rnn.deep_learning.models import MODELS
from lxmls_rnn.deep_learning.training import BatchDone, EpochDone, Started, Stopped
from lxmls_rnn.experiment import SETTINGS
from lxmls_rnn.readers.tags import TagSource
from lxmls_rnn.runs import Run
from lxmls_rnn.runs.folder import unique_name
from lxmls_rnn.storage.messages import counted


@with_settings(SETTINGS)
def train(
    context: typer.Context,
    name: Annotated[str | None, typer.Option(help="Name of the run.", show_default="model and time")] = None,
    resume: Annotated[
        str | None, typer.Option(help="Resume the run of this name; only --epochs can be changed.")
    ] = None,
    guide: Guide = False,
    root: Root = None,
    **settings: Any,
) -> None:
    """Train a tagger. Ctrl-C stops after the current batch and saves.

    Example: `lxmls-rnn train sample --model RNN --epochs 3 --name first`
    """
    if resume is not None:
        refuse_settings(context, {"resume", "epochs", "root"})
        run = Run.open(*name_and_folder(resume, root))
        show_training(run, settings["epochs"] if "epochs" in given(context) else None)
    else:
        settings |= guides(context) if guide else {}
        show_training(Run.create(name or unique_name(settings["model"]), make_settings(settings), root))


def show_training(run: Run, epochs: int | None = None) -> None:
    """Train a run up to a number of epochs, by default that of its settings, with a progress bar and a line per epoch.

    Ctrl-C, SIGTERM and SIGHUP stop after the current batch, with a checkpoint and the exit status of that signal.
    """
    columns = (TextColumn("epoch {task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with (
        interruptible("current batch") as signals,
        closing(run.fit(epochs)) as events,  # which writes the checkpoint if the training is not at its end
        np.errstate(all="ignore"),  # a cost that is not finite ends the training, with advice
        Progress(*columns, console=console, transient=True) as bar,
    ):
        task = bar.add_task("1", total=None)
        for event in events:
            if isinstance(event, Started):
                s = run.settings
                console.say(
                    f"{s.model_in_words}, {s.n_hidd} hidden units, on {corpus_name(s.corpus)}: "
                    f"{counted(event.sentences, 'sentence')}, {counted(event.words, 'word')}, "
                    f"{counted(event.epochs, 'epoch')} of {counted(event.batches, 'update')}",
                )
                console.say(f"Tags: {TagSource(s.tags, s.tag_map)}.")
                framework = MODELS[s.model].framework
                if framework.compile_time:
                    took = f"the first time this takes {framework.compile_time}"
                    console.print(f"{framework.name} compiles the model; {took}.")
                bar.update(task, total=event.batches)
            elif isinstance(event, BatchDone):
                p = event.progress
                text = f"{event.epoch}  cost {p.mean_cost:.4f}  accuracy {p.accuracy:.2%}"
                bar.update(task, completed=event.batch, description=text)
            elif isinstance(event, EpochDone):
                on_dev = "" if event.dev_accuracy is None else f"   dev {event.dev_accuracy:.2%}"
                norm = "" if event.gradient_norm is None else f"   gradient {event.gradient_norm:.3g}"
                console.say(
                    f"epoch {event.epoch:3}   cost {event.cost:10.4f}   train {event.train_accuracy:.2%}{on_dev}"
                    f"{norm}   {event.words_per_second:,.0f} words/s",
                )
            elif isinstance(event, Stopped):
                console.print(f"Stopped: {event.reason}.")
            if signals and not isinstance(event, Stopped):
                say_stopped(signals[-1], f"lxmls-rnn train --resume {shlex.quote(str(run.folder))}")
                break
    console.say(f"The run is in {run.folder.absolute()}.")
    if signals:
        raise typer.Exit(128 + signals[-1])
