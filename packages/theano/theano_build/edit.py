"""An edit of a source file, which fails if the file is not the expected one."""

import re
from collections.abc import Callable
from typing import NamedTuple


class Edit(NamedTuple):
    """Replacement of `old`, a text or pattern that occurs `times` times in `file`, by `new`.

    File names are relative to Theano's folder; ``versioneer.py`` is next to it.
    """

    file: str
    old: "str | re.Pattern[str]"
    new: "str | Callable[[re.Match[str]], str]"
    times: int = 1


def edited(text: str, edit: Edit) -> str:
    """Return an edited text; ValueError if the number of occurrences is not `edit.times`."""
    old = edit.old if isinstance(edit.old, re.Pattern) else re.compile(re.escape(edit.old))
    new = edit.new if callable(edit.new) or isinstance(edit.old, re.Pattern) else edit.new.replace("\\", r"\\")
    text, found = old.subn(new, text)
    if found != edit.times:
        raise ValueError(f"expected {old.pattern!r} {edit.times} times, found {found}")
    return text
