"""Models as ONNX files, which ONNX Runtime and other programs execute; with the package onnx, an extra.

The initializers are the parameters, with the lab's names, shapes and dtype. From them, the graph computes the arguments
of ONNX's operators, which a runtime does once, when it loads the file; it computes in single precision, since ONNX
Runtime has no recurrent layer in double precision. RNN and LSTM are the operators of these names. ONNX's LSTM has
diagonal peepholes only, so an LSTM with the lab's full peepholes is a Scan.

    input    x     (L,) int64               word ids of a sentence
    outputs  p_y   (n_tags, L) float32      probabilities
             h     (n_hidd, L) float32      hidden states
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import lxmls_rnn
from lxmls_rnn import memory
from lxmls_rnn.deep_learning import model_file, parameters
from lxmls_rnn.deep_learning.activations import ACTIVATIONS
from lxmls_rnn.deep_learning.frameworks import Framework
from lxmls_rnn.deep_learning.parameters import Model

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto

ONNX = Framework("ONNX", "onnx", group="onnx", download="10 MB")
IR_VERSION, OPSET = 8, 17  # of 2022: readable for ONNX Runtime from 1.12 on
FLOAT, INT64 = 1, 7  # onnx.TensorProto.FLOAT and INT64
MAX_BYTES = 2**31 - 1  # of a message; Protocol Buffers allow no more


def content(saved: model_file.Saved, texts: Mapping[str, str]) -> bytes:
    """Return a model as an ONNX file with `texts` as its metadata.

    Raise ValueError if the file has more than `MAX_BYTES`, RuntimeError if the package onnx is missing.
    """
    if ONNX.missing:
        raise RuntimeError(ONNX.missing)
    from onnx import helper, numpy_helper

    values = saved.model.get_values()
    size = sum(W.nbytes for W in values.values()) + sum(len(text.encode()) for text in texts.values())
    if size > 0.99 * MAX_BYTES:
        raise ValueError(f"an ONNX file has at most 2 GB, the model has {size / 1e9:.1f} GB: export `--to safetensors`")
    memory.check("an ONNX file", 4 * size)
    sizes = saved.model.sizes
    graph = helper.make_graph(
        _nodes(saved.model),
        "tagger",
        inputs=[helper.make_tensor_value_info("x", INT64, ["L"])],
        outputs=[
            helper.make_tensor_value_info("p_y", FLOAT, [sizes.n_tags, "L"]),
            helper.make_tensor_value_info("h", FLOAT, [sizes.n_hidd, "L"]),
        ],
        initializer=[numpy_helper.from_array(W, name) for name, W in values.items()],
    )
    model = helper.make_model(
        graph,
        ir_version=IR_VERSION,
        opset_imports=[helper.make_opsetid("", OPSET)],
        producer_name="lxmls-rnn",
        producer_version=lxmls_rnn.__version__,
    )
    helper.set_model_props(model, texts)
    return bytes(model.SerializeToString(deterministic=True))


def _nodes(model: Model) -> list[NodeProto]:
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


def _operator(kind: str, W_x: str, W_h: str, n_hidd: int, **options: list[str]) -> list[NodeProto]:
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


def _peephole_step(n_hidd: int) -> GraphProto:
    """Return the graph of one step of `numpy_lstm` with full peepholes, as the body of a Scan."""
    from onnx import helper

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
    return helper.make_graph(
        nodes,
        "step",
        [helper.make_tensor_value_info(name, FLOAT, [size]) for name, size in inputs],
        [helper.make_tensor_value_info(name, FLOAT, [n_hidd]) for name in ("h_after", "c", "h_step")],
    )


def _node(operator: str, inputs: str, outputs: str, **attributes: int | GraphProto | Sequence[int | str]) -> NodeProto:
    """Return a node; `inputs` and `outputs` are names with spaces between them."""
    from onnx import helper

    return helper.make_node(operator, inputs.split(), outputs.split(), **attributes)
