"""Marks of a class: each student's solutions are run through their checks again, in isolation."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryFile
from threading import Timer
from typing import Any

from lxmls_rnn.classroom import OPTIONAL, STATE_SIGNS, Student
from lxmls_rnn.storage import records
from lxmls_rnn.storage.files import in_words, read_regular
from lxmls_rnn.submissions.isolation import CONTAINER_LIMITS
from lxmls_rnn.submissions.tasks import NOT_CHECKED, Answer, Cell, Job, Task

ANSWER_STATES = ("right", "not right", "not yet", NOT_CHECKED)  # best first
CHECK = re.compile(r"^check\.(\w+)\((\w+)\)", re.MULTILINE)
DEFINED = re.compile(r"^(?:def|class) (\w+)", re.MULTILINE)
MAX_NOTEBOOK_BYTES = 64 << 20
MAX_NOTEBOOKS = 10  # of a student
START_SECONDS = 120.0  # of the process that runs a student's code
ENVIRONMENT = {
    "LANG": "C.UTF-8", "LXMLS_DEVICE": "cpu", "LXMLS_RUNS": "/tmp/runs", "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1", "JAX_ENABLE_X64": "1", "JAX_PLATFORMS": "cpu", "THEANO_FLAGS": "cxx=",
}  # fmt: skip


@dataclass(frozen=True)
class HandedOut:
    """The exercises of the notebooks that were handed out."""

    names: dict[str, str]  # of each exercise the function or class that is checked, in the order of the notebooks
    sources: frozenset[str]  # of all cells
    ids: dict[str, str]  # exercise of a cell's id


@dataclass
class Marks:
    """The marks of a student."""

    student: str
    answers: dict[str, Answer] = field(default_factory=dict)  # by exercise
    points: float = 0
    claimed: list[str] = field(default_factory=list)  # stored as right, but the code is not right
    problems: str = ""

    @property
    def unusual(self) -> dict[str, list[str]]:
        """Exercises whose code imports or uses what solutions have no use for, with these names."""
        return {name: answer.unusual for name, answer in self.answers.items() if answer.unusual}


@dataclass(frozen=True)
class Runner:
    """The conditions under which a student's code is run: the command, the limits, and the folders to hide."""

    prefix: list[str] | None  # of `isolation.prefix`, None without isolation
    hidden: list[str] = field(default_factory=list)
    container: str = ""  # an image, instead of a prefix
    seconds: float = 30.0  # for an exercise
    megabytes: int = 4096  # of memory, for a process

    def answers(self, tasks: list[Task]) -> Iterator[Answer]:
        """Yield the answer to each task; a process that ends early is started again for the rest."""
        while tasks:
            answered = 0
            for answer in self._start(tasks):
                if answer.exercise != tasks[answered].exercise or answer.state not in ANSWER_STATES:
                    break
                answered += 1
                yield answer
                if answered == len(tasks):
                    return
            yield Answer(tasks[answered].exercise, "not right", "The process that runs the code ended.")
            tasks = tasks[answered + 1 :]

    def _start(self, tasks: list[Task]) -> Iterator[Answer]:
        module = ["-I", "-B", "-m", "lab.exercises.rerun"]
        name = f"lxmls-check-{token_hex(6)}"
        if self.container:
            limits = [*CONTAINER_LIMITS, f"--memory={self.megabytes}m", f"--name={name}", "--entrypoint=python"]
            settings = [f"--env={key}={value}" for key, value in ENVIRONMENT.items()]
            command = ["docker", "run", "--rm", "--interactive", *limits, *settings, self.container, *module]
            environ, hidden = dict(os.environ), None
        else:
            command = [*(self.prefix or []), sys.executable, *module]
            environ = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ} | ENVIRONMENT
            hidden = None if self.prefix is None else self.hidden
        job = Job(tasks, hidden, self.seconds, self.megabytes)
        errors = TemporaryFile()  # noqa: SIM115
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, env=environ, start_new_session=True
        )
        most = Timer(START_SECONDS + len(tasks) * (self.seconds + 5), process.kill)
        most.start()
        assert process.stdin
        assert process.stdout
        try:
            with suppress(BrokenPipeError), process.stdin:
                process.stdin.write(f"{job.to_json()}\n".encode())
            if not process.stdout.readline():  # `READY`: students' code has not begun
                errors.seek(0)
                said = errors.read().decode(errors="replace").splitlines()
                said = [line for line in said if line.strip() and "docker run --help" not in line]  # Docker's last line
                why = (said or ["no reason given"])[-1]
                raise RuntimeError(f"the process that runs students' code does not start: {why}")
            for line in process.stdout:
                yield Answer.from_json(line)
        except ValueError:
            pass
        finally:
            most.cancel()
            process.kill()
            process.wait()
            process.stdout.close()
            errors.close()
            if self.container:
                subprocess.run(["docker", "kill", name], capture_output=True)


