"""Marks of a class: each student's code is run on fresh inputs in isolation, and its results are judged elsewhere.

Three kinds of processes take part. A student's process (`student`) runs the code and returns named arrays; it holds
neither solutions nor expected values. The judging process (`lab.exercises.marking`) compares arrays and never runs
students' code. This one starts both, and passes lines between them.
"""

from __future__ import annotations

import base64
import hashlib
import importlib
import importlib.util
import json
import os
import pkgutil
import re
import select
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from functools import cache
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryFile
from threading import Event, Lock
from typing import IO

from lxmls_rnn import __version__
from lxmls_rnn.classroom import boot, notebook
from lxmls_rnn.classroom.isolation import CONTAINER_LIMITS
from lxmls_rnn.classroom.progress import OPTIONAL, STATE_SIGNS, TIME, Student, escaped_lines, lab_folders
from lxmls_rnn.classroom.tasks import (
    AGAIN,
    ANSWER,
    BEGIN,
    END,
    MAX_LINE_BYTES,
    MAX_TEXT,
    NOT_CHECKED,
    NOT_RIGHT,
    NOT_YET,
    PROBLEM,
    READY,
    RIGHT,
    Exercise,
    HandedOut,
    Job,
    Report,
    Said,
    Verdict,
    to_json,
)
from lxmls_rnn.storage import records
from lxmls_rnn.storage.files import escaped, in_words

ANSWER_STATES = (RIGHT, NOT_RIGHT, NOT_YET, NOT_CHECKED, AGAIN)  # best first
CHECK = re.compile(r"^check\.(\w+)\((\w+)\)", re.MULTILINE)
MAX_NOTEBOOK_BYTES = 16 << 20
MAX_NOTEBOOKS = 10  # of a student, and at most as many bytes as two of the largest
MAX_SKIPPED_TEXT = 200  # characters of the reason why a cell was skipped
START_SECONDS = 120.0  # of wall time, for a student's process to begin
SILENT_SECONDS = 300.0  # of wall time, between two lines of it; it limits the processor's time itself
NOT_STARTED = "the process that runs students' code does not start"
_POLL_SECONDS = 0.2
# The modules of a student's process; of the library's other modules it has stand-ins.
MODULES = ("lxmls_rnn", "lxmls_rnn.storage", "lxmls_rnn.storage.files", "lxmls_rnn.memory", "lxmls_rnn.deep_learning",
           "lxmls_rnn.deep_learning.frameworks", "lxmls_rnn.deep_learning.parameters",
           "lxmls_rnn.deep_learning.activations",
           "lxmls_rnn.deep_learning.theano_parameters",
           *(f"lxmls_rnn.classroom{name}" for name in ("", ".harness", ".isolation", ".notebook", ".stand_in",
                                                         ".student", ".tasks")))  # fmt: skip
PACKAGES = ("lxmls_rnn.device", "lxmls_rnn.theano_env")  # with all that is in them: Theano imports it
REPLACED = dict.fromkeys(
    (f"lxmls_rnn.deep_learning.{name}rnn" for name in ("", "numpy_models.", "pytorch_models.")),
    "lxmls_rnn.classroom.bases",
)
ENVIRONMENT = {
    "LANG": "C.UTF-8", "LXMLS_DEVICE": "cpu", "LXMLS_RUNS": "/tmp/runs", "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1", "JAX_ENABLE_X64": "1", "JAX_PLATFORMS": "cpu", "THEANO_FLAGS": "cxx=",
}  # fmt: skip
WITHOUT_IMAGE = {"LXMLS_IMAGE": "", "LXMLS_ADVICE": ""}  # the image's own files are covered


class Interrupted(Exception):
    """The teacher has stopped the marking."""


@dataclass
class Marks:
    """The marks of a student."""

    student: str
    answers: dict[str, Verdict] = field(default_factory=dict)  # by exercise
    points: float = 0
    claimed: list[str] = field(default_factory=list)  # stored as right, but the code is not right
    problems: str = ""
    shown: list[str] = field(default_factory=list)  # exercises whose solution was shown, as stored
    same: dict[str, list[str]] = field(default_factory=dict)  # exercise: whose code it equals
    handed_in: str = ""  # time of the newest notebook
    work: str = ""  # a digest of what was marked, and how
    added: float = 0  # points of the teacher, in comments.csv

    @property
    def total(self) -> float:
        """The points, with those that the teacher adds."""
        return round(self.points + self.added, 2)

    @property
    def is_final(self) -> bool:
        """Whether another call would find the same: no verdict is missing."""
        return all(answer.state != AGAIN for answer in self.answers.values())


