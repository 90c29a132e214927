"""What all commands share: where they print, and how they say what went wrong."""

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

console = Console(markup=False, highlight=False)

Root = Annotated[Path | None, typer.Option(show_default="runs, or LXMLS_RUNS", help="Folder of the runs.")]


@contextmanager
def plain_errors() -> Iterator[None]:
    """Turn the errors that a user can mend into one sentence and exit status 1, warnings into one sentence."""

    def show(message: Warning | str, *_: Any) -> None:
        typer.secho(f"Warning: {message}", fg="yellow", err=True)

    try:
        with warnings.catch_warnings():
            warnings.showwarning = show  # type: ignore[assignment]
            yield
    except BrokenPipeError:  # whoever read our output has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(1) from None
    except MemoryError as error:
        typer.secho(f"Error: not enough memory: {error}", fg="red", err=True)
        raise typer.Exit(1) from None
    except typer.Exit:
        raise
    except (ValueError, IndexError, FloatingPointError, OSError, RuntimeError) as error:
        typer.secho(f"Error: {error}", fg="red", err=True)
        raise typer.Exit(1) from None
