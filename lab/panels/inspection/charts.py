"""Charts as SVG that follow the theme: lines over the words of a sentence, a map of words."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape

import numpy as np

# colours that are told apart on white and on black; the shape tells lines apart without colours
LINES = (("#e69f00", "circle"), ("#2c9fd9", "square"), ("#12a37b", "diamond"), ("#d6609f", "triangle"))
LEFT, RIGHT, TOP, BOTTOM = 70, 20, 34, 84


def line_chart(
    series: Mapping[str, Iterable[float]], labels: Sequence[str], y_label: str = "", width: int = 780,
    height: int = 300,
) -> str:  # fmt: skip
    """Return lines of positive numbers on a logarithmic scale; what is not positive has no point.

    Parameters
    ----------
    series
        Name to values; the first value belongs to the first label.
    labels
        What stands below the values.
    """
    values = [v for line in series.values() for v in line if v > 0 and np.isfinite(v)]
    if not values:
        return "<i>All values are 0: there is nothing to draw.</i>"
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    high = max(high, low + 1)
    plot_width, plot_height = width - LEFT - RIGHT, height - TOP - BOTTOM

    def x(k: int) -> float:
        return LEFT + plot_width * (k + 0.5) / len(labels)

    def y(value: float) -> float:
        return TOP + plot_height * (high - math.log10(value)) / (high - low)

    parts = []
    step = math.ceil((high - low) / 8)
    for power in range(low, high + 1, step):
        at = y(10.0**power)
        parts.append(
            f'<line x1="{LEFT}" x2="{width - RIGHT}" y1="{at:.1f}" y2="{at:.1f}" stroke="#888" stroke-opacity="0.35"/>'
            f'<text x="{LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">'
            f'10<tspan dy="-4" font-size="9">{power}</tspan></text>'
        )
    every = math.ceil(len(labels) / 40)
    for k in range(0, len(labels), every):
        at, name = x(k), labels[k] if len(labels[k]) <= 12 else labels[k][:11] + "…"
        parts.append(
            f'<text x="{at:.1f}" y="{height - BOTTOM + 16}" text-anchor="end" '
            f'transform="rotate(-40 {at:.1f} {height - BOTTOM + 16})">{escape(name)}</text>'
        )
    for number, (name, line) in enumerate(series.items()):
        colour, shape = LINES[number % len(LINES)]
        points = [(x(k), y(v), k, v) for k, v in enumerate(line) if v > 0 and np.isfinite(v)]
        path = " ".join(f"{a:.1f},{b:.1f}" for a, b, _, _ in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [mark(shape, a, b, colour, f"{name}, {labels[k]}: {v:.3g}") for a, b, k, v in points]
        at = LEFT + number * plot_width / len(series)
        parts.append(mark(shape, at + 6, 12, colour, name) + f'<text x="{at + 16:.1f}" y="16">{escape(name)}</text>')
    middle = TOP + plot_height / 2
    parts.append(
        f'<text x="14" y="{middle}" text-anchor="middle" transform="rotate(-90 14 {middle})">{escape(y_label)}</text>'
    )
    return svg("".join(parts), width, height, f"{y_label}: {', '.join(series)}")


def mark(shape: str, x: float, y: float, colour: str, title: str) -> str:
    """Return a point of a line."""
    outlines = {
        "square": [(-4, -4), (4, -4), (4, 4), (-4, 4)],
        "diamond": [(0, -6), (6, 0), (0, 6), (-6, 0)],
        "triangle": [(0, -5), (5, 4), (-5, 4)],
    }
    title = f"<title>{escape(title)}</title>"
    if shape == "circle":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5" fill="{colour}">{title}</circle>'
    points = " ".join(f"{x + a:.1f},{y + b:.1f}" for a, b in outlines[shape])
    return f'<polygon points="{points}" fill="{colour}">{title}</polygon>'


def word_map(
    coordinates: np.ndarray, names: Sequence[str], colours: Sequence[str], marked: Iterable[int] = (),
    width: int = 780, height: int = 460,
) -> str:  # fmt: skip
    """Return points in the plane, each with its name as a tooltip and, where there is room, beside it.

    Parameters
    ----------
    coordinates
        (2, len(names)).
    marked
        Numbers of points that get a thick rim, and room for their names first.
    """
    low, span = coordinates.min(axis=1), np.maximum(np.ptp(coordinates, axis=1), 1e-12)
    places = (coordinates - low[:, None]) / span[:, None] * [[width - 120], [height - 40]] + [[20], [20]]
    chosen = list(dict.fromkeys(marked))
    points, labels = [], []
    taken: list[tuple[float, float, float, float]] = []
    for number in [*chosen, *(n for n in range(len(names)) if n not in set(chosen))]:
        x, y = float(places[0, number]), height - float(places[1, number])
        is_marked = number in chosen
        rim = 'stroke="#d62728" stroke-width="2.5"' if is_marked else 'stroke="#555" stroke-width="0.7"'
        points.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{6 if is_marked else 4.5}" fill="{colours[number]}" {rim}>'
            f"<title>{escape(names[number])}</title></circle>"
        )
        box = (x + 7, y - 9, x + 9 + (7.6 if is_marked else 6.8) * len(names[number]), y + 6)
        if not any(box[0] < b[2] and b[0] < box[2] and box[1] < b[3] and b[1] < box[3] for b in taken):
            taken.append(box)
            weight = ' font-weight="700"' if is_marked else ""
            halo = ' style="paint-order:stroke" stroke="var(--jp-layout-color1, #fff)" stroke-width="3"'
            labels.append(f'<text x="{x + 8:.1f}" y="{y + 4:.1f}"{weight}{halo}>{escape(names[number])}</text>')
    return svg("".join([*reversed(points), *labels]), width, height, "map of words")


def svg(content: str, width: int, height: int, label: str) -> str:
    """Return a drawing that shrinks with the panel."""
    return (
        f'<svg role="img" aria-label="{escape(label)}" viewBox="0 0 {width} {height}" font-size="12" '
        f'style="width:100%;max-width:{width}px;height:auto;display:block">{content}</svg>'
    )
