"""Safe collection of students' folders and zip files into a fresh folder.

Students choose the names and the content of the files, and may change their folders during the collection. Only regular
files are copied, into `notebooks`, `runs` and `results` of a new folder; links and special files are left out.
"""

from __future__ import annotations

import errno
import os
import stat
import struct
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, NamedTuple

from lxmls_rnn.classroom.students import ANSWERS, ERROR, PROGRESS
from lxmls_rnn.runs.folder import check_name
from lxmls_rnn.storage.files import make_folder, naming
from lxmls_rnn.storage.messages import UNSAFE, counted, escaped, in_words

STUDENT_FOLDERS = ("notebooks", "runs", "results")  # folders of a student
MAX_STUDENT_BYTES = 1000 << 20  # of a student
MAX_FILES = 20_000  # of a student
MAX_NESTING = 12  # folders in folders
MAX_PART_BYTES = 255
MAX_DIRECTORY_BYTES = 4 << 20  # of the list of files in a zip file: about 40,000 entries
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # others can take gigabytes of memory
_END, _END_64, _END_BYTES = b"PK\x05\x06", b"PK\x06\x07", 22  # records at the end of a zip file


@dataclass
class Collected:
    """A report on the work of one student: copied files and bytes, entries left out with reasons, and the error."""

    name: str
    source: Path
    files: int = 0
    bytes: int = 0
    left_out: list[str] = field(default_factory=list)
    error: str = ""


class _File(NamedTuple):
    parts: tuple[str, ...]  # of the path in the student's folder or zip file
    size: int
    time: float  # of the last change, in seconds since 1970; of a zip file's entry as it says
    open: Callable[[], BinaryIO]


def collect(sources: Iterable[Path], into: Path, max_bytes: int = MAX_STUDENT_BYTES) -> Iterator[Collected]:
    """Collect the work of students in the new folder `into`; yield a report for each, also after an error.

    A source is a zip file, a student's folder, or a folder of these. If a student has more than `max_bytes`, the
    largest files are left out. Raise FileNotFoundError if no source exists, FileExistsError if `into` is not empty, and
    PermissionError if `into` cannot be made.
    """
    sources = list(sources)
    if sources and not any(map(os.path.lexists, sources)):
        raise none_in(sources)
    if os.path.lexists(into) and not (into.is_dir() and not into.is_symlink() and not any(into.iterdir())):
        raise FileExistsError(errno.EEXIST, "already exists: give the name of a new folder", os.fspath(into))
    try:
        make_folder(into)
    except PermissionError as error:
        why = "this folder cannot be made: name another one with --into"
        raise PermissionError(error.errno, why, os.path.abspath(into)) from None
    for source in sources:
        for student in _students_in(source):
            name = student.stem if student.suffix.lower() == ".zip" else student.resolve().name
            report = Collected(name, student)
            try:
                report.name = _unused(check_name(name, "a student"), into)
                (into / report.name).mkdir()
                with ExitStack() as opened:
                    _copy(_files_of(student, report, opened), into / report.name, report, max_bytes)
            except Exception as error:  # the others are collected all the same
                report.error = in_words(error)
                if (into / report.name).is_dir():  # for `read_class`
                    (into / report.name / ERROR).write_text(f"{student}: {report.error}")
            yield report


def none_in(sources: Iterable[Path]) -> FileNotFoundError:
    """Return the error for sources without any student."""
    return FileNotFoundError(f"no zip file and no student's folder in {', '.join(map(str, sources))}")


def _students_in(source: Path) -> list[Path]:
    """Return the students' folders and zip files in a folder, or `source` itself if it is a student's."""
    if not source.is_dir() or any((source / part).is_dir() for part in STUDENT_FOLDERS):
        return [source]
    entries = sorted(entry for entry in source.iterdir() if not entry.name.startswith("."))
    return [entry for entry in entries if entry.is_dir() or entry.suffix.lower() == ".zip"]


def _unused(name: str, into: Path) -> str:
    names = [name, *(f"{name}-{n}" for n in range(2, 1000))]
    return next(unused for unused in names if not os.path.lexists(into / unused))


def _files_of(source: Path, report: Collected, opened: ExitStack) -> list[_File]:
    """Return the files of a student's zip file or folder, and those inside zip files of the folder."""
    if not source.is_dir():
        descriptor = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        return list(_zipped_files(opened.enter_context(open(descriptor, "rb")), report, opened))
    root = os.open(source, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    opened.callback(os.close, root)
    files: list[_File] = []
    for file in _folder_files(source, root, report):
        if file.parts[-1].lower().endswith(".zip") and _placed(file.parts) is None:
            try:
                files += _zipped_files(opened.enter_context(file.open()), report, opened)
            except (ValueError, OSError, zipfile.BadZipFile) as error:
                report.left_out.append(f"{'/'.join(file.parts)}: {in_words(error)}")
        else:
            files.append(file)
    return files


def _folder_files(folder: Path, root: int, report: Collected) -> Iterator[_File]:
    number = 0

    def unreadable(error: OSError) -> None:
        report.left_out.append(in_words(error))

    for path, folders, files, here in os.fwalk(".", onerror=unreadable, dir_fd=root):
        parts = Path(path).parts
        for name in sorted([*folders, *files]):
            if name.startswith("."):
                continue
            number += 1
            try:
                status = os.stat(name, dir_fd=here, follow_symlinks=False)
            except OSError as error:  # deleted since the folder was listed
                unreadable(error)
                continue
            if stat.S_ISREG(status.st_mode):
                file = (*parts, name)
                yield _File(file, status.st_size, status.st_mtime, lambda file=file: _open_below(root, file))  # type: ignore[misc]
            elif not stat.S_ISDIR(status.st_mode):
                kind = "a link" if stat.S_ISLNK(status.st_mode) else "a special file"
                report.left_out.append(f"{'/'.join((*parts, name))} is {kind}")
        folders[:] = [name for name in folders if not name.startswith(".")]
        if folders and len(parts) >= MAX_NESTING:
            report.left_out.append(f"{folder}: folders in folders, more than {MAX_NESTING} deep")
            folders.clear()
        if number > MAX_FILES:
            report.left_out.append(f"{folder} has more than {MAX_FILES:,} files: the rest")
            return


def _open_below(root: int, parts: tuple[str, ...]) -> BinaryIO:
    """Open a regular file below an open folder, without following a link anywhere on the way."""
    with ExitStack() as opened, naming("/".join(parts)):
        for name in parts[:-1]:
            root = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=root)
            opened.callback(os.close, root)
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(parts[-1], flags, dir_fd=root)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise ValueError("the file was replaced by something else while it was collected")
        return open(descriptor, "rb")


