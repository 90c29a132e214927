"""`fetch`: how the files of a data set come to be on disk, whole and verified, or not at all.

The bytes arrive in a file beside the target, are verified there, and take the target's name in one step.
"""

import glob
import os
import re
import tarfile
import uuid
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from lxmls_rnn.datasets.catalogue import DATASETS, DataFile, DataSet
from lxmls_rnn.datasets.download import DownloadError, TransferError, digest, mismatch, transfer
from lxmls_rnn.files import locked, write_atomically


def fetch(
    dataset: str | DataSet,
    directory: str | Path = "data",
    *,
    progress: Any = True,
    notice: Callable[[str], None] = print,
    timeout: float = 30.0,
    retries: int = 2,
    pause: float = 1.0,
) -> list[Path]:
    """Fetch a data set, unless it is already there and right.

    Whatever fails, and whenever the process is killed, a target file is untouched or whole. What a killed
    fetch left behind, the next one removes. Two fetches into one directory take turns.

    Where no checksum of the target itself is published, its SHA-256 goes into a file `<target>.sha256` beside
    it, in the format of `sha256sum`, and later fetches compare with it.

    Parameters
    ----------
    dataset : str or DataSet
        A name in `DATASETS`, or a description of one's own.
    directory : str or Path
        Where the files go; made if it is not there.
    progress : bool or object
        Whether to draw a progress bar on the standard error stream; or a bar with total, update, reset and close.
    notice : callable
        Gets what there is to say, as text: the licence, and what is done about each file.
    timeout : float
        Seconds of silence after which a server counts as stalled.
    retries : int
        How often to start over after a failure that looks passing.
    pause : float
        Seconds to wait before starting over.

    Returns
    -------
    list of Path
        The files, in the order of ``dataset.files``.

    Raises
    ------
    ValueError
        No data set has this name.
    DownloadError
        A file did not arrive, is not what was published, or cannot be written.
    """
    if isinstance(dataset, str):
        if dataset not in DATASETS:
            raise ValueError(f"no data set is called {dataset!r}; there are {', '.join(DATASETS)}")
        dataset = DATASETS[dataset]
    directory = Path(directory)
    download = partial(transfer, progress=progress, timeout=timeout, retries=retries, pause=pause)
    notice(dataset.notice)

    def busy() -> None:
        notice(f"another fetch is at work in {directory}: waiting for it")

    try:
        directory.mkdir(parents=True, exist_ok=True)
        with locked(directory, busy) as alone:
            return [
                obtain(file, directory, dataset.source, download=download, notice=notice, alone=alone)
                for file in dataset.files
            ]
    except DownloadError:
        raise
    except OSError as error:
        raise DownloadError(f"{dataset.name}: nothing can be written in {directory}: {error}") from error


def obtain(
    file: DataFile,
    directory: Path,
    source: str,
    *,
    download: Callable[..., None],
    notice: Callable[[str], None],
    alone: bool,
) -> Path:
    """Return the path of a file, fetched if it is not there or not what was published.

    Parameters
    ----------
    file : DataFile
        What to fetch.
    directory : Path
        Where it goes.
    source : str
        The page to name to a user who has to download by hand.
    download : callable
        ``download(url, path, label=...)`` writes the bytes, raising TransferError if they do not arrive.
    notice : callable
        Gets what there is to say.
    alone : bool
        True if no other fetch is at work in the directory, so that partial files there are dead.

    Raises
    ------
    DownloadError
        The file did not arrive or is not what was published; the target is what it was.
    OSError
        The file cannot be written.
    """
    target = directory / file.name
    folder = target.parent
    if alone:
        for leftover in folder.glob(f".{glob.escape(target.name)}.*"):
            if leftover.suffix in (".part", ".tmp"):
                leftover.unlink(missing_ok=True)
    if target.exists():
        problem = _problem_on_disk(file, target)
        if problem is None:
            notice(f"{target}: already there, verified")
            return target
        notice(f"{target} is not what was published ({problem}): fetching it again")
    new_folder = not folder.exists()
    raw, text = (folder / f".{target.name}.{uuid.uuid4().hex}.part" for _ in range(2))
    try:
        folder.mkdir(exist_ok=True)
        _get(file, target, raw, text, download, notice)
    except (TransferError, ValueError) as error:
        by_hand = target.with_name(_archive_name(file))
        raise DownloadError(
            f"{target.name}: {file.url} was not fetched: {error}. Nothing was changed. Try again later, or "
            f"download {file.url} by hand (about it: {source}), put it at {by_hand}, and fetch again."
        ) from error
    finally:
        for path in (raw, text):
            path.unlink(missing_ok=True)
        if new_folder and folder.exists() and not any(folder.iterdir()):
            folder.rmdir()
    notice(f"{target}: fetched and verified")
    return target


