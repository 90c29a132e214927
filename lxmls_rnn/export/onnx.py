"""Models as ONNX files, which ONNX Runtime and other programs execute, and back.

The initializers are the parameters, with the lab's names, shapes and dtype. From them, the graph computes the arguments
of ONNX's operators, which a runtime does once, when it loads the file; it computes in single precision, since ONNX
Runtime has no recurrent layer in double precision. RNN and LSTM are the operators of these names. ONNX's LSTM has
diagonal peepholes only, so an LSTM with the lab's full peepholes is a Scan.

    input    x     (L,) int64               word ids of a sentence
    outputs  p_y   (n_tags, L) float32      probabilities
             h     (n_hidd, L) float32      hidden states

The metadata are those of `metadata`. The numbers of messages, fields and types are in onnx.proto,
https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

import lxmls_rnn
from lxmls_rnn import memory
from lxmls_rnn.deep_learning import model_file, npz, parameters
from lxmls_rnn.deep_learning.activations import ACTIVATIONS
from lxmls_rnn.deep_learning.interface import Model
from lxmls_rnn.export import metadata
from lxmls_rnn.export.protobuf import Fields, message
from lxmls_rnn.export.protobuf import read as read_fields
from lxmls_rnn.storage.files import naming, open_regular, quoted

IR_VERSION, OPSET = 8, 17  # of 2022: readable for ONNX Runtime from 1.12 on
FLOAT, INT64, DOUBLE = 1, 7, 11  # types of numbers
ONNX_DTYPES = {"float32": FLOAT, "float64": DOUBLE}
MAX_BYTES = 2**31 - 1  # of a message; Protocol Buffers allow no more


def content(saved: model_file.Saved, texts: Mapping[str, str]) -> bytes:
    """Return a model and the texts of `metadata` as an ONNX file; ValueError if that has more than `MAX_BYTES`."""
    values = saved.model.get_values()
    size = sum(W.nbytes for W in values.values()) + sum(len(text.encode()) for text in texts.values())
    if size > 0.99 * MAX_BYTES:
        raise ValueError(f"an ONNX file has at most 2 GB, the model has {size / 1e9:.1f} GB: export `--to safetensors`")
    memory.check("an ONNX file", 4 * size)
    graph = message(
        *((1, node) for node in _nodes(saved.model)),
        (2, "tagger"),
        *((5, _tensor(name, W)) for name, W in values.items()),
        (11, _value("x", INT64, "L")),
        (12, _value("p_y", FLOAT, saved.model.sizes.n_tags, "L")),
        (12, _value("h", FLOAT, saved.model.sizes.n_hidd, "L")),
    )
    return message(
        (1, IR_VERSION),
        (2, "lxmls-rnn"),
        (3, lxmls_rnn.__version__),
        (7, graph),
        (8, message((1, ""), (2, OPSET))),
        *((14, message((1, name), (2, text))) for name, text in texts.items()),
    )


def _nodes(model: Model) -> list[bytes]:
    """Return the nodes of a model's graph; what ends in `_rows` has a row for each word, the rest a column."""
    H = model.sizes.n_hidd
    single = [_node("Cast", name, f"{name}_single", to=FLOAT) for name in model.shapes(model.sizes) if name != "W_e"]
    embed = [
        _node("Gather", "W_e x", "z", axis=1),
        _node("Cast", "z", "z_single", to=FLOAT),
        _node("Transpose", "z_single", "z_rows"),
    ]
    to_tags = [
        _node("Transpose", "h_rows", "h"),
        _node("MatMul", "W_y_single h", "y"),
        _node("Softmax", "y", "p_y", axis=0),
    ]
    if not isinstance(model, parameters.LSTMOptions):
        layer = _operator("RNN", "W_x_single", "W_h_single", H, activations=[ACTIVATIONS[model.activation].onnx])
    elif model.peepholes:
        layer = [
            _node("Transpose", "W_x_single", "W_x_turned"),
            _node("MatMul", "z_rows W_x_turned", "a_rows"),
            _node("Constant", "", "n_hidd", value_ints=[H]),
            _node("ConstantOfShape", "n_hidd", "zero"),
            _node("Scan", "zero zero a_rows", "h_last c_last h_rows", body=_peephole_step(H), num_scan_inputs=1),
        ]
    else:  # ONNX has the gates in the order i, o, f, g
        layer = [
            *(_node("Split", f"{W}_single", f"{W}_i {W}_f {W}_g {W}_o", axis=0) for W in ("W_x", "W_h")),
            *(_node("Concat", f"{W}_i {W}_o {W}_f {W}_g", f"{W}_sorted", axis=0) for W in ("W_x", "W_h")),
            *_operator("LSTM", "W_x_sorted", "W_h_sorted", H),
        ]
    return [*single, *embed, *layer, *to_tags]


