"""Drawings of a walk through a recurrent network, as SVG: unrolled over the sentence, and as an MLP."""

import math
from collections.abc import Sequence
from html import escape

from lab.drawing.html import shortened
from lxmls_rnn.teaching.walk import BACKWARD, Step

MAX_WORDS = 5  # words drawn at a time
MAX_UNITS = 4  # units drawn per hidden layer of the MLP

FAINT_COLOUR = "var(--lab-faint)"

# colours of a node: fill, line, text
PENDING_COLOURS = ("var(--lab-soft)", "var(--lab-border)", FAINT_COLOUR)
KNOWN_COLOURS = {"forward": ("#c6dbef", "#4a90c2", "#111"), "backward": ("#fdd0a2", "#d9731a", "#111")}
ACTIVE_COLOURS = {"forward": ("#1f77b4", "#0d4f80", "#fff"), "backward": ("#f0883e", "#8f3f00", "#111")}

# edges that a step uses, by name of the step: (edge, words later); an RNN has the edge "act", an LSTM the gates
STEP_EDGES = {
    "z": [("W_e", 0)], "a": [("W_x", 0), ("W_h", 0)], "b": [("W_c", 0)],
    "i": [("peep", 0)], "f": [("peep", 0)], "g": [], "o": [("peep", 0)],
    "c": [("i", 0), ("f", 0), ("g", 0), ("cell", 0)], "h": [("act", 0), ("o", 0), ("tanh", 0)],
    "y": [("W_y", 0)], "p": [("softmax", 0)], "C": [("C", 0)],
    "e_y": [("C", 0), ("softmax", 0)], "dW_y": [("W_y", 0)], "e_h": [("W_y", 0), ("W_h", 1)], "e_a": [("act", 0)],
    "e_a_o": [("o", 0)], "e_c": [("tanh", 0), ("cell", 1), ("W_c", 1), ("peep", 1)],
    "e_a_i": [("i", 0)], "e_a_f": [("f", 0)], "e_a_g": [("g", 0)],
    "dW_x": [("W_x", 0)], "dW_h": [("W_h", 0)], "dW_c": [("W_c", 0)], "e_z": [("W_x", 0)], "dW_e": [("W_e", 0)],
}  # fmt: skip
# node of a step, by name of the step, if they differ
STEP_NODES = {
    "e_y": "y", "dW_y": "y", "e_h": "h", "e_c": "c", "e_a": "a", "dW_x": "a", "dW_h": "a", "dW_c": "b",
    "e_a_i": "i", "e_a_f": "f", "e_a_g": "g", "e_a_o": "o", "e_z": "z", "dW_e": "z",
}  # fmt: skip


