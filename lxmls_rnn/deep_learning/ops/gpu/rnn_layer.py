"""The recurrent layer of `FastRNN` on the GPU, and its gradient; the formulas are in rnn_layer.cluda."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lxmls_rnn.deep_learning.gpu_plans import LOCAL_FLOATS, fused_up_to
from lxmls_rnn.deep_learning.ops.gpu.layer_op import GpuLayerOp, block, launch, launch_for_each, outer, set_product

RNN_FORWARD_FLOATS, RNN_BACKWARD_FLOATS = LOCAL_FLOATS["rnn"]


class _GpuRNNOp(GpuLayerOp):
    fused_up_to = fused_up_to("rnn")


class GpuRNNLayer(_GpuRNNOp):
    """`RNNLayer` on the GPU, float32: "fused" takes 2 launches (one transposes W_h), "stepwise" 2 per step."""

    def compute(self, T: int, B: int, H: int, inputs: Mapping[str, Any], outputs: dict[str, Any]) -> None:
        a, W_h, before = inputs.values()
        h = outputs["h"]
        if self.plan(H, RNN_FORWARD_FLOATS * H, h.context) == "fused":
            arrays = a, W_h.T.copy(), before, h
            launch(self.program(), "rnn_forward", B, block(H), T, B, H, *arrays, local=RNN_FORWARD_FLOATS * H)
            return
        for t in range(T):
            now = h[t]
            set_product(before, W_h, now, trans_b=True)
            launch_for_each(B * H, self.program(), "rnn_forward_step", t, B, H, a, h)
            before = now


class GpuRNNLayerGrad(_GpuRNNOp):
    """`RNNLayerGrad` on the GPU, float32: "fused" takes 1 launch, "stepwise" 2 per step; 2 gemms for W_h follow."""

    def compute(self, T: int, B: int, H: int, inputs: Mapping[str, Any], outputs: dict[str, Any]) -> None:
        e_h, W_h, h, h0 = inputs.values()
        e_a, e = outputs["e_a"], outputs["e_h0"]
        if self.plan(H, RNN_BACKWARD_FLOATS * H, e.context) == "fused":
            launch(
                self.program(), "rnn_backward", B, block(H), T, B, H, W_h, h, e_h, e_a, e, local=RNN_BACKWARD_FLOATS * H
            )
        else:
            e[:] = 0
            for t in reversed(range(T)):
                launch_for_each(B * H, self.program(), "rnn_backward_step", t, B, H, h, e_h, e_a, e)
                set_product(e_a[t], W_h, e, 1.0)
        outputs["g_W_h"] = outer(e_a, h, h0)
