"""Functions that are older than their cell, because its last run failed before it defined them anew."""

import re
from typing import Any

_DEFINED = re.compile(r"^(?:def|class)\s+(\w+)", re.MULTILINE)

_before: dict[str, Any] = {}  # what the names that the running cell defines meant when it began
_older: dict[str, tuple[Any, str]] = {}  # name: the function that is left from before, and what went wrong since


def watch(shell: Any) -> None:
    """Follow the cells of an IPython shell; do nothing for None, as there is outside IPython."""
    if shell is None:
        return

    def begin(info: Any) -> None:
        _before.clear()
        names = _DEFINED.findall(info.raw_cell or "")
        _before.update({name: shell.user_ns[name] for name in names if name in shell.user_ns})

    def end(result: Any) -> None:
        error = result.error_before_exec or result.error_in_exec
        for name, function in _before.items():
            _older.pop(name, None)
            if error is not None and shell.user_ns.get(name) is function:
                # Python 3.13 has kinds of its own of a SyntaxError
                kind = next(cls.__name__ for cls in type(error).__mro__ if not cls.__name__.startswith("_"))
                _older[name] = function, f"{kind}: {getattr(error, 'msg', None) or error}"
        _before.clear()

    shell.events.register("pre_run_cell", begin)
    shell.events.register("post_run_cell", end)


def older(*functions: Any) -> str:
    """Return a sentence that says which of the functions are from before a cell that failed; nothing if none is."""
    return " ".join(
        f"The last run of the cell with {name} failed ({error}): this judges the {name} from before."
        for name, (function, error) in _older.items()
        if any(function is given for given in functions)
    )
