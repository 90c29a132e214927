"""`fetch`: download the files of a data set and verify them.

A file is downloaded to a temporary folder inside the target directory, verified there, and renamed to the target in one
step. So the target is always a complete, verified file.
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

from lxmls_rnn.datasets import treebanks
from lxmls_rnn.datasets.catalogue import DATASETS, DataFile, DataSet
from lxmls_rnn.datasets.download import DownloadError, MissingFile, TransferError, mismatch, transfer
from lxmls_rnn.storage.files import digest, locked, open_regular, write_atomically

TEMPORARY_PREFIX = ".fetch-"  # prefix of the temporary folders to which files are downloaded

Notice = Callable[[str], None]  # called with each message
OnProgress = Callable[[int, int], object]  # called with the bytes received and expected, the latter 0 if unknown


def fetch(
    dataset: str | DataSet,
    directory: str | Path = "data",
    *,
    progress: OnProgress | None = None,
    notice: Notice = print,
    folder: str | Path | None = None,
) -> list[Path]:
    """Fetch a data set; skip files that are already on disk and correct.

    A fetch that fails or is killed leaves either the old target file or the complete new one. The next fetch removes
    temporary files of a killed one. If two processes fetch into one directory, the second waits for the first.

    If no checksum of the target itself is published, `fetch` writes its SHA-256 to a file `<target>.sha256` beside
    it, in the format of `sha256sum`. Later fetches compare with it.

    Parameters
    ----------
    dataset : str or DataSet
        A name in `DATASETS`, a treebank of Universal Dependencies (`ud:pt_bosque`), or a `DataSet` of your own.
    directory : str or Path
        Folder for the files; created if missing.
    progress : callable, optional
        Called with the bytes received and expected, the latter 0 if unknown; by default a progress bar is drawn on the
        standard error stream.
    notice : callable
        Called with each message: the licence, and the result for each file.
    folder : str or Path, optional
        Folder with files that were downloaded by hand; they are copied and verified instead of downloaded. They are in
        this folder or in its subfolder with the repository's name, as in a release archive of Universal Dependencies.

    Returns
    -------
    list of Path
        The files, in the order of ``dataset.files``, without the parts that a treebank lacks.

    Raises
    ------
    ValueError
        No data set has this name.
    DownloadError
        A file did not arrive, is not what was published, or cannot be written.
    """
    if isinstance(dataset, str):
        if dataset.startswith(treebanks.PREFIX):
            dataset = treebanks.dataset(dataset)
        elif dataset in DATASETS:
            dataset = DATASETS[dataset]
        else:
            raise ValueError(f"no data set is called {dataset!r}; there are {', '.join(DATASETS)} and ud:CODE")
    directory, folder = Path(directory), None if folder is None else Path(folder)
    targets = [directory / file.name for file in dataset.files]
    notice(dataset.notice)

    def on_wait() -> None:
        notice(f"another fetch is at work in {directory}: waiting for it")

    try:
        directory.mkdir(parents=True, exist_ok=True)
        with locked(directory, on_wait) as is_alone:
            for leftover in directory.glob(f"{TEMPORARY_PREFIX}*") if is_alone else ():
                shutil.rmtree(leftover)
            for file, target in zip(dataset.files, targets, strict=True):
                with TemporaryDirectory(dir=directory, prefix=TEMPORARY_PREFIX) as parts:
                    _obtain(file, target, Path(parts), dataset.source, progress, notice, folder)
                if file.show is not None:
                    notice(file.show(target))
    except DownloadError:
        raise
    except OSError as error:
        raise DownloadError(f"{dataset.name}: nothing can be written in {directory}: {error}") from error
    optional = [target for file, target in zip(dataset.files, targets, strict=True) if file.is_optional]
    if optional and not any(target.exists() for target in optional):
        names = ", ".join(target.name for target in optional)
        raise DownloadError(f"{dataset.name}: {folder or dataset.source} has none of {names}")
    return [target for target in targets if target.exists()]


def _obtain(
    file: DataFile,
    target: Path,
    parts: Path,
    source: str,
    progress: OnProgress | None,
    notice: Notice,
    folder: Path | None,
) -> None:
    """Fetch a file if it is missing or differs from the published one; a DownloadError leaves the old file unchanged.

    The file is downloaded and unpacked in `parts`, an empty folder. `source` is the web page that the error message
    names for a download by hand. With a `folder`, the file is copied from there instead of downloaded.
    """
    if target.exists():
        problem = _problem_on_disk(file, target)
        if problem is None:
            notice(f"{target}: already there, verified")
            return
        notice(f"{target} is not what was published ({problem}): fetching it again")
    archive = target.with_name(Path(file.url if file.unpack else file.name).name)
    download = parts / "download"
    try:
        if file.unpack and archive.is_file():
            notice(f"{archive}: using this instead of downloading it")
            text = _unpacked(file, archive, parts)
        else:
            if folder is not None:
                shutil.copyfile(_downloaded(file.url, folder), download)
            else:
                with _shown(progress, target.name) as show:
                    transfer(file.url, download, show)
            text = _unpacked(file, download, parts)
        if problem := file.content_problem(text):
            raise ValueError(problem)
        recorded = _recorded(target)
        if recorded is not None and not file.checksums:  # a published checksum of the archive takes precedence
            got = digest(text, "sha256")
            if got != recorded:
                raise ValueError(
                    f"sha256: expected {recorded}, seen at an earlier fetch, got {got} "
                    f"(to accept the new file, delete {_record(target)})"
                )
    except (TransferError, ValueError) as error:
        if file.is_optional and isinstance(error, MissingFile) and not target.exists():
            notice(f"{target.name}: not fetched, {folder or source} has no such part ({error})")
            return
        raise DownloadError(
            f"{target.name}: {file.url} was not fetched: {error}. Nothing was changed. Try again later, or "
            f"download {file.url} by hand (described at {source}), put it at {folder or _on_the_host(archive)}, and "
            "fetch again."
        ) from error
    target.parent.mkdir(parents=True, exist_ok=True)
    os.replace(text, target)
    if not _has_own_checksum(file):
        _write_record(target, notice)
    notice(f"{target}: fetched and verified")


def _on_the_host(path: Path) -> Path:
    """Return the path of a file on the host, relative to the lab's folder if that is the one of a container."""
    image = os.environ.get("LXMLS_IMAGE")
    return path.relative_to(image) if image and path.is_relative_to(image) else path


