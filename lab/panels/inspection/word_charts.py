"""Charts over the words of a sentence, and a map of words."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import bqplot
import numpy as np
from rich.cells import cell_len

from lab.drawing import html
from lab.drawing.figures import figure, put, scales_of, side_axis
from lab.drawing.looks import ColumnBox
from lab.widgets.controls import view
from lxmls_rnn.plotting.palette import HIGHLIGHT, LINES

MARKER_SIGNS = {"circle": "●", "square": "■", "diamond": "◆", "triangle-up": "▲"}  # distinguish lines without colours
MAX_LETTERS, MAX_LABELS = 12, 40  # letters of a label; labels on the axis
MOVE_MS = 1500  # of the points of a map, to their places before or after training
MAP_WIDTH, MAP_HEIGHT = 780, 460  # pixels


class WordLines(ColumnBox):
    """Lines of positive numbers over words, on a logarithmic scale; other numbers are left out."""

    def __init__(self, label: str) -> None:
        slant = {"tick_rotate": -40, "tick_style": {"text-anchor": "end"}, "grid_lines": "none"}
        words = bqplot.Axis(scale=bqplot.LinearScale(), **slant)
        self.figure = figure(words, side_axis(bqplot.LogScale(), label, "~e"), size=(MAP_WIDTH, 300), bottom=84)
        self.key = view()
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


class WordMap(ColumnBox):
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
        self.figure = figure(across, up, marks, (MAP_WIDTH, MAP_HEIGHT), animation_duration=MOVE_MS)
        self.figure.fig_margin = dict.fromkeys(self.figure.fig_margin, 2)
        super().__init__()

    def draw(
        self,
        coordinates: np.ndarray,
        names: Sequence[str],
        colours: Sequence[str],
        marked: Iterable[int] = (),
        frame: np.ndarray | None = None,
    ) -> None:
        """Draw words at `coordinates`, (2, len(names)); marked words get a thick border and are labelled first.

        If the next call has the same names, the points move to their new places. The `frame`, (2, any number), has the
        coordinates that the map must cover, by default those of the words; words beyond it are at its edge.
        """
        frame = coordinates if frame is None else frame
        low, span = frame.min(axis=1), np.maximum(np.ptp(frame, axis=1), 1e-12)
        within = np.clip((coordinates - low[:, None]) / span[:, None], 0, 1)
        places = within * [[MAP_WIDTH - 120], [MAP_HEIGHT - 40]] + [[20], [20]]
        chosen = list(dict.fromkeys(marked))
        occupied: list[tuple[float, float, float, float]] = []

        def labels(numbers: Iterable[int], width: float) -> list[str]:
            """Return the labels of words: the name if there is room for it, else an empty string."""
            texts = []
            for n in numbers:
                left, middle = places[:, n]
                name = html.shortened(names[n], MAX_LETTERS)
                box = left + 7, middle - 6, left + 9 + width * cell_len(name), middle + 9
                free = not any(box[0] < b[2] and b[0] < box[2] and box[1] < b[3] and b[1] < box[3] for b in occupied)
                occupied.extend([box] * free)
                texts.append(name * free)
            return texts

        if list(self.marked.names) != [names[n] for n in chosen]:  # other words: they do not move, they are replaced
            put(self.marked, [], [], names=[])
            put(self.marked_names, [], [], text=[])
        colors = [colours[n] for n in chosen] or ["#fff"]
        put(self.marked, *places[:, chosen], names=[names[n] for n in chosen], colors=colors)
        put(self.marked_names, *places[:, chosen], text=labels(chosen, 7.6))
        put(self.points, *places, names=list(names), colors=list(colours))
        others = [n for n in range(len(names)) if n not in chosen]
        text = dict(zip(others, labels(others, 6.8), strict=True))
        put(self.names, *places, text=[text.get(n, "") for n in range(len(names))])
        self.children = [self.figure]


def named(names: Sequence[str]) -> dict[str, Any]:
    """Return the options of a mark that show the names of its points as tooltips."""
    tooltip = bqplot.Tooltip(fields=["name"], show_labels=False)
    return {"names": names, "display_names": False, "tooltip": tooltip}
