"""Claims of run folders: a folder belongs to the process that has claimed it last.

A worker that is cut off from the scheduler lives on, and trains on, while its run is given to another. The other claims
the run; the first one looks whether the run is still its own before it writes, and stops. A claim is a file beside the
folder. Where the file system has locks, the new owner waits until the old one has let go of the folder
(`files.locked`), so that nothing comes between the look and the writing.
"""

from __future__ import annotations

import time
from pathlib import Path
from secrets import token_hex
from socket import gethostname

from lxmls_rnn.storage.files import read_regular

CHECK_SECONDS = 1.0  # seconds between two looks of one that writes nothing


class ClaimLost(Exception):
    """Another process has claimed the folder since."""


class Claim:
    """The claim of this process on a folder, from when it is made."""

    def __init__(self, folder: Path) -> None:
        self.takes_over = _file(folder).exists()  # from another process, which has not released it
        self.folder, self.token = folder, f"{token_hex(16)} {gethostname()}"
        # not beside and renamed: on a network's file system others then see the same file, with new content
        _file(folder).write_text(self.token)
        self._checked = time.monotonic()

    def check(self) -> None:
        """Raise ClaimLost if the folder is another's by now."""
        self._checked = time.monotonic()
        if not is_owner(self.folder, self.token):
            raise ClaimLost(f"another process has claimed {self.folder}")

    def check_if_due(self) -> None:
        """Do as `check`, at most once a second."""
        if time.monotonic() - self._checked > CHECK_SECONDS:
            self.check()

    def release(self) -> None:
        """Give the folder up, if it has not been lost."""
        if is_owner(self.folder, self.token):
            _file(self.folder).unlink(missing_ok=True)


def is_owner(folder: Path, token: str) -> bool:
    """Whether the claim that was made with `token` is the last one on the folder.

    A file that is no claim, longer for instance, has been put in its place by another.
    """
    own = token.encode()
    try:
        return read_regular(_file(folder), len(own)) == own
    except (FileNotFoundError, ValueError):
        return False


def _file(folder: Path) -> Path:
    return folder.parent / f".{folder.name}.owner"
