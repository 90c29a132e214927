"""The doctor's table, and its findings about Python and NumPy, with Theano and without."""

import platform
import sys
from collections.abc import Iterator
from importlib import metadata

from lxmls_rnn import __version__
from lxmls_rnn.device import Finding, blas
from lxmls_rnn.storage.files import escaped


def python() -> Iterator[Finding]:
    """Yield the findings about the library, Python and NumPy."""
    yield Finding("lxmls-rnn", __version__)
    yield Finding("Python", f"{platform.python_version()}, {sys.executable}")
    yield Finding("NumPy", ", ".join(f"{name} {metadata.version(name)}" for name in ("numpy", "scipy")))
    try:
        yield Finding(blas.NUMPY, str(blas.require_numpy()))
    except RuntimeError as error:
        yield Finding(blas.NUMPY, str(error), False)


def show(findings: list[Finding], advice: list[str], width: int | None = None) -> None:
    """Print the findings as a table, and the advice below it, in `width` columns; default: the terminal's width.

    Control characters and characters that reorder a line are escaped, see `lxmls_rnn.storage.files.escaped`.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    marks = {True: ("ok", "green"), False: ("!!", "bold red"), None: ("--", "dim")}
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for finding in findings:
        table.add_row(Text(*marks[finding.ok]), finding.name, Text(escaped(finding.value)))
    console = Console(width=width)
    console.print(table)
    for line in advice:
        console.print(Text(escaped(line)))
