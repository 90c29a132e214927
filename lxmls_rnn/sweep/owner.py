"""Claims of run folders: a folder belongs to the process that claimed it last.

A worker that loses its connection to the scheduler keeps training, while the scheduler gives its run to another worker.
The new worker claims the run. The old one checks before each write whether it still owns the run, and stops if not. A
claim is a file beside the folder. If the file system supports locks, the new owner waits until the old one has unlocked
the folder (`files.locked`), so that no claim can come between the check and the write.
"""

from __future__ import annotations

import time
from pathlib import Path
from secrets import token_hex
from socket import gethostname

from lxmls_rnn.storage.files import read_regular

CHECK_SECONDS = 1.0  # between two checks of a claim while nothing is written


class ClaimLost(Exception):
    """Another process has claimed the folder in the meantime."""


class Claim:
    """The claim of this process on a folder, made by the constructor."""

    def __init__(self, folder: Path) -> None:
        self.takes_over = _file(folder).exists()  # from a process that has not released its claim
        self.folder, self.token = folder, f"{token_hex(16)} {gethostname()}"
        # written in place, not renamed: on a network file system, others then see the new content of the same file
        _file(folder).write_text(self.token)
        self._checked = time.monotonic()

    def check(self) -> None:
        """Raise ClaimLost if another process has claimed the folder."""
        self._checked = time.monotonic()
        if not is_owner(self.folder, self.token):
            raise ClaimLost(f"another process has claimed {self.folder}")

    def check_if_due(self) -> None:
        """Call `check`, at most once in `CHECK_SECONDS`."""
        if time.monotonic() - self._checked > CHECK_SECONDS:
            self.check()

    def release(self) -> None:
        """Delete the claim, unless another process has claimed the folder."""
        if is_owner(self.folder, self.token):
            discard(self.folder)


def discard(folder: Path) -> None:
    """Delete whatever claim there is on a folder, such as that of a process that was killed."""
    _file(folder).unlink(missing_ok=True)


def is_owner(folder: Path, token: str) -> bool:
    """Whether the claim with this `token` is the last one on the folder.

    False if the file of the claim is missing, or longer than a claim: another process has written it.
    """
    expected = token.encode()
    try:
        return read_regular(_file(folder), len(expected)) == expected
    except (FileNotFoundError, ValueError):
        return False


def _file(folder: Path) -> Path:
    return folder.parent / f".{folder.name}.owner"
