"""The commands `lxmls-rnn class`, for teachers, and `lxmls-rnn hand-in`, for students."""

import os
import warnings
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated, Any, cast

import typer
from rich.table import Table

from lxmls_rnn import paths
from lxmls_rnn.classroom import collect as collecting
from lxmls_rnn.classroom import students, table
from lxmls_rnn.classroom.hand_in import pack
from lxmls_rnn.cli.console import Commands, Root, console, width_of
from lxmls_rnn.runs.folder import check_name
from lxmls_rnn.storage import spreadsheet
from lxmls_rnn.storage.files import write_atomically, write_output
from lxmls_rnn.storage.messages import counted

MAX_REPORTED = 3  # files of a student that were left out; the report has all of them
REPORT = "collected.txt"
OF_HUB = "the class, for the teacher on a hub"

app = typer.Typer(cls=Commands, no_args_is_help=True, help="Collect and view the work of a class.")


def hand_in(
    name: Annotated[str | None, typer.Argument(show_default="on a hub your login", help="Your name.")] = None,
    notebooks: Annotated[
        Path | None, typer.Option(show_default="work, or LXMLS_WORK", help="Folder of the notebooks.")
    ] = None,
    root: Root = None,
    output: Annotated[Path | None, typer.Option(show_default="NAME.zip beside the notebooks")] = None,
) -> None:
    """Pack your work into one zip file: notebooks, answers, settings and metrics of runs; no models.

    Save your notebooks first.

    Example: `lxmls-rnn hand-in anna`
    """
    name = name or os.environ.get("JUPYTERHUB_USER")
    if not name:
        raise ValueError("whose work is it? Add your name: `lxmls-rnn hand-in NAME`")
    notebooks = notebooks or paths.work()
    archive = (output or notebooks / f"{check_name(name, 'a student')}.zip").absolute()
    files = pack(name, notebooks, paths.runs(root), archive)
    packed = sum(file.endswith(".ipynb") for file in files)
    size = f"{archive.stat().st_size / 1e6:.1f} MB"
    console.say(f"{archive}: {counted(packed, 'notebook')}, {counted(len(files), 'file')} in all, {size}.")
    if not packed:
        warnings.warn(f"no notebook in {notebooks}: name the folder of your notebooks (--notebooks)", stacklevel=1)
    console.print("It holds what is saved: save the notebooks, and run this again after a change.")


@app.command()
def collect(
    sources: Annotated[
        list[Path] | None,
        typer.Argument(help="Zip files and folders of students, or folders of these.", show_default=OF_HUB),
    ] = None,
    into: Annotated[Path, typer.Option(help="New folder, for the students' folders.")] = Path("handed-in"),
    max_mb: Annotated[int, typer.Option(min=1, help="Megabytes kept of a student; the largest files are left out.")] = (
        collecting.MAX_STUDENT_BYTES >> 20
    ),
) -> None:
    """Collect what students handed in: zip files are unpacked safely, folders are copied.

    Links, special files and files outside of a student's folder are left out. An error with one student does not stop
    the others; the exit status is then 1. The report is also in `collected.txt` of the new folder.

    Example: `lxmls-rnn class collect downloads/*.zip --into handed-in`
    """
    sources, reports = sources or [_class_folder()], []
    for report in collecting.collect(sources, into, max_mb << 20):
        reports.append(report)
        console.say(f"{report.name}: {counted(report.files, 'file')}, {report.bytes / 1e6:.1f} MB")
        more = [f"and {len(report.left_out) - MAX_REPORTED} more, see {into / REPORT}"]
        left_out = report.left_out[:MAX_REPORTED] + more * (len(report.left_out) > MAX_REPORTED)
        for text in [*([f"error: {report.error}"] * bool(report.error)), *(f"left out: {text}" for text in left_out)]:
            console.say(f"  {text}")
    write_atomically(into / REPORT, collecting.in_text(reports))
    if not reports:
        raise collecting.none_in(sources)
    console.say(f"{counted(len(reports), 'student')} in {into.absolute()}: `lxmls-rnn class show {into}`")
    raise typer.Exit(1 if any(report.error for report in reports) else 0)


def _class_folder() -> Path:
    """Return the folder of the class on a teacher's server of a hub; ValueError elsewhere."""
    folder = os.environ.get("LXMLS_CLASS")
    if not folder:
        raise ValueError("whose work is it? Name the folder of the class, with a folder or zip file for each student")
    return Path(folder)


def _course() -> students.Course:
    """Return the exercises of the installed course, which `lab` names in its entry point `lxmls_rnn.course`."""
    (course,) = entry_points(group="lxmls_rnn.course")
    return cast(students.Course, course.load())


def _table(header: list[str], lines: list[list[str]], **options: Any) -> Table:
    table = Table(**options)
    for name in header:
        table.add_column(name, overflow="fold")
    for line in lines:
        table.add_row(*line)
    return table


@app.command()
def show(
    folder: Annotated[
        Path | None, typer.Argument(help="A folder for each student, as `class collect` makes.", show_default=OF_HUB)
    ] = None,
    csv_file: Annotated[Path | None, typer.Option("--csv", help="Write the table to this CSV file.")] = None,
    html_file: Annotated[Path | None, typer.Option("--html", help="Write table and answers to this HTML page.")] = None,
    answers: Annotated[bool, typer.Option("--answers", help="Show the written answers too.")] = False,
) -> None:
    """Show exercises done, tries and hints of each student, where the class is stuck, and its most frequent mistakes.

    Example: `lxmls-rnn class show handed-in --html class.html`
    """
    of_class = students.read_class(folder or _class_folder(), _course())
    for student in of_class.students:
        for problem in student.problems:
            warnings.warn(problem.text, stacklevel=1)
    if csv_file is not None:
        header, lines = table.table(of_class, "sheet")
        write_output(csv_file, spreadsheet.to_csv([header, *lines]))
    if html_file is not None:
        write_output(html_file, table.as_html(of_class))
    shown, legend = _table(*table.table(of_class, "wide")), table.LEGEND
    if width_of(shown).maximum > console.width:
        shown = _table(*table.table(of_class, "narrow"), box=None, pad_edge=False)
        legend = table.narrow_legend(of_class)
    console.print(shown)
    console.print(legend)
    for where in table.stuck(of_class):
        console.say(f"Stuck at {where}.")
    for mistake in table.mistakes(of_class):
        console.say(f"Mistake in {mistake}")
    for question, answered in of_class.answers.items() if answers else ():
        console.print()
        console.say(question, style="bold")
        for name, answer in answered.items():
            first, *more = answer.split("\n")
            for text in (f"{name}: {first}", *(f"    {line}" for line in more)):
                console.say(text)
