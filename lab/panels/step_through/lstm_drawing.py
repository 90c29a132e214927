"""Drawing of a walk through an LSTM, unrolled over the sentence: cells above, gates below."""

from collections.abc import Sequence

from lab.drawing.html import shortened
from lab.panels.step_through.network_drawing import FAINT_COLOUR, Picture
from lxmls_rnn.teaching.walk import Step

WORD_WIDTH = 156  # pixels


def unrolled(seen: Sequence[Step], words: Sequence[str], tags: Sequence[str], peepholes: bool) -> str:
    """Return the network unrolled over the sentence, or a part of it, as SVG: words below, tags above."""
    picture = Picture(seen, words)
    width, height = WORD_WIDTH * len(picture.shown) + 38, 420
    rows = {"C": 22, "p": 76, "y": 132, "c": 196, "gates": 286, "z": 350, "word": 402}
    for column, t in enumerate(picture.shown):
        left = 42 + WORD_WIDTH * column
        middle, h = left + 51, left + 125
        gates = {gate: left + 13 + 25.5 * place for place, gate in enumerate("ifgo")}
        start = 18 if column == 0 else left - WORD_WIDTH + 64  # right of the previous word's cell
        if column == 0:
            for row in (rows["c"], rows["gates"]):
                picture.text(9, row, "0" if t == 1 else "…", 12, FAINT_COLOUR)
        picture.arrow(start, rows["c"], middle - 14, rows["c"], "cell", t)
        picture.arrow(18 if column == 0 else left - 18, rows["gates"], left - 1, rows["gates"], "W_h", t)
        picture.label(left - 10, rows["gates"] + 13, "W_h", 11, ("W_h", t) in picture.active_edges)
        if peepholes:
            picture.arrow(left - 8, rows["c"], left - 8, rows["c"] + 27, "W_c", t, "W_c")
            picture.arrow(left - 2, rows["c"] + 46, left + 7, rows["gates"] - 19, "peep", t)
        picture.box(middle, rows["gates"], 104, 38, "a", t, "")
        picture.arrow(middle, rows["word"] - 11, middle, rows["z"] + 14, "W_e", t, "W_e")
        picture.arrow(middle, rows["z"] - 14, middle, rows["gates"] + 20, "W_x", t, "W_x")
        for gate in "ifg":
            picture.arrow(gates[gate], rows["gates"] - 12, middle + (gates[gate] - middle) / 4, rows["c"] + 15, gate, t)
        picture.arrow(gates["o"] + 12, rows["gates"], h - 14, rows["gates"], "o", t)
        picture.arrow(middle + 11, rows["c"] + 10, h - 9, rows["gates"] - 12, "tanh", t)
        picture.arrow(h, rows["gates"] - 14, h, rows["y"] + 15, "W_y", t)
        picture.label(h + 14, rows["y"] + 36, "W_y", 11, ("W_y", t) in picture.active_edges)
        picture.arrow(h, rows["y"] - 15, h, rows["p"] + 15, "softmax", t)
        picture.arrow(h, rows["p"] - 15, h, rows["C"] + 12, "C", t)
        for gate, x in gates.items():
            picture.circle(x, rows["gates"], 11, gate, t)
        if peepholes:
            picture.circle(left - 8, rows["c"] + 38, 10, "b", t)
        for node, x in (("z", middle), ("c", middle), ("h", h), ("y", h), ("p", h)):
            picture.circle(x, rows["gates" if node == "h" else node], 14, node, t)
        picture.box(h, rows["C"], 34, 24, "C", t, f"C_{t}")
        here = t == picture.step.t
        picture.text(middle, rows["word"], shortened(words[t - 1], 16), 13, bold=here)
        picture.label(h - 42, rows["p"], shortened(tags[t - 1], 8), 11, here)
    if picture.shown[-1] < len(words):
        picture.text(width - 8, rows["c"], "…", 14, FAINT_COLOUR)
    return picture.svg(width, height, "the network unrolled over the sentence")
