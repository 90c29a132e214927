"""Models as safetensors files, which many programs read, and back; with the lab's names or as a state_dict of PyTorch.

The state_dict belongs to an nn.Embedding `embedding`, an nn.RNN or nn.LSTM `rnn`, and an nn.Linear `output`, without
biases. PyTorch is needed neither to write it nor to read it, and unlike PyTorch's own files it holds no pickle.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from lxmls_rnn import memory
from lxmls_rnn.deep_learning import model_file
from lxmls_rnn.deep_learning.activations import OF_NN_RNN
from lxmls_rnn.export import metadata
from lxmls_rnn.storage.files import naming, open_regular, quoted

LENGTH_BYTES = 8  # at the start of the file: the length of its header, which holds names, shapes and metadata
SAFETENSORS_DTYPES = {"float64": "F64", "float32": "F32"}
# names of the parameters in the state_dict; `embedding.weight` has a row for each word, W_e a column
TORCH_NAMES = {
    "W_e": "embedding.weight",
    "W_x": "rnn.weight_ih_l0",
    "W_h": "rnn.weight_hh_l0",
    "W_y": "output.weight",
}
REMEDY = "export `--to onnx` or `--to safetensors`, or train a model with"


def content(saved: model_file.Saved, texts: Mapping[str, str]) -> bytes:
    """Return a model and the texts of `metadata` as a safetensors file."""
    return _content(saved.model.get_values(), texts)


def torch_content(saved: model_file.Saved, texts: Mapping[str, str]) -> bytes:
    """Return a model as a state_dict of PyTorch in a safetensors file.

    Raise ValueError if PyTorch has no such layer: an LSTM with peepholes, an RNN with an activation that nn.RNN lacks.
    """
    options = saved.model.options
    if options.get("peepholes"):
        raise ValueError(f"PyTorch's nn.LSTM has no peepholes: {REMEDY} --no-peepholes")
    if options["activation"] not in OF_NN_RNN:
        raise ValueError(f"PyTorch's nn.RNN has no {options['activation']} function: {REMEDY} --activation tanh")
    values = saved.model.get_values()
    values["W_e"] = values["W_e"].T
    return _content({TORCH_NAMES[name]: W for name, W in values.items()}, texts)


def _content(values: Mapping[str, np.ndarray], texts: Mapping[str, str]) -> bytes:
    from safetensors.numpy import save

    memory.check("a safetensors file", 2 * sum(W.nbytes for W in values.values()))
    return save({name: np.ascontiguousarray(W) for name, W in values.items()}, dict(texts))


def read(path: Path) -> model_file.Saved:
    """Read a file written from `content` or `torch_content` as a NumPy model with its header.

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
            header = metadata.header(path, file.metadata() or {})
            is_torch = set(file.keys()) == set(TORCH_NAMES.values())
            ours = {stored: name for name, stored in TORCH_NAMES.items()} if is_torch else {}
            parts = {ours.get(stored, stored): file.get_slice(stored) for stored in file.keys()}  # noqa: SIM118  not a dictionary
            shapes = {name: tuple(part.get_shape()) for name, part in parts.items()}
            if is_torch:
                shapes["W_e"] = shapes["W_e"][::-1]
            model_class, sizes, known = model_file.check(header, shapes, model_file.numpy_class_of(header))
            for name, part in parts.items():
                if part.get_dtype() != SAFETENSORS_DTYPES[known.dtype]:
                    raise ValueError(
                        f"{name} has dtype {quoted(part.get_dtype())}, expected {SAFETENSORS_DTYPES[known.dtype]}"
                    )
            memory.check(f"the model in {path}", 3 * memory.size_of(shapes.values(), known.dtype))
            values = {name: part[:] for name, part in parts.items()}
    except SafetensorError as error:
        raise ValueError(f"it is not a whole safetensors file: {error}") from error
    if is_torch:
        values["W_e"] = values["W_e"].T
    return model_file.Saved(model_file.build(model_class, sizes, values, known.activation, known.dtype), header)
