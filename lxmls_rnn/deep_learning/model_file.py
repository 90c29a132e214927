"""A tagger in a file, or from numbers that are there: save, load, build, and convert to another class of its family."""

from __future__ import annotations

import json
import os
import platform
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import lxmls_rnn
from lxmls_rnn.deep_learning import parameters, rnn
from lxmls_rnn.deep_learning.interface import Model
from lxmls_rnn.files import write_atomically

FORMAT = "lxmls-rnn model"
FORMAT_VERSION = 1


def save(
    path: str | os.PathLike[str],
    model: Model,
    *,
    words: list[str] | None = None,
    tags: list[str] | None = None,
    **extra: Any,
) -> None:
    """Write a model to one file: the parameters as a NumPy .npz, what they mean as JSON in its entry `header`.

    Parameters
    ----------
    path
        The file; an existing one is replaced in one step.
    model
        Any tagger of this package.
    words, tags
        Names of the word and tag ids, in order. They may be left out, but then the file cannot tag text.
    extra
        Anything that JSON can hold; it comes back in the header.

    Raises
    ------
    ValueError
        As `check_names`.
    """
    check_names(words, tags, model.sizes)
    header = {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "class": type(model).__name__,
        "sizes": model.sizes._asdict(),
        "activation": model.activation,
        "dtype": model.dtype,
        "words": words,
        "tags": tags,
        "versions": {
            "lxmls_rnn": lxmls_rnn.__version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
        },
        **extra,
    }
    encoded = np.frombuffer(json.dumps(header, ensure_ascii=False).encode(), dtype=np.uint8)
    arrays: dict[str, Any] = {"header": encoded, **model.get_values()}
    write_atomically(Path(path), lambda file: np.savez(file, **arrays))


def check_names(words: list[str] | None, tags: list[str] | None, sizes: parameters.Sizes) -> None:
    """Raise ValueError unless `words` and `tags` are None or distinct names, as many as `sizes` says."""
    for names, size, what in ((words, sizes.n_words, "words"), (tags, sizes.n_tags, "tags")):
        if names is not None and not len(names) == len(set(names)) == size:
            raise ValueError(
                f"{what} must name all {size} {what} of the model, each once: "
                f"got {len(names)} names, {len(set(names))} of them different"
            )


class Saved(NamedTuple):
    """A model file's contents: the model, rebuilt, and its header."""

    model: Model
    header: dict[str, Any]


def load(path: str | os.PathLike[str], model_class: type | None = None) -> Saved:
    """Read a model file.

    Parameters
    ----------
    path
        A file written by `save`.
    model_class
        The class to build, for instance `NumpyRNN` for a file that an `RNN` wrote; by default the one that wrote it.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ValueError
        It is not a model file, is damaged, is from a later version of the format, does not hold the parameters
        that its sizes ask for, or cannot be a `model_class`.
    """
    path = Path(path)
    try:
        if not zipfile.is_zipfile(path):
            path.open("rb").close()  # one that is not there or not to be read says so
            raise ValueError("it is not an .npz file")
        with np.load(path, allow_pickle=False) as archive:
            contents = {name: archive[name] for name in archive.files}
        header = json.loads(contents.pop("header").tobytes())
        if header["format"] != FORMAT:
            raise ValueError(f"its format is {header['format']!r}")
    except FileNotFoundError:
        raise FileNotFoundError(f"no model file {path}") from None
    except IsADirectoryError:
        raise ValueError(f"{path} is a folder, expected a model file (.npz)") from None
    except Exception as error:  # zipfile and numpy raise a dozen kinds for damaged files
        raise ValueError(f"{path} is not a whole model file of this library: {error}") from error
    try:
        if header["version"] > FORMAT_VERSION:
            raise ValueError(
                f"it has version {header['version']} of the model format; this library reads up to {FORMAT_VERSION}"
            )
        model = _rebuild(header, contents, model_class)
        check_names(header["words"], header["tags"], model.sizes)
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} cannot be loaded: {error}") from error
    return Saved(model, header)


def _rebuild(header: Mapping[str, Any], values: dict[str, np.ndarray], model_class: type | None) -> Any:
    if model_class is None:
        if header["class"] not in rnn.MODELS:
            raise ValueError(f"its class is {header['class']!r}, expected one of {', '.join(rnn.MODELS)}")
        model_class = rnn.model_class(header["class"])
    sizes = parameters.Sizes(**header["sizes"])
    return build(model_class, sizes, values, header["activation"], header["dtype"])


def build(
    model_class: Any, sizes: parameters.Sizes, values: Mapping[str, np.ndarray], activation: str, dtype: str
) -> Any:
    """Make a model of given values without drawing any; errors as in `check_values` and `check_dtype`."""
    parameters.check_dtype(dtype)
    parameters.check_values(model_class.shapes(sizes), values)
    model = model_class.__new__(model_class)
    model._set_up(sizes, dict(values), activation, dtype)
    return model


def convert(model: Model, model_class: Any) -> Any:
    """Return a model of another class of the same family with the same numbers, for instance an RNN as a NumpyRNN."""
    return build(model_class, model.sizes, model.get_values(), model.activation, model.dtype)
