"""The map of GPU speed-ups in the benchmark panel."""

from html import escape

import numpy as np

from lab.drawing import html
from lxmls_rnn.benchmark.show.series import SpeedUps


def speed_up_map(speed_ups: SpeedUps | None) -> str:
    """Return a heat map of the fastest GPU's speed-up over the fastest CPU: blue above 1, orange below."""
    if speed_ups is None:
        return ""
    message = "GPU over CPU, the fastest of each, {}: blue where the GPU wins, orange where the CPU does."
    rows, columns = (
        [f"hidden {n_hidd}" for n_hidd in speed_ups.hidden],
        [f"batch {batch}" for batch in speed_ups.batches],
    )
    write = lambda value: f"{value:.3g} x" if np.isfinite(value) else "-"  # noqa: E731
    table = html.heat_map(speed_ups.values, rows, columns, speed_ups.extent, write=write, coloured_by=np.log10)
    return f"<p>{message.format(escape(speed_ups.what))}</p>{table}"
