"""The recurrent layer of `FastLSTM` on the GPU, and its gradient; the formulas are in lstm_layer.cluda."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lxmls_rnn.deep_learning.gpu_plans import fused_up_to, local_floats
from lxmls_rnn.deep_learning.ops.cpu.lstm_layer import LSTMLayer, LSTMLayerGrad
from lxmls_rnn.deep_learning.ops.gpu.layer_op import GpuLayerOp, block, launch, launch_for_each, outer, set_product

import pygpu  # isort: skip


class _GpuLSTMOp(GpuLayerOp):
    cpu: LSTMLayer | LSTMLayerGrad
    fused_up_to = fused_up_to("lstm")


class GpuLSTMLayer(_GpuLSTMOp):
    """`LSTMLayer` on the GPU, float32.

    "fused" takes 3 launches (two transpose W_h and W_c), "stepwise" 3 per step; without peepholes both take one less,
    and the kernels do not read the argument that stands for W_c.
    """

    def compute(self, T: int, B: int, H: int, inputs: Mapping[str, Any], outputs: dict[str, Any]) -> None:
        a, *matrices, h_before, c_before = inputs.values()
        states = h, c, gates = outputs["h"], outputs["c"], outputs["gates"]
        local, _ = local_floats("lstm", H)
        if self.plan(H, local, h.context) == "fused":
            weights = [W.T.copy() for W in matrices]
            arrays = a, weights[0], weights[-1], h_before, c_before, *states
            launch(self.program(), "lstm_forward", B, block(H), T, B, H, *arrays, local=local)
            return
        peep = pygpu.empty((B, 3 * H), "float32", context=h.context) if self.cpu.peepholes else a
        c0 = c_before
        for t in range(T):
            set_product(h_before, matrices[0], gates[t], trans_b=True)
            if self.cpu.peepholes:
                set_product(c_before, matrices[1], peep, trans_b=True)
            launch_for_each(B * H, self.program(), "lstm_forward_step", t, B, H, a, peep, c0, *states)
            h_before, c_before = h[t], c[t]


class GpuLSTMLayerGrad(_GpuLSTMOp):
    """`LSTMLayerGrad` on the GPU, float32.

    "fused" takes 1 launch, "stepwise" 3 per step; then 2 gemms compute the gradients of W_h and W_c. Without peepholes
    "stepwise" takes 2 launches per step, and 1 gemm follows.
    """

    def compute(self, T: int, B: int, H: int, inputs: Mapping[str, Any], outputs: dict[str, Any]) -> None:
        e_h, *matrices, h, h0, c, c0, gates = inputs.values()
        W_h, W_c = matrices[0], matrices[-1]
        e_a, e, e_c = outputs["e_a"], outputs["e_h0"], outputs["e_c0"]
        h_before = pygpu.empty(h.shape, "float32", context=e.context)
        e_b, c_before = (
            pygpu.empty((T, B, n), "float32", context=e.context) if self.cpu.peepholes else e_a for n in (3 * H, H)
        )
        arrays = h, h0, c, c0, gates, e_h, e_a, e_b, h_before, c_before, e, e_c
        _, local = local_floats("lstm", H)
        if self.plan(H, local, e.context) == "fused":
            launch(self.program(), "lstm_backward", B, block(H), T, B, H, W_h, W_c, *arrays, local=local)
        else:
            e[:] = 0
            e_c[:] = 0
            for t in reversed(range(T)):
                launch_for_each(B * H, self.program(), "lstm_backward_step", t, B, H, *arrays)
                set_product(e_a[t], W_h, e, 1.0)
                if self.cpu.peepholes:
                    set_product(e_b[t], W_c, e_c, 1.0)
        outputs["g_W_h"] = outer(e_a, h_before)
        if self.cpu.peepholes:
            outputs["g_W_c"] = outer(e_b, c_before)
