"""The command `lxmls-rnn class`, which shows the progress of the students of a class."""

import warnings
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from lxmls_rnn import classroom
from lxmls_rnn.cli.console import Commands, console
from lxmls_rnn.storage import spreadsheet
from lxmls_rnn.storage.files import write_atomically

app = typer.Typer(cls=Commands, no_args_is_help=True, help="Look at a class.")


@app.callback()
def _several() -> None:
    """Look at a class."""


def _table(header: list[str], lines: list[list[str]], **options: Any) -> Table:
    table = Table(**options)
    for name in header:
        table.add_column(name, overflow="fold")
    for line in lines:
        table.add_row(*line)
    return table


@app.command()
def show(
    folder: Annotated[Path, typer.Argument(help="A folder for each student, as docker/jupyterhub/collect.sh makes.")],
    csv_file: Annotated[Path | None, typer.Option("--csv", help="Write the table to this CSV file.")] = None,
    html_file: Annotated[Path | None, typer.Option("--html", help="Write table and answers to this HTML page.")] = None,
    answers: Annotated[bool, typer.Option("--answers", help="Show the answers in words too.")] = False,
) -> None:
    """Show which exercises each student has done, after how many tries and hints, and where the class is stuck.

    Example: `lxmls-rnn class show handed-in --html class.html`
    """
    students = classroom.read_class(folder)
    for student in students:
        for problem in student.problems:
            warnings.warn(problem.text, stacklevel=1)
    if csv_file is not None:
        write_atomically(csv_file, spreadsheet.to_csv(classroom.spreadsheet(students)))
    if html_file is not None:
        write_atomically(html_file, classroom.as_html(students))
    header, lines = classroom.table(students)
    for line, student in zip(lines, students, strict=False):
        line[-1] = student.kinds
    shown, legend = _table(header, lines), classroom.LEGEND
    if console.measure(shown, options=console.options.update(width=10_000)).maximum > console.width:
        header, lines, legend = classroom.narrow_table(students)
        shown = _table(header, lines, box=None, pad_edge=False)
    console.print(shown)
    console.print(legend)
    for where in classroom.stuck(students):
        console.print(f"Stuck at {where}.", soft_wrap=True)
    for question, answered in classroom.answers_of(students).items() if answers else ():
        console.print()
        console.print(question, style="bold", soft_wrap=True)
        for name, answer in answered.items():
            first, *more = answer.split("\n")
            for text in (f"{name}: {first}", *(f"    {line}" for line in more)):
                console.print(text, soft_wrap=True)
