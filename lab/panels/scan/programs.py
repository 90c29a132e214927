"""Run programs that are stored as text, and show them as HTML with line numbers and marked lines."""

import io
import linecache
import re
from functools import partial
from html import escape
from typing import Any

from lab.runtime.student_errors import failed_line

PROGRAM_FILENAME = "<your program>"
THEANO_IMPORTS = """\
import theano
import theano.tensor as T
"""


def remember(program: str, filename: str) -> None:
    """Let tracebacks show the lines of a program."""
    linecache.cache[filename] = (len(program), None, program.splitlines(True), filename)


def execute(program: str, namespace: dict[str, Any], filename: str = PROGRAM_FILENAME) -> None:
    """Run a program whose lines tracebacks can show."""
    remember(program, filename)
    exec(compile(program, filename, "exec"), namespace)


def run_program(program: str) -> tuple[str | None, str]:
    """Run a program; return its error message and the line that failed, or None and its output."""
    printed = io.StringIO()
    try:
        execute(THEANO_IMPORTS + program, {"print": partial(print, file=printed)})
    except Exception as error:
        line = failed_line(error, PROGRAM_FILENAME.__eq__)
        return f"{type(error).__name__}: {error}", f"line {line.number}: {line.text}" if line else ""
    return None, printed.getvalue()


def marked(text: str, patterns: tuple[str, ...]) -> str:
    """Return text as HTML with the matches of some patterns marked."""
    text = re.sub("|".join(patterns), lambda match: f"\0{match[0]}\1", text)
    return escape(text).replace("\0", "<mark>").replace("\1", "</mark>")


def source(program: str, numbers: bool = False, other: str = "") -> str:
    """Return a program as HTML, optionally with line numbers; lines that the program `other` lacks are marked."""
    known = set(other.splitlines())
    lines = []
    for number, line in enumerate(program.splitlines(), 1):
        text = escape(line)
        if other and line not in known:
            text = f"<mark>{text}</mark>"
        lines.append(f"{number:2d}  {text}" if numbers else text)
    return text_box("\n".join(lines), "Program")


def text_box(content: str, label: str) -> str:
    """Wrap text, as HTML, in a box that preserves lines and scrolls."""
    return f'<pre class="lab-text" tabindex="0" role="group" aria-label="{escape(label)}">{content}</pre>'
