"""Warnings shown in panels: each is collected by the click or job whose thread issues it."""

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_in_thread = threading.local()  # .collectors: (texts, categories) of this thread, the innermost last
_show_elsewhere = warnings.showwarning


def show(message: Warning | str, category: type[Warning], *place: Any, **options: Any) -> None:
    """Add a warning to the innermost matching collector of this thread; without one, show it as Python does."""
    for texts, categories in reversed(getattr(_in_thread, "collectors", [])):
        if issubclass(category, categories):
            texts.append(str(message))
            return
    _show_elsewhere(message, category, *place, **options)


@contextmanager
def collected(*categories: type[Warning]) -> Iterator[list[str]]:
    """Collect the texts of the warnings of these categories that this thread issues in the context."""
    texts: list[str] = []
    collectors = _in_thread.__dict__.setdefault("collectors", [])
    collectors.append((texts, categories))
    try:
        yield texts
    finally:
        collectors.pop()


def sentence(texts: list[str]) -> str:
    """Join distinct warnings into a sentence; return an empty string if there are none."""
    return f"Warning: {'; '.join(dict.fromkeys(texts))}." if texts else ""


def install() -> None:
    """Route all warnings through `show`, permanently; show a warning of the library each time, not only the first.

    `warnings.catch_warnings` is no alternative: it changes the whole process, so two threads would overwrite each
    other's state.
    """
    warnings.showwarning = show
    warnings.filterwarnings("always", category=UserWarning, module=r"(lxmls_rnn|lab)\b")


install()
