"""The two plans by which a GPU goes through a recurrent layer, and up to which size it takes which.

"fused" is one kernel for all sentences and all steps, a block a sentence, which reads all weights at every step;
"stepwise" is a product for all sentences and a kernel for the rest, at every step.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

BOUNDS_VARIABLE = "LXMLS_FUSED_UP_TO"
# hidden units; estimates, at which both layers have as many weights: `lxmls-rnn bench --set plans` measures a card
FUSED_UP_TO = {"rnn": 512, "lstm": 192}
# floats of local memory that "fused" takes for each hidden unit: (forward, backward)
LOCAL_FLOATS = {"rnn": (2, 3), "lstm": (4, 10)}


def fused_up_to(layer: str, environ: Mapping[str, str] = os.environ) -> int:
    """Return the largest number of hidden units for which the plan of a layer, "rnn" or "lstm", is "fused".

    LXMLS_FUSED_UP_TO=rnn=384,lstm=128 sets it; a layer that is not named there keeps its number in `FUSED_UP_TO`.
    ValueError if the variable says something else.
    """
    bounds = dict(FUSED_UP_TO)
    for part in filter(None, environ.get(BOUNDS_VARIABLE, "").split(",")):
        match = re.fullmatch(rf"\s*({'|'.join(bounds)})=(\d+)\s*", part)
        if match is None:
            raise ValueError(f"{BOUNDS_VARIABLE} must be like {as_text(FUSED_UP_TO)}, got {environ[BOUNDS_VARIABLE]!r}")
        bounds[match[1]] = int(match[2])
    return bounds[layer]


def as_text(bounds: Mapping[str, int]) -> str:
    """Write bounds as LXMLS_FUSED_UP_TO takes them."""
    return ",".join(f"{layer}={bound}" for layer, bound in bounds.items())