def environment() -> dict[str, str]:
    """Return the environment variables of the processes that run code and that judge."""
    return {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ} | ENVIRONMENT


class Judge:
    """The process that knows the solutions and decides. Raise RuntimeError if it does not start."""

    def __init__(self, cells: dict[str, str]) -> None:
        self._cells, self._lock = cells, Lock()
        self.exercises = self._start()

    def _start(self) -> dict[str, Exercise]:
        command = [sys.executable, "-I", "-B", "-m", "lab.exercises.marking"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment(), start_new_session=True
        )
        try:
            return {name: Exercise(**one) for name, one in json.loads(self._ask(self._cells)).items()}
        except (ValueError, OSError):
            raise RuntimeError("the process that judges does not start: is the lab installed?") from None

    def _ask(self, what: object) -> bytes:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(what).encode() + b"\n")
        self._process.stdin.flush()
        return self._process.stdout.readline()

    def verdict(self, exercise: str, said: str) -> Verdict:
        """Return the verdict on what a student's process has said."""
        with self._lock:
            try:
                return records.parse(Verdict, self._ask([exercise, said]))
            except (ValueError, OSError):  # it has ended: the result took too much of it
                self.stop()
                self.exercises.update(self._start())
                return Verdict(NOT_RIGHT, "The result cannot be judged: is it very large?")

    def stop(self) -> None:
        """End the process."""
        self._process.kill()
        for stream in (self._process.stdin, self._process.stdout):
            with suppress(OSError):
                stream.close()  # type: ignore[union-attr]
        self._process.wait()


@dataclass(frozen=True)
class Runner:
    """The conditions under which a student's code is run: the command, the limits, and the folders to hide."""

    prefix: list[str] | None  # of `isolation.prefix`, None without isolation
    hidden: list[str] = field(default_factory=list)
    container: str = ""  # an image, instead of a prefix
    seconds: float = 30.0  # of the processor, for an exercise
    megabytes: int = 4096  # of memory, for a process
    stopped: Event = field(default_factory=Event)  # ends the processes and raises `Interrupted`

    def reports(self, notebooks: dict[str, str], out: HandedOut, exercises: dict[str, Exercise]) -> Iterator[Report]:
        """Yield problems and answers of a student; a process that ends early is started again for the rest.

        Raise RuntimeError if the process does not start, `Interrupted` if the marking is stopped.
        """
        answered: list[list[str]] = []
        hidden = None if self.prefix is None else [*self.hidden, *map(str, _own_folders())]
        while True:
            begun: Report | None = None
            job = Job(notebooks, out, exercises, answered, hidden, self.seconds, self.megabytes)
            for report in self._start(job):
                if report.kind == END:
                    return
                if report.kind in (PROBLEM, ANSWER):
                    yield report
                begun = report if report.kind == BEGIN else None
                if report.kind == BEGIN:
                    answered.append([report.notebook, report.exercise])
            if begun is None:
                why = "The process that reads the notebooks ended: they take too much time or memory."
                yield Report(PROBLEM, why)
                return
            said = Said(state=NOT_RIGHT, text="The process that runs the code ended.")
            yield replace(begun, kind=ANSWER, text=to_json(said))

    def _start(self, job: Job) -> Iterator[Report]:
        program = ["-I", "-B", "-c", Path(boot.__file__).read_text(encoding="utf-8")]
        name = f"lxmls-check-{token_hex(6)}"
        if self.container:
            limits = [*CONTAINER_LIMITS, f"--memory={self.megabytes}m", f"--name={name}", "--entrypoint=python"]
            settings = [f"--env={key}={value}" for key, value in (ENVIRONMENT | WITHOUT_IMAGE).items()]
            command = ["docker", "run", "--rm", "--interactive", *limits, *settings, self.container, *program]
            environ = dict(os.environ)
        else:
            command = [*(self.prefix or []), sys.executable, *program]
            environ = environment()
        with TemporaryFile() as errors, TemporaryFile() as work:
            work.write(f"{json.dumps(sources())}\n{to_json(job)}\n".encode())
            work.seek(0)
            try:
                process = subprocess.Popen(
                    command, stdin=work, stdout=subprocess.PIPE, stderr=errors, env=environ, cwd="/",
                    start_new_session=True,
                )  # fmt: skip
            except OSError as error:
                raise RuntimeError(f"{NOT_STARTED}: {error.filename}: {error.strerror}") from None
            assert process.stdout
            try:
                reports = self._read(process.stdout.fileno())
                first = next(reports, None)
                if first is None or first.kind != READY:  # students' code has not begun
                    raise RuntimeError(f"{NOT_STARTED}: {_reason(errors)}")
                yield from reports
            finally:
                process.kill()
                process.stdout.close()
                process.wait()
                if self.container:
                    subprocess.run(["docker", "kill", name], capture_output=True)

    def _read(self, pipe: int) -> Iterator[Report]:
        """Yield the reports of a process until it ends, writes something else, or is silent for too long."""
        unread, seconds = b"", START_SECONDS
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.stopped.is_set():
                raise Interrupted
            if not select.select([pipe], [], [], _POLL_SECONDS)[0]:
                continue
            if not (part := os.read(pipe, 1 << 20)) or len(unread) > MAX_LINE_BYTES:
                return
            *lines, unread = (unread + part).split(b"\n") if b"\n" in part else (unread + part,)
            for line in lines:
                try:
                    yield records.parse(Report, line)
                except ValueError:
                    return
                end = time.monotonic() + SILENT_SECONDS


