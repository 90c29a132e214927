"""The two plans for a recurrent layer on a GPU, and the hidden sizes at which each is used.

"fused" is one kernel launch for all sentences and steps: one block per sentence, which reads all weights at every step.
"stepwise" is, at every step, one matrix product for all sentences and one kernel for the rest.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

BOUNDS_VARIABLE = "LXMLS_FUSED_UP_TO"
# hidden units; estimates, at which both layers have as many weights: docs/gpu.md says how to measure them on a card
FUSED_UP_TO = {"rnn": 512, "lstm": 192}
# vectors of hidden units that "fused" keeps in local memory: (forward, backward)
LOCAL_VECTORS = {"rnn": (2, 4), "lstm": (4, 16)}


def fused_up_to(layer: str, environ: Mapping[str, str] = os.environ) -> int:
    """Return the largest number of hidden units for which the plan of a layer, "rnn" or "lstm", is "fused".

    LXMLS_FUSED_UP_TO=rnn=384,lstm=128 sets it; a layer that is not named there has its default in `FUSED_UP_TO`.
    ValueError if the variable is malformed.
    """
    bounds = dict(FUSED_UP_TO)
    for part in filter(None, environ.get(BOUNDS_VARIABLE, "").split(",")):
        match = re.fullmatch(rf"\s*({'|'.join(bounds)})=(\d+)\s*", part)
        if match is None:
            raise ValueError(f"{BOUNDS_VARIABLE} must be like rnn=512,lstm=192, got {environ[BOUNDS_VARIABLE]!r}")
        bounds[match[1]] = int(match[2])
    return bounds[layer]


def local_floats(layer: str, H: int) -> tuple[int, int]:
    """Return how many floats of local memory "fused" needs with H hidden units: (forward, backward)."""
    forward, backward = LOCAL_VECTORS[layer]
    padded = -(-H // 4) * 4  # the kernels load four floats at once
    return forward * padded, backward * padded
