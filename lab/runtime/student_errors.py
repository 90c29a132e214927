"""Errors in student code: the line that failed, and the error's own sentence."""

import linecache
import re
import traceback
from collections.abc import Callable, Container
from typing import NamedTuple

from lab.runtime.student_process import Ended, Interrupted

MAX_LINES = 4  # of an error's sentence


class SourceLine(NamedTuple):
    """A line of student code."""

    number: int
    text: str


def failed_line(
    error: BaseException, is_students: Callable[[str], bool], answer: Container[str] = ()
) -> SourceLine | None:
    """Return the innermost line that failed in files of a student, None if there is none.

    It is in the traceback, or in the stack of a child that ended. Where Theano's compiled code failed, it is in
    Theano's message, which names lines that made a variable. Constants are shared and also name lines of other cells:
    those in the files `answer` come first.
    """
    stack = error.stack if isinstance(error, (Ended, Interrupted)) else traceback.extract_tb(error.__traceback__)
    went_through = [(frame.filename, frame.lineno or 0, frame.line or "") for frame in stack]
    made = "".join(str(error).split("\nBacktrace when")[1:2])
    matches = re.findall(r'File "(.+?)", line (\d+), in .*(?:\n    (.*))?', made)
    named = [(file, int(number), text) for file, number, text in matches]
    for lines in (went_through, [line for line in named if line[0] in answer], named):
        if mine := [line for line in lines if is_students(line[0])]:
            file, number, text = mine[-1]
            return SourceLine(number, (text or linecache.getline(file, number)).strip())
    return None


def sentence(error: BaseException) -> str:
    """Return an error's message without the hints that Theano adds, at most `MAX_LINES` lines."""
    message = str(error).strip()
    if type(error).__module__.startswith("theano") or "Apply node" in message or "Backtrace" in message:
        end = r"^(?:Apply node that|Toposort index|Backtrace when|HINT)"
        own = re.split(end, message, maxsplit=1, flags=re.MULTILINE)[0].split()
        lines = [
            line for line in message.splitlines() if line.strip() and not line.startswith((" ", "Backtrace", "File"))
        ]
        message = " ".join(own or lines[:2])
    message = re.sub(r"^When compiling the inner function of scan.*?encountered:\s*", "", message)
    return "\n".join([line for line in message.splitlines() if line.strip()][:MAX_LINES])