def _operator(kind: str, W_x: str, W_h: str, n_hidd: int, **options: list[str]) -> list[bytes]:
    """Return ONNX's RNN or LSTM; its arrays have axes for the sentences of a batch and for the directions, both 1."""
    return [
        _node("Constant", "", "first", value_ints=[0]),
        _node("Constant", "", "second", value_ints=[1]),
        _node("Constant", "", "second_third", value_ints=[1, 2]),
        _node("Unsqueeze", "z_rows second", "z_batch"),
        _node("Unsqueeze", f"{W_x} first", "W_x_forward"),
        _node("Unsqueeze", f"{W_h} first", "W_h_forward"),
        _node(kind, "z_batch W_x_forward W_h_forward", "h_batch", hidden_size=n_hidd, **options),
        _node("Squeeze", "h_batch second_third", "h_rows"),
    ]


def _peephole_step(n_hidd: int) -> bytes:
    """Return the graph of one step of `numpy_lstm` with full peepholes, as the body of a Scan."""
    gates = [("i", "Sigmoid"), ("f", "Sigmoid"), ("g", "Tanh"), ("o", "Sigmoid")]
    nodes = [
        _node("MatMul", "W_h_single h_before", "from_h"),
        _node("Add", "a_x from_h", "a"),
        _node("Split", "a", "a_i a_f s_g a_o", axis=0),
        _node("MatMul", "W_c_single c_before", "b"),
        _node("Split", "b", "b_i b_f b_o", axis=0),
        *(_node("Add", f"a_{gate} b_{gate}", f"s_{gate}") for gate in "ifo"),
        *(_node(function, f"s_{gate}", gate) for gate, function in gates),
        _node("Mul", "f c_before", "kept"),
        _node("Mul", "i g", "added"),
        _node("Add", "kept added", "c"),
        _node("Tanh", "c", "tanh_c"),
        _node("Mul", "o tanh_c", "h_after"),
        _node("Identity", "h_after", "h_step"),
    ]
    inputs = [("h_before", n_hidd), ("c_before", n_hidd), ("a_x", 4 * n_hidd)]
    return message(
        *((1, node) for node in nodes),
        (2, "step"),
        *((11, _value(name, FLOAT, size)) for name, size in inputs),
        *((12, _value(name, FLOAT, n_hidd)) for name in ("h_after", "c", "h_step")),
    )


def _node(operator: str, inputs: str, outputs: str, **attributes: int | bytes | Sequence[int | str]) -> bytes:
    """Return a node; `inputs` and `outputs` are names with spaces between them."""
    named = [*((1, name) for name in inputs.split()), *((2, name) for name in outputs.split()), (4, operator)]
    return message(*named, *((5, _attribute(name, value)) for name, value in attributes.items()))


def _attribute(name: str, value: int | bytes | Sequence[int | str]) -> bytes:
    """Return an attribute of a node: an integer, a graph, or a list of integers or of texts."""
    if isinstance(value, int):
        return message((1, name), (3, value), (20, 2))
    if isinstance(value, bytes):
        return message((1, name), (6, value), (20, 5))
    field, kind = (9, 8) if isinstance(value[0], str) else (8, 7)
    return message((1, name), *((field, entry) for entry in value), (20, kind))


