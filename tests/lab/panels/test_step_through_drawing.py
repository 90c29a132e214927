"""The drawings of a walk, read as a reader of the picture does: what is connected with what, and what stands out."""

import re
from dataclasses import dataclass
from math import dist, hypot
from xml.etree import ElementTree

import pytest

from lab import StepThroughPanel
from lab.panels.step_through import network_drawing

WORDS = ["The", "old", "dog", "found", "the", "cat"]
TAGS = ["det", "adj", "noun", "verb", "det", "noun"]
NEAR = 9  # pixels from the end of an arrow to what it points at


@dataclass
class Shape:
    """A circle or a box, with the text in its middle."""

    x: float
    y: float
    half_width: float
    half_height: float
    is_circle: bool
    style: dict[str, str]
    name: str = ""

    def distance(self, x, y):
        """From a point to the rim."""
        if self.is_circle:
            return abs(dist((x, y), (self.x, self.y)) - self.half_width)
        aside = abs(x - self.x) - self.half_width, abs(y - self.y) - self.half_height
        return hypot(*(max(0.0, one) for one in aside)) or abs(max(aside))


class Picture:
    """The shapes, texts and arrows of an SVG element, whose numbers are numbers and whose colours are colours."""

    def __init__(self, svg):
        root = ElementTree.fromstring(svg)
        self.name = root.get("aria-label")
        self.shapes, self.texts, self.arrows, self.lines = [], [], [], []
        _, _, self.width, self.height = map(float, root.get("viewBox").split())
        for one in root:
            style = dict(part.split(":") for part in one.get("style", "").split(";") if part)
            colours = [value for key, value in style.items() if key in ("fill", "stroke")]
            assert all(re.fullmatch(r"#[0-9a-f]{3,6}|var\(--[a-z-]+\)|none", colour) for colour in colours)
            at = {key: float(value) for key, value in one.items() if re.fullmatch(r"[cr]?[xy]?\d?|width|height", key)}
            for key, value in at.items():
                assert 0 <= value <= (self.height if "y" in key else self.width)
            if one.tag == "text":
                below = one.find("tspan")
                name = one.text + ("" if below is None else f"_{below.text}")
                assert 7 < float(one.get("font-size")) < 20
                self.texts.append((at["x"], at["y"], name))
            elif one.tag == "circle":
                self.shapes.append(Shape(at["cx"], at["cy"], at["r"], at["r"], True, style))
            elif one.tag == "rect":
                half = at["width"] / 2, at["height"] / 2
                self.shapes.append(Shape(at["x"] + half[0], at["y"] + half[1], *half, False, style))
            elif one.tag == "line":
                self.lines.append(((at["x1"], at["y1"]), (at["x2"], at["y2"]), style))
            elif one.tag == "polygon":  # the head of the line before it
                tail, _, line = self.lines.pop()
                assert line["stroke"] == style["fill"]
                head = tuple(map(float, one.get("points").split()[0].split(",")))
                self.arrows.append((tail, head, style["fill"]))
        for shape in self.shapes:
            for x, y, name in self.texts:
                if abs(x - shape.x) < 1 and abs(y - shape.y) < 1:
                    shape.name = name

    def at(self, place, other):
        """Return the name of the shape, else of the text, at the end of an arrow; nothing in the open.

        It is at the side of the shape that looks to the `other` end, so that no arrow goes through a shape.
        """
        shape = min(self.shapes, key=lambda shape: shape.distance(*place))
        if shape.distance(*place) < NEAR:
            assert dist(place, other) < dist((shape.x, shape.y), other)
            return shape.name
        near = [(dist(place, text[:2]), text[2]) for text in self.texts if dist(place, text[:2]) < 14]
        return min(near)[1] if near else ""

    def edges(self, colour=None):
        """Return what is connected with what, by all arrows or those of a colour."""
        drawn = [arrow[:2] for arrow in self.arrows if colour in (None, arrow[2])]
        return {(self.at(tail, head), self.at(head, tail)) for tail, head in drawn}


def walk_of(words=WORDS, model="NumpyRNN", **values):
    panel = StepThroughPanel(" ".join(words))
    panel.network["model"].value = model
    for name, value in values.items():
        panel.network[name].value = value
    assert panel.message.value == ""
    return panel.walk


