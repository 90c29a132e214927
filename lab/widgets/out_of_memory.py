"""Whether memory ran out before: a kernel that Linux has killed for it comes back without a word."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from lxmls_rnn import memory


def notice() -> str:
    """Return a sentence if a process here has been ended for want of memory since this was asked last, else nothing.

    The container's count is kept in its folder for temporary files, which goes with it.
    """
    kept = Path(tempfile.gettempdir()) / f"lxmls-lab-memory-{os.getuid()}"
    now = memory.kills()
    try:
        before = int(kept.read_text()[:20])
    except (OSError, ValueError):
        before = now
    try:
        kept.write_text(str(now))
    except OSError:
        return ""
    if before > now:  # the container has been started anew, and counts from 0
        before = 0
    if now == before:
        return ""
    return (
        "Memory ran out, and Linux ended a process, most likely the kernel of this notebook: what was in it is gone; "
        "runs on disk can be resumed. Take fewer sentences, smaller batches or fewer units, or give it more memory."
    )
