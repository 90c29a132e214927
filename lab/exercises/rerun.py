"""Run students' code through its checks again, for `lxmls-rnn class check`.

There is one process per student, and a fork for each exercise. The process reads a line of JSON, the `Job`, and writes
one line, an `Answer`, for each task. The code runs in the same process as its check, so it could change the check:
`unusual` names what a solution has no use for.
"""

import ast
import json
import linecache
import os
import re
import resource
import secrets
import select
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from lxmls_rnn.submissions import isolation
from lxmls_rnn.submissions.tasks import MAX_TEXT, NOT_CHECKED, READY, Answer, Job, Task

USUAL_MODULES = ("numpy", "scipy", "theano", "torch", "jax", "math", "functools", "itertools", "typing", "matplotlib",
                 "lxmls_rnn.deep_learning.rnn")  # fmt: skip
UNUSUAL_NAMES = frozenset({"eval", "exec", "compile", "open", "globals", "vars", "setattr", "delattr", "_getframe"})
USUAL_DUNDERS = frozenset({"__init__", "__name__", "__call__", "__len__"})
MAX_WRITTEN_BYTES = 64 << 20
MAX_PROCESSES = 256
MAX_ANSWER_BYTES = 1 << 16
_MAGIC = re.compile(r"^[%!?].*$", re.MULTILINE)


def main() -> None:
    """Read the job, isolate this process if the job says so, and answer its tasks."""
    job = Job.from_json(sys.stdin.readline())
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1):
        os.dup2(null, descriptor)
    if job.hidden is None:
        isolation.close()
    else:
        isolation.enter(job.hidden)
    os.environ["HOME"] = home = f"/tmp/home-{secrets.token_hex(4)}"
    os.makedirs(home)
    os.chdir(home)
    import theano.tensor  # noqa: F401  # once for all exercises

    from lab.exercises import check

    answers.write(Answer(READY, "right", "").to_json() + "\n")
    answers.flush()
    os.dup2(null, 2)
    for task in job.tasks:
        state, text = _run(check, task, job, answers.fileno())
        changed = [cell.source for cell in task.cells if cell.is_changed]
        answers.write(Answer(task.exercise, state, text[:MAX_TEXT], sorted(set(unusual(changed)))).to_json() + "\n")
        answers.flush()


def _run(check: Any, task: Task, job: Job, answers: int) -> tuple[str, str]:
    """Return the verdict of a fresh process on a task."""
    read, write = os.pipe()
    nonce = secrets.token_hex(16)  # so that what the code prints or writes by accident is no verdict
    child = os.fork()
    if not child:
        try:
            os.setsid()
            os.close(read)
            os.close(answers)
            _limit(job)
            os.write(write, f"{nonce}{json.dumps(_verdict(check, task))}\n".encode())
        finally:
            os._exit(0)
    os.close(write)
    said, end = b"", time.monotonic() + job.seconds
    while not said.endswith(b"\n") and len(said) < MAX_ANSWER_BYTES and (left := end - time.monotonic()) > 0:
        if select.select([read], [], [], left)[0]:
            if not (part := os.read(read, 1 << 16)):
                break
            said += part
    timed_out = not said.endswith(b"\n") and time.monotonic() >= end
    _kill(child)
    os.close(read)
    if timed_out:
        return "not right", f"Stopped after {job.seconds:g} s: does a loop never end, or does it wait for something?"
    if not said.startswith(nonce.encode()):
        return "not right", "The process ended without a verdict: it took too much memory, or the code ended it."
    state, text = json.loads(said[len(nonce) :])
    return state, text


def _limit(job: Job) -> None:
    limits = {
        resource.RLIMIT_AS: job.megabytes << 20,
        resource.RLIMIT_FSIZE: MAX_WRITTEN_BYTES,
        resource.RLIMIT_CPU: int(job.seconds) + 1,
        resource.RLIMIT_CORE: 0,
    }
    if job.hidden is not None:  # else all processes of the user count
        limits[resource.RLIMIT_NPROC] = MAX_PROCESSES
    for kind, most in limits.items():
        resource.setrlimit(kind, (most, most))


def _kill(child: int) -> None:
    """Kill the process of a task, and what it started."""
    os.kill(child, signal.SIGKILL)
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
        if os.getpid() == 1:  # of a namespace: nothing else runs in it
            os.kill(-1, signal.SIGKILL)
    with suppress(ChildProcessError):
        while os.waitpid(-1, 0)[0]:
            pass


def _verdict(check: Any, task: Task) -> tuple[str, str]:
    from lab.exercises.verdict import explain
    from lxmls_rnn.deep_learning.frameworks import FRAMEWORKS

    framework = task.exercise.split("_")[0]
    if framework in FRAMEWORKS and FRAMEWORKS[framework].missing:
        return NOT_CHECKED, f"{FRAMEWORKS[framework].missing}."
    of_exercise = getattr(check, task.exercise)
    space: dict[str, Any] = {"__name__": "__main__"}
    for cell in task.cells:
        name = f"<cell {cell.number}>"
        source = _MAGIC.sub("", cell.source)
        linecache.cache[name] = len(source), None, source.splitlines(keepends=True), name
        try:
            tree = ast.parse(source, name)
            if not cell.is_run:
                tree.body = list(_definitions(tree.body))
                ast.fix_missing_locations(tree)
            exec(compile(tree, name, "exec"), space)
        except Exception as error:
            if cell.is_own:
                return "not right", str(explain(error))
        except SystemExit:
            pass
    name = next((name for name in task.names if name in space), "")
    if not name:
        return "not yet", f"{task.names[0]} is not defined."
    verdict = of_exercise(space[name])
    return verdict.state, verdict.text


def _definitions(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the imports, functions, classes and constants of a cell: what an exercise may use; it must not train."""
    for node in body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield ast.Try([node], [ast.ExceptHandler(ast.Name("Exception", ast.Load()), None, [ast.Pass()])], [], [])
        elif isinstance(node, ast.If):  # `if check.installed("torch"): import torch`
            yield from _definitions([part for part in node.body if isinstance(part, (ast.Import, ast.ImportFrom))])
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)) or isinstance(vars(node).get("value"), ast.Constant):
            yield node


def unusual(sources: list[str]) -> Iterator[str]:
    """Yield imports and names in a student's cells that solutions have no use for."""
    for source in sources:
        try:
            nodes = list(ast.walk(ast.parse(_MAGIC.sub("", source))))
        except (SyntaxError, ValueError, RecursionError, MemoryError):  # the verdict says so
            continue
        for node in nodes:
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            modules += [node.module or "."] if isinstance(node, ast.ImportFrom) else []
            yield from (name for name in modules if not f"{name}.".startswith(tuple(f"{m}." for m in USUAL_MODULES)))
            name = getattr(node, "id", getattr(node, "attr", ""))
            if name in UNUSUAL_NAMES or (name.startswith("__") and name not in USUAL_DUNDERS):
                yield name


if __name__ == "__main__":
    main()
