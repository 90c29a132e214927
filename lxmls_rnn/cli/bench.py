"""The command `lxmls-rnn bench`."""

import signal
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from lxmls_rnn import paths
from lxmls_rnn.benchmark.measure import cases as c
from lxmls_rnn.benchmark.measure.benchmark_settings import BenchmarkSettings
from lxmls_rnn.benchmark.measure.results import Results, new_path
from lxmls_rnn.benchmark.measure.session import Session
from lxmls_rnn.cli.console import SafeConsole, console, interrupt_now
from lxmls_rnn.cli.options import with_settings
from lxmls_rnn.settings import settings_of

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")


@app.callback(invoke_without_command=True)
@with_settings(settings_of(BenchmarkSettings))
def bench(
    context: typer.Context,
    baseline: Annotated[str, typer.Option(help="The implementation that ratios refer to.")] = "numpy",
    out: Annotated[
        Path | None, typer.Option(help="The results file; by default bench-TIME.json in results/, or in LXMLS_RESULTS.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Resume --out: measure the missing and the uncertain cases.")
    ] = False,
    plot: Annotated[bool, typer.Option(help="Write a plot beside the results.")] = True,
    **settings: Any,
) -> None:
    """Time the taggers on CPU and GPU, in NumPy, Theano and PyTorch: forward pass, gradients, training steps.

    Every result is compared with NumPy's in float64 before it is timed. Ctrl-C keeps what was measured.

    Example: `lxmls-rnn bench --model rnn --hidden 20 --batch 1,32 --work step --time 0.1`
    """
    if context.invoked_subcommand is not None:
        return
    chosen = BenchmarkSettings(**settings)
    if baseline not in c.IMPLEMENTATIONS:
        raise ValueError(f"--baseline must be one of {', '.join(c.IMPLEMENTATIONS)}, got {baseline!r}")
    if resume and out is None:
        raise ValueError("--resume needs --out, the file to resume")
    path = (out or new_path(paths.results())).absolute()
    session = Session(chosen.cases(), chosen.runner(), path, ["lxmls-rnn", *sys.argv[1:]], resume)
    if session.todo and session.results.doubt:
        console.say(session.results.doubt)
    show_run(session)
    if session.runner.stopping and not session.saved:
        console.say("Stopped before anything was measured, so no results file is written.")
        raise typer.Exit(128 + signal.SIGINT)
    show(session.results, baseline)
    console.say(f"Results: {path}" if session.saved else "Nothing was measured, so no results file is written.")
    if plot and any(row.median and row.case.work != "copy" for row in session.results.rows):
        from lxmls_rnn.benchmark.show.plots import draw

        draw(session.results, path.with_suffix(".png"))
        console.say(f"Picture: {path.with_suffix('.png')}")
    if session.runner.stopping:
        raise typer.Exit(128 + signal.SIGINT)


def show_run(session: Session) -> None:
    """Measure, with a progress bar, until the end or Ctrl-C."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())

    def interrupt(*_: object) -> None:
        session.runner.stop()
        signal.signal(signal.SIGINT, interrupt_now)  # a second Ctrl-C does not wait

    # set explicitly, since a shell makes background commands ignore Ctrl-C
    before = signal.signal(signal.SIGINT, interrupt)
    try:
        with Progress(*columns, console=console, transient=True) as bar:
            task = bar.add_task("starting", total=len(session.cases))
            for row in session.run():
                n_cases = len(session.cases)
                description = str(row.case).partition(":")[0]
                bar.update(task, total=n_cases, completed=int(session.share * n_cases), description=description)
    finally:
        signal.signal(signal.SIGINT, before)


def show(results: Results, baseline: str) -> None:
    """Print the table, which cases were not measured and why, and the answer."""
    from lxmls_rnn.benchmark.measure.machine import processor_and_gpus
    from lxmls_rnn.benchmark.show import report, summary

    wide = SafeConsole(width=None if console.is_terminal else 160)
    table = report.table(results, baseline, wide.width)
    if table.rows:
        wide.print(table)
    lines = [*report.less_work(results), *summary.uncertain_lines(results), *report.uncertain(results, baseline)]
    lines += [*report.not_measured(results), processor_and_gpus(results.machine), summary.answer(results)]
    for line in filter(None, [*lines, *summary.speed_up_lines(results)]):
        console.say(line)


@app.command()
def compare(
    before: Annotated[Path, typer.Argument(help="A results file.")],
    after: Annotated[Path, typer.Argument(help="A later results file.")],
    everything: Annotated[bool, typer.Option("--all", help="Show unchanged cases too.")] = False,
) -> None:
    """List the cases that became faster or slower between two results files, by more than chance explains.

    Example: `lxmls-rnn bench compare results/before.json results/after.json`
    """
    from lxmls_rnn.benchmark.show import compare as module

    first, second = Results.load(before), Results.load(after)
    changes = list(module.changes(first, second))
    if not changes:
        raise ValueError(f"{before} and {after} have no measured case in common")
    for line in module.differences(first, second):
        console.say(line)
    if everything or any(module.lines(changes)):
        SafeConsole(width=None if console.is_terminal else 160).print(module.table(changes, everything))
    console.print(module.counts(changes))
