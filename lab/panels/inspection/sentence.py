"""Views of the inspection panel for one sentence: tags, hidden states, gradient through time."""

from html import escape

import numpy as np

from lab.drawing import html
from lab.panels.inspection.view import Opened, Seen, View, last_word, unknown_note, word_slider
from lab.panels.inspection.word_charts import WordLines
from lab.widgets.controls import checkbox, dropdown, in_row, integer, on_change, set_options, show, toggles, view
from lab.widgets.panel import Panel
from lxmls_rnn.deep_learning.activations import ACTIVATIONS
from lxmls_rnn.plotting.palette import HIGHLIGHT, colour_of
from lxmls_rnn.teaching.gradient_flow import Reach, factor_per_step, gradient_reach, largest_beyond, steps_until

UNITS_SHOWN = 50  # hidden units shown at a time


class TagsView(View):
    """Tags of the words, the distribution over the tags for one word, and a heat map of all."""

    title = "Tags"

    def __init__(self, panel: Panel) -> None:
        self.sentence, self.distribution, self.matrix = view("tagged"), view("distribution"), view()
        self.word = word_slider("The word whose distribution over the tags is shown")
        super().__init__(panel, self.sentence, self.word, in_row(self.distribution, self.matrix))
        self.redraw_on(self.word)

    def fill(self) -> None:
        set_options(self.word, self.seen.numbered)

    def draw(self) -> None:
        tags, p_y, t = self.opened.tagger.tags, self.seen.forward.p_y, self.word.value
        self.sentence.value = f"{tagged(self.seen, tags, marked=t)}<small>{unknown_note(self.seen)}</small>"
        order = np.argsort(-p_y[:, t], kind="stable")
        bars = html.bars([(tags[k], float(p_y[k, t]), colour_of(tags[k])) for k in order], 1.0)
        self.distribution.value = f"<b>{escape(self.seen.words[t])}</b>{bars}"
        write = ("{:.2f}" if len(self.seen.words) <= 20 else "").format
        caption = "p_y: probability of each tag (row) for each word (column)"
        self.matrix.value = html.heat_map(p_y, tags, self.seen.words, 1.0, t, write, caption, upright=True)

    def code(self) -> str:
        return f"""
p_y = tagger.model.forward(x)  # (n_tags, L)
for word in tagger.tag(words):
    print(f"{{word.word:15}} {{word.tag:6}} {{word.probability:.4f}}", "" if word.known else "not in the vocabulary")

t = {self.word.value}
for k in (-p_y[:, t]).argsort():
    print(f"{{tagger.tags[k]:6}} {{p_y[k, t]:.4f}}")
"""


def tagged(seen: Seen, tags: list[str], marked: int | None = None) -> str:
    """Return the sentence with the most probable tag of each word."""
    words = []
    for t, word in enumerate(seen.words):
        k = int(np.argmax(seen.forward.p_y[:, t]))
        p = float(seen.forward.p_y[k, t])
        box = html.word(word, f"{tags[k]} {p:.0%}", colour_of(tags[k]), seen.unknown[t], f"{tags[k]} {p:.4f}")
        frame = f"display:inline-block;outline:2px solid {HIGHLIGHT};border-radius:4px" if t == marked else ""
        words.append(f'<span style="{frame}">{box}</span>' if frame else box)
    return f'<div dir="auto">{"".join(words)}</div>'


