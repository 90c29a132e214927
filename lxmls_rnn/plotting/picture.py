"""Matplotlib figures written to PNG files, with a common style, title and legend."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import matplotlib as mpl
import numpy as np

from lxmls_rnn.storage.files import write_atomically


@contextmanager
def picture(
    path: Path, shape: tuple[int, int], size: tuple[float, float], title: str, legend: int = 0
) -> Iterator[np.ndarray]:
    """Yield the axes of a new figure to draw on, then write it atomically as PNG.

    Parameters
    ----------
    shape
        Rows and columns of plots, also the shape of the yielded array of axes.
    size
        Width and height in inches.
    legend
        Columns of a common legend below the plots, with each label once; no legend for 0.
    """
    from matplotlib.figure import Figure

    with mpl.rc_context({"font.size": 9, "axes.grid": True, "grid.alpha": 0.3, "axes.axisbelow": True}):
        figure = Figure(figsize=size, layout="constrained")
        yield figure.subplots(*shape, squeeze=False)
        figure.suptitle(title, fontsize=10)
        if legend:
            handles = (zip(*axis.get_legend_handles_labels(), strict=True) for axis in figure.axes)
            labels = {label: handle for pairs in handles for handle, label in pairs}
            columns = min(legend, len(labels))
            figure.legend(labels.values(), labels.keys(), loc="outside lower center", ncols=columns)
        write_atomically(path, lambda file: figure.savefig(file, format="png", dpi=110))
