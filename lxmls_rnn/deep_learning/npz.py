"""Read NumPy's .npz files of unknown origin: nothing is unpacked before its size is known to fit into the file."""

from __future__ import annotations

import errno
import io
import math
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, cast

import numpy as np

from lxmls_rnn.storage.files import in_words, quoted

MOST_ENTRIES = 10  # arrays of a file
LONGEST_NPY_HEADER = 1000  # bytes that say dtype and shape of an array; NumPy writes 118
LARGEST_PIECE = 1 << 20  # bytes that are read at once
_HEADERS = {1: np.lib.format.read_array_header_1_0, 2: np.lib.format.read_array_header_2_0}


class Archive:
    """An open .npz file.

    Parameters
    ----------
    file
        The file, open to be read as bytes; it stays open.

    Attributes
    ----------
    names
        Of its arrays.

    Raises
    ------
    ValueError
        It is no .npz file, has more than `MOST_ENTRIES`, or an entry is compressed or larger than the file. All methods
        raise it where the file is damaged, and OSError where it cannot be read.
    """

    def __init__(self, file: IO[bytes]) -> None:
        with _damage_told():
            if not zipfile.is_zipfile(file):
                raise ValueError("it is not an .npz file")
            self._archive = zipfile.ZipFile(cast(IO[bytes], _InPieces(file)))
            self.names = [name.removesuffix(".npy") for name in self._archive.namelist()]
            if len(self.names) > MOST_ENTRIES or len(set(self.names)) < len(self.names):
                raise ValueError(f"it has {len(self.names)} entries, {quoted(self.names)}")
            size = file.seek(0, io.SEEK_END)
            for entry in self._archive.infolist():
                if entry.compress_type != zipfile.ZIP_STORED:
                    raise ValueError(f"{quoted(entry.filename)} is compressed, expected plain numbers")
                if not entry.file_size == entry.compress_size < size:
                    raise ValueError(
                        f"{quoted(entry.filename)} is to have {entry.file_size:,} of the file's {size:,} bytes"
                    )

    def shape(self, name: str, kinds: str = "f", largest: int = 8) -> tuple[int, ...]:
        """Return the shape of an array; ValueError if its numbers are of no such kind, or larger than so many bytes.

        The array is not unpacked, but the file says that it has as many bytes as it takes.
        """
        with _damage_told(), self._archive.open(f"{name}.npy") as entry:
            shape, dtype = _read_header(name, entry)
            if dtype.kind not in kinds or dtype.itemsize > largest:
                raise ValueError(f"{quoted(name)} holds {dtype}, expected numbers")
            need, has = math.prod(shape) * dtype.itemsize, self._archive.getinfo(f"{name}.npy").file_size - entry.tell()
            if need != has:
                raise ValueError(f"{quoted(name)} has shape {quoted(shape)}, so {need:,} bytes, but there are {has:,}")
            return shape

    def read(self, name: str) -> np.ndarray:
        """Return an array, whose `shape` should have been asked for before."""
        with _damage_told(), self._archive.open(f"{name}.npy") as entry:
            return np.lib.format.read_array(entry, allow_pickle=False)


class _InPieces:
    """A file that is not read in large pieces: zipfile would take as long a list of entries as the file announces."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self.seek, self.tell, self.seekable = file, file.seek, file.tell, file.seekable

    def read(self, size: int = -1) -> bytes:
        """Return so many bytes, or what is left; ValueError for more than `LARGEST_PIECE`."""
        if size > LARGEST_PIECE:
            raise ValueError(f"its list of entries is to have {size:,} bytes, expected at most {LARGEST_PIECE:,}")
        return self._file.read(size if size >= 0 else LARGEST_PIECE)


def _read_header(name: str, entry: IO[bytes]) -> tuple[tuple[int, ...], np.dtype]:
    """Return shape and dtype from what comes before the numbers: a magic string, the header's length, the header."""
    major, _ = np.lib.format.read_magic(entry)
    if major not in _HEADERS:
        raise ValueError(f"{quoted(name)} has version {major} of the format .npy")
    written = entry.read(2 if major == 1 else 4)
    length = int.from_bytes(written, "little")
    if length > LONGEST_NPY_HEADER:
        raise ValueError(f"{quoted(name)} has a header of {length:,} bytes, expected at most {LONGEST_NPY_HEADER:,}")
    shape, _, dtype = _HEADERS[major](io.BytesIO(written + entry.read(length)))
    return shape, dtype


@contextmanager
def _damage_told() -> Iterator[None]:
    """Turn what zipfile and numpy raise for damaged files, a dozen kinds, into ValueError."""
    try:
        yield
    except MemoryError:
        raise
    except OSError as error:
        if error.errno not in (None, errno.EINVAL):  # a place in the file that cannot be
            raise
        raise ValueError(f"its list of entries is damaged ({in_words(error)})") from error
    except Exception as error:
        raise ValueError(in_words(error)) from error
