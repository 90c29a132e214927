"""Notice after an out-of-memory kill: JupyterLab restarts a killed kernel without an explanation."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from jupyter_core.paths import jupyter_runtime_dir

from lxmls_rnn import memory
from lxmls_rnn.storage.files import read_regular, write_atomically

MAX_DIGITS = 20


def notice() -> str:
    """Return a message if Linux killed a process for lack of memory since the last call, else an empty string.

    The last count is stored in Jupyter's folder of running kernels, which belongs to this user alone.
    """
    count_file, now, before = Path(jupyter_runtime_dir(), "lxmls-memory-kills"), memory.kills(), None
    with suppress(OSError, ValueError):
        before = int(read_regular(count_file, MAX_DIGITS))
    if now == before:
        return ""
    try:
        write_atomically(count_file, str(now))
    except OSError:
        return ""
    # a smaller count: the container was restarted and counts from 0
    if before is None or now == 0:
        return ""
    return (
        "Memory ran out, and Linux killed a process, probably the kernel of this notebook: its variables are lost, "
        "but runs on disk can be resumed. Use fewer sentences, smaller batches or fewer units, or add memory."
    )
