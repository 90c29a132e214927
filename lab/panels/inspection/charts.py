"""Charts over the words of a sentence, and a map of words."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import bqplot
import ipywidgets as widgets
import numpy as np

from lab.drawing import html
from lab.drawing.figures import figure, put, scales_of, side_axis
from lxmls_rnn.plotting.palette import HIGHLIGHT, LINES

MARKER_SIGNS = {"circle": "●", "square": "■", "diamond": "◆", "triangle-up": "▲"}  # distinguish lines without colours
MAX_LETTERS, MAX_LABELS = 12, 40  # letters of a label; labels on the axis
MAP_WIDTH, MAP_HEIGHT = 780, 460  # pixels


class WordLines(widgets.VBox):
    """Lines of positive numbers over words, on a logarithmic scale; other numbers are left out."""

    def __init__(self, label: str) -> None:
        slant = {"tick_rotate": -40, "tick_style": {"text-anchor": "end"}, "grid_lines": "none"}
        words = bqplot.Axis(scale=bqplot.LinearScale(), **slant)
        self.figure = figure(words, side_axis(bqplot.LogScale(), label, "~e"), size=(MAP_WIDTH, 300), bottom=84)
        self.key = widgets.HTML()
        super().__init__()

    def draw(self, series: Mapping[str, Sequence[float] | np.ndarray], labels: Sequence[str]) -> None:
        """Draw one line for each name in `series`; `labels` are the words below the x axis."""
        values = np.array(list(series.values()), float)
        drawable = np.isfinite(values) & (values > 0)
        drawn = list(zip(series, LINES, MARKER_SIGNS, strict=False))
        self.key.value = html.key((name, colour, MARKER_SIGNS[shape]) for name, colour, shape in drawn)
        if not drawable.any():
            self.key.value = "<i>All values are 0: there is nothing to draw.</i>"
        else:
            words, norms = self.figure.axes
            places = np.arange(len(labels))
            words.scale.min, words.scale.max = -0.5, len(labels) - 0.5
            words.tick_values = places[:: 1 + (len(labels) - 1) // MAX_LABELS]
            words.tick_labels = {str(k): html.shortened(labels[k], MAX_LETTERS) for k in words.tick_values}
            low, high = np.log10(values[drawable].min()), np.log10(values[drawable].max())
            powers = np.arange(np.floor(low), max(np.ceil(high), np.floor(low) + 1) + 1)
            norms.scale.min, norms.scale.max = 10 ** powers[0], 10 ** powers[-1]
            norms.tick_values = 10.0 ** powers[:: 1 + len(powers) // 9]
            with self.figure.hold_sync():
                marks = []
                for (name, colour, shape), line, here in zip(drawn, values, drawable, strict=True):
                    style = {"x": places[here], "y": line[here], "scales": scales_of(self.figure), "colors": [colour]}
                    tooltips = [f"{name}, {html.isolated(labels[k])}: {line[k]:.3g}" for k in places[here]]
                    marks.append(bqplot.Lines(stroke_width=2, **style))
                    marks.append(bqplot.Scatter(marker=shape, default_size=48, **named(tooltips), **style))
                self.figure.marks = marks
        # only now: a figure that is drawn while hidden stays empty
        self.children = [self.key, self.figure] if drawable.any() else [self.key]


class WordMap(widgets.VBox):
    """Points in a plane; a name is a tooltip and, if there is room, a label beside the point."""

    def __init__(self) -> None:
        scales = {"x": bqplot.LinearScale(min=0, max=MAP_WIDTH), "y": bqplot.LinearScale(min=0, max=MAP_HEIGHT)}
        across, up = (bqplot.Axis(scale=scale, visible=False, grid_lines="none") for scale in scales.values())
        options = {"x": [], "y": [], "scales": scales}
        self.points = bqplot.Scatter(default_size=64, stroke="#555", stroke_width=0.7, **named([]), **options)
        self.marked = bqplot.Scatter(default_size=110, stroke=HIGHLIGHT, stroke_width=2.5, **named([]), **options)
        label_options = {"text": [], "x_offset": 8, "y_offset": 4, "colors": ["#111"], "default_size": 12, **options}
        self.names = bqplot.Label(font_weight="normal", **label_options)
        self.marked_names = bqplot.Label(font_weight="bold", **label_options)
        marks = [self.points, self.marked, self.names, self.marked_names]
        self.figure = figure(across, up, marks, (MAP_WIDTH, MAP_HEIGHT))
        self.figure.fig_margin = dict.fromkeys(self.figure.fig_margin, 2)
        super().__init__()

    def draw(
        self, coordinates: np.ndarray, names: Sequence[str], colours: Sequence[str], marked: Iterable[int] = ()
    ) -> None:
        """Draw words at `coordinates`, (2, len(names)); marked words get a thick border and are labelled first."""
        low, span = coordinates.min(axis=1), np.maximum(np.ptp(coordinates, axis=1), 1e-12)
        places = (coordinates - low[:, None]) / span[:, None] * [[MAP_WIDTH - 120], [MAP_HEIGHT - 40]] + [[20], [20]]
        chosen = list(dict.fromkeys(marked))
        others = [number for number in range(len(names)) if number not in chosen]
        occupied: list[tuple[float, float, float, float]] = []
        for numbers, points, labels, width in (
            (chosen, self.marked, self.marked_names, 7.6),
            (others, self.points, self.names, 6.8),
        ):
            x, y = places[:, numbers]
            put(points, x, y, names=[names[n] for n in numbers], colors=[colours[n] for n in numbers] or ["#fff"])
            roomy: dict[int, str] = {}
            for n in numbers:
                left, middle = places[:, n]
                name = html.shortened(names[n], MAX_LETTERS)
                box = left + 7, middle - 6, left + 9 + width * html.width_of(name), middle + 9
                if not any(box[0] < b[2] and b[0] < box[2] and box[1] < b[3] and b[1] < box[3] for b in occupied):
                    occupied.append(box)
                    roomy[n] = name
            put(labels, *places[:, list(roomy)], text=list(roomy.values()))
        self.children = [self.figure]


def named(names: Sequence[str]) -> dict[str, Any]:
    """Return the options of a mark that show the names of its points as tooltips."""
    tooltip = bqplot.Tooltip(fields=["name"], show_labels=False)
    return {"names": names, "display_names": False, "tooltip": tooltip}
