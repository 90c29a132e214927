"""The commands `lxmls-rnn sweep` and `lxmls-rnn sweep show`."""

from __future__ import annotations

import logging
import shlex
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from typer.core import TyperGroup

from lxmls_rnn import paths
from lxmls_rnn.cli.console import Root, console, interruptible, name_and_folder, say_stopped
from lxmls_rnn.cli.options import Guide, guides, make_settings, refuse_settings, with_settings
from lxmls_rnn.experiment import SETTINGS
from lxmls_rnn.runs.folder import check_name, unique_name
from lxmls_rnn.storage.messages import counted
from lxmls_rnn.sweep import grid, report
from lxmls_rnn.sweep.results import Result, by_setting, chosen, read_all
from lxmls_rnn.sweep.sweep import Sweep, more_seeds

if TYPE_CHECKING:
    from lxmls_rnn.sweep.driver import Driver


class TrainByDefault(TyperGroup):
    """Command group in which `sweep ewt ...` means `sweep run ewt ...`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Insert `run` if the arguments start with no command."""
        if not args or args[0] not in self.commands:
            args = ["run", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(cls=TrainByDefault, help="Train many settings and seeds at once.", rich_markup_mode="markdown")


@app.command()
@with_settings(SETTINGS)
def run(
    context: typer.Context,
    vary: Annotated[
        list[str] | None,
        typer.Option(help="A setting of `train` and its values: name=a,b or name=log:lo:hi:n or name=lin:lo:hi:n."),
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(min=1, help="Number of seeds for each setting: --seed, --seed + 1, ...")
    ] = None,
    sample: Annotated[
        int | None, typer.Option(min=1, help="Number of settings to draw at random from the grid.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the sweep; by default the time.")] = None,
    resume: Annotated[
        str | None, typer.Option(help="Resume the sweep of this name; --vary, --seeds and --sample can add to it.")
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Worker processes; by default one per core.")] = None,
    devices: Annotated[str, typer.Option(help="Devices, each with one worker, such as cuda0,cuda1.")] = "",
    scheduler: Annotated[
        str | None, typer.Option(help="Train on the workers of this Dask cluster, such as tls://host:8786.")
    ] = None,
    guide: Guide = False,
    root: Root = None,
    **settings: Any,
) -> None:
    """Train a grid of settings, each with several seeds, on all cores. Ctrl-C stops with checkpoints.

    The options of `train` are for all trainings. `lxmls-rnn sweep show NAME` shows the results.

    Example: `lxmls-rnn sweep sample --vary n_hidd=2,4 --seeds 2 --epochs 2 --name width`
    """
    varied = grid.parse_vary(vary or [])
    if resume is not None:
        own = {"resume", "vary", "seeds", "sample", "workers", "devices", "scheduler", "root"}
        refuse_settings(context, own)
        sweep = Sweep.load(*name_and_folder(resume, root)).extended(varied, seeds, sample)
    else:
        if not varied and seeds is None:
            raise ValueError("there is nothing to vary: give --vary name=values, or --seeds")
        named = varied.pop("seed", None)
        if named and seeds is not None:
            raise ValueError("give --seeds or --vary seed=..., not both")
        base = make_settings(settings | (guides(context) if guide else {}))
        if scheduler is not None:  # each machine has them in its own folder of data
            base = base.changed(**{option: _named(getattr(base, option)) for option in ("dev", *grid.FILES)})
            varied |= {option: [_named(file) for file in varied[option]] for option in grid.FILES if option in varied}
        name = check_name(name or unique_name("sweep"), "a sweep")
        all_seeds = named or more_seeds([base.seed], seeds or 1)
        sweep = Sweep(paths.runs(root) / name, base, varied, all_seeds, sample)
    from lxmls_rnn.sweep.driver import Driver  # takes a moment to import

    pinned = [device.strip() for device in devices.split(",") if device.strip()]
    Driver.check(workers, pinned, scheduler)
    if scheduler is not None:
        for handler in logging.getLogger("distributed").handlers:  # Dask also logs once its cluster is closed
            handler.setLevel(logging.CRITICAL)
    if resume is None:
        if scheduler is not None:
            from lxmls_rnn.sweep.cluster import Cluster

            Cluster.connect(scheduler).close()  # before anything is written
        sweep = sweep.begin()
    console.print(f"{sweep.in_words()}.")
    show_sweep(Driver(sweep, workers, pinned, scheduler=scheduler))


def _named(file: str | None) -> str | None:
    """Return the name by which every machine of a cluster finds a file of the data folder."""
    return paths.named(file) if file and Path(file).is_file() else file


def show_sweep(driver: Driver) -> None:
    """Train, with a bar and a line for each training.

    Ctrl-C, SIGTERM and SIGHUP stop with checkpoints and the exit status of that signal. It is 1 if a training failed.
    """
    over = sum(result.is_over for result in driver.results.values())
    if over:
        console.print(f"{over} of them are done already.")
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[left]}")
    with (
        interruptible("current batches") as signals,
        closing(driver.run()) as events,
        Progress(*columns, console=console, transient=True) as bar,
    ):
        task = bar.add_task("", total=len(driver.results), completed=over, left="")
        unfit, shown = dict[str, str](), ""
        for result in events:
            if driver.state != shown and not console.is_terminal:  # a terminal shows the bar
                shown = driver.state
                console.print(f"{shown.capitalize()} …")
            for worker, why in driver.unfit.items() - unfit.items():
                unfit[worker] = why
                console.say(f"The worker {worker} does not train: {why}.")
            if result is not None:
                console.say(in_a_line(result, driver.seconds.get(result.training.name)))
            done = sum(r.is_over for r in driver.results.values())
            left = driver.seconds_left
            words = "" if left is None else f"about {duration(left)} left"
            bar.update(task, completed=done, description=f"{driver.state}, {driver.alive} workers", left=words)
            if signals:
                break
    if signals:
        where = "" if driver.scheduler is None else f" --scheduler {shlex.quote(driver.scheduler)}"
        say_stopped(signals[-1], f"lxmls-rnn sweep --resume {driver.sweep.argument}{where}")
    show = f"`lxmls-rnn sweep show {driver.sweep.argument}`"
    console.say(f"The sweep is in {driver.sweep.folder.absolute()}: {show}.")
    if signals:
        raise typer.Exit(128 + signals[-1])
    if any(result.state == "failed" for result in driver.results.values()):
        raise typer.Exit(1)


def in_a_line(result: Result, seconds: float | None) -> str:
    """Return the result of a training as a line."""
    words = [result.training.name, result.state]
    if result.why:
        words.append(result.why)
    elif result.accuracy is not None:
        words.append(f"epoch {len(result.rows)}   dev {result.accuracy:.2%}")
    if seconds is not None:
        words.append(f"{seconds:.1f} s")
    return "   ".join(words)


def duration(seconds: float) -> str:
    """Return a time span with a suitable unit."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="Name of the sweep.")],
    plot: Annotated[Path | None, typer.Option(help="Write a plot to this PNG file.")] = None,
    root: Root = None,
) -> None:
    """Show the results of a sweep: mean and standard deviation on dev over the seeds of each setting, best first.

    When all trainings have ended, only the best setting is measured on the test part.

    Example: `lxmls-rnn sweep show width --plot width.png`
    """
    sweep = Sweep.load(*name_and_folder(name, root))
    results = read_all(sweep)
    settings = by_setting(results)
    table = Table(*report.header(sweep))
    for line in report.lines(settings):
        table.add_row(*line)
    console.print(table)
    for note in report.notes(sweep, results):
        console.say(note)
    best = chosen(settings)
    if best is not None:
        console.say(report.verdict(sweep, best))
    else:
        left = sum(not result.is_over for result in results)
        says = f"{counted(left, 'training')} missing" if left else "No setting has a training that is done"
        console.say(f"{says}: no setting is chosen yet, so none is measured on the test part.")
    if plot is not None:
        from lxmls_rnn.sweep.plots import draw

        draw(sweep, settings, plot)
        console.say(f"Picture: {plot.absolute()}")
