"""Notice when student code calls the library's models or changes its arguments in place."""

import functools
import inspect
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

import lxmls_rnn.deep_learning
from lab.exercises.source import is_students

# methods of the library's models that do the work of an exercise
_ANSWERS = {"forward", "_forward", "grads", "backward", "_scores", "_recurrent"}


@contextmanager
def library_calls() -> Iterator[list[str]]:
    """Collect the names of the library's methods that student code calls in this thread."""
    called: list[str] = []
    package = lxmls_rnn.deep_learning.__name__
    modules = [module for name, module in list(sys.modules.items()) if name.startswith(package)]
    classes = {cls for module in modules for cls in vars(module).values() if inspect.isclass(cls)}
    classes = {cls for cls in classes if cls.__module__.startswith(package)}
    methods = [(cls, name, vars(cls)[name]) for cls in classes for name in _ANSWERS.intersection(vars(cls))]
    methods = [(cls, name, method) for cls, name, method in methods if inspect.isfunction(method)]
    for cls, name, method in methods:
        setattr(cls, name, _noting(method, called))
    try:
        yield called
    finally:
        for cls, name, method in methods:
            setattr(cls, name, method)


def _noting(method: Callable[..., Any], called: list[str]) -> Callable[..., Any]:
    thread = threading.get_ident()

    @functools.wraps(method)
    def noting(*arguments: Any, **options: Any) -> Any:
        if threading.get_ident() == thread and is_students(sys._getframe(1).f_code.co_filename):
            called.append(method.__name__)
        return method(*arguments, **options)

    return noting


def contents(arguments: Sequence[Any]) -> list[tuple[str, np.ndarray]]:
    """Return the name and a copy of every array among the arguments, also of lists of arrays."""
    copies = []
    for n, argument in enumerate(arguments):
        items = argument if isinstance(argument, (list, tuple)) else [argument]
        for m, item in enumerate(items):
            array = _array(item)
            if array is not None:
                name = str(getattr(item, "name", "") or (f"[{m}]" if items is argument else ""))
                copies.append((f"{n} {name}", np.array(array)))
    return copies


def _array(item: Any) -> Any:
    if hasattr(item, "get_value"):  # a shared variable of Theano
        return item.get_value()
    return item.detach().numpy() if hasattr(item, "detach") else item if isinstance(item, np.ndarray) else None


def changed(function: Callable[..., Any], arguments: Sequence[Any], before: list[tuple[str, np.ndarray]]) -> str:
    """Return a message about the first argument that is not as before, or an empty string."""
    for (place, old), (_, new) in zip(before, contents(arguments), strict=True):
        if old.shape != new.shape or not np.array_equal(old, new, equal_nan=old.dtype.kind == "f"):
            number, _, name = place.partition(" ")
            names = list(inspect.signature(function).parameters)
            own = names[int(number)] if int(number) < len(names) else "an argument"
            what = f"{own}{name}" if name.startswith("[") or not name else name
            return (
                f"{what} is changed in place: whoever called the function still needs it. Assign to a new array, or to "
                f"a copy; with a shared variable, leave set_value out."
            )
    return ""