class HiddenView(View):
    """The hidden state over time, and the gates and the cell of an LSTM."""

    title = "Hidden state"

    def __init__(self, panel: Panel) -> None:
        gates = "Gates and cell of an LSTM"
        self.what = toggles({"hidden state": "The hidden state h after each word", "gates and cell": gates}, "9em")
        tooltip = f"Number of the first hidden unit shown, of {UNITS_SHOWN} at a time"
        self.first = integer("First unit", 1, tooltip, 1, "13em", label="6em")
        self.numbers = checkbox("Show values", "Show each value in its cell")
        self.range, self.maps = view(), view("hidden", "whole")
        super().__init__(panel, in_row(self.what, self.first, self.numbers), self.range, self.maps)
        self.redraw_on(self.what, self.first, self.numbers)

    def fill(self) -> None:
        n_hidd = self.opened.tagger.model.sizes.n_hidd
        show(self.what, self.opened.is_lstm)
        if not self.opened.is_lstm:
            self.what.value = "hidden state"
        self.first.limit(max(1, n_hidd - UNITS_SHOWN + 1))
        show(self.first, n_hidd > UNITS_SHOWN)

    def draw(self) -> None:
        if self.what.value == "gates and cell":
            quantities = self._gates()
        else:
            largest = ACTIVATIONS[self.opened.tagger.model.activation].largest
            quantities = [("h: hidden state, one row per unit", self.seen.forward.h[:, 1:], largest)]
        self.range.value = self._range_text()
        self.maps.value = html.side_by_side(self._map(*quantity) for quantity in quantities)

    def _gates(self) -> list[tuple[str, np.ndarray, float | None]]:
        cells = self.opened.tagger.model.cells(self.seen.x)
        gates = {"i: input gate": cells.i, "f: forget gate": cells.f, "o: output gate": cells.o}
        within = {**gates, "g: candidate content": cells.g, "h = o tanh(c)": self.seen.forward.h[:, 1:]}
        *first, last = [(name, values, 1.0) for name, values in within.items()]
        return [*first, ("c: cell", cells.c[:, 1:], None), last]

    def _map(self, name: str, values: np.ndarray, largest: float | None) -> str:
        rows = range(self.first.parsed - 1, min(self.first.parsed - 1 + UNITS_SHOWN, len(values)))
        names = [str(j + 1) for j in rows]
        write = ("{:.2f}" if self.numbers.value else "").format
        shown = values[rows.start : rows.stop]
        return html.heat_map(shown, names, self.seen.words, largest, write=write, caption=name, upright=True)

    def _range_text(self) -> str:
        if self.what.value == "gates and cell":
            return (
                "Gates lie between 0 (white, closed) and 1 (blue, open); g and h between -1 (orange) and 1 (blue); "
                "the cell c = f c + i g is unbounded. Where f stays blue, the cell keeps its content."
            )
        h = self.seen.forward.h[:, 1:]
        name = self.opened.tagger.model.activation
        low, high = ACTIVATIONS[name].bounds  # an LSTM's is tanh
        formula = "o tanh(c)" if self.opened.is_lstm else f"{name}"
        bounds = f"at or above {low}" if high is None else f"between {low} and {high}"
        return (
            f"h = {formula} lies {bounds}; in this sentence from {h.min():.3f} to {h.max():.3f}. Blue is positive, "
            "orange negative. A unit with the same colour at every word carries no information about the words."
        )

    def code(self) -> str:
        if self.what.value == "gates and cell":
            return """
for name, values in zip("ifgoc", tagger.model.cells(x)):  # (n_hidd, L), c with c_0 = 0 first
    print(name, values.round(2), sep="\\n")
"""
        return """
h = tagger.model.forward(x, all_outputs=True).h[:, 1:]  # (n_hidd, L), without h_0 = 0
print(h.min(), h.max())
print(h.round(2))
"""


