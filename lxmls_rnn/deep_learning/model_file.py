"""Model files: save and load taggers."""

from __future__ import annotations

import json
import os
import platform
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Annotated, Any, NamedTuple, TypeVar

import numpy as np

import lxmls_rnn
from lxmls_rnn import memory
from lxmls_rnn.deep_learning import models, parameters
from lxmls_rnn.storage import records
from lxmls_rnn.storage.files import naming, open_regular, write_atomically
from lxmls_rnn.storage.messages import quoted
from lxmls_rnn.storage.npz import Archive

MODEL = records.Format("lxmls-rnn model")
DAMAGED = "is not a whole model file of this library"
M = TypeVar("M", bound=parameters.Model)
MAX_HEADER_BYTES = 64 << 20  # a vocabulary of a million words takes about 20 million bytes

Positive = Annotated[int, records.Between(1, 2**31 - 1)]


@dataclass(frozen=True)
class SizesInHeader:
    """The sizes of the model; see `parameters.Sizes`."""

    n_words: Positive
    n_emb: Positive
    n_hidd: Positive
    n_tags: Positive


@dataclass(frozen=True)
class Header:
    """Fields of the header that `load` checks, besides the class; further fields are allowed."""

    sizes: SizesInHeader
    activation: str
    dtype: str
    words: Annotated[list[str], records.StopAtFirstError()] | None
    tags: Annotated[list[str], records.StopAtFirstError()] | None
    peepholes: bool = True  # an RNN lacks this field
    n_known_words: records.Count | None = None
    epoch: records.Count | None = None
    tag_source: tuple[str, str] | None = None


def save(
    path: str | os.PathLike[str],
    model: parameters.Model,
    *,
    words: list[str] | None = None,
    tags: list[str] | None = None,
    **extra: Any,
) -> None:
    """Write a model to a NumPy .npz file: the parameters as arrays, the rest as JSON in the entry `header`.

    Parameters
    ----------
    path
        The file to write; an existing file is replaced in one step.
    model
        Any tagger of this package.
    words, tags
        Names of the word and tag ids, in order. Without them the loaded model cannot tag text.
    extra
        Further fields for the header: any JSON values.

    Raises
    ------
    ValueError
        As `check_names`.
    FloatingPointError
        A parameter is NaN or infinite. Nothing is written, because `load` would reject the file.
    OSError
        The file cannot be written; the message names it.
    """
    check_names(words, tags, model.sizes)
    values = model.get_values()
    for name, value in values.items():
        if not np.isfinite(value).all():
            raise FloatingPointError(f"{name} holds NaN or infinity: the model has diverged and was not saved")
    header = {
        **MODEL._asdict(),
        "class": type(model).__name__,
        "sizes": model.sizes._asdict(),
        **model.options,
        "words": words,
        "tags": tags,
        "versions": {"lxmls_rnn": lxmls_rnn.__version__, "numpy": np.__version__, "python": platform.python_version()},
        **extra,
    }
    write(path, header, values)


def write(path: str | os.PathLike[str], header: Mapping[str, Any], values: Mapping[str, np.ndarray]) -> None:
    """Write a header and parameters, which were checked before, to a model file; OSError as in `save`."""
    encoded = np.frombuffer(json.dumps(header, ensure_ascii=False).encode(), dtype=np.uint8)
    write_atomically(Path(path), lambda file: _write({"header": encoded, **values}, file))


def _write(arrays: Mapping[str, np.ndarray], file: IO[bytes]) -> None:
    """Write an .npz file; unlike np.savez, close the ZipFile even if the disk is full."""
    with zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, array, allow_pickle=False)


def check_names(words: list[str] | None, tags: list[str] | None, sizes: parameters.Sizes) -> None:
    """Raise ValueError unless `words` and `tags` are None or distinct names, as many as in `sizes`."""
    for names, size, what in ((words, sizes.n_words, "words"), (tags, sizes.n_tags, "tags")):
        if names is not None and not len(names) == len(set(names)) == size:
            raise ValueError(
                f"{what} must name all {size} {what} of the model, each once: "
                f"got {len(names)} names, {len(set(names))} of them different"
            )


class Saved(NamedTuple):
    """Contents of a model file: the model and its header."""

    model: parameters.Model
    header: dict[str, Any]


