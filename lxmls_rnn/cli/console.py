"""Output and error messages that all commands share."""

import io
import os
import signal
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text
from typer.core import TyperGroup

from lxmls_rnn import paths
from lxmls_rnn.storage.messages import USER_ERRORS, escaped, in_words


class SafeConsole(Console):
    """A console that escapes control characters in every text, also in tables.

    Line breaks within a line or cell are escaped too. A `rich.text.Text` is printed unchanged.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, highlight=False, emoji=False, **options)

    def say(self, text: str | Text, style: str | None = None) -> None:
        """Print a text and leave its wrapping to the terminal."""
        self.print(text, style=style, soft_wrap=True)

    def render_str(self, text: str, **options: Any) -> Text:
        """Escape a text and render it."""
        return super().render_str(escaped(text), **options)


console = SafeConsole()


def width_of(table: Table) -> Measurement:
    """Return the least and the greatest width of a table, in columns, whatever the width of the terminal."""
    return console.measure(table, options=console.options.update(width=10_000))


Root = Annotated[Path | None, typer.Option(show_default="runs, or LXMLS_RUNS", help="Folder of the runs.")]


def name_and_folder(name: str, root: Path | None) -> tuple[str, Path | None]:
    """Return name and folder of a run or sweep that is given by its name, in the folder `root`, or by its path."""
    path = Path(name)
    return path.name, root if paths.is_name(path) else path.parent


class Commands(TyperGroup):
    """A group of commands that report errors as one sentence."""

    def main(self, *arguments: Any, **options: Any) -> object:
        """Run the command line."""
        with plain_errors():
            return super().main(*arguments, **options)


@contextmanager
def plain_errors() -> Iterator[None]:
    """Print `USER_ERRORS` as one sentence, with exit status 1, and warnings as one sentence."""

    def show(message: Warning | str, *_: object) -> None:
        typer.secho(f"Warning: {in_words(Warning(message))}", fg="yellow", err=True)

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # escape characters that the terminal's encoding lacks
            stream.reconfigure(errors="backslashreplace")
    try:
        try:
            with warnings.catch_warnings():
                warnings.showwarning = show  # type: ignore[assignment]
                yield
        finally:
            sys.stdout.flush()
    except BrokenPipeError:  # the reader of the output has closed it
        _forget_output()
        raise SystemExit(1) from None
    except USER_ERRORS as error:
        unnamed = isinstance(error, OSError) and error.errno is not None and error.filename is None
        text = f"standard input or output: {in_words(error)}" if unnamed else in_words(error)
        with suppress(OSError):
            typer.secho(f"Error: {text}", fg="red", err=True)
        if unnamed:
            _forget_output()
        raise SystemExit(1) from None


def interrupt_now(*_: object) -> None:
    """Handle Ctrl-C: raise KeyboardInterrupt, and ignore later ones, so that they do not interrupt the cleanup."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt


@contextmanager
def interruptible(what: str) -> Iterator[list[int]]:
    """Yield a list that collects Ctrl-C, SIGTERM and SIGHUP by number; the caller stops its work after the next `what`.

    A second Ctrl-C interrupts at once, see `interrupt_now`.
    """
    came: list[int] = []

    def interrupt(number: int, _: object) -> None:
        came.append(number)
        signal.signal(signal.SIGINT, interrupt_now)
        # not print: the signal may come in the middle of one
        with suppress(OSError):  # a terminal that was closed sends SIGHUP
            os.write(2, f"Stopping after the {what} (a second Ctrl-C does not wait and does not save).\n".encode())

    numbers = [signal.SIGINT, signal.SIGTERM]
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # which nohup ignores
        numbers.append(signal.SIGHUP)
    before = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def say_stopped(number: int, again: str) -> None:
    """Print which signal stopped the work, and the command to resume it."""
    by = "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name
    console.say(f"Stopped by {by}; continue with `{again}`.")


def _forget_output() -> None:
    """Discard output that could not be written; Python would try to write it again at exit."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