class GradientView(View):
    """The gradient of one word's loss, back through time."""

    title = "Gradient"

    def __init__(self, panel: Panel) -> None:
        self.word = word_slider("The word t whose loss is differentiated")
        tooltip = "The tag k in the loss -log p_t[k]; by default the predicted tag"
        self.tag = dropdown("Tag", [("", 0)], tooltip, width="16em", label="4em")
        self.chart = WordLines("norm of the gradient").add_class("lab-gradient")
        self.text, self.table = view(), view("whole")
        super().__init__(panel, in_row(self.word, self.tag), self.chart, self.text, self.table)
        on_change(self._word_changed, self.word)
        self.redraw_on(self.word, self.tag)

    def fill(self) -> None:
        set_options(self.word, self.seen.numbered, last_word(self.seen))
        self._update_tags()

    def _word_changed(self) -> None:
        if not self.quiet:
            with self.quietly():
                self._update_tags()

    def _update_tags(self) -> None:
        p = self.seen.forward.p_y[:, self.word.value]
        options = [(f"{tag} ({p[k]:.1%})", k) for k, tag in enumerate(self.opened.tagger.tags)]
        set_options(self.tag, options, int(np.argmax(p)))

    def draw(self) -> None:
        t = self.word.value
        reach = gradient_reach(self.opened.tagger.model, self.seen.x, t, self.tag.value)
        self.chart.draw(curves(reach), self.seen.words[: t + 1])
        self.text.value = explain(self.opened, reach, self.seen.words[t])
        norms = {name.rpartition(" ")[2]: values for name, values in curves(reach).items()}
        rows = []
        for k in range(t, -1, -1):
            ratio = f"{reach.h[k] / reach.h[k + 1]:.3g}" if k < t and reach.h[k + 1] else ""
            first, *rest = (f"{values[k]:.3e}" for values in norms.values())
            rows.append([f"{k + 1} {self.seen.words[k]}", t - k, first, ratio, *rest])
        first, *rest = norms
        self.table.value = html.table(["word k", "steps back", first, "ratio", *rest], rows)

    def code(self) -> str:
        t, tag = self.word.value, self.tag.value
        return f"""
from lxmls_rnn.teaching.gradient_flow import factor_per_step, gradient_reach, steps_until

t = {t}  # {self.seen.words[t]!r}
reach = gradient_reach(tagger.model, x, t, tag={tag})  # {self.opened.tagger.tags[tag]}, in the loss -log p_t[tag]
print("loss", reach.loss)
print("|d loss / d h_k|", reach.h)
print("|d loss / d c_k|", reach.c)  # of an LSTM
print("|d loss / d z_k|", reach.z)
print("mean factor of a step back", factor_per_step(reach.h))
print("below 1 % after", steps_until(reach.h), "steps")
"""


def curves(reach: Reach) -> dict[str, np.ndarray]:
    """Return the lines of a chart of gradient norms, by name."""
    cell = {} if reach.c is None else {"cell |dL/dc_k|": reach.c}
    return {"hidden state |dL/dh_k|": reach.h, **cell, "embedding |dL/dz_k|": reach.z}


def explain(opened: Opened, reach: Reach, word: str) -> str:
    """Return an explanation of the gradient norms as HTML."""
    text = f"The loss of <b>{escape(word)}</b> is {reach.loss + 0.0:.4g}. "  # not -0
    if len(reach.h) < 2:
        return text + "It is the first word, so the gradient cannot go back. Choose a later one."
    if not reach.h[-1]:
        return text + "Its gradient is 0: its tag has probability 1 in floating point. Choose another tag or word."
    paths = {"hidden state": reach.h} if reach.c is None else {"hidden state": reach.h, "cell": reach.c}
    for name, norms in paths.items():
        steps = steps_until(norms)
        n = len(norms) - 1 if steps is None else steps
        until = f"{'still above' if steps is None else 'below'} 1 % after {n} step{'' if n == 1 else 's'}"
        again = 0 if steps is None else largest_beyond(norms, steps)
        if again > 0.01:
            until += f", but further back it rises to {again:.0%} again"
        factor = factor_per_step(norms)
        change = "vanishes" if np.isnan(factor) else f"is multiplied by {factor:.3g} in each step back, on average"
        text += f"The gradient of the {name} {change}; it is {until}. "
    if opened.is_lstm:
        peepholes = ", and the peepholes" if opened.tagger.model.peepholes else ""
        return text + (
            "Through h, each step multiplies by W<sub>h</sub><sup>T</sup> and the gates' derivatives; through the "
            "cell, by the forget gate f<sub>k+1</sub>, near 1 where the cell is kept"
            f"{peepholes}: this path reaches far."
        )
    return text + (
        "Each step back multiplies by W<sub>h</sub><sup>T</sup> diag(f'(a<sub>k+1</sub>)): factors below 1 make the "
        "gradient vanish, factors above 1 make it explode."
    )
