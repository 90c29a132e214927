"""Download of one file over HTTP, and its comparison with what was published."""

import time
from collections.abc import Callable
from pathlib import Path

from lxmls_rnn.storage.files import digest

TIMEOUT_SECONDS = 30.0  # a server that sends nothing for so long counts as stalled
ATTEMPTS = 3  # in all, after failures that may be temporary
PAUSE_SECONDS = 1.0  # between two attempts
CHUNK_BYTES = 1 << 16


class DownloadError(OSError):
    """A file could not be fetched. The message names the file, the URL, the reason and what to do."""


class TransferError(Exception):
    """A download failed; the message is the reason."""


class MissingFile(TransferError):
    """The source has no such file."""


def transfer(url: str, target: Path, show: Callable[[int, int], object]) -> None:
    """Download an http or https URL to a file; retry from the start after a failure that may be temporary.

    `show` is called with the number of bytes received and expected, the latter 0 if unknown. A failed download may
    leave part of the file.

    Raises
    ------
    TransferError
        The server cannot be reached, refuses, stalls, or breaks off.
    OSError
        The target cannot be written.
    """
    import requests  # takes 0.1 s

    for attempts_left in reversed(range(ATTEMPTS)):
        try:
            # without a content encoding, Content-Length is the file's size
            plain = {"Accept-Encoding": "identity"}
            with (
                requests.get(url, headers=plain, stream=True, timeout=TIMEOUT_SECONDS) as response,
                target.open("wb") as file,
            ):
                response.raise_for_status()
                total = int(response.headers.get("Content-Length", 0))
                show(0, total)
                for chunk in response.iter_content(CHUNK_BYTES):
                    file.write(chunk)
                    show(file.tell(), total)
            return
        except requests.RequestException as error:
            reason, may_retry = _explain(error)
            if not may_retry or not attempts_left:
                is_missing = error.response is not None and error.response.status_code == 404
                raise (MissingFile if is_missing else TransferError)(reason) from error
        time.sleep(PAUSE_SECONDS)


def _explain(error: Exception) -> tuple[str, bool]:
    """Return the reason why a request failed, as text, and whether another attempt may succeed."""
    import requests
    from urllib3.exceptions import ReadTimeoutError

    inner = error.args[0] if error.args else None
    if isinstance(error, requests.HTTPError) and error.response is not None:
        status = error.response.status_code
        return f"the server answered {status} {error.response.reason}", status >= 500
    # requests reports a timeout in the middle of a body as a ConnectionError around urllib3's timeout
    if isinstance(error, requests.Timeout) or isinstance(inner, ReadTimeoutError):
        return f"the server sent nothing for {TIMEOUT_SECONDS:g} seconds", False
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return f"the transfer broke off before the end: {inner}", True
    if isinstance(error, requests.ConnectionError):
        # requests and urllib3 wrap the operating system's error: unwrap it
        layer: BaseException | None = error
        while isinstance(layer, requests.RequestException) or not isinstance(layer, OSError | None):
            layer = layer.__cause__ or layer.__context__
        return f"the server cannot be reached: {layer or error}", True
    return str(error), False


def mismatch(path: Path, size: int | None, checksums: tuple[str, ...]) -> str | None:
    """Return how a file differs from its published size or checksums; None if it matches."""
    got_size = path.stat().st_size
    if size is not None and got_size != size:
        return f"size: expected {size} bytes, got {got_size}"
    for checksum in checksums:
        algorithm, expected = checksum.split(":")
        got = digest(path, algorithm)
        if got != expected:
            return f"{algorithm}: expected {expected}, got {got}"
    return None