def _reason(errors: IO[bytes]) -> str:
    errors.seek(0)
    said = errors.read().decode(errors="replace").splitlines()
    said = [line for line in said if line.strip() and "docker run --help" not in line]  # Docker's last line
    return (said or ["no reason given"])[-1]


@cache
def sources() -> dict[str, str]:
    """Return the sources of the modules of a student's process by name."""
    names = [*MODULES, *PACKAGES]
    for package in map(importlib.import_module, PACKAGES):
        names += [one.name for one in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")]
    return {name: _source(name) for name in names} | {name: _source(other) for name, other in REPLACED.items()}


def _source(name: str) -> str:
    spec = importlib.util.find_spec(name)
    assert spec
    assert spec.origin
    return Path(spec.origin).read_text(encoding="utf-8")


def _own_folders() -> list[Path]:
    """Return the folders with the code of the library and the lab, for a checkout the whole of it."""
    package = Path(__file__).parents[1]
    if (package.parent / "pyproject.toml").exists():
        return [package.parent]
    return [package, *lab_folders()]


def handed_out(folder: Path | None = None) -> HandedOut:
    """Read the notebooks that were handed out, by default those of the package `lab`, in the image its own copy."""
    if folder is None and (image := os.environ.get("LXMLS_IMAGE")):
        folder = Path(image, "docker/notebooks")  # a user's own ones are mounted over those of the package
    folder = folder or next(iter(lab_folders()), Path("lab")) / "notebooks"
    out = HandedOut({}, [], {}, [], {})
    for path in sorted(folder.glob("*.ipynb")):
        for cell in json.loads(records.read_json(path, MAX_NOTEBOOK_BYTES))["cells"]:
            if cell["cell_type"] != "code":
                continue
            source, marks = notebook.source_of(cell), cell.get("metadata", {})
            out.sources.append(source)
            called = re.search(CHECK, source)
            if called and called[1] == marks.get("check"):
                out.names[called[1]] = called[2]
                out.files.extend([path.name] if path.name not in out.files else [])
            if "exercise" in marks:
                out.ids[str(cell.get("id"))] = marks["exercise"]
                out.cells[marks["exercise"]] = source
    if not out.names:
        raise FileNotFoundError(f"{folder} has no notebook with exercises, expected those that were handed out")
    return out


def weights_of(exercises: Iterable[str], file: Path | None) -> dict[str, float]:
    """Return the points for each exercise, from a JSON file such as {"forward": 2}; by default 1, and 0 if optional."""
    weights = {name: 0.0 if name in OPTIONAL else 1.0 for name in exercises}
    given = records.read(dict[str, float], file) if file else {}
    if unknown := [name for name in given if name not in weights]:
        raise ValueError(f"{file}: no exercise {unknown[0]}, expected one of {', '.join(weights)}")
    return weights | given


@dataclass(frozen=True)
class Marking:
    """The part that all students share: the exercises, the process that judges, and the way code is run."""

    out: HandedOut
    judge: Judge
    runner: Runner

    @property
    def _how(self) -> str:
        """The things besides a student's work that marks depend on: this version of the lab, and the limits."""
        solutions = {name: one.code for name, one in self.judge.exercises.items()}
        limits = self.runner.seconds, self.runner.megabytes, self.runner.container, self.runner.prefix is None
        return json.dumps([__version__, sources(), asdict(self.out), solutions, limits])

    def mark(
        self, students: list[Student], known: Iterable[Marks], jobs: int, wish_to_stop: Callable[[], object]
    ) -> Iterator[Marks]:
        """Yield the marks of each student as they are finished, several students at a time.

        Those that are `known` for the same work are kept. When `wish_to_stop` is true, end the processes and return.
        """
        kept = {marks.work: marks for marks in known if marks.is_final}
        pool, how = ThreadPoolExecutor(jobs), self._how
        running = {pool.submit(self.of_student, student, how, kept) for student in students}
        try:
            while running and not wish_to_stop():
                done, running = wait(running, _POLL_SECONDS, FIRST_COMPLETED)
                for one in done:
                    yield one.result()
        finally:
            self.runner.stopped.set()
            self.judge.stop()
            pool.shutdown(cancel_futures=True)

    def of_student(self, student: Student, how: str, kept: dict[str, Marks]) -> Marks:
        """Return a student's marks; any fault of the work becomes a problem in them."""
        marks = Marks(escaped(student.name))
        problems = [problem.text for problem in student.problems]
        try:
            paths = _notebooks(student.folder, self.out)
            if not paths and not problems:
                problems.append(f"{student.folder} has no notebook")
            contents = dict(_contents(paths, student.folder, problems))
            progress = repr((student.name, student.exercises, problems))
            work = b"\0".join([how.encode(), progress.encode(errors="replace"), *contents.values()])
            marks.work = hashlib.sha256(work).hexdigest()
            if marks.work in kept:
                return kept[marks.work]
            times = [path.stat().st_mtime for path in paths]
            marks.handed_in = datetime.fromtimestamp(max(times)).strftime(TIME) if times else ""
            self._run(marks, contents, problems)
        except (RuntimeError, Interrupted):  # of this machine, not of the student
            raise
        except Exception as error:
            problems.append(in_words(error))
        names = self.out.names
        marks.answers = {name: marks.answers[name] for name in names if name in marks.answers}
        ended = {name for name, answer in marks.answers.items() if answer.state in (RIGHT, NOT_CHECKED, AGAIN)}
        stored = {name: entry for name, entry in student.exercises.items() if name in names}
        marks.claimed = [name for name, entry in stored.items() if entry.state == RIGHT and name not in ended]
        marks.shown = [name for name, entry in stored.items() if entry.solution]
        marks.problems = "; ".join(map(_clean, problems))
        return marks

    def _run(self, marks: Marks, contents: dict[str, bytes], problems: list[str]) -> None:
        exercises = {name: one for name, one in self.judge.exercises.items() if name in self.out.names}
        coded = {name: base64.b64encode(content).decode() for name, content in contents.items()}
        for report in self.runner.reports(coded, self.out, exercises) if contents else ():
            if report.kind == PROBLEM:
                problems.append(f"{report.notebook}: {report.text}" if report.notebook else report.text)
            elif report.exercise in exercises:
                verdict = self.judge.verdict(report.exercise, report.text)
                if self.runner.stopped.is_set():
                    raise Interrupted
                skipped = [_clean(text[:MAX_SKIPPED_TEXT]) for text in verdict.skipped]
                answer = replace(verdict, text=_clean(verdict.text), skipped=skipped, code=report.code)
                before = marks.answers.get(report.exercise)
                if before is None or _rank(answer) < _rank(before):
                    marks.answers[report.exercise] = answer


def _rank(answer: Verdict) -> tuple[float, int]:
    return -answer.share, ANSWER_STATES.index(answer.state)


def _clean(text: str) -> str:
    return escaped_lines(text[:MAX_TEXT])


def _notebooks(folder: Path, out: HandedOut) -> list[Path]:
    """Return a student's notebooks, those named as handed out first; no links, no hidden files and folders."""
    found = []
    for path, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(path, name) for name in files if name.endswith(".ipynb") and not name.startswith(".")]

    def order(path: Path) -> tuple[bool, bool, int, Path]:
        is_like = any(path.name.startswith(Path(name).stem) for name in out.files)  # 01-exercises-new.ipynb
        return path.name not in out.files, not is_like, len(path.parts), path

    return [path for path in sorted(found, key=order) if not path.is_symlink()][:MAX_NOTEBOOKS]


