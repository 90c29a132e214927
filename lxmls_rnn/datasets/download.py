"""Getting one file over HTTP: the transfer, which is pooch's, and checksums."""

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pooch
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from lxmls_rnn.files import open_regular


class DownloadError(OSError):
    """A file could not be fetched; the message says which, from where, why, and what to do about it."""


class TransferError(Exception):
    """Why the bytes of a URL did not arrive, in words."""


class Bar:
    """What pooch calls while bytes come; `show` gets how many have come and how many there are, 0 if not known."""

    def __init__(self, show: Callable[[int, int], object]) -> None:
        self.show, self.done, self.total = show, 0, 0

    def update(self, n_bytes: int) -> None:
        """Count bytes that have come; pooch counts the last piece as a whole one."""
        done = self.done + n_bytes
        self.done = min(done, self.total or done)
        self.show(self.done, self.total)

    def reset(self) -> None:
        """Begin anew."""
        self.done = 0
        self.show(0, self.total)

    def close(self) -> None:
        """Show the end."""
        self.show(self.total, self.total)


@contextmanager
def shown(label: str) -> Iterator[Callable[[int, int], None]]:
    """Draw a bar on the standard error stream, with a label at its left; give what moves it."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(label, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total or None)


def transfer(
    url: str,
    target: Path,
    *,
    progress: bool | Callable[[int, int], object],
    timeout: float,
    retries: int,
    pause: float,
    label: str = "",
) -> None:
    """Write what a URL, http or https, holds to a file, starting over when the failure looks passing.

    pooch would start over after a refusal too, and would not say why it gives up. After a failure there may be a part
    of the bytes. `label` is the name at the left of the bar; the other parameters are those of `fetch`.

    Raises
    ------
    TransferError
        The server cannot be reached, refuses, stalls, or breaks off.
    OSError
        The target cannot be written.
    """
    # pooch brings requests, and imports it as late as this to keep its own import short.
    import requests

    with shown(label) if progress is True else nullcontext(progress) as show:
        # Without a content encoding, Content-Length is the size of the file, and the bar tells the truth.
        plain = {"Accept-Encoding": "identity"}
        for tries_left in reversed(range(retries + 1)):
            bar = Bar(show) if show else False
            download = pooch.HTTPDownloader(progressbar=bar, chunk_size=1 << 16, timeout=timeout, headers=plain)
            try:
                download(url, str(target), None)
                return
            except requests.RequestException as error:
                reason, passing = _explain(error, timeout)
                if not passing or not tries_left:
                    raise TransferError(reason) from error
            time.sleep(pause)


def _explain(error: Exception, timeout: float) -> tuple[str, bool]:
    """Say in words why a request failed, and whether trying again at once may help."""
    import requests
    from urllib3.exceptions import ReadTimeoutError

    inner = error.args[0] if error.args else None
    if isinstance(error, requests.HTTPError) and error.response is not None:
        status = error.response.status_code
        return f"the server answered {status} {error.response.reason}", status >= 500
    # requests reports silence in the middle of a body as a ConnectionError around urllib3's timeout.
    if isinstance(error, requests.Timeout) or isinstance(inner, ReadTimeoutError):
        return f"the server sent nothing for {timeout:g} seconds", False
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return f"the transfer broke off before the end: {inner}", True
    if isinstance(error, requests.ConnectionError):
        # the operating system's error is under the layers that requests and urllib3 put on it
        layer: BaseException | None = error
        while isinstance(layer, requests.RequestException) or not isinstance(layer, OSError | None):
            layer = layer.__cause__ or layer.__context__
        return f"the server cannot be reached: {layer or error}", True
    return str(error), False


def digest(path: Path, algorithm: str) -> str:
    r"""Return a file's checksum in hexadecimal, by an algorithm that hashlib knows, or `git-blob`.

    That is the id that git gives the content: the SHA-1 of ``blob <size>\0`` and the content (Pro Git, section 10.2).
    """
    if algorithm != "git-blob":
        return str(pooch.file_hash(str(path), alg=algorithm))
    with open_regular(path) as file:
        blob = hashlib.sha1(b"blob %d\0" % os.fstat(file.fileno()).st_size, usedforsecurity=False)
        while piece := file.read(1 << 20):
            blob.update(piece)
    return blob.hexdigest()


def mismatch(path: Path, size: int | None, checksums: tuple[str, ...]) -> str | None:
    """Say how a file differs from its published size and checksums (see `DataFile`); None if in nothing."""
    got_size = path.stat().st_size
    if size is not None and got_size != size:
        return f"size: expected {size} bytes, got {got_size}"
    for checksum in checksums:
        algorithm, expected = checksum.split(":")
        got = digest(path, algorithm)
        if got != expected:
            return f"{algorithm}: expected {expected}, got {got}"
    return None
