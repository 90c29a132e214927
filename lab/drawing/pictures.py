"""Pictures of a matrix: its numbers as an image, and how often which value comes."""

import base64
import io
from html import escape

import numpy as np

from lab.drawing.palette import shades

SEEN = 150  # rows and columns of a matrix in its picture


def histogram(values: np.ndarray, bins: int = 24) -> str:
    """Return how often which value comes, as a small picture."""
    counts, edges = np.histogram(values, bins)
    heights = 28 * counts / counts.max()
    bars = "".join(
        f'<rect x="{5 * n}" y="{30 - height:.1f}" width="4" height="{height:.1f}"/>' for n, height in enumerate(heights)
    )
    return (
        f'<svg role="img" width="{5 * bins}" height="30" style="fill:var(--lab-accent)" '
        f'aria-label="histogram from {edges[0]:.3g} to {edges[-1]:.3g}">{bars}</svg>'
    )


def picture(values: np.ndarray, title: str) -> str:
    """Return a matrix as an image, a square a number."""
    from matplotlib.image import imsave  # takes long to import, and most panels draw no picture

    seen = values[:SEEN, :SEEN]
    file = io.BytesIO()
    imsave(file, shades(seen, float(np.abs(seen).max()) or 1.0), format="png")
    side = max(1, min(6, 100 // seen.shape[0], 200 // seen.shape[1]))
    return (
        f'<img alt="{escape(title)}" src="data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}" '
        f'width="{side * seen.shape[1]}" height="{side * seen.shape[0]}" '
        'style="image-rendering:pixelated;border:1px solid var(--lab-border)">'
    )
