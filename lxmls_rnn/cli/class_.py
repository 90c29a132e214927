"""The command `lxmls-rnn class`, which shows the progress of the students of a class."""

import warnings
from pathlib import Path
from typing import Annotated

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
    header, lines = classroom.table(students)
    for student in students:
        for why in student.damaged:
            warnings.warn(why, stacklevel=1)
    if csv_file is not None:
        write_atomically(csv_file, spreadsheet.to_csv(classroom.spreadsheet(students)))
    if html_file is not None:
        write_atomically(html_file, classroom.as_html(students))
    shown = Table()
    for name in header:
        shown.add_column(name)
    for line in lines:
        shown.add_row(*line)
    console.print(shown)
    console.print(classroom.LEGEND)
    for where in classroom.stuck(students):
        console.print(f"Stuck at {where}.", soft_wrap=True)
    for question, answered in classroom.answers_of(students).items() if answers else ():
        console.print()
        console.print(question, style="bold", soft_wrap=True)
        for name, answer in answered.items():
            first, *more = answer.split("\n")
            for text in (f"{name}: {first}", *(f"    {line}" for line in more)):
                console.print(text, soft_wrap=True)