class Picture:
    """An SVG drawing of what has been computed up to a step, the last one in `seen`."""

    def __init__(self, seen: Sequence[Step], words: Sequence[str]) -> None:
        self.step, self.words = seen[-1], words
        nodes = [(STEP_NODES.get(step.name, step.name), step.t) for step in seen]
        self.done = {node: step.direction for node, step in zip(nodes, seen, strict=True)}
        self.active_node = nodes[-1]
        self.active_edges = {(edge, self.step.t + later) for edge, later in STEP_EDGES[self.step.name]}
        first = max(1, min(self.step.t - MAX_WORDS // 2, len(words) - MAX_WORDS + 1))
        self.shown = range(first, min(first + MAX_WORDS, len(words) + 1))
        self.parts: list[str] = []

    def colours(self, node: str, t: int) -> tuple[str, str, str]:
        """Return the colours of a node: fill, line, text."""
        if (node, t) == self.active_node:
            return ACTIVE_COLOURS[self.step.direction]
        return KNOWN_COLOURS[self.done[node, t]] if (node, t) in self.done else PENDING_COLOURS

    def stroke(self, edge: str, t: int) -> tuple[str, float]:
        """Return colour and width of an edge."""
        if (edge, t) in self.active_edges:
            return ACTIVE_COLOURS[self.step.direction][0], 3.5
        return FAINT_COLOUR, 1.2

    def text(
        self, x: float, y: float, content: str, size: int = 12, ink: str = "var(--lab-text)", bold: bool = False
    ) -> None:
        """Add a text; 'h_2' has a subscript 2."""
        has_index = content[:1] in "zabcfghiopyWC" and "_" in content[:2]
        name, _, index = content.partition("_") if has_index else (content, "", "")
        below = f'<tspan dy="3" font-size="{size - 3}">{escape(index)}</tspan>' if index else ""
        self.parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="middle" dominant-baseline="central" '
            f'style="fill:{ink}" font-weight="{"bold" if bold else "normal"}">{escape(name)}{below}</text>'
        )

    def label(self, x: float, y: float, content: str, size: int, strong: bool) -> None:
        """Add a label, bold if `strong`, otherwise faint."""
        self.text(x, y, content, size, "var(--lab-text)" if strong else FAINT_COLOUR, strong)

    def circle(self, x: float, y: float, radius: float, node: str, t: int, label: bool = True) -> None:
        """Draw a node as a circle with this centre."""
        self._node(f'circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}"', x, y, node, t, f"{node}_{t}" if label else "")

    def box(self, x: float, y: float, width: float, height: float, node: str, t: int, label: str) -> None:
        """Draw a node as a box with this centre."""
        corner = f'x="{x - width / 2:.1f}" y="{y - height / 2:.1f}"'
        self._node(f'rect {corner} width="{width}" height="{height}" rx="5"', x, y, node, t, label)

    def _node(self, shape: str, x: float, y: float, node: str, t: int, label: str) -> None:
        fill, line, ink = self.colours(node, t)
        width = 3 if (node, t) == self.active_node else 1.5
        self.parts.append(f'<{shape} style="fill:{fill};stroke:{line};stroke-width:{width}"/>')
        if label:
            self.text(x, y, label, 12, ink)

    def arrow(self, x: float, y: float, to_x: float, to_y: float, edge: str, t: int, label: str = "") -> None:
        """Draw an edge as an arrow; in the backward pass it points the other way."""
        colour, width = self.stroke(edge, t)
        active = (edge, t) in self.active_edges
        if active and self.step.direction == BACKWARD:
            x, y, to_x, to_y = to_x, to_y, x, y
        angle = math.atan2(to_y - y, to_x - x)
        size = 5 + width
        corners = [(to_x, to_y)]
        for turn in (2.7, -2.7):
            corners.append((to_x + size * math.cos(angle + turn), to_y + size * math.sin(angle + turn)))
        end_x, end_y = to_x - 0.7 * size * math.cos(angle), to_y - 0.7 * size * math.sin(angle)
        points = " ".join(f"{a:.1f},{b:.1f}" for a, b in corners)
        self.parts.append(
            f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{end_x:.1f}" y2="{end_y:.1f}" '
            f'style="stroke:{colour};stroke-width:{width}"/><polygon points="{points}" style="fill:{colour}"/>'
        )
        if label:
            middle_x, middle_y = (x + to_x) / 2, (y + to_y) / 2
            shift = (0, -9) if abs(to_x - x) > abs(to_y - y) else (15, 0)
            self.label(middle_x + shift[0], middle_y + shift[1], label, 11, active)

    def svg(self, width: int, height: int, name: str) -> str:
        step = self.step
        place = f"{name}; now {step.symbol} of word {step.t}, {self.words[step.t - 1]}, {step.direction}"
        return (
            f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
            f'aria-label="{escape(place)}" style="max-width:100%;min-width:{round(0.75 * width)}px;height:auto" '
            f'font-family="sans-serif">'
            f"{''.join(self.parts)}</svg>"
        )


def unrolled(seen: Sequence[Step], words: Sequence[str], tags: Sequence[str]) -> str:
    """Return the network unrolled over the sentence, or a part of it, as SVG: words below, tags above."""
    picture = Picture(seen, words)
    width, height = 86 * len(picture.shown) + 42, 352
    rows = {"C": 22, "p": 78, "y": 138, "h": 206, "z": 276, "word": 334}
    for column, t in enumerate(picture.shown):
        left = 42 + 86 * column
        a, h = left + 10, left + 47
        if column == 0:
            picture.text(10, rows["h"], "0" if t == 1 else "…", 14, FAINT_COLOUR)
        start = 17 if column == 0 else left - 25  # right of h of the previous word
        picture.arrow(start, rows["h"], a - 14, rows["h"], "W_h", t, "W_h")
        picture.arrow(a + 14, rows["h"], h - 14, rows["h"], "act", t, "f")
        picture.arrow(a, rows["word"] - 11, a, rows["z"] + 14, "W_e", t, "W_e")
        picture.arrow(a, rows["z"] - 14, a, rows["h"] + 14, "W_x", t, "W_x")
        picture.arrow(h, rows["h"] - 14, h, rows["y"] + 15, "W_y", t, "W_y")
        picture.arrow(h, rows["y"] - 15, h, rows["p"] + 15, "softmax", t)
        picture.arrow(h, rows["p"] - 15, h, rows["C"] + 12, "C", t)
        for node, x in (("z", a), ("a", a), ("h", h), ("y", h), ("p", h)):
            picture.circle(x, rows["h" if node == "a" else node], 14, node, t)
        picture.box(h, rows["C"], 34, 24, "C", t, f"C_{t}")
        here = t == picture.step.t
        picture.text(a + 6, rows["word"], shortened(words[t - 1], 10), 13, bold=here)
        picture.label(a - 4, rows["p"], shortened(tags[t - 1], 6), 11, here)
    if picture.shown[-1] < len(words):
        picture.text(width - 9, rows["h"], "…", 14, FAINT_COLOUR)
    return picture.svg(width, height, "the network unrolled over the sentence")


def as_mlp(seen: Sequence[Step], words: Sequence[str], tags: Sequence[str], n_hidd: int) -> str:
    """Return the network as a multilayer perceptron, as SVG: a hidden layer for each word, the first at the bottom."""
    picture = Picture(seen, words)
    width, layer = 324, 64
    height = layer * len(picture.shown) + 36
    units = min(n_hidd, MAX_UNITS)
    middle = 160
    across = [middle + 28 * (unit - (units - 1) / 2) for unit in range(units)]
    for row, t in enumerate(picture.shown):
        y = height - 52 - layer * row
        below = y + layer if row else y + 40
        colour, thickness = picture.stroke("W_h", t)
        active = ("W_h", t) in picture.active_edges
        for x_below in across:
            for x in across:
                picture.parts.append(
                    f'<line x1="{x_below:.1f}" y1="{below - 9}" x2="{x:.1f}" y2="{y + 9}" '
                    f'style="stroke:{colour};stroke-width:{thickness / 1.7:.1f}"/>'
                )
        picture.label(across[-1] + 26, (y + below) / 2, "W_h", 11, active)
        picture.arrow(61, y, across[0] - 12, y, "W_x", t, "W_x")
        picture.arrow(across[-1] + 12, y, 250, y, "W_y", t, "W_y")
    for row, t in enumerate(picture.shown):
        y = height - 52 - layer * row
        here = t == picture.step.t
        # a and h are the same units, before and after the activation
        node = "a" if picture.active_node == ("a", t) or ("h", t) not in picture.done else "h"
        if picture.done.get(("h", t)) == BACKWARD and ("a", t) in picture.done:
            node = "a" if picture.done["a", t] == BACKWARD else "h"
        for x in across:
            picture.circle(x, y, 9, node, t, label=False)
        output = "p" if picture.active_node in (("p", t), ("C", t)) else "y"
        picture.box(42, y, 36, 26, "z", t, f"z_{t}")
        picture.box(270, y, 36, 26, output, t, f"{output}_{t}")
        picture.label(42, y + 22, shortened(words[t - 1], 10), 12, here)
        picture.label(270, y + 22, shortened(tags[t - 1], 10), 12, here)
        picture.label(across[0] - 20, y - 14, f"h_{t}", 12, here)
    bottom = height - 12
    if picture.shown[0] == 1:
        for x in across:
            picture.parts.append(
                f'<circle cx="{x:.1f}" cy="{bottom}" r="8" stroke-dasharray="3 2" '
                'style="fill:none;stroke:var(--lab-faint)"/>'
            )
        picture.text(across[0] - 22, bottom, "0", 12, FAINT_COLOUR)
    if n_hidd > units:
        picture.text(across[-1] + 70, bottom, f"{units} of {n_hidd} units", 11, FAINT_COLOUR)
    if picture.shown[0] > 1:
        picture.text(middle, bottom, "…", 14, FAINT_COLOUR)
    if picture.shown[-1] < len(words):
        picture.text(middle, 20, "…", 14, FAINT_COLOUR)
    return picture.svg(width, height, "the same pass as a multilayer perceptron")