def _get(
    file: DataFile,
    target: Path,
    raw: Path,
    text: Path,
    download: Callable[..., None],
    notice: Callable[[str], None],
) -> None:
    """Download, verify and unpack beside the target, then put the result in its place."""
    archive = target.with_name(_archive_name(file))
    if file.unpack and archive.is_file():
        notice(f"{archive}: using this instead of downloading it")
    else:
        archive = raw
        download(file.url, archive, label=target.name)
    problem = mismatch(archive, file.size, file.checksums)
    if problem is not None:
        raise ValueError(problem)
    if file.unpack is None:
        text = archive
    else:
        try:
            file.unpack(archive, text)
        except (EOFError, zlib.error, tarfile.TarError, OSError) as error:
            # gzip.BadGzipFile is an OSError without a number; a full disk has one.
            if isinstance(error, OSError) and error.errno is not None:
                raise
            raise ValueError(f"the archive cannot be read: {error}") from error
    problem = file.content_problem(text)
    if problem is not None:
        raise ValueError(problem)
    if not _has_own_checksum(file):
        _compare_with_record(file, text, target)
    os.replace(text, target)
    if not _has_own_checksum(file):
        _write_record(target, notice)


def _archive_name(file: DataFile) -> str:
    """Return the name under which a download made by hand is looked for, beside the target."""
    return Path(file.url if file.unpack else file.name).name


def _has_own_checksum(file: DataFile) -> bool:
    """Say whether the published checksums are those of the target, and not of an archive or missing."""
    return file.unpack is None and bool(file.checksums)


def _problem_on_disk(file: DataFile, target: Path) -> str | None:
    """Say how a target differs from what was published, or from what was first seen; None if it is right."""
    if _has_own_checksum(file):
        return mismatch(target, file.size, file.checksums)
    recorded = _read_record(target)
    if recorded is not None:
        return mismatch(target, None, (f"sha256:{recorded}",))
    problem = file.content_problem(target)
    if problem is None:
        _write_record(target, lambda text: None)
    return problem


def _record(target: Path) -> Path:
    return target.with_name(f"{target.name}.sha256")


def _read_record(target: Path) -> str | None:
    """Return the SHA-256 recorded beside a target, None if there is none that can be read."""
    try:
        found = re.match(rb"[0-9a-f]{64}\b", _record(target).read_bytes())
    except FileNotFoundError:
        return None
    return found[0].decode() if found else None


def _compare_with_record(file: DataFile, text: Path, target: Path) -> None:
    """Refuse a file without a published checksum that is not the one first seen."""
    recorded = _read_record(target)
    # The archive's own published checksum says more than the record.
    if recorded is None or file.checksums:
        return
    got = digest(text, "sha256")
    if got != recorded:
        raise ValueError(
            f"sha256: expected {recorded}, seen at an earlier fetch, got {got} "
            f"(to accept the new file, delete {_record(target)})"
        )


def _write_record(target: Path, notice: Callable[[str], None]) -> None:
    """Put the SHA-256 of a target beside it, in the format of `sha256sum`."""
    record = _record(target)
    got = digest(target, "sha256")
    write_atomically(record, f"{got}  {target.name}\n")
    notice(f"{target}: sha256 {got} recorded in {record.name}, so that a later fetch notices a change")
