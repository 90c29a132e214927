"""The recurrent layer of `LSTM` as one Op over all steps, and its gradient; the formulas are in lstm_layer.cpp."""

from __future__ import annotations

import re
from typing import Any

from lxmls_rnn.deep_learning.ops.cpu.layer_op import LayerOp

import theano  # isort: skip

STATE, STATES, GATES = ("B", "H"), ("T", "B", "H"), ("T", "B", "4 * H")
WEIGHTS = {"W_h": ("4 * H", "H"), "W_c": ("3 * H", "H")}
ROOM_SIZES = {"room_h": "PACKED_SIZE(4 * H, H)", "room_c": "PACKED_SIZE(3 * H, H)"}
PEEPHOLE_ARRAYS = ("W_c", "g_W_c", "e_b", "peep", "room_c")  # arrays that a layer without peepholes lacks


class _LSTMOp(LayerOp):
    __props__ = ("peepholes", "inplace")
    source = "lstm_layer.cpp"
    rows = 4

    def __init__(self, peepholes: bool = True, inplace: bool = False) -> None:
        self.peepholes, self.inplace = peepholes, inplace
        if not peepholes:
            for name in ("inputs", "outputs", "scratch"):
                arrays = getattr(self, name)
                setattr(self, name, {array: arrays[array] for array in arrays if array not in PEEPHOLE_ARRAYS})
            self.call = re.sub(rf"\b({'|'.join(PEEPHOLE_ARRAYS)})\b", "NULL", self.call)

    def macros(self) -> dict[str, str]:
        return {"PEEPHOLES": str(int(self.peepholes))}


class LSTMLayer(_LSTMOp):
    """Op for the hidden states h and cells c (T, B, H) and the gates (T, B, 4 H), stacked i, f, g, o.

    Inputs are a (T, B, 4 H), W_h (4 H, H), W_c (3 H, H), h0 and c0 (B, H). a_t = W_x z_t is the input projection of
    step t. Without peepholes there is no W_c. For a single sentence B is omitted. Only h can be differentiated.
    """

    inputs = {"a": GATES, **WEIGHTS, "h0": STATE, "c0": STATE}
    outputs = {"h": STATES, "c": STATES, "gates": GATES}
    scratch = {"peep": "B * 3 * H", **ROOM_SIZES}
    overwrites = {"gates": "a"}
    call = "forward(T, B, H, a, W_h, W_c, h0, c0, h, c, gates, peep, room_h, room_c)"

    def gradient(self) -> LSTMLayerGrad:
        return LSTMLayerGrad(self.peepholes)

    def infer_shape(self, node: theano.Apply, shapes: list[Any]) -> list[Any]:
        states = (*shapes[0][:-1], shapes[1][1])
        return [states, states, shapes[0]]

    def connection_pattern(self, node: theano.Apply) -> list[list[bool]]:
        return [[True, False, False]] * len(self.inputs)

    def L_op(self, inputs: list[Any], outputs: list[Any], output_gradients: list[Any]) -> list[Any]:
        _, *matrices, h0, c0 = inputs
        h, c, gates = outputs
        e_a, e_h0, e_c0, *gradients = self.gradient()(output_gradients[0], *matrices, h, h0, c, c0, gates)
        return [e_a, *gradients, e_h0, e_c0]


class LSTMLayerGrad(_LSTMOp):
    """Op for e_a (T, B, 4 H), e_h0 and e_c0 (B, H) and the gradients of W_h and W_c, from e_h (T, B, H)."""

    rows = 1
    inputs = {"e_h": STATES, **WEIGHTS, "h": STATES, "h0": STATE, "c": STATES, "c0": STATE, "gates": GATES}
    outputs = {"e_a": GATES, "e_h0": STATE, "e_c0": STATE, "g_W_h": WEIGHTS["W_h"], "g_W_c": WEIGHTS["W_c"]}
    overwrites = {"e_a": "gates"}
    scratch = {"e_b": "T * B * 3 * H", **ROOM_SIZES}
    call = "backward(T, B, H, W_h, W_c, h, h0, c, c0, gates, e_h, e_a, e_h0, e_c0, g_W_h, g_W_c, e_b, room_h, room_c)"

    def infer_shape(self, node: theano.Apply, shapes: list[Any]) -> list[Any]:
        of = dict(zip(self.inputs, shapes, strict=True))
        return [of["gates"], of["h0"], of["c0"], *(of[name] for name in WEIGHTS if name in of)]


@theano.gof.local_optimizer([LSTMLayer, LSTMLayerGrad], inplace=True)
def overwrite(node: theano.Apply) -> Any:
    """Let a layer overwrite its input; Theano's optimiser checks that no other Op reads it."""
    op = node.op
    if not isinstance(op, _LSTMOp) or op.inplace:
        return False
    return type(op)(op.peepholes, inplace=True)(*node.inputs, return_list=True)


in_place = theano.gof.TopoOptimizer(overwrite, failure_callback=theano.gof.TopoOptimizer.warn_inplace)
# after the optimisations that choose Ops, like Theano's own in-place optimisations
theano.compile.optdb.register("lstm_layer_in_place", in_place, 70.0, "fast_run", "inplace")