def handed_out(folder: Path | None = None) -> HandedOut:
    """Read the notebooks that were handed out, by default those of the package `lab`."""
    if folder is None:
        lab = importlib.util.find_spec("lab")
        folder = Path(next(iter(lab.submodule_search_locations or []))) / "notebooks" if lab else Path("lab/notebooks")
    names, sources, ids = {}, set(), {}
    for path in sorted(folder.glob("*.ipynb")):
        for cell in _code_cells(path):
            source, marks = _source(cell), cell.get("metadata", {})
            sources.add(source)
            called = re.search(CHECK, source)
            if called and called[1] == marks.get("check"):
                names[called[1]] = called[2]
            if "exercise" in marks:
                ids[str(cell.get("id"))] = marks["exercise"]
    if not names:
        raise FileNotFoundError(f"{folder} has no notebook with exercises, expected those that were handed out")
    return HandedOut(names, frozenset(sources), ids)


def weights_of(exercises: Iterable[str], file: Path | None) -> dict[str, float]:
    """Return the points for each exercise, from a JSON file such as {"forward": 2}; by default 1, and 0 if optional."""
    weights = {name: 0.0 if name in OPTIONAL else 1.0 for name in exercises}
    given = records.read(dict[str, float], file) if file else {}
    if unknown := [name for name in given if name not in weights]:
        raise ValueError(f"{file}: no exercise {unknown[0]}, expected one of {', '.join(weights)}")
    return weights | given


def mark(
    students: list[Student], out: HandedOut, weights: dict[str, float], runner: Runner, jobs: int
) -> Iterator[Marks]:
    """Yield the marks of each student, in order; several students at a time."""
    with ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(lambda student: mark_student(student, out, weights, runner), students)


def mark_student(student: Student, out: HandedOut, weights: dict[str, float], runner: Runner) -> Marks:
    """Run a student's solutions again and return the marks; the best notebook counts for each exercise."""
    marks = Marks(student.name)
    problems = [problem.text for problem in student.problems]
    tasks: list[Task] = []
    notebooks = _notebooks(student.folder)
    if not notebooks and not problems:
        problems.append(f"{student.folder} has no notebook")
    for path in notebooks:
        try:
            tasks += _tasks(_code_cells(path), out)
        except (ValueError, OSError, RecursionError) as error:
            problems.append(f"{path}: {in_words(error)}")
    for answer in runner.answers(tasks):
        known = marks.answers.get(answer.exercise)
        if known is None or ANSWER_STATES.index(answer.state) < ANSWER_STATES.index(known.state):
            marks.answers[answer.exercise] = answer
    marks.answers = {name: marks.answers[name] for name in out.names if name in marks.answers}
    right = {name for name, answer in marks.answers.items() if answer.state == "right"}
    open_ = {name for name, answer in marks.answers.items() if answer.state == NOT_CHECKED}
    marks.points = sum(weights[name] for name in right)
    stored = [name for name, entry in student.exercises.items() if entry.state == "right"]
    marks.claimed = [name for name in stored if name in weights and name not in right | open_]
    marks.problems = "; ".join(problems)
    return marks


def _notebooks(folder: Path) -> list[Path]:
    """Return a student's notebooks, without links, hidden files and files in hidden folders."""
    found = []
    for path, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(path, name) for name in files if name.endswith(".ipynb") and not name.startswith(".")]
    return [path for path in sorted(found) if not path.is_symlink()][:MAX_NOTEBOOKS]


