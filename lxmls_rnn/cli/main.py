"""The command `lxmls-rnn`: doctor, fetch, tag, runs and check; the files beside this one have the other commands."""

import sys
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.table import Table
from rich.text import Text

from lxmls_rnn import __version__, paths
from lxmls_rnn.cli.bench import app as bench_app
from lxmls_rnn.cli.class_ import app as class_app
from lxmls_rnn.cli.class_ import hand_in
from lxmls_rnn.cli.console import Commands, Root, console, width_of
from lxmls_rnn.cli.evaluate import evaluate
from lxmls_rnn.cli.export import export
from lxmls_rnn.cli.lab import lab
from lxmls_rnn.cli.options import with_settings
from lxmls_rnn.cli.sweep import app as sweep_app
from lxmls_rnn.cli.train import train
from lxmls_rnn.datasets import DATASETS
from lxmls_rnn.datasets.corpora import corpus_name
from lxmls_rnn.deep_learning.models import MODELS, activations_of
from lxmls_rnn.experiment import SETTINGS, Settings
from lxmls_rnn.readers.conll import decoded, text_lines
from lxmls_rnn.readers.conllu_writer import conllu
from lxmls_rnn.runs import Run, find_runs
from lxmls_rnn.runs.folder import saved_metrics
from lxmls_rnn.settings import settings_of
from lxmls_rnn.storage.files import lines_of
from lxmls_rnn.storage.messages import escaped, quoted
from lxmls_rnn.sweep.sweep import find_sweeps
from lxmls_rnn.tagger import Tagger, normalised
from lxmls_rnn.teaching.comparison import TOLERANCE
from lxmls_rnn.teaching.first_difference import ROUNDING
from lxmls_rnn.teaching.model_check import ModelCheck

STDIN = "standard input"

app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="Train, inspect and time recurrent part-of-speech taggers in NumPy and Theano.",
)
app.add_typer(bench_app, name="bench")
app.add_typer(sweep_app, name="sweep")
app.add_typer(class_app, name="class")


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"lxmls-rnn {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


@app.command()
def doctor() -> None:
    """Show what is installed, what is missing and which device will be used.

    Example: `lxmls-rnn doctor`
    """
    from lxmls_rnn.doctor import main

    raise typer.Exit(main())


@app.command()
def fetch(
    name: Annotated[
        str,
        typer.Argument(help=f"One of {', '.join(DATASETS)}, or a treebank: ud:pt_bosque, ud:pt_bosque@r2.15."),
    ],
    directory: Annotated[Path | None, typer.Option(show_default="data, or LXMLS_DATA", help="Its folder.")] = None,
    folder: Annotated[Path | None, typer.Option("--from", help="Take the downloaded files in this folder.")] = None,
) -> None:
    """Download and verify a corpus or embeddings.

    Example: `lxmls-rnn fetch ewt`
    """
    from lxmls_rnn.datasets import fetch

    fetch(name, (directory or paths.data()).absolute(), notice=console.say, folder=folder)


app.command()(train)


app.command()(evaluate)


@app.command()
def tag(
    model: Annotated[Path, typer.Argument(help="A run's folder or a model file.")],
    sentence: Annotated[str | None, typer.Argument(help="The sentence; without it, standard input is read.")] = None,
    # readable: an error names what cannot be read in a sentence, as elsewhere
    file: Annotated[Path | None, typer.Option(help="Read this file, one sentence per line.", readable=False)] = None,
    tokenized: Annotated[bool, typer.Option("--tokenized", help="Words are separated by spaces already.")] = False,
    output: Annotated[Literal["text", "conllu"], typer.Option("--format", help="Format of the output.")] = "text",
) -> None:
    """Tag a sentence, or a file or standard input, one sentence per line. A * marks words not in the vocabulary.

    A file's words are printed as word/tag/probability, with the * at the end. With `--format conllu` sentences are
    printed as CoNLL-U, with the line number as `sent_id`. HEAD and DEPREL are placeholders there, not a parse.

    Example: `lxmls-rnn tag runs/first "The old man watches her run ."`
    """
    if sentence is not None and file is not None:
        raise ValueError(f"give a sentence or --file, not both: got {quoted(sentence)} and {file}")
    tagger = Tagger.load(paths.model(model))
    if sentence is not None and output == "text":
        table = Table("word", "tag", "probability")
        for word in tagger.tag(sentence.split() if tokenized else sentence):
            table.add_row(word.word + ("" if word.known else " *"), word.tag, f"{word.probability:.4f}")
        console.print(table)
        return
    if sentence is None and file is None and sys.stdin is None:
        raise ValueError("nothing to tag: give a sentence or --file, or pipe text to standard input")
    lines: Iterable[tuple[int, str]] = [(1, sentence or "")]
    if sentence is None:
        lines = decoded(lines_of(sys.stdin.buffer, STDIN), STDIN) if file is None else text_lines(file)
    for n, line in lines:
        text = " ".join(line.split()) if tokenized else normalised(line)
        words = tagger.tag(text.split() if tokenized else text) if text or sentence is not None else []
        if output == "text":
            marked = (f"{w.word}/{w.tag}/{w.probability:.2f}{'' if w.known else '*'}" for w in words)
            print(escaped(" ".join(marked)), flush=True)
        elif words:
            print(conllu(n, text, [w.word for w in words], [w.tag for w in words], tagger.tags), end="", flush=True)


