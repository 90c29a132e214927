"""The recurrent layer of `FastRNN` on the GPU, and its gradient; the formulas are in rnn_layer.cluda."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lxmls_rnn.deep_learning.gpu_plans import fused_up_to, local_floats
from lxmls_rnn.deep_learning.ops.gpu.layer_op import GpuLayerOp, block, launch, launch_for_each, outer, set_product

import pygpu  # isort: skip


class _GpuRNNOp(GpuLayerOp):
    fused_up_to = fused_up_to("rnn")


class GpuRNNLayer(_GpuRNNOp):
    """`RNNLayer` on the GPU, float32: "fused" takes 2 launches (one transposes W_h), "stepwise" 2 per step."""

    def compute(self, T: int, B: int, H: int, inputs: Mapping[str, Any], outputs: dict[str, Any]) -> None:
        a, W_h, before = inputs.values()
        h = outputs["h"]
        local, _ = local_floats("rnn", H)
        if self.plan(H, local, h.context) == "fused":
            launch(self.program(), "rnn_forward", B, block(H), T, B, H, a, W_h.T.copy(), before, h, local=local)
            return
        for t in range(T):
            now = h[t]
            set_product(before, W_h, now, trans_b=True)
            launch_for_each(B * H, self.program(), "rnn_forward_step", t, B, H, a, h)
            before = now


class GpuRNNLayerGrad(_GpuRNNOp):
    """`RNNLayerGrad` on the GPU, float32: "fused" takes 1 launch, "stepwise" 2 per step; a gemm for W_h follows."""

    def compute(self, T: int, B: int, H: int, inputs: Mapping[str, Any], outputs: dict[str, Any]) -> None:
        e_h, W_h, h, h0 = inputs.values()
        e_a, e = outputs["e_a"], outputs["e_h0"]
        before = pygpu.empty(h.shape, "float32", context=h.context)
        arrays = h, h0, e_h, e_a, before, e
        _, local = local_floats("rnn", H)
        if self.plan(H, local, e.context) == "fused":
            launch(self.program(), "rnn_backward", B, block(H), T, B, H, W_h, *arrays, local=local)
        else:
            e[:] = 0
            for t in reversed(range(T)):
                launch_for_each(B * H, self.program(), "rnn_backward_step", t, B, H, *arrays)
                set_product(e_a[t], W_h, e, 1.0)
        outputs["g_W_h"] = outer(e_a, before)
