"""The frame of every picture that is written to a file: its plots, title, legend."""

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
    """Give the axes of a picture to be drawn on, and then write it as PNG, whole or not at all.

    Parameters
    ----------
    shape
        Rows and columns of plots; the axes have it too.
    size
        Width and height in inches.
    legend
        Columns of a legend below, in which each label of all plots stands once; none for 0.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with mpl.rc_context({"font.size": 9, "axes.grid": True, "grid.alpha": 0.3, "axes.axisbelow": True}):
        figure = Figure(figsize=size, layout="constrained")
        FigureCanvasAgg(figure)
        yield figure.subplots(*shape, squeeze=False)
        figure.suptitle(title, fontsize=10)
        if legend:
            handles = (zip(*axis.get_legend_handles_labels(), strict=True) for axis in figure.axes)
            labels = {label: handle for pairs in handles for handle, label in pairs}
            columns = min(legend, len(labels))
            figure.legend(labels.values(), labels.keys(), loc="outside lower center", ncols=columns)
        write_atomically(path, lambda file: figure.savefig(file, format="png", dpi=110))
