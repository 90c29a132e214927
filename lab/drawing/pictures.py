"""Pictures of a matrix: its numbers as an image, and how often which value comes."""

from __future__ import annotations

import base64
import struct
import zlib
from html import escape

import numpy as np

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
    seen = values[:SEEN, :SEEN]
    largest = float(np.abs(seen).max()) or 1.0
    strength = (np.abs(seen) / largest)[..., None]
    strong = np.where((seen >= 0)[..., None], (31, 119, 180), (230, 120, 20))
    encoded = base64.b64encode(png(np.round(255 + (strong - 255) * strength).astype(np.uint8))).decode()
    side = max(1, min(6, 100 // seen.shape[0], 200 // seen.shape[1]))
    return (
        f'<img alt="{escape(title)}" src="data:image/png;base64,{encoded}" width="{side * seen.shape[1]}" '
        f'height="{side * seen.shape[0]}" style="image-rendering:pixelated;border:1px solid var(--lab-border)">'
    )


def png(pixels: np.ndarray) -> bytes:
    """Encode a (height, width, 3) uint8 image as PNG (ISO/IEC 15948), unfiltered."""
    height, width, _ = pixels.shape
    lines = np.concatenate([np.zeros((height, 1), np.uint8), pixels.reshape(height, -1)], axis=1)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(lines.tobytes()))
        + chunk(b"IEND", b"")
    )
