"""`fetch`: bring the files of a data set to disk, whole and verified, or not at all.

A file arrives in a folder inside the target's directory, is verified there, and takes the target's name in one step.
"""

import os
import re
import shutil
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from lxmls_rnn.datasets.catalogue import DATASETS, DataFile, DataSet
from lxmls_rnn.datasets.download import DownloadError, TransferError, digest, mismatch, transfer
from lxmls_rnn.storage.files import locked, open_regular, write_atomically

PARTS = ".fetch-"  # how the names of folders begin in which files arrive

Notice = Callable[[str], None]  # gets each message
OnProgress = Callable[[int, int], object]  # gets the bytes that a file has brought and is to bring, 0 if not known


def fetch(
    dataset: str | DataSet,
    directory: str | Path = "data",
    *,
    progress: bool | OnProgress = True,
    notice: Notice = print,
) -> list[Path]:
    """Fetch a data set, unless it is already there and right.

    Whatever fails, and whenever the process is killed, a target file is untouched or whole. The next fetch removes
    what a killed one has left behind. Two fetches into one directory take turns.

    Where no checksum of the target itself is published, its SHA-256 goes into a file `<target>.sha256` beside
    it, in the format of `sha256sum`, and later fetches compare with it.

    Parameters
    ----------
    dataset : str or DataSet
        A name in `DATASETS`, or a description of one's own.
    directory : str or Path
        Where the files go; made if it is missing.
    progress : bool or callable
        Whether to draw a progress bar on the standard error stream; or what gets the bytes that a file has brought and
        is to bring, 0 if that is not known.
    notice : callable
        Gets the messages: the licence, and what is done about each file.

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
    targets = [directory / file.name for file in dataset.files]
    notice(dataset.notice)

    def busy() -> None:
        notice(f"another fetch is at work in {directory}: waiting for it")

    try:
        directory.mkdir(parents=True, exist_ok=True)
        with locked(directory, busy) as is_alone:
            for leftover in directory.glob(f"{PARTS}*") if is_alone else ():
                shutil.rmtree(leftover)
            for file, target in zip(dataset.files, targets, strict=True):
                with TemporaryDirectory(dir=directory, prefix=PARTS) as parts:
                    _obtain(file, target, Path(parts), dataset.source, progress, notice)
    except DownloadError:
        raise
    except OSError as error:
        raise DownloadError(f"{dataset.name}: nothing can be written in {directory}: {error}") from error
    return targets


def _obtain(
    file: DataFile, target: Path, parts: Path, source: str, progress: bool | OnProgress, notice: Notice
) -> None:
    """Fetch a file if it is missing or not what was published; DownloadError leaves it as it was.

    `parts` is an empty folder; a user who has to download the file by hand is told the page `source`.
    """
    if target.exists():
        problem = _problem_on_disk(file, target)
        if problem is None:
            notice(f"{target}: already there, verified")
            return
        notice(f"{target} is not what was published ({problem}): fetching it again")
    archive = target.with_name(Path(file.url if file.unpack else file.name).name)
    try:
        if file.unpack and archive.is_file():
            notice(f"{archive}: using this instead of downloading it")
            text = _unpacked(file, archive, parts)
        else:
            with _shown(progress, target.name) as show:
                transfer(file.url, parts / "download", show)
            text = _unpacked(file, parts / "download", parts)
        _refuse(file.content_problem(text))
        recorded = _recorded(target)
        if recorded is not None and not file.checksums:  # an archive's own published checksum says more than the record
            got = digest(text, "sha256")
            if got != recorded:
                raise ValueError(
                    f"sha256: expected {recorded}, seen at an earlier fetch, got {got} "
                    f"(to accept the new file, delete {_record(target)})"
                )
    except (TransferError, ValueError) as error:
        raise DownloadError(
            f"{target.name}: {file.url} was not fetched: {error}. Nothing was changed. Try again later, or "
            f"download {file.url} by hand (about it: {source}), put it at {archive}, and fetch again."
        ) from error
    target.parent.mkdir(exist_ok=True)
    os.replace(text, target)
    if not _has_own_checksum(file):
        _write_record(target, notice)
    notice(f"{target}: fetched and verified")


def _unpacked(file: DataFile, archive: Path, parts: Path) -> Path:
    """Verify what was published, unpack it into `parts` if it is an archive, and return the file to be kept."""
    _refuse(mismatch(archive, file.size, file.checksums))
    if file.unpack is None:
        return archive
    text = parts / "text"
    try:
        file.unpack(archive, text)
    except (EOFError, zlib.error, tarfile.TarError, OSError) as error:
        # gzip.BadGzipFile is an OSError without a number; a full disk has one
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise ValueError(f"the archive cannot be read: {error}") from error
    return text


@contextmanager
def _shown(progress: bool | OnProgress, label: str) -> Iterator[OnProgress]:
    """Yield what gets the progress of a file: a bar with a label on the standard error stream, for `True`."""
    if progress is not True:
        yield progress or (lambda done, total: None)
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(label, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total or None)


def _refuse(problem: str | None) -> None:
    if problem is not None:
        raise ValueError(problem)


def _has_own_checksum(file: DataFile) -> bool:
    """Say whether the published checksums are those of the target, and not of an archive or missing."""
    return file.unpack is None and bool(file.checksums)


def _problem_on_disk(file: DataFile, target: Path) -> str | None:
    """Say how a target differs from what was published, or from what was first seen; None if it is right."""
    if _has_own_checksum(file):
        return mismatch(target, file.size, file.checksums)
    recorded = _recorded(target)
    if recorded is not None:
        return mismatch(target, None, (f"sha256:{recorded}",))
    problem = file.content_problem(target)
    if problem is None:
        _write_record(target, lambda text: None)
    return problem


def _record(target: Path) -> Path:
    return target.with_name(f"{target.name}.sha256")


def _recorded(target: Path) -> str | None:
    """Return the SHA-256 recorded beside a target, None if there is none that can be read."""
    record = _record(target)
    if not record.exists():
        return None
    with open_regular(record) as file:
        found = re.match(rb"[0-9a-f]{64}\b", file.read(65))
    return found[0].decode() if found else None


def _write_record(target: Path, notice: Notice) -> None:
    """Put the SHA-256 of a target beside it, in the format of `sha256sum`."""
    record, got = _record(target), digest(target, "sha256")
    write_atomically(record, f"{got}  {target.name}\n")
    notice(f"{target}: sha256 {got} recorded in {record.name}, so that a later fetch notices a change")
