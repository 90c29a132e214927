"""Notice after an out-of-memory kill: JupyterLab restarts a killed kernel without an explanation."""

from __future__ import annotations

import atexit
import sys
from contextlib import suppress
from pathlib import Path

from lxmls_rnn import memory
from lxmls_rnn.storage.files import read_regular, write_atomically

MAX_DIGITS = 20

_kept: set[Path] = set()  # the file of this process


def notice() -> str:
    """Return a message, once, if the kernel before this one was probably killed for lack of memory, else "".

    A kernel keeps the count of kills in a file beside its connection file and deletes it when it ends. Only a kernel
    that JupyterLab starts in place of one that was killed or crashed finds the file.
    """
    if not (connection_file := _connection_file()):
        return ""
    file = Path(connection_file).with_suffix(".memory-kills")
    before, now, is_new = None, memory.kills(), file not in _kept
    with suppress(OSError, ValueError):
        before = int(read_regular(file, MAX_DIGITS))
    if now != before:
        try:
            write_atomically(file, str(now))
        except OSError:
            return ""
    if is_new:
        _kept.add(file)
        atexit.register(file.unlink, missing_ok=True)
    if not is_new or before is None or now <= before:
        return ""
    return (
        "The kernel ended unexpectedly, and Linux killed a process for lack of memory, probably this kernel. Its "
        "variables are lost, but runs on disk can be resumed. Use fewer sentences, smaller batches or fewer units, or "
        "add memory."
    )


def _connection_file() -> str:
    """Return the path of this kernel's connection file, "" elsewhere. An import of ipykernel would break widgets."""
    module = sys.modules.get("ipykernel.kernelapp")
    return module.IPKernelApp.instance().abs_connection_file if module and module.IPKernelApp.initialized() else ""
