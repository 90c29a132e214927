"""Models as safetensors files, which many programs read, and back.

The metadata hold three texts: `lxmls_rnn` is the header of the model file as JSON (sizes, options, words, tags),
`settings` the settings of the run as JSON, and `source` the source and licence of the data.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lxmls_rnn import memory
from lxmls_rnn.deep_learning import model_file
from lxmls_rnn.storage.files import naming, open_regular, quoted, write_atomically

if TYPE_CHECKING:
    from lxmls_rnn.experiment import Settings

LENGTH_BYTES = 8  # at the start of the file: the length of its header, which holds names, shapes and metadata
SAFETENSORS_DTYPES = {"float64": "F64", "float32": "F32"}


def write(path: Path, saved: model_file.Saved, settings: Settings | None, source: str) -> None:
    """Write a model and its header to a safetensors file; OSError, which names the file, if that fails."""
    from safetensors.numpy import save

    values = {name: np.ascontiguousarray(W) for name, W in saved.model.get_values().items()}
    memory.check(f"a copy of {path}", 2 * sum(W.nbytes for W in values.values()))
    metadata = {"lxmls_rnn": json.dumps(saved.header, ensure_ascii=False), "source": source}
    if settings is not None:
        metadata["settings"] = json.dumps(settings.to_dict(), ensure_ascii=False)
    write_atomically(path, lambda file: file.write(save(values, metadata)))


def read(path: Path) -> model_file.Saved:
    """Read a file written by `write` as a NumPy model with its header.

    Raise FileNotFoundError if there is no such file, ValueError if it is damaged, lacks the header or has parameters
    that do not match it, OSError if it cannot be read, and MemoryError if it does not fit into memory. Sizes, names and
    header are checked before any parameter is read.
    """
    try:
        with naming(path), open_regular(path) as file:
            length = int.from_bytes(file.read(LENGTH_BYTES), "little")
            size = os.fstat(file.fileno()).st_size
        if LENGTH_BYTES + length > size:
            raise ValueError(
                f"it is not a whole safetensors file: it states {length:,} bytes of header, and has {size:,}"
            )
        model_file.check_header_size(path, length)
        return _read(path)
    except ValueError as error:
        raise ValueError(f"{path} cannot be imported: {error}") from error


def _read(path: Path) -> model_file.Saved:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            header = _header(file.metadata() or {})
            parts = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118  not a dictionary
            shapes = {name: tuple(part.get_shape()) for name, part in parts.items()}
            model_class, sizes, known = model_file.check(header, shapes, model_file.numpy_class_of(header))
            for name, part in parts.items():
                if part.get_dtype() != SAFETENSORS_DTYPES[known.dtype]:
                    raise ValueError(
                        f"{name} has dtype {quoted(part.get_dtype())}, expected {SAFETENSORS_DTYPES[known.dtype]}"
                    )
            memory.check(f"the model in {path}", 3 * memory.size_of(shapes.values(), known.dtype))
            values = {name: file.get_tensor(name) for name in shapes}
    except SafetensorError as error:
        raise ValueError(f"it is not a whole safetensors file: {error}") from error
    return model_file.Saved(model_file.build(model_class, sizes, values, known.activation, known.dtype), header)


def _header(metadata: dict[str, str]) -> dict[str, Any]:
    if "lxmls_rnn" not in metadata:
        raise ValueError("its metadata lack 'lxmls_rnn', the header that `lxmls-rnn export` writes")
    return model_file.parse_header(metadata["lxmls_rnn"].encode())
