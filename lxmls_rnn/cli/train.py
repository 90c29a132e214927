"""The command `lxmls-rnn train`."""

import shlex
from contextlib import closing
from dataclasses import fields
from inspect import signature
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from lxmls_rnn.cli.console import (
    Encoding,
    MaxNrSent,
    MaxSentLen,
    Root,
    TagMap,
    Tags,
    console,
    interruptible,
    say_stopped,
)
from lxmls_rnn.deep_learning.activations import OF_RNN
from lxmls_rnn.deep_learning.initialisation import INITS
from lxmls_rnn.deep_learning.rnn import MODELS
from lxmls_rnn.deep_learning.training import BatchDone, EpochDone, Started, Stopped, Trainer
from lxmls_rnn.experiment import VOCABULARIES, Settings, corpus_files, corpus_name
from lxmls_rnn.readers.tags import AUTO, NAMES, TagSource
from lxmls_rnn.runs import Run
from lxmls_rnn.runs.folder import unique_name
from lxmls_rnn.storage.files import counted


def train(
    context: typer.Context,
    corpus: Annotated[
        str, typer.Argument(help="sample, sample-pt, sample-both, ewt, reach:K, ud:CODE, or a CoNLL or CoNLL-U file.")
    ] = "sample",
    dev: Annotated[Path | None, typer.Option(help="File to evaluate on; a named corpus has its own.")] = None,
    tags: Tags = AUTO,
    tag_map: TagMap = AUTO,
    encoding: Encoding = "utf-8",
    model: Annotated[str, typer.Option(help=f"One of {', '.join(MODELS)}.")] = "NumpyRNN",
    n_emb: Annotated[int, typer.Option(help="Dimensions of the embeddings.")] = 50,
    n_hidd: Annotated[int, typer.Option(help="Hidden units.")] = 20,
    activation: Annotated[str | None, typer.Option(help=f"One of {', '.join(OF_RNN)}; an LSTM's is tanh.")] = None,
    peepholes: Annotated[bool, typer.Option(help="Whether an LSTM's gates see the cell.")] = True,
    dtype: Annotated[
        str | None, typer.Option(help="float64 or float32; by default Theano models use its floatX, others float64.")
    ] = None,
    embeddings: Annotated[Path | None, typer.Option(help="File of pre-trained embeddings (sets --n-emb).")] = None,
    freeze_embeddings: Annotated[bool, typer.Option("--freeze-embeddings", help="Do not train them.")] = False,
    vocabulary: Annotated[str, typer.Option(help=f"{' or '.join(VOCABULARIES)}: see the README.")] = "train",
    min_count: Annotated[int, typer.Option(help="Rarer words of the training part become `<unk>`.")] = 2,
    max_sent_len: MaxSentLen = None,
    max_nr_sent: MaxNrSent = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the corpus; 5 by default.")] = None,
    rate: Annotated[float, typer.Option(help="Learning rate.")] = 0.5,
    decay: Annotated[float, typer.Option(help="Rate in epoch n = 0, 1, ...: rate / (1 + decay n).")] = 0.0,
    batch_size: Annotated[int, typer.Option(help="Sentences per update.")] = 1,
    clip: Annotated[float | None, typer.Option(help="Maximum norm of the gradient.")] = None,
    gradient_norm: Annotated[
        bool, typer.Option("--gradient-norm", help="Record the largest norm of the gradient; with --clip it always is.")
    ] = False,
    shuffle: Annotated[bool, typer.Option("--shuffle", help="Shuffle the sentences in every epoch.")] = False,
    patience: Annotated[
        int | None, typer.Option(help="Stop after this many epochs without a gain on dev; keep the best.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of parameters and shuffling.")] = 1234,
    init: Annotated[str, typer.Option(help=f"Initialisation of the parameters: {', '.join(INITS)}.")] = "uniform01",
    name: Annotated[str | None, typer.Option(help="Name of the run; by default model and time.")] = None,
    resume: Annotated[
        str | None, typer.Option(help="Resume the run of this name; only --epochs can be changed.")
    ] = None,
    root: Root = None,
) -> None:
    """Train a tagger. Ctrl-C stops after the current batch and saves.

    Example: `lxmls-rnn train sample --model RNN --epochs 3 --name first`
    """
    if resume is not None:
        refuse_settings(context, {"resume", "epochs", "root"})
        folder = Path(resume)
        run = Run.open(folder.name, folder.parent if folder.parent != Path() else root)
    else:
        run = Run.create(name or unique_name(model), make_settings(context), root)
    show_training(run, epochs if resume is not None else None)


# the parameters of `train` that are settings of the training
SETTINGS = [name for name in signature(train).parameters if name not in ("context", "name", "resume", "root")]


def refuse_settings(context: typer.Context, own: set[str]) -> None:
    """Raise ValueError if the command line has an option other than `own`, the ones allowed with --resume."""
    given = [key for key in context.params if getattr(context.get_parameter_source(key), "name", "") == "COMMANDLINE"]
    if set(given) - own:
        option = min(set(given) - own, key=given.index).replace("_", "-")
        raise ValueError(f"a resumed training keeps its settings: {option} cannot be given with --resume")


def make_settings(context: typer.Context) -> Settings:
    """Make settings from the options in `SETTINGS`; errors as `corpus_files`, `Settings` and `Trainer`."""
    given = context.params
    names = ["dev", "embeddings"]
    if Path(given["corpus"]).is_file():
        names.append("corpus")
    else:
        corpus_files(given["corpus"])
    if given["tag_map"] not in NAMES:
        names.append("tag_map")
    files = {name: str(Path(given[name]).resolve()) for name in names if given[name] is not None}
    epochs = 5 if given["epochs"] is None else given["epochs"]
    trainer = Trainer(**{**options(Trainer, context), "epochs": epochs})
    return Settings(**{**options(Settings, context), **files, "trainer": trainer})


def options(settings: type, context: typer.Context) -> dict[str, Any]:
    """Return the options that are fields of a dataclass."""
    return {field.name: context.params[field.name] for field in fields(settings) if field.name in context.params}


def show_training(run: Run, epochs: int | None) -> None:
    """Train a run up to a number of epochs, with a progress bar and a line per epoch.

    Ctrl-C and SIGTERM stop after the current batch, with a checkpoint and the exit status of that signal.
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
                console.print(
                    f"{s.model_in_words}, {s.n_hidd} hidden units, on {corpus_name(s.corpus)}: "
                    f"{counted(event.sentences, 'sentence')}, {counted(event.words, 'word')}, "
                    f"{counted(event.epochs, 'epoch')} of {counted(event.batches, 'update')}",
                    soft_wrap=True,
                )
                console.print(f"Tags: {TagSource(s.tags, s.tag_map)}.", soft_wrap=True)
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
                console.print(
                    f"epoch {event.epoch:3}   cost {event.cost:10.4f}   train {event.train_accuracy:.2%}{on_dev}"
                    f"{norm}   {event.words_per_second:,.0f} words/s",
                    soft_wrap=True,
                )
            elif isinstance(event, Stopped):
                console.print(f"Stopped: {event.reason}.")
            if signals and not isinstance(event, Stopped):
                say_stopped(signals[-1], f"lxmls-rnn train --resume {shlex.quote(str(run.folder))}")
                break
    console.print(f"The run is in {run.folder}.", soft_wrap=True)
    if signals:
        raise typer.Exit(128 + signals[-1])
