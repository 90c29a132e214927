"""Detect stale functions: functions whose cell was run again but failed before it redefined them."""

import re

from IPython.core.interactiveshell import ExecutionInfo, ExecutionResult, InteractiveShell

_DEFINED = re.compile(r"^(?:def|class)\s+(\w+)", re.MULTILINE)

_before: dict[str, object] = {}  # previous values of the names that the running cell defines
_stale: dict[str, tuple[object, str]] = {}  # name: stale function, error of its cell


def watch(shell: InteractiveShell | None) -> None:
    """Watch the cells of an IPython shell for those that fail; do nothing for None (outside IPython)."""
    if shell is None:
        return

    def begin(info: ExecutionInfo) -> None:
        _before.clear()
        names = _DEFINED.findall(info.raw_cell or "")
        _before.update({name: shell.user_ns[name] for name in names if name in shell.user_ns})

    def end(result: ExecutionResult) -> None:
        error = result.error_before_exec or result.error_in_exec
        for name, function in _before.items():
            _stale.pop(name, None)
            if error is not None and shell.user_ns.get(name) is function:
                # Python 3.13 raises private subclasses of SyntaxError
                kind = next(cls.__name__ for cls in type(error).__mro__ if not cls.__name__.startswith("_"))
                _stale[name] = function, f"{kind}: {getattr(error, 'msg', None) or error}"
        _before.clear()

    shell.events.register("pre_run_cell", begin)
    shell.events.register("post_run_cell", end)


def stale(*functions: object) -> str:
    """Return a message that names the stale functions among these; an empty string if none is stale."""
    return " ".join(
        f"The cell that defines {name} failed ({error}): this verdict is about the previous {name}."
        for name, (function, error) in _stale.items()
        if any(function is given for given in functions)
    )