def _downloaded(url: str, folder: Path) -> Path:
    """Return the file in `folder` that was downloaded from a URL; MissingFile if there is none."""
    *_, repository, _, name = url.split("/")
    for path in (folder / repository / name, folder / name):
        if path.is_file():
            return path
    raise MissingFile(f"there is no {name} in {folder}")


def _unpacked(file: DataFile, archive: Path, parts: Path) -> Path:
    """Verify the download, unpack it into `parts` if it is an archive, and return the resulting file."""
    if problem := mismatch(archive, file.size, file.checksums):
        raise ValueError(problem)
    if file.unpack is None:
        return archive
    text = parts / "text"
    try:
        file.unpack(archive, text)
    except (EOFError, zlib.error, tarfile.TarError, OSError) as error:
        # a full disk has an errno; gzip.BadGzipFile, also an OSError, has none
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise ValueError(f"the archive cannot be read: {error}") from error
    return text


@contextmanager
def _shown(progress: OnProgress | None, label: str) -> Iterator[OnProgress]:
    """Yield the progress callback of a file; for None, it draws a labelled bar on the standard error stream."""
    if progress is not None:
        yield progress
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(label, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total or None)


def _has_own_checksum(file: DataFile) -> bool:
    """Return whether checksums of the target itself are published, not only of an archive."""
    return file.unpack is None and bool(file.checksums)


def _problem_on_disk(file: DataFile, target: Path) -> str | None:
    """Return how a target differs from the published file, or from the one first fetched; None if it matches."""
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
    """Return the SHA-256 recorded beside a target; None if there is no valid record."""
    record = _record(target)
    if not record.exists():
        return None
    with open_regular(record) as file:
        match = re.match(rb"[0-9a-f]{64}\b", file.read(65))
    return match[0].decode() if match else None


def _write_record(target: Path, notice: Notice) -> None:
    """Write the SHA-256 of a target to a file beside it, in the format of `sha256sum`."""
    record, got = _record(target), digest(target, "sha256")
    write_atomically(record, f"{got}  {target.name}\n")
    notice(f"{target}: sha256 {got} recorded in {record.name}, so that a later fetch notices a change")