def drawn(walk, symbol, t):
    """Return the drawings at a step."""
    number = next(n for n, step in enumerate(walk.steps, 1) if (step.symbol, step.t) == (symbol, t))
    return [Picture(svg) for svg in re.findall(r"<svg.*?</svg>", walk.drawing(number), re.DOTALL)]


def network(words):
    """Return the connections of a recurrent network, as the lecture has them."""
    edges = set()
    for t, word in enumerate(words, 1):
        before = "0" if t == 1 else f"h_{t - 1}"
        edges |= {(word, f"z_{t}"), (f"z_{t}", f"a_{t}"), (before, f"a_{t}"), (f"a_{t}", f"h_{t}")}
        edges |= {(f"h_{t}", f"y_{t}"), (f"y_{t}", f"p_{t}"), (f"p_{t}", f"C_{t}")}
    return edges


def test_the_unrolled_network_connects_what_the_formulas_connect():
    words = WORDS[:4]
    picture, _ = drawn(walk_of(words), "z_1", 1)
    assert picture.edges() == network(words)
    assert len(picture.arrows) == 4 * 7
    across = {shape.name: shape.x for shape in picture.shapes}
    assert across["z_1"] < across["h_1"] < across["z_2"] < across["z_3"] < across["h_4"]
    texts = [text[2] for text in sorted(picture.texts)]
    assert [text for text in texts if text in words] == words
    assert [text for text in texts if text in TAGS] == ["det", "adj", "noun", "verb"]
    assert "…" not in texts


def test_the_unrolled_lstm_connects_what_the_formulas_connect():
    words = WORDS[:3]
    for peepholes in (True, False):
        (picture,) = drawn(walk_of(words, "NumpyLSTM", peepholes=peepholes), "z_1", 1)
        edges = set()
        for t, word in enumerate(words, 1):
            before, cell = ("0", "0") if t == 1 else (f"h_{t - 1}", f"c_{t - 1}")
            edges |= {(word, f"z_{t}"), (f"z_{t}", ""), (before, ""), (cell, f"c_{t}"), (f"c_{t}", f"h_{t}")}
            edges |= {(f"{gate}_{t}", f"c_{t}") for gate in "ifg"} | {(f"o_{t}", f"h_{t}")}
            edges |= {(f"h_{t}", f"y_{t}"), (f"y_{t}", f"p_{t}"), (f"p_{t}", f"C_{t}")}
            edges |= {("", f"b_{t}"), (f"b_{t}", "")} if peepholes else set()
        assert picture.edges() == edges
        assert len(picture.arrows) == 3 * (12 + 2 * peepholes)
        gates = [shape for shape in picture.shapes if not shape.name]  # the box around the gates
        assert len(gates) == 3
        for t, box in enumerate(gates, 1):
            inside = {s.name for s in picture.shapes if s.name and abs(s.x - box.x) + 11 <= 52 and s.y == box.y}
            assert inside == {f"{gate}_{t}" for gate in "ifgo"}
        texts = [text[2] for text in sorted(picture.texts)]
        assert [text for text in texts if text in TAGS] == ["det", "adj", "noun"]
        assert "…" not in texts


def test_in_the_perceptron_each_unit_is_connected_with_each_of_the_layer_below():
    _, picture = drawn(walk_of(WORDS[:3]), "z_1", 1)
    assert picture.edges() == {edge for t in (1, 2, 3) for edge in ((f"z_{t}", ""), ("", f"y_{t}"))}
    units = [shape for shape in picture.shapes if shape.is_circle]
    assert len(units) == 3 * 4  # with those of h_0
    joined = set()
    for begin, end, _ in picture.lines:
        below, above = (min(units, key=lambda unit: unit.distance(*place)) for place in (begin, end))
        assert max(below.distance(*begin), above.distance(*end)) <= 1
        joined.add((below.x, below.y, above.x, above.y))
    assert len(joined) == 3 * 3 * 3
    assert all(below_y - above_y > 18 for _, below_y, _, above_y in joined)


