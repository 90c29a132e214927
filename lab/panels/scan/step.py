"""Compile and run an example with a step function that a student has edited, with a time limit."""

import functools
import io
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from lab.panels.scan.examples import Example
from lab.panels.scan.programs import THEANO_IMPORTS, execute
from lab.runtime import limit
from lab.runtime.student_errors import SourceLine, failed_line, sentence
from lxmls_rnn.benchmark.measure.timing import median_time

STEP_FILENAME = "<your step>"
COMPILE_SECONDS = 120.0  # for Theano, which compiles the step, also from an empty cache on a busy machine
MAX_STEP_NUMBERS = 12  # numbers of one step that are shown
MAX_MESSAGE = 300  # characters; Theano's messages can fill a page


class StepError(ValueError):
    """The step does not work; the message is a sentence that says where and why."""


@dataclass(frozen=True)
class Compiled:
    """A compiled example."""

    example: Example
    namespace: dict[str, Any]  # has by_loop, by_scan and the symbolic result
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
    namespace: dict[str, Any] = {}
    execute(THEANO_IMPORTS + example.loop, namespace)
    printed = io.StringIO()
    namespace["print"] = functools.partial(print, file=printed)
    start = time.perf_counter()

    def build() -> None:
        with limit.timed():
            execute(step, namespace, STEP_FILENAME)
        if not callable(namespace.get("step")):
            raise StepError("The text defines no function step: it must begin with def step(...):")
        namespace["step"] = _limited(namespace["step"])
        with limit.timed(COMPILE_SECONDS):
            execute(example.scan, namespace)
        if isinstance(namespace[example.symbol], list):
            raise StepError("The step returns several results: expected one.")

    _in_sandbox(build)
    return Compiled(example, namespace, time.perf_counter() - start, printed.getvalue())


def evaluate(compiled: Compiled, arguments: list[Any]) -> ScanResults:
    """Call both functions and measure their times; StepError if scan fails."""
    by_loop, by_scan = compiled.namespace["by_loop"], compiled.namespace["by_scan"]

    def work() -> ScanResults:
        with limit.timed():
            try:
                scan = np.asarray(by_scan(*arguments), float)
            except Exception:
                _run_first_step(compiled, arguments)
                raise
            times = [
                (name, *median_time(functools.partial(call, *arguments), 0.02))
                for name, call in (("NumPy loop", by_loop), ("scan", by_scan))
            ]
            return ScanResults(by_loop(*arguments), scan, times)

    return _in_sandbox(work)


def _run_first_step(compiled: Compiled, arguments: list[Any]) -> None:
    """Run one step without optimisation, so that the message of an error names its line."""
    import theano

    values = map(theano.tensor.as_tensor_variable, compiled.example.first(*arguments))
    mode = theano.compile.mode.Mode(linker="py", optimizer=None)
    theano.function([], compiled.namespace["step"](*values), mode=mode)()


def _in_sandbox(work: Callable[[], Any]) -> Any:
    try:
        return limit.in_thread(work)
    except StepError:
        raise
    except BaseException as error:  # also SystemExit
        raise StepError(explain(error)) from error


def _limited(step: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(step)
    def limited(*arguments: Any) -> Any:
        with limit.timed():
            return step(*arguments)

    return limited


def explain(error: BaseException) -> str:
    """Return a sentence about an error in a step, with the line of the step."""
    line, kind = failed_line(error, STEP_FILENAME.__eq__), type(error).__name__
    if isinstance(error, limit.TimeUp):
        text = f"The step is still running after {error.seconds:g} s: does a loop never end?"
        if error.seconds == COMPILE_SECONDS:
            text = f"Theano is still compiling after {error.seconds:g} s: use its operations instead of long loops."
        text += error.remark
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