def _code_cells(path: Path) -> list[dict[str, Any]]:
    """Return the code cells of a notebook; raise ValueError if it is damaged."""
    try:
        cells = json.loads(read_regular(path, MAX_NOTEBOOK_BYTES))["cells"]
        return [dict(cell, number=n) for n, cell in enumerate(cells, 1) if cell["cell_type"] == "code"]
    except (TypeError, KeyError, RecursionError) as error:
        raise ValueError(f"not a notebook ({type(error).__name__})") from None


def _source(cell: dict[str, Any]) -> str:
    source = cell.get("source", "")
    return source if isinstance(source, str) else "".join(map(str, source))


def _tasks(cells: list[dict[str, Any]], out: HandedOut) -> Iterator[Task]:
    """Yield a task for each exercise in a notebook that a student has begun."""
    marked, checks = {}, {}
    for place, cell in enumerate(cells):
        metadata = cell.get("metadata")
        exercise = metadata.get("exercise") if isinstance(metadata, dict) else None
        marked[place] = exercise if isinstance(exercise, str) else out.ids.get(str(cell.get("id")))
        for name, argument in CHECK.findall(_source(cell)):
            checks[name] = place, argument
    for exercise, name in out.names.items():
        own = [place for place, its in marked.items() if its == exercise]
        if not own and exercise not in checks:
            continue
        last, argument = checks.get(exercise, (own[-1] if own else 0, name))
        needed, code = set(own), "".join(_source(cells[place]) for place in own)
        for place in range(max([last, *own]), -1, -1):  # other exercises are run only if this one uses them
            source = _source(cells[place])
            if marked[place] and any(re.search(rf"\b{used}\b", code) for used in DEFINED.findall(source)):
                needed.add(place)
                code += source
        chosen = []
        for place, cell in enumerate(cells[: max([last, *own]) + 1]):
            source, is_run = _source(cell), place in needed
            is_changed = source not in out.sources and (is_run or not marked[place])
            chosen.append(Cell(cell["number"], source, is_run, place in own, is_changed))
        defines = re.compile(rf"^\s*(def|class) {name}\b", re.MULTILINE)
        if any(cell.is_changed and (cell.is_own or defines.search(cell.source)) for cell in chosen):
            yield Task(exercise, list(dict.fromkeys((argument, name))), chosen)


def table(marks: list[Marks], weights: dict[str, float]) -> tuple[list[str], list[list[str]]]:
    """Return header and lines for 80 columns: a sign for each exercise, points, and what was stored but not earned."""
    signs = STATE_SIGNS | {NOT_CHECKED: "-"}
    numbers = "".join(str(n % 10) for n in range(1, len(weights) + 1))
    lines = []
    for one in marks:
        states = "".join(signs[one.answers[name].state] if name in one.answers else "·" for name in weights)
        notes = [f"{', '.join(one.claimed)}: stored as right, not earned"] if one.claimed else []
        notes += [f"{name}: look at {', '.join(names)}" for name, names in one.unusual.items()]
        notes += ["see problems"] if one.problems else []
        lines.append([one.student, states, f"{one.points:g}", "; ".join(notes)])
    return ["student", numbers, f"of {sum(weights.values()):g}", "notes"], lines


def spreadsheet(marks: list[Marks], weights: dict[str, float]) -> list[list[object]]:
    """Return header and lines for a spreadsheet: one line per student, with the points of each exercise."""
    titles = ["stored as right, not earned", "look at the code", "problems"]
    lines: list[list[object]] = [["student", "points", "of", *weights, *titles]]
    for one in marks:
        right = {name for name, answer in one.answers.items() if answer.state == "right"}
        points = [weight if name in right else 0 for name, weight in weights.items()]
        look = "; ".join(f"{name}: {', '.join(names)}" for name, names in one.unusual.items())
        lines.append(
            [one.student, one.points, sum(weights.values()), *points, ", ".join(one.claimed), look, one.problems]
        )
    return lines


def to_json(marks: list[Marks], weights: dict[str, float]) -> str:
    """Return marks and weights as JSON, for `read`."""
    return json.dumps({"weights": weights, "marks": [asdict(one) for one in marks]}, indent=1, ensure_ascii=False)


@dataclass
class Stored:
    """The content of marks.json."""

    weights: dict[str, float]
    marks: list[Marks]


def read(file: Path) -> Stored:
    """Read what `to_json` returned; errors as `records.read`."""
    return records.read(Stored, file)