app.command()(export)
app.command(context_settings={"ignore_unknown_options": True})(lab)
app.command()(hand_in)


@app.command()
def runs(root: Root = None) -> None:
    """Compare the runs, and name the sweeps.

    Example: `lxmls-rnn runs`
    """
    sweeps, damaged_sweeps = find_sweeps(root)
    for sweep in sweeps:
        console.say(f"sweep {sweep.name}: `lxmls-rnn sweep show {sweep.argument}`")
    stored, damaged = find_runs(root)
    for broken in damaged_sweeps + damaged:
        warnings.warn(broken.why, stacklevel=1)
    if not stored and sweeps:
        return
    if not stored and not damaged:
        console.print(f"No runs in {root or paths.runs()}: `lxmls-rnn train` makes one.")
        return
    # show only settings that differ between the runs
    settings = [_shown(run.settings) for run in stored]
    options = [key for key in next(iter(settings), {}) if key not in ("corpus", "dev", "model", "epochs")]
    differing = [key for key in options if len({str(row[key]) for row in settings}) > 1]
    table = Table(padding=(0, 0))
    for column in ("run", "model", "corpus", *differing, "epochs", "cost", "train", "dev"):
        whole = column in ("run", "model", "cost", "train", "dev")
        table.add_column(column, no_wrap=whole, min_width=len(column), overflow="fold")
    for run, row in zip(stored, settings, strict=True):
        values = [Path(row[key]).name if key == "embeddings" and row[key] else str(row[key]) for key in differing]
        table.add_row(run.folder.name, row["model"], corpus_name(row["corpus"]), *values, *figures(run))
    for broken in damaged:
        table.add_row(broken.name, "damaged")
    needed = width_of(table).minimum
    if needed > console.width:  # else titles would be folded and columns vanish
        table.width = needed
    console.print(table, crop=False)


def _shown(settings: Settings) -> dict[str, Any]:
    """Return the settings by name, with the words for None, and the model's own activation."""
    shown = {name: SETTINGS[name].none if value is None else value for name, value in settings.flat().items()}
    if settings.trainer.shuffle and settings.trainer.seed is not None:
        shown["seed"] = f"{settings.seed}, order {settings.trainer.seed}"
    return {**shown, "activation": settings.activation or activations_of(settings.model)[0]}


def figures(run: Run) -> list[str]:
    """Return how many epochs a run has done, and cost and accuracies of the epoch whose model is saved."""
    metrics = run.metrics()
    epochs = f"{len(metrics)}/{run.settings.trainer.epochs}"
    cost, *accuracies = ["-"] * 3
    if saved := saved_metrics(metrics):
        on_dev = "-" if saved.dev_accuracy is None else f"{saved.dev_accuracy:.2%}"
        cost, accuracies = f"{saved.cost:.2f}", [f"{saved.train_accuracy:.2%}", on_dev]
    return [epochs, "diverged" if run.diverged else cost, *accuracies]


@app.command()
@with_settings(settings_of(ModelCheck), "model", "length", "n_hidd", "seed", "dtype", "against", "tolerance")
def check(
    every: Annotated[bool, typer.Option("--all", help="List all comparisons, not only those that differ.")] = False,
    **settings: Any,
) -> None:
    """Check the gradients: NumPy against finite differences, the other frameworks against NumPy.

    With `--against`, check models of any frameworks against another one, in the hidden states, gates, probabilities,
    errors and gradients. If two models differ, a sentence names the first quantity, word and gate.

    Example: `lxmls-rnn check --model NumpyLSTM --length 3`

    Example: `lxmls-rnn check --model RNN --model TorchRNN --against FastRNN --dtype float32`
    """
    wanted = ModelCheck(**settings)
    rows = list(wanted.rows())
    differing = [row for row in rows if not row.agrees]
    bound = f"{TOLERANCE[wanted.dtype] if wanted.tolerance is None else wanted.tolerance:.0e}"
    said = f"{len(differing)} of {len(rows)} differ by more than" if differing else f"All {len(rows)} agree within"
    console.say(f"{said} {bound} of the largest entry.")
    compared = "quantity" if wanted.against else "parameter"
    table = Table("model", "activation", compared, "against", "difference", "verdict", padding=(0, 0))
    for row in rows if every else differing:
        verdict = Text("agrees", "green") if row.agrees else Text(f"differs at {row.where}", "red")
        table.add_row(row.name, row.activation, row.parameter, row.against, f"{row.difference:.1e}", verdict)
    if table.rows:
        console.print(table)
    if wanted.model is None:
        for missing in dict.fromkeys(entry.framework.missing for entry in MODELS.values() if entry.framework.missing):
            console.say(f"Left out: {missing}.")
    if wanted.against:
        console.say(ROUNDING)
    for sentence in wanted.first_differences(rows) if differing else ():
        console.say(sentence)
    raise typer.Exit(1 if differing else 0)