def _contents(paths: list[Path], folder: Path, problems: list[str]) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of notebooks, within the limits; add what is left out to the problems."""
    left = 2 * MAX_NOTEBOOK_BYTES
    for path in paths:
        name = str(path.relative_to(folder))
        try:
            content = records.read_json(path, min(left, MAX_NOTEBOOK_BYTES))
        except (ValueError, OSError) as error:
            problems.append(in_words(error))
        else:
            left -= len(content)
            yield name, content


def complete(marks: list[Marks], weights: dict[str, float], exercises: dict[str, Exercise]) -> list[Marks]:
    """Add points and identical code to marks, which are sorted by student; return them."""
    owners: dict[tuple[str, str], list[str]] = defaultdict(list)
    for one in marks:
        for name, answer in one.answers.items():
            owners[name, answer.code].append(one.student)
    for one in marks:
        one.points = sum(points_of(one, name, weight) for name, weight in weights.items())
        one.same = {}
        for name, answer in one.answers.items():
            others = [other for other in owners[name, answer.code] if other != one.student]
            others += ["the lab's solution"] if answer.code == exercises[name].code else []
            if answer.code and others:
                one.same[name] = others
    return sorted(marks, key=lambda one: one.student)


def points_of(marks: Marks, exercise: str, weight: float) -> float:
    """Return a student's points in an exercise: the weight times the share of right arrays, in hundredths."""
    answer = marks.answers.get(exercise)
    return round(weight * answer.share, 2) if answer else 0.0