@pytest.mark.parametrize(
    ("model", "symbol", "t", "edges"),
    [
        ("NumpyRNN", "a_2", 2, {("z_2", "a_2"), ("h_1", "a_2")}),
        ("NumpyRNN", "e_h_2", 2, {("y_2", "h_2"), ("a_3", "h_2")}),  # an error flows the other way
        ("NumpyRNN", "e_y_2", 2, {("C_2", "p_2"), ("p_2", "y_2")}),
        ("NumpyLSTM", "c_2", 2, {("i_2", "c_2"), ("f_2", "c_2"), ("g_2", "c_2"), ("c_1", "c_2")}),
        ("NumpyLSTM", "h_2", 2, {("o_2", "h_2"), ("c_2", "h_2")}),
        ("NumpyLSTM", "p_2", 2, {("y_2", "p_2")}),
        ("NumpyLSTM", "C_2", 2, {("p_2", "C_2")}),
        ("NumpyLSTM", "e_c_2", 2, {("h_2", "c_2"), ("c_3", "c_2"), ("b_3", ""), ("", "b_3")}),
    ],
)
def test_the_arrows_of_a_step_stand_out_in_its_direction(model, symbol, t, edges):
    picture = drawn(walk_of(model=model), symbol, t)[0]
    colour = network_drawing.ACTIVE_COLOURS["backward" if symbol.startswith("e_") else "forward"][0]
    assert picture.edges(colour) == edges


def test_matrices_are_named_beside_their_arrows():
    picture, _ = drawn(walk_of(), "z_1", 1)
    kinds = {"W_e": ("", "z"), "W_x": ("z", "a"), "W_h": ("h", "a"), "f": ("a", "h"), "W_y": ("h", "y")}
    labels = [text for text in picture.texts if text[2] in kinds]
    assert len(labels) == 5 * 5
    for x, y, name in labels:
        middle = lambda arrow: [(a + b) / 2 for a, b in zip(*arrow[:2], strict=True)]  # noqa: E731
        arrow = min(picture.arrows, key=lambda arrow: dist((x, y), middle(arrow)))
        assert 8 <= dist((x, y), middle(arrow)) <= 16  # beside it, not on it
        tail, head = (picture.at(*ends).split("_")[0] for ends in (arrow[:2], arrow[1::-1]))
        assert head == kinds[name][1]
        assert tail == kinds[name][0] or name == "W_e" or tail == "0"


def test_the_explanations_name_the_words_around():
    walk = walk_of()
    number = {(step.symbol, step.t): n for n, step in enumerate(walk.steps, 1)}
    assert "to word 3: both errors are added" in walk.equation(number["e_h_2", 2])
    gathered = {t: walk.equation(next(n for (s, u), n in number.items() if s == "dW_h" and u == t)) for t in (1, 3)}
    assert "At the first word" in gathered[1]
    assert "its other input, h<sub>2</sub>, added to the contributions of later words" in gathered[3]
    lstm = walk_of(model="NumpyLSTM")
    at = next(n for n, step in enumerate(lstm.steps, 1) if (step.symbol, step.t) == ("e_c_2", 2))
    assert "The gates of word 3 add an error through the peepholes." in lstm.equation(at)


def test_the_gradients_say_what_they_have_gathered_and_mark_what_the_step_adds_to():
    walk = walk_of()
    shown = walk.quantities(len(walk.steps)).partition("<h4>Gradients: ")[2]
    assert shown.startswith("summed so far, from word 6 to 1</h4>")
    captions = re.findall(r"<caption>d?W<sub>(.)</sub> <small>(\d × \d)</small>", shown.replace("dW", "W"))
    assert [name for name, _ in captions] == ["e", "x", "h", "y"]
    embeddings = shown.partition("</table>")[0]
    assert re.findall(r'<th scope="col"><div dir="auto">(.*?)</div>', embeddings)[walk.x[0]] in ("The", "&lt;unk&gt;")
    rows = [re.findall(r"<td[^>]*>", row) for row in embeddings.split("<tr>")[2:]]
    marked = {j for row in rows for j, cell in enumerate(row) if "lab-marked" in cell}
    assert marked == {walk.x[0]}  # the column of the first word, the last that the walk comes to