def load(path: str | os.PathLike[str], model_class: type[parameters.Model] | None = None) -> Saved:
    """Read a model file.

    Parameters
    ----------
    path
        A file written by `save`.
    model_class
        The class to build, for instance `NumpyRNN` for a saved `RNN`; by default the class that was saved.

    Raises
    ------
    FileNotFoundError
        The file does not exist.
    ValueError
        The file is not a model file, is damaged, has another format, has parameters that do not match its sizes, or
        does not fit `model_class`.
    OSError
        The file cannot be read; the message names it.
    MemoryError
        The model does not fit into memory. Names, shapes and sizes are checked before any array is read.
    """
    with _opened(path) as (archive, header, shapes):
        with _fault(f"{path} cannot be loaded"):
            model_class, sizes, known = _check(header, shapes, model_class)
        memory.check(f"the model in {path}", 3 * memory.size_of(shapes.values(), known.dtype))
        with _fault(f"{path} {DAMAGED}"):
            values = {name: archive.read(name) for name in shapes}
        with _fault(f"{path} cannot be loaded"):
            return Saved(models.build(model_class, sizes, values, known.activation, known.dtype), header)


def load_in_numpy(path: str | os.PathLike[str]) -> Saved:
    """Read a model file as the NumPy model of its family, without Theano; errors as in `load`."""
    name = read_header(path).get("class")
    # `load` reports an unknown class
    return load(path, models.numpy_class(name) if name in list(models.MODELS) else None)


def read_header(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the header of a model file without reading the parameters; errors as in `load`."""
    with _opened(path) as (_, header, _):
        return header


@contextmanager
def _opened(
    path: str | os.PathLike[str],
) -> Iterator[tuple[Archive, dict[str, Any], dict[str, tuple[int, ...]]]]:
    """Open a model file: its archive, its header and the shapes of its parameters; errors as in `load`."""
    try:
        file = open_regular(path)
    except FileNotFoundError:
        raise FileNotFoundError(f"no model file {path}") from None
    with naming(path), file:
        with _fault(f"{path} {DAMAGED}"):
            archive = Archive(file)
            if "header" not in archive.names:
                raise ValueError("the entry 'header' is missing")
            (size,) = archive.shape("header", kinds="u", largest=1)
            if size > MAX_HEADER_BYTES:
                raise ValueError(f"its header has {size:,} bytes, expected at most {MAX_HEADER_BYTES:,}")
            header = _parse_header(archive.read("header").tobytes())
            shapes = {name: archive.shape(name) for name in archive.names if name != "header"}
        with _fault(f"{path} cannot be loaded"):
            MODEL.check(header)
        yield archive, header, shapes


@contextmanager
def _fault(what: str) -> Iterator[None]:
    """Put `what` before the message of a ValueError that the block raises."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{what}: {error}") from error


def _parse_header(text: bytes) -> dict[str, Any]:
    """Return a header from its JSON; ValueError if it has too many brackets."""
    if text.count(b"[") + text.count(b"{") > records.MAX_VALUES:  # an empty list takes 64 bytes
        raise ValueError(f"its header has more than {records.MAX_VALUES:,} brackets, which is the limit")
    return records.parse(dict[str, Any], text, "header")


def _check(
    header: dict[str, Any], shapes: Mapping[str, tuple[int, ...]], model_class: type[parameters.Model] | None = None
) -> tuple[type[parameters.Model], parameters.Sizes, Header]:
    """Check a header, and the shapes of the parameters against it, before the parameters are read.

    Return the class to build (by default the one in the header), its sizes and the fields that were checked; raise
    ValueError, which says what is wrong.
    """
    known = records.check(Header, header)
    if model_class is None:
        if header.get("class") not in list(models.MODELS):
            raise ValueError(f"its class is {quoted(header.get('class'))}, expected one of {', '.join(models.MODELS)}")
        model_class = models.model_class(header["class"])
    sizes = parameters.Sizes(**vars(known.sizes))
    parameters.check_shapes(model_class.shapes(sizes, known.peepholes), shapes)
    parameters.check_choice("dtype", known.dtype, parameters.DTYPES)
    check_names(known.words, known.tags, sizes)
    return model_class, sizes, known
