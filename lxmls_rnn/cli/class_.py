"""The commands `lxmls-rnn class`, for teachers, and `lxmls-rnn hand-in`, for students."""

import os
import shutil
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer
from rich.table import Table

from lxmls_rnn import paths
from lxmls_rnn.classroom import collect as collecting
from lxmls_rnn.classroom import isolation, progress, table
from lxmls_rnn.classroom import marks as marking
from lxmls_rnn.classroom.feedback import COMMENTS, MARKS_FILE, write_pages
from lxmls_rnn.classroom.hand_in import pack
from lxmls_rnn.cli.console import Commands, Root, console, interruptible, say_stopped, width_of
from lxmls_rnn.runs.folder import check_name
from lxmls_rnn.storage import spreadsheet
from lxmls_rnn.storage.files import counted, write_atomically

MAX_REPORTED = 3  # files of a student that were left out; the report has all of them
REPORT = "collected.txt"

app = typer.Typer(cls=Commands, no_args_is_help=True, help="Collect and look at the work of a class.")


def hand_in(
    name: Annotated[str | None, typer.Argument(show_default="on a hub your login", help="Your name.")] = None,
    notebooks: Annotated[Path, typer.Option(help="Folder of the notebooks.")] = Path("lab/notebooks"),
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
    archive = output or notebooks / f"{check_name(name, 'a student')}.zip"
    files = pack(name, notebooks, paths.runs(root), archive)
    packed = sum(file.endswith(".ipynb") for file in files)
    size = f"{archive.stat().st_size / 1e6:.1f} MB"
    console.say(f"{archive}: {counted(packed, 'notebook')}, {counted(len(files), 'file')} in all, {size}.")
    if not packed:
        warnings.warn(f"no notebook in {notebooks}: name the folder of your notebooks (--notebooks)", stacklevel=1)
    console.print("It holds what is saved: save the notebooks, and run this again after a change.")


@app.command()
def collect(
    sources: Annotated[list[Path], typer.Argument(help="Zip files and folders of students, or folders of these.")],
    into: Annotated[Path, typer.Option(help="New folder, for a folder of each student.")] = Path("handed-in"),
    max_mb: Annotated[int, typer.Option(min=1, help="Most megabytes of a student; the largest files are left out.")] = (
        collecting.MAX_STUDENT_BYTES >> 20
    ),
) -> None:
    """Collect what students handed in: zip files are unpacked safely, folders are copied.

    Links, special files and files outside of a student's folder are left out. An error with one student does not stop
    the others; the exit status is then 1. The report is also in `collected.txt` of the new folder.

    Example: `lxmls-rnn class collect downloads/*.zip --into handed-in`
    """
    reports = []
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
    console.say(f"{counted(len(reports), 'student')} in {into}: `lxmls-rnn class show {into}`")
    raise typer.Exit(1 if any(report.error for report in reports) else 0)


def _table(header: list[str], lines: list[list[str]], **options: Any) -> Table:
    table = Table(**options)
    for name in header:
        table.add_column(name, overflow="fold")
    for line in lines:
        table.add_row(*line)
    return table


@app.command()
def show(
    folder: Annotated[Path, typer.Argument(help="A folder for each student, as `class collect` makes.")],
    csv_file: Annotated[Path | None, typer.Option("--csv", help="Write the table to this CSV file.")] = None,
    html_file: Annotated[Path | None, typer.Option("--html", help="Write table and answers to this HTML page.")] = None,
    answers: Annotated[bool, typer.Option("--answers", help="Show the answers in words too.")] = False,
) -> None:
    """Show which exercises each student has done, after how many tries and hints, and where the class is stuck.

    Example: `lxmls-rnn class show handed-in --html class.html`
    """
    students = progress.read_class(folder)
    for student in students:
        for problem in student.problems:
            warnings.warn(problem.text, stacklevel=1)
    if csv_file is not None:
        header, lines = table.table(students, "sheet")
        write_atomically(csv_file, spreadsheet.to_csv([header, *lines]))
    if html_file is not None:
        write_atomically(html_file, table.as_html(students))
    shown, legend = _table(*table.table(students, "wide")), table.LEGEND
    if width_of(shown).maximum > console.width:
        shown = _table(*table.table(students, "narrow"), box=None, pad_edge=False)
        legend = table.narrow_legend(students)
    console.print(shown)
    console.print(legend)
    for where in table.stuck(students):
        console.say(f"Stuck at {where}.")
    for question, answered in progress.answers_of(students).items() if answers else ():
        console.print()
        console.say(question, style="bold")
        for name, answer in answered.items():
            first, *more = answer.split("\n")
            for text in (f"{name}: {first}", *(f"    {line}" for line in more)):
                console.say(text)


@app.command()
def check(
    folder: Annotated[Path, typer.Argument(help="A folder for each student, as `class collect` makes.")],
    into: Annotated[Path, typer.Argument(help="Folder for the marks and a page for each student.")] = Path("marks"),
    weights: Annotated[Path | None, typer.Option(help='Points in JSON, such as {"forward": 2}; by default 1.')] = None,
    notebooks: Annotated[Path | None, typer.Option(help="The notebooks that were handed out.")] = None,
    container: Annotated[str, typer.Option(help="Run the code in containers of this image.")] = "",
    unprotected: Annotated[bool, typer.Option(help="Run the code without isolation: it can do what you can.")] = False,
    seconds: Annotated[float, typer.Option(min=1, help="Most time of the processor for an exercise.")] = 30,
    memory_mb: Annotated[int, typer.Option(min=256, help="Most memory of a process.")] = 4096,
    jobs: Annotated[int | None, typer.Option(min=1, help="Students at once; by default the number of cores.")] = None,
) -> None:
    """Run each student's solutions on fresh inputs, and write marks.csv, marks.json and a page per student.

    The code runs isolated, without the lab and its solutions, and with limits; another process compares its results.
    Ctrl-C keeps the students that are finished; the next call marks only the others, and those whose work has changed.
    `--container lxmls-rnn-lab` isolates where namespaces are forbidden.

    Example: `lxmls-rnn class check handed-in marks`
    """
    students = progress.read_class(folder)
    out = marking.handed_out(notebooks)
    prefix = None
    if not (container or unprotected):
        try:
            prefix = isolation.prefix()
        except RuntimeError as error:
            where = "" if shutil.which("docker") else ", where Docker is installed"
            raise RuntimeError(
                f"students' code cannot be isolated here ({error}): use `--container lxmls-rnn-lab`{where}, or "
                "`--unprotected`, with which it can use the network, and read and change your files"
            ) from None
    known = marking.read(into / MARKS_FILE).marks if (into / MARKS_FILE).exists() else []
    runner = marking.Runner(prefix, [str(path.resolve()) for path in (folder, into)], container, seconds, memory_mb)
    judge = marking.Judge(out.cells)
    points = marking.weights_of(out.names, weights)
    marks: list[marking.Marks] = []
    with interruptible("finished students") as came, TemporaryDirectory() as unpacked:
        students = _unpacked(students, Path(unpacked, "class"))
        shared = marking.Marking(out, judge, runner)
        for one in shared.mark(students, known, jobs or os.cpu_count() or 1, lambda: came):
            marking.complete([one], points, judge.exercises)
            marks.append(one)
            write_atomically(into / MARKS_FILE, marking.as_json(marks, points))
            console.say(f"{len(marks)} of {len(students)}  {one.student}: {one.points:g}")
    if came:
        say_stopped(came[0], f"lxmls-rnn class check {folder} {into}")
        raise typer.Exit(128 + came[0])
    marks = marking.complete(marks, points, judge.exercises)
    write_atomically(into / MARKS_FILE, marking.as_json(marks, points))
    console.print(_table(*marking.table(marks, points), box=None, pad_edge=False))
    console.print(f"Exercises: {', '.join(f'{n} {name}' for n, name in enumerate(points, 1))}.")
    for one in marks:
        if one.problems:
            warnings.warn(f"{one.student}: {one.problems}", stacklevel=1)
    feedback(into)


def _unpacked(students: list[progress.Student], into: Path) -> list[progress.Student]:
    zipped = [student.folder for student in students if student.kinds == "zipped"]
    reports = list(collecting.collect(zipped, into))
    unpacked = {student.name: student for student in progress.read_class(into)} if reports else {}
    for student in unpacked.values():  # without the name of the temporary folder
        student.problems = [one._replace(text=one.text.replace(f"{into}/", "")) for one in student.problems]
    return [unpacked.get(student.name, student) for student in students]


@app.command()
def feedback(folder: Annotated[Path, typer.Argument(help="The folder that `class check` has made.")]) -> None:
    """Write marks.csv and the page of each student again, with your comments and points.

    Write them into the columns `comment` and `points` of `comments.csv` in that folder; the points are added.

    Example: `lxmls-rnn class feedback marks`
    """
    stored = marking.read(folder / MARKS_FILE)
    comments = write_pages(folder, stored)
    write_atomically(folder / "marks.csv", spreadsheet.to_csv(marking.spreadsheet(stored.marks, stored.weights)))
    written = f"{counted(len(stored.marks), 'page')} in {folder}, {counted(len(comments), 'comment')}"
    how = f"Write comments into {folder / COMMENTS}, then `lxmls-rnn class feedback {folder}`."
    console.say(f"{written}. {how}")
