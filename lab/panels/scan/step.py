"""Compile and run an example with a step function that a student has edited, in a child process with a time limit."""

import functools
import io
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

from lab.panels.scan.examples import Example
from lab.panels.scan.programs import THEANO_IMPORTS, execute, remember
from lab.runtime import student_process
from lab.runtime.student_errors import SourceLine, failed_line, sentence
from lxmls_rnn.deep_learning.frameworks import THEANO

STEP_FILENAME = "<your step>"
STEP_SECONDS = 10.0  # of the processor, for the program, a call of the step, and both functions with their times
COMPILE_SECONDS = 120.0  # for Theano, which compiles the step, also from an empty cache on a busy machine
MAX_STEP_NUMBERS = 12  # numbers of one step that are shown
MAX_MESSAGE = 300  # characters; Theano's messages can fill a page


class StepError(ValueError):
    """The step does not work; the message is a sentence that says where and why."""


@dataclass(frozen=True)
class Compiled:
    """A compiled example."""

    example: Example
    step: str  # the program
    symbol: Any  # the symbolic result
    by_scan: Callable[..., Any]
    seconds: float  # to build and compile the scan
    printed: str  # by the step, while scan built its graph


@dataclass(frozen=True)
class ScanResults:
    """Results of a compiled example."""

    loop: np.ndarray
    scan: np.ndarray  # (steps, ...)
    times: list[tuple[str, float, int]]  # what, median in seconds, number of calls

    def compare(self) -> tuple[str, str]:
        """Return two phrases: whether the loop and scan agree, and how they differ."""
        loop, scan = self.loop, self.scan
        if loop.shape != scan.shape:
            return "They do NOT agree", f"the result of the loop has the shape {loop.shape}, that of scan {scan.shape}"
        agree = "They agree" if np.allclose(loop, scan) else "They do NOT agree"
        if not np.isfinite(scan).all():
            return agree, "numbers of scan are not finite (NaN or infinite)"
        return agree, f"largest difference {np.abs(loop - scan).max(initial=0):.2g}"


def columns_of(values: np.ndarray) -> np.ndarray:
    """Return the numbers of each step, at most `MAX_STEP_NUMBERS`, as a column: (numbers, steps)."""
    return values.reshape(len(values), -1).T[:MAX_STEP_NUMBERS]


def compile_example(example: Example, step: str) -> Compiled:
    """Compile an example with the program `step`, which defines the function `step`; StepError if it does not work."""

    def build(child: student_process.Child) -> tuple[Any, ...]:
        printed, start = io.StringIO(), time.perf_counter()
        namespace = _defined(example, step, printed)
        if not callable(namespace.get("step")):
            raise StepError("The text defines no function step: it must begin with def step(...):")
        namespace["step"] = _limited(namespace["step"], child)
        child.allow(COMPILE_SECONDS)
        execute(example.scan, namespace)
        if isinstance(namespace[example.symbol], list):
            raise StepError("The step returns several results: expected one.")
        return namespace[example.symbol], namespace["by_scan"], time.perf_counter() - start, printed.getvalue()

    return Compiled(example, step, *_in_child(build, step))


def evaluate(compiled: Compiled, arguments: list[Any]) -> ScanResults:
    """Call both functions and measure their times; StepError if scan fails."""

    def work(_: student_process.Child) -> ScanResults:
        namespace = _defined(compiled.example, compiled.step)
        by_loop, by_scan = namespace["by_loop"], compiled.by_scan
        try:
            scan = np.asarray(by_scan(*arguments), float)
        except Exception:
            _run_first_step(compiled.example, namespace["step"], arguments)
            raise
        times = [
            (name, *median_time(functools.partial(call, *arguments), 0.02))
            for name, call in (("NumPy loop", by_loop), ("scan", by_scan))
        ]
        return ScanResults(by_loop(*arguments), scan, times)

    return _in_child(work, compiled.step)


def median_time(call: Callable[[], object], seconds: float = 0.05, at_least: int = 5) -> tuple[float, int]:
    """Time single calls for `seconds`, after one call as warm-up; return their median in seconds and their number.

    The result is a rough estimate: the calls run in this process, and other threads may disturb them. The benchmark
    measures more exactly.
    """
    call()
    times: list[float] = []
    while len(times) < at_least or sum(times) < seconds:
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return median(times), len(times)


def _defined(example: Example, step: str, printed: io.StringIO | None = None) -> dict[str, Any]:
    """Return what the loop of an example and the program of a step define; print to `printed`."""
    namespace: dict[str, Any] = {}
    execute(THEANO_IMPORTS + example.loop, namespace)
    namespace["print"] = functools.partial(print, file=printed or io.StringIO())
    execute(step, namespace, STEP_FILENAME)
    return namespace


def _run_first_step(example: Example, step: Callable[..., Any], arguments: list[Any]) -> None:
    """Run one step without optimisation, so that the message of an error names its line."""
    import theano

    values = map(theano.tensor.as_tensor_variable, example.first(*arguments))
    mode = theano.compile.mode.Mode(linker="py", optimizer=None)
    theano.function([], step(*values), mode=mode)()


def _in_child(work: Callable[[student_process.Child], Any], step: str) -> Any:
    def explained(child: student_process.Child) -> Any:
        try:
            return work(child)
        except StepError:
            raise
        except BaseException as error:  # also SystemExit
            raise StepError(explain(error)) from error

    remember(step, STEP_FILENAME)
    try:
        return student_process.run(explained, THEANO, STEP_SECONDS)
    except student_process.Ended as error:
        raise StepError(explain(error)) from error


def _limited(step: Callable[..., Any], child: student_process.Child) -> Callable[..., Any]:
    @functools.wraps(step)
    def limited(*arguments: Any) -> Any:
        child.allow(STEP_SECONDS)
        try:
            return step(*arguments)
        finally:
            child.allow(COMPILE_SECONDS)

    return limited


def explain(error: BaseException) -> str:
    """Return a sentence about an error in a step, with the line of the step."""
    line, kind = failed_line(error, STEP_FILENAME.__eq__), type(error).__name__
    if isinstance(error, student_process.Ended):
        text = str(error).replace("function", "step")
        if isinstance(error, student_process.TimeUp) and error.seconds == COMPILE_SECONDS:
            text = f"Theano is still compiling after {error.seconds:g} s: use its operations instead of long loops."
    elif isinstance(error, SyntaxError) and error.filename == STEP_FILENAME:
        line, text = SourceLine(error.lineno or 0, (error.text or "").strip()), f"{kind}: {error.msg}."
    else:
        message = sentence(error).partition("\n")[0].strip()
        text = f"{kind}: {message if len(message) <= MAX_MESSAGE else f'{message[:MAX_MESSAGE]} ...'}"
        if "positional argument" in text:
            text += (
                ". scan passes an element of each sequence, the previous result, and the non_sequences, in this order"
            )
    return f"Line {line.number} of the step, {line.text!r}: {text}" if line else text
