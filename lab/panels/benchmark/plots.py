"""The map of GPU speed-ups in the benchmark panel."""

from html import escape

import numpy as np

from lab.drawing import html
from lxmls_rnn.benchmark.show.series import SpeedUps


def speed_up_map(found: SpeedUps | None) -> str:
    """Return a heat map of the fastest GPU's speed-up over the fastest CPU: blue above 1, orange below."""
    if found is None:
        return ""
    message = "GPU over CPU, the fastest of each, {}: blue where the GPU wins, orange where the CPU does."
    rows, columns = [f"hidden {n_hidd}" for n_hidd in found.hidden], [f"batch {batch}" for batch in found.batches]
    write = lambda value: f"{value:.3g} x" if np.isfinite(value) else "-"  # noqa: E731
    table = html.heat_map(found.values, rows, columns, found.extent, write=write, coloured_by=np.log10)
    return f"<p>{message.format(escape(found.what))}</p>{table}"
