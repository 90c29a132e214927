"""Notice after an out-of-memory kill: JupyterLab restarts a killed kernel without an explanation."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from lxmls_rnn import memory


def notice() -> str:
    """Return a message if Linux killed a process for lack of memory since the last call, else an empty string.

    The last count is stored in the container's folder for temporary files, which is deleted with the container.
    """
    count_file = Path(tempfile.gettempdir()) / f"lxmls-lab-memory-{os.getuid()}"
    now = memory.kills()
    try:
        before = int(count_file.read_text()[:20])
    except (OSError, ValueError):
        before = now
    try:
        count_file.write_text(str(now))
    except OSError:
        return ""
    if before > now:  # the container was restarted and counts from 0
        before = 0
    if now == before:
        return ""
    return (
        "Memory ran out, and Linux killed a process, probably the kernel of this notebook: its variables are lost, "
        "but runs on disk can be resumed. Use fewer sentences, smaller batches or fewer units, or add memory."
    )
