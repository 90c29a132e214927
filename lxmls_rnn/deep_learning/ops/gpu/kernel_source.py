"""The sources of the GPU's kernels, in CLUDA: one source for CUDA and OpenCL. They are in the .cluda files beside this.

Kernels take arrays that are contiguous and begin where their memory begins.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from lxmls_rnn.deep_learning.ops.cpu.layer_op import LayerOp

BLOCK_THREADS = 256  # every device allows as many


@cache
def _source(files: tuple[str, ...], macros: tuple[tuple[str, str], ...]) -> str:
    folder = Path(__file__).parent
    define = [f"#define {name} {value}" for name, value in macros]
    return "\n".join(['#include "cluda.h"', *define, *((folder / file).read_text() for file in files)])


@cache
def layer_source(layer: LayerOp) -> str:
    """Return the kernels for a layer, of which a CPU's Op tells the kind and the activation."""
    return _source(("layer.cluda", layer.source.replace(".c", ".cluda")), tuple(layer.macros().items()))


def softmax_cost_source() -> str:
    """Return the kernels of softmax and cross-entropy."""
    return _source(("softmax_cost.cluda",), (("BLOCK", str(BLOCK_THREADS)),))
