"""Warnings where a student sees them: each goes to what its thread is doing, a click or a job."""

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_in_thread = threading.local()  # collectors: the lists of this thread with what they take, the innermost last
_show_elsewhere = warnings.showwarning


def show(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
    """Add a warning to the list of the thread that issues it; where there is none, show it as Python does."""
    for texts, categories in reversed(getattr(_in_thread, "collectors", [])):
        if issubclass(category, categories):
            texts.append(str(message))
            return
    _show_elsewhere(message, category, *place, **more)


@contextmanager
def collected(*categories: type[Warning]) -> Iterator[list[str]]:
    """Collect the texts of warnings of some categories that this thread issues inside."""
    texts: list[str] = []
    collectors = _in_thread.__dict__.setdefault("collectors", [])
    collectors.append((texts, categories))
    try:
        yield texts
    finally:
        collectors.pop()


def sentence(texts: list[str]) -> str:
    """Return warnings as a sentence, each once; nothing where there is none."""
    return f"Warning: {'; '.join(dict.fromkeys(texts))}." if texts else ""


def follow() -> None:
    """Let all warnings come through `show`, those of the library each time.

    For good, as `warnings.catch_warnings` belongs to the whole process: two threads would put back each other's way.
    """
    warnings.showwarning = show
    warnings.filterwarnings("always", category=UserWarning, module=r"(lxmls_rnn|lab)\b")


follow()
