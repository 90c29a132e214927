"""The recurrent layer of `RNN` as one Op: h_t = f(a_t + W_h h_{t-1}) over all steps, and its gradient."""

from __future__ import annotations

from typing import Any

from lxmls_rnn.deep_learning.ops.cpu.layer_op import LayerOp

import theano  # isort: skip
from theano.gradient import DisconnectedType  # isort: skip

MACROS = {"logistic": "LOGISTIC", "tanh": "HYPERBOLIC", "relu": "RECTIFIER"}


class _RNNOp(LayerOp):
    __props__ = ("activation", "masked")
    source = "rnn_layer.c"
    rows = 1

    def __init__(self, activation: str, masked: bool = False) -> None:
        self.activation, self.masked = activation, masked

    def macros(self) -> dict[str, str]:
        """Say which activation the C code is for."""
        return {"LOGISTIC": "1", "HYPERBOLIC": "2", "RECTIFIER": "3", "ACTIVATION": MACROS[self.activation]}


class RNNLayer(_RNNOp):
    """Hidden states h (T, B, H) from a (T, B, H), W_h (H, H), h0 (B, H) and, if `masked`, mask (T, B).

    a_t = W_x z_t is the input projection of step t. One sentence leaves out B. Where the mask is 0 the state of the
    step before is kept.
    """

    inputs = {"a": ("T", "B", "H"), "W_h": ("H", "H"), "h0": ("B", "H"), "mask": ("T", "B")}  # noqa: RUF012
    outputs = {"h": ("T", "B", "H")}  # noqa: RUF012
    scratch = {"room_h": "PACKED_SIZE(H, H)"}  # noqa: RUF012
    call = "forward(T, B, H, a, W_h, h0, mask, h, room_h)"

    def gradient(self) -> RNNLayerGrad:
        """Return the Op of the gradients."""
        return RNNLayerGrad(self.activation, self.masked)

    def infer_shape(self, node: theano.Apply, shapes: list[Any]) -> list[Any]:
        """Return the shape of h, that of a."""
        return [shapes[0]]

    def connection_pattern(self, node: theano.Apply) -> list[list[bool]]:
        """Say that no gradient goes to the mask."""
        return [[name != "mask"] for name in self.input_names()]

    def L_op(self, inputs: list[Any], outputs: list[Any], output_gradients: list[Any]) -> list[Any]:
        """Return the errors of a, W_h and h0."""
        _, W_h, h0, *mask = inputs
        e_a, e_h0, g_W_h = self.gradient()(output_gradients[0], W_h, outputs[0], h0, *mask)
        return [e_a, g_W_h, e_h0, *(DisconnectedType()() for _ in mask)]


class RNNLayerGrad(_RNNOp):
    """Errors e_a (T, B, H), e_h0 (B, H) and the gradient of W_h, from the errors e_h (T, B, H) of the states."""

    inputs = {  # noqa: RUF012
        "e_h": ("T", "B", "H"), "W_h": ("H", "H"), "h": ("T", "B", "H"), "h0": ("B", "H"), "mask": ("T", "B"),
    }  # fmt: skip
    outputs = {"e_a": ("T", "B", "H"), "e_h0": ("B", "H"), "g_W_h": ("H", "H")}  # noqa: RUF012
    scratch = {"e_before": "B * H", "room_h": "PACKED_SIZE(H, H)"}  # noqa: RUF012
    call = "backward(T, B, H, W_h, h, h0, e_h, mask, e_a, e_h0, g_W_h, e_before, room_h)"

    def infer_shape(self, node: theano.Apply, shapes: list[Any]) -> list[Any]:
        """Return the shapes of e_a, e_h0 and g_W_h."""
        return [shapes[0], shapes[3], shapes[1]]