def _zipped_files(file: BinaryIO, report: Collected, opened: ExitStack) -> Iterator[_File]:
    _check_directory(file)
    archive = opened.enter_context(zipfile.ZipFile(file))
    entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    if len(entries) > MAX_FILES:
        raise ValueError(f"the zip file has {len(entries):,} files: at most {MAX_FILES:,} are collected")
    for entry in entries:
        parts = entry.filename.replace("\\", "/").split("/")
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if entry.filename.startswith(("/", "\\")) or ".." in parts or ":" in parts[0]:
            report.left_out.append(f"{entry.filename} is outside of the student's folder")
        elif kind not in (0, stat.S_IFREG):
            report.left_out.append(f"{entry.filename} is {'a link' if kind == stat.S_IFLNK else 'a special file'}")
        elif entry.flag_bits & 1 or entry.compress_type not in METHODS:
            report.left_out.append(f"{entry.filename} is encrypted, or compressed by a method that is not supported")
        else:
            path = tuple(part for part in parts if part not in ("", "."))
            yield _File(path, entry.file_size, _time(entry), lambda entry=entry: archive.open(entry))  # type: ignore


def _time(entry: zipfile.ZipInfo) -> float:
    try:
        return max(0.0, time.mktime((*entry.date_time, 0, 0, -1)))
    except (ValueError, OverflowError):  # no date
        return 0.0


def _check_directory(file: BinaryIO) -> None:
    """Raise ValueError if a zip file's list of files is too long: `ZipFile` would read all of it into memory."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - (1 << 16) - _END_BYTES))
    tail = file.read()
    end = tail.rfind(_END)
    if end < 0 or len(tail) < end + _END_BYTES:
        raise ValueError("damaged, or not a zip file")
    (directory,) = struct.unpack_from("<L", tail, end + 12)
    if directory > MAX_DIRECTORY_BYTES or tail[max(0, end - 20) :].startswith(_END_64):
        raise ValueError(f"the zip file lists too many files: at most {MAX_FILES:,} are collected")


def _placed(parts: tuple[str, ...]) -> tuple[str, ...] | None:
    """Return where a file belongs in a student's folder, or None if it is not part of a hand-in."""
    if not parts or any(part.startswith(".") for part in parts):
        return None
    at = next((n for n, part in enumerate(parts[:-1]) if part in STUDENT_FOLDERS), None)
    if at is not None:
        return parts[at:]
    if parts[-1].endswith(".ipynb"):
        return "notebooks", parts[-1]
    return ("runs", parts[-1]) if parts[-1] in (PROGRESS, ANSWERS) else None


def _copy(files: list[_File], into: Path, report: Collected, max_bytes: int) -> None:
    for file in sorted(files, key=lambda file: file.size):
        name, placed = "/".join(file.parts), _placed(file.parts)
        if placed is None:
            if not any(part.startswith(".") for part in file.parts):
                report.left_out.append(f"{name} is not in one of the folders {', '.join(STUDENT_FOLDERS)}")
            continue
        if UNSAFE.search(name) or max(len(os.fsencode(part)) for part in placed) > MAX_PART_BYTES:
            report.left_out.append(f"{name[:MAX_PART_BYTES]}: the name is too long or has control characters")
        elif report.bytes + file.size > max_bytes:
            report.left_out.append(f"{name}: the student has more than {max_bytes:,} bytes")
        else:
            target = into.joinpath(*placed)
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                with file.open() as source, open(target, "xb") as copy:
                    report.files += 1
                    report.bytes += file.size
                    _copy_bytes(source, copy, file.size)
                os.utime(target, (file.time, file.time))  # marks show the time of handing in
            except Exception as error:  # damaged data raise many kinds of errors; the other files are copied
                report.left_out.append(f"{name}: {in_words(error)}")


def _copy_bytes(source: BinaryIO, copy: BinaryIO, most: int) -> None:
    """Copy at most `most` bytes; the rest of a file that has grown since it was counted is left out."""
    while most > 0 and (part := source.read(min(most, 1 << 20))):
        copy.write(part)
        most -= len(part)


def in_text(reports: list[Collected]) -> str:
    """Return the reports as a text of one paragraph per student."""
    lines = []
    for report in reports:
        size = f"{counted(report.files, 'file')}, {report.bytes / 1e6:.1f} MB"
        lines.append(f"{report.name}: {size} from {report.source}")
        lines += [f"  error: {report.error}"] if report.error else []
        lines += [f"  left out: {text}" for text in report.left_out]
    return "".join(f"{escaped(line)}\n" for line in lines)