def _tensor(name: str, W: np.ndarray) -> bytes:
    dims = ((1, size) for size in W.shape)
    return message(
        *dims, (2, ONNX_DTYPES[W.dtype.name]), (8, name), (9, W.astype(W.dtype.newbyteorder("<")).tobytes("C"))
    )


def _value(name: str, dtype: int, *shape: int | str) -> bytes:
    """Return the declaration of an input or output; a size that differs from sentence to sentence has a name."""
    sizes = ((1, message((1 if isinstance(size, int) else 2, size))) for size in shape)
    return message((1, name), (2, message((1, message((1, dtype), (2, message(*sizes)))))))


def read(path: Path) -> model_file.Saved:
    """Read a file written from `content` as a NumPy model with its header; the graph itself is not read.

    Raise FileNotFoundError if there is no such file, ValueError if it is damaged, lacks the header or has parameters
    that do not match it, OSError if it cannot be read, and MemoryError if it does not fit into memory.
    """
    try:
        with naming(path), open_regular(path) as file:
            size = os.fstat(file.fileno()).st_size
            if size > MAX_BYTES:
                raise ValueError(f"the file is larger than {MAX_BYTES:,} bytes, which is the limit")
            memory.check(f"the model in {path}", 4 * size)
            # only the pages that are looked at take memory, which of a foreign or damaged file are few
            return _read(path, memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if size else b""))
    except ValueError as error:
        raise ValueError(f"{path} cannot be imported: {error}") from error


def _read(path: Path, whole: memoryview) -> model_file.Saved:
    try:
        model = read_fields(whole)
        graph = read_fields(_only(model, 7))
        texts = {_text(entry, 1): _text(entry, 2) for entry in map(read_fields, model.parts[14])}
        if len(graph.parts[5]) > npz.MAX_ARRAYS:
            raise ValueError(f"it has {len(graph.parts[5])} initializers, expected at most {npz.MAX_ARRAYS}")
        tensors = {_text(tensor, 8): tensor for tensor in map(read_fields, graph.parts[5])}
    except ValueError as error:
        raise ValueError(f"it is not a whole ONNX file: {error}") from error
    header = metadata.header(path, texts)
    shapes = {name: tuple(tensor.integers[1]) for name, tensor in tensors.items()}
    model_class, sizes, known = model_file.check(header, shapes, model_file.numpy_class_of(header))
    values = {}
    for name, tensor in tensors.items():
        if tensor.integers[2] != [ONNX_DTYPES[known.dtype]]:
            raise ValueError(f"{name} has type {quoted(tensor.integers[2])}, expected [{ONNX_DTYPES[known.dtype]}]")
        numbers, need = _only(tensor, 9), memory.size_of([shapes[name]], known.dtype)
        if len(numbers) != need:
            raise ValueError(f"{name} has {len(numbers):,} bytes of numbers, expected {need:,}")
        values[name] = np.frombuffer(numbers, np.dtype(known.dtype).newbyteorder("<")).reshape(shapes[name])
    return model_file.Saved(model_file.build(model_class, sizes, values, known.activation, known.dtype), header)


def _only(fields: Fields, number: int) -> memoryview:
    """Return the only part with a number; ValueError if there is none, or several."""
    if len(fields.parts[number]) != 1:
        raise ValueError(f"it has {len(fields.parts[number])} fields {number} in a message, expected 1")
    return fields.parts[number][0]


def _text(fields: Fields, number: int) -> str:
    part = _only(fields, number)
    if len(part) > model_file.MAX_HEADER_BYTES:
        raise ValueError(f"it has a text of {len(part):,} bytes, expected at most {model_file.MAX_HEADER_BYTES:,}")
    return bytes(part).decode()
