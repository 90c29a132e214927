"""`fetch`: how the files of a data set come to be on disk, whole and verified, or not at all.

The bytes arrive in a folder beside the target, are verified there, and take the target's name in one step.
"""

import glob
import os
import re
import shutil
import tarfile
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from lxmls_rnn.datasets.catalogue import DATASETS, DataFile, DataSet
from lxmls_rnn.datasets.download import DownloadError, TransferError, digest, mismatch, transfer
from lxmls_rnn.files import locked, open_regular, write_atomically

Notice = Callable[[str], None]  # gets what there is to say


def fetch(
    dataset: str | DataSet,
    directory: str | Path = "data",
    *,
    progress: bool | Callable[[int, int], object] = True,
    notice: Notice = print,
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
    progress : bool or callable
        Whether to draw a progress bar on the standard error stream; or what gets the bytes that a file has brought and
        is to bring, 0 where that is not known.
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
    targets = [directory / file.name for file in dataset.files]
    download = partial(transfer, progress=progress, timeout=timeout, retries=retries, pause=pause)
    notice(dataset.notice)

    def busy() -> None:
        notice(f"another fetch is at work in {directory}: waiting for it")

    try:
        directory.mkdir(parents=True, exist_ok=True)
        with locked(directory, busy) as alone:
            for file, target in zip(dataset.files, targets, strict=True):
                if alone:
                    _remove_leftovers(target)
                _obtain(file, target, dataset.source, download, notice)
    except DownloadError:
        raise
    except OSError as error:
        raise DownloadError(f"{dataset.name}: nothing can be written in {directory}: {error}") from error
    return targets


def _remove_leftovers(target: Path) -> None:
    """Remove what a killed fetch of a file has left beside it."""
    for leftover in target.parent.glob(f".{glob.escape(target.name)}.*"):
        if leftover.is_dir() and leftover.suffix == ".part":
            shutil.rmtree(leftover)
        elif leftover.suffix in (".part", ".tmp"):  # files of earlier versions, or of a record
            leftover.unlink(missing_ok=True)


def _obtain(file: DataFile, target: Path, source: str, download: Callable[..., None], notice: Notice) -> None:
    """Fetch a file if it is not there or not what was published; DownloadError leaves it as it was.

    `download(url, path, label=...)` writes the bytes; `source` is the page to name to a user who has to do so by hand.
    """
    if target.exists():
        problem = _problem_on_disk(file, target)
        if problem is None:
            notice(f"{target}: already there, verified")
            return
        notice(f"{target} is not what was published ({problem}): fetching it again")
    folder = target.parent
    new_folder = not folder.exists()
    archive = target.with_name(Path(file.url if file.unpack else file.name).name)
    try:
        folder.mkdir(exist_ok=True)
        with TemporaryDirectory(dir=folder, prefix=f".{target.name}.", suffix=".part") as beside:
            os.replace(_verified(file, target, archive, Path(beside), download, notice), target)
        if not _has_own_checksum(file):
            _write_record(target, notice)
    except (TransferError, ValueError) as error:
        raise DownloadError(
            f"{target.name}: {file.url} was not fetched: {error}. Nothing was changed. Try again later, or "
            f"download {file.url} by hand (about it: {source}), put it at {archive}, and fetch again."
        ) from error
    finally:
        if new_folder and folder.exists() and not any(folder.iterdir()):
            folder.rmdir()
    notice(f"{target}: fetched and verified")


def _verified(
    file: DataFile, target: Path, archive: Path, beside: Path, download: Callable[..., None], notice: Notice
) -> Path:
    """Download, unpack and verify in a folder beside the target; return the file there that may take its place."""
    text = beside / "text"
    if file.unpack and archive.is_file():
        notice(f"{archive}: using this instead of downloading it")
    else:
        archive = beside / "download"
        download(file.url, archive, label=target.name)
    _refuse(mismatch(archive, file.size, file.checksums))
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
    _refuse(file.content_problem(text))
    recorded = _recorded(target)
    if recorded is not None and not file.checksums:  # the archive's own published checksum says more than the record
        got = digest(text, "sha256")
        if got != recorded:
            raise ValueError(
                f"sha256: expected {recorded}, seen at an earlier fetch, got {got} "
                f"(to accept the new file, delete {_record(target)})"
            )
    return text


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
