"""Reader of untrusted .npz files: it checks the size of each array before it allocates memory."""

from __future__ import annotations

import errno
import io
import math
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, cast

import numpy as np

from lxmls_rnn.storage.messages import in_words, quoted

MAX_ARRAYS = 10  # in a file
MAX_NPY_HEADER_BYTES = 1000  # dtype and shape of an array; NumPy writes 118 bytes
MAX_READ_BYTES = 1 << 20  # in one call
_HEADERS = {1: np.lib.format.read_array_header_1_0, 2: np.lib.format.read_array_header_2_0}


class Archive:
    """An open .npz file.

    Parameters
    ----------
    file
        The file, opened for reading bytes. `Archive` does not close it.

    Attributes
    ----------
    names
        Names of the arrays.

    Raises
    ------
    ValueError
        The file is not an .npz file, has more than `MAX_ARRAYS` entries, or an entry is compressed or larger than the
        file. All methods raise ValueError if the file is damaged, and OSError if it cannot be read.
    """

    def __init__(self, file: IO[bytes]) -> None:
        with _damage_as_value_error():
            if not zipfile.is_zipfile(file):
                raise ValueError("it is not an .npz file")
            self._archive = zipfile.ZipFile(cast(IO[bytes], _SmallReads(file)))
            self.names = [name.removesuffix(".npy") for name in self._archive.namelist()]
            if len(self.names) > MAX_ARRAYS or len(set(self.names)) < len(self.names):
                raise ValueError(
                    f"expected at most {MAX_ARRAYS} entries with distinct names, got {len(self.names)}:"
                    f" {quoted(self.names)}"
                )
            size = file.seek(0, io.SEEK_END)
            for entry in self._archive.infolist():
                if entry.compress_type != zipfile.ZIP_STORED:
                    raise ValueError(f"{quoted(entry.filename)} is compressed, expected uncompressed numbers")
                if not entry.file_size == entry.compress_size < size:
                    raise ValueError(
                        f"the size of {quoted(entry.filename)}, {entry.file_size:,} bytes, does not fit a file of"
                        f" {size:,} bytes"
                    )

    def shape(self, name: str, kinds: str = "f", largest: int = 8) -> tuple[int, ...]:
        """Return the shape of an array without reading it.

        Raises ValueError if the dtype's kind is not in `kinds`, a number takes more than `largest` bytes, or the size
        in the file does not fit the shape.
        """
        with _damage_as_value_error(), self._archive.open(f"{name}.npy") as entry:
            shape, dtype = _read_header(name, entry)
            if dtype.kind not in kinds or dtype.itemsize > largest:
                raise ValueError(f"{quoted(name)} holds {dtype}, expected numbers")
            need, has = math.prod(shape) * dtype.itemsize, self._archive.getinfo(f"{name}.npy").file_size - entry.tell()
            if need != has:
                raise ValueError(
                    f"{quoted(name)} has shape {quoted(shape)}, which takes {need:,} bytes, but there are {has:,}"
                )
            return shape

    def read(self, name: str) -> np.ndarray:
        """Return an array; call `shape` first, which checks it."""
        with _damage_as_value_error(), self._archive.open(f"{name}.npy") as entry:
            return np.lib.format.read_array(entry, allow_pickle=False)


class _SmallReads:
    """A file that rejects large reads, because zipfile trusts the size that the file states for its list of entries."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self.seek, self.tell, self.seekable = file, file.seek, file.tell, file.seekable

    def read(self, size: int = -1) -> bytes:
        """Return at most `size` bytes; ValueError if `size` is more than `MAX_READ_BYTES`."""
        if size > MAX_READ_BYTES:
            raise ValueError(f"its list of entries has {size:,} bytes, expected at most {MAX_READ_BYTES:,}")
        return self._file.read(size if size >= 0 else MAX_READ_BYTES)


def _read_header(name: str, entry: IO[bytes]) -> tuple[tuple[int, ...], np.dtype]:
    """Return shape and dtype from the start of an .npy entry: magic string, length of the header, header."""
    major, _ = np.lib.format.read_magic(entry)
    if major not in _HEADERS:
        raise ValueError(f"{quoted(name)} has version {major} of the .npy format, expected 1 or 2")
    written = entry.read(2 if major == 1 else 4)
    length = int.from_bytes(written, "little")
    if length > MAX_NPY_HEADER_BYTES:
        raise ValueError(f"{quoted(name)} has a header of {length:,} bytes, expected at most {MAX_NPY_HEADER_BYTES:,}")
    shape, _, dtype = _HEADERS[major](io.BytesIO(written + entry.read(length)))
    return shape, dtype


@contextmanager
def _damage_as_value_error() -> Iterator[None]:
    """Convert the many kinds of errors that zipfile and numpy raise for damaged files to ValueError."""
    try:
        yield
    except MemoryError:
        raise
    except OSError as error:
        if error.errno not in (None, errno.EINVAL):  # EINVAL: a seek to an invalid position
            raise
        raise ValueError(f"its list of entries is damaged ({in_words(error)})") from error
    except Exception as error:
        raise ValueError(in_words(error)[:200]) from error  # zipfile quotes names of up to 65,535 bytes
