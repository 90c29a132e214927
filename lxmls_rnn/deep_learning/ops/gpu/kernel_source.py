"""Sources of the GPU kernels in CLUDA, libgpuarray's names for CUDA; they are in the .cluda files of this folder.

The layers' kernels expect contiguous arrays that begin where their memory begins; others take offsets and steps.
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
    """Return the source of a layer's kernels; the CPU's Op determines the kind of layer and the activation."""
    return _source(("layer.cluda", layer.source.replace(".cpp", ".cluda")), tuple(layer.macros().items()))


def softmax_cost_source() -> str:
    """Return the source of the kernels of softmax and cross-entropy."""
    return _source(("softmax_cost.cluda",), (("BLOCK", str(BLOCK_THREADS)),))


def descent_source(count: int) -> str:
    """Return the source of the kernel that updates `count` matrices."""
    return _source(("descent.cluda",), (("EACH(X)", " ".join(f"X({i})" for i in range(count))),))


def rows_source() -> str:
    """Return the source of the kernels that take rows of a matrix and add to them."""
    return _source(("rows.cluda",), ())
