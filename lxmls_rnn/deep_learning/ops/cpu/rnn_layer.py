"""The recurrent layer of `RNN` as one Op over all steps, h_t = f(a_t + W_h h_{t-1}), and its gradient."""

from __future__ import annotations

from typing import Any

from lxmls_rnn.deep_learning.activations import ACTIVATIONS
from lxmls_rnn.deep_learning.ops.cpu.layer_op import LayerOp

import theano  # isort: skip


class _RNNOp(LayerOp):
    __props__ = ("activation",)
    source = "rnn_layer.cpp"
    rows = 1

    def __init__(self, activation: str) -> None:
        self.activation = activation

    def macros(self) -> dict[str, str]:
        f = ACTIVATIONS[self.activation]
        return {"ACTIVATION": f.c, "SLOPE": f.c_slope}


class RNNLayer(_RNNOp):
    """Op for the hidden states h (T, B, H) from a (T, B, H), W_h (H, H) and h0 (B, H).

    a_t = W_x z_t is the input projection of step t. For a single sentence B is omitted.
    """

    inputs = {"a": ("T", "B", "H"), "W_h": ("H", "H"), "h0": ("B", "H")}
    outputs = {"h": ("T", "B", "H")}
    scratch = {"room_h": "PACKED_SIZE(H, H)"}
    call = "forward(T, B, H, a, W_h, h0, h, room_h)"

    def gradient(self) -> RNNLayerGrad:
        return RNNLayerGrad(self.activation)

    def infer_shape(self, node: theano.Apply, shapes: list[Any]) -> list[Any]:
        return [shapes[0]]

    def L_op(self, inputs: list[Any], outputs: list[Any], output_gradients: list[Any]) -> list[Any]:
        _, W_h, h0 = inputs
        e_a, e_h0, g_W_h = self.gradient()(output_gradients[0], W_h, outputs[0], h0)
        return [e_a, g_W_h, e_h0]


class RNNLayerGrad(_RNNOp):
    """Op for e_a (T, B, H), e_h0 (B, H) and the gradient of W_h, from the errors e_h (T, B, H) of the states."""

    inputs = {"e_h": ("T", "B", "H"), "W_h": ("H", "H"), "h": ("T", "B", "H"), "h0": ("B", "H")}
    outputs = {"e_a": ("T", "B", "H"), "e_h0": ("B", "H"), "g_W_h": ("H", "H")}
    scratch = {"room_h": "PACKED_SIZE(H, H)"}
    call = "backward(T, B, H, W_h, h, h0, e_h, e_a, e_h0, g_W_h, room_h)"

    def infer_shape(self, node: theano.Apply, shapes: list[Any]) -> list[Any]:
        return [shapes[0], shapes[3], shapes[1]]