def table(marks: list[Marks], weights: dict[str, float]) -> tuple[list[str], list[list[str]]]:
    """Return header and lines for 80 columns: a sign for each exercise, points, and what was stored but not earned."""
    signs = STATE_SIGNS | {NOT_CHECKED: "-", AGAIN: "?"}
    numbers = "".join(str(n % 10) for n in range(1, len(weights) + 1))
    lines = []
    for one in marks:
        states = "".join(signs[one.answers[name].state] if name in one.answers else "·" for name in weights)
        notes = [f"{', '.join(one.claimed)}: stored as right, not earned"] if one.claimed else []
        notes += [f"{', '.join(one.shown)}: solution shown"] if one.shown else []
        notes += ["see problems"] if one.problems else []
        lines.append([one.student, states, f"{one.points:g}", "; ".join(notes)])
    return ["student", numbers, f"of {sum(weights.values()):g}", "notes"], lines


def spreadsheet(marks: list[Marks], weights: dict[str, float]) -> list[list[object]]:
    """Return header and lines for a spreadsheet: one line per student, with the points of each exercise."""
    titles = [
        "added",
        "stored as right, not earned",
        "solution shown",
        "same code as",
        "handed in",
        "skipped cells",
        "problems",
    ]
    lines: list[list[object]] = [["student", "points", "of", *weights, *titles]]
    for one in marks:
        points = [points_of(one, name, weight) for name, weight in weights.items()]
        same = "; ".join(f"{name}: {', '.join(others)}" for name, others in one.same.items())
        skipped = dict.fromkeys(text for answer in one.answers.values() for text in answer.skipped)
        lines.append(
            [one.student, one.total, sum(weights.values()), *points, one.added, ", ".join(one.claimed),
             ", ".join(one.shown), same, one.handed_in, "; ".join(skipped), one.problems]
        )  # fmt: skip
    return lines


def as_json(marks: list[Marks], weights: dict[str, float]) -> str:
    """Return marks and weights as JSON, for `read`."""
    return json.dumps({"weights": weights, "marks": [asdict(one) for one in marks]}, indent=1, ensure_ascii=False)


@dataclass
class Stored:
    """The content of marks.json."""

    weights: dict[str, float]
    marks: list[Marks]


def read(file: Path) -> Stored:
    """Read what `as_json` returned; errors as `records.read`."""
    return records.read(Stored, file)
