"""The recurrent layer of `LSTM` as one Op over all steps, and its gradient; the formulas are in lstm_layer.c."""

from __future__ import annotations

from typing import Any

from lxmls_rnn.deep_learning.ops.cpu.layer_op import LayerOp

import theano  # isort: skip
from theano.gradient import DisconnectedType  # isort: skip

ROOMS = {"room_h": "PACKED_SIZE(4 * H, H)", "room_c": "PACKED_SIZE(3 * H, H)"}


class _LSTMOp(LayerOp):
    __props__ = ("masked",)
    source = "lstm_layer.c"
    rows = 4

    def __init__(self, masked: bool = False) -> None:
        self.masked = masked


class LSTMLayer(_LSTMOp):
    """Hidden states h and cells c (T, B, H) and gates (T, B, 4 H), stacked i, f, g, o.

    From a (T, B, 4 H), W_h (4 H, H), W_c (3 H, H), h0 and c0 (B, H) and, if `masked`, mask (T, B). a_t = W_x z_t is the
    input projection of step t. One sentence leaves out B. Where the mask is 0 the states of the step before are kept.
    Only h can be differentiated.
    """

    inputs = {  # noqa: RUF012
        "a": ("T", "B", "4 * H"), "W_h": ("4 * H", "H"), "W_c": ("3 * H", "H"), "h0": ("B", "H"), "c0": ("B", "H"),
        "mask": ("T", "B"),
    }  # fmt: skip
    outputs = {"h": ("T", "B", "H"), "c": ("T", "B", "H"), "gates": ("T", "B", "4 * H")}  # noqa: RUF012
    scratch = {"peep": "B * 3 * H", **ROOMS}  # noqa: RUF012
    call = "forward(T, B, H, a, W_h, W_c, h0, c0, mask, h, c, gates, peep, room_h, room_c)"

    def gradient(self) -> LSTMLayerGrad:
        """Return the Op of the gradients."""
        return LSTMLayerGrad(self.masked)

    def infer_shape(self, node: theano.Apply, shapes: list[Any]) -> list[Any]:
        """Return the shapes of h, c and gates."""
        states = (*shapes[0][:-1], shapes[1][1])
        return [states, states, shapes[0]]

    def connection_pattern(self, node: theano.Apply) -> list[list[bool]]:
        """Say that no gradient goes to the mask, and that none comes from the cells and the gates."""
        return [[name != "mask", False, False] for name in self.input_names()]

    def L_op(self, inputs: list[Any], outputs: list[Any], output_gradients: list[Any]) -> list[Any]:
        """Return the errors of a, W_h, W_c, h0 and c0."""
        _, W_h, W_c, h0, c0, *mask = inputs
        h, c, gates = outputs
        e_a, e_h0, e_c0, g_W_h, g_W_c = self.gradient()(output_gradients[0], W_h, W_c, h, h0, c, c0, gates, *mask)
        return [e_a, g_W_h, g_W_c, e_h0, e_c0, *(DisconnectedType()() for _ in mask)]


class LSTMLayerGrad(_LSTMOp):
    """Errors e_a (T, B, 4 H), e_h0 and e_c0 (B, H) and the gradients of W_h and W_c, from the errors e_h (T, B, H)."""

    rows = 1
    inputs = {  # noqa: RUF012
        "e_h": ("T", "B", "H"), "W_h": ("4 * H", "H"), "W_c": ("3 * H", "H"), "h": ("T", "B", "H"), "h0": ("B", "H"),
        "c": ("T", "B", "H"), "c0": ("B", "H"), "gates": ("T", "B", "4 * H"), "mask": ("T", "B"),
    }  # fmt: skip
    outputs = {  # noqa: RUF012
        "e_a": ("T", "B", "4 * H"), "e_h0": ("B", "H"), "e_c0": ("B", "H"), "g_W_h": ("4 * H", "H"),
        "g_W_c": ("3 * H", "H"),
    }  # fmt: skip
    scratch = {"e_b": "T * B * 3 * H", **ROOMS}  # noqa: RUF012
    call = (
        "backward(T, B, H, W_h, W_c, h, h0, c, c0, gates, e_h, mask, e_a, e_h0, e_c0, g_W_h, g_W_c, "
        "e_b, room_h, room_c)"
    )

    def infer_shape(self, node: theano.Apply, shapes: list[Any]) -> list[Any]:
        """Return the shapes of e_a, e_h0, e_c0, g_W_h and g_W_c."""
        return [shapes[7], shapes[4], shapes[6], shapes[1], shapes[2]]
