"""Influence view of the inspection panel: how much each word influences the tag of a later one."""

from html import escape

import numpy as np

from lab.drawing import html
from lab.panels.inspection.view import View, last_word, word_slider
from lab.widgets.controls import set_options, view
from lab.widgets.panel import Panel
from lxmls_rnn.teaching.analysis import influences

MAX_INFLUENCE_WORDS = 100  # the first words of a longer sentence: L words need L backward passes
MAX_TABLE_WORDS = 40  # a table of all words on all words would be too large
# shows the influences on the word below the mouse, or without one those on the selected word
HOVER = """const words = [...this.children];
const hovered = event.type === 'mouseover' && event.target.closest('[data-row]');
const t = words.indexOf(hovered || this.querySelector('.lab-selected'));
const row = words[t].dataset.row.split(' ');
words.forEach((word, k) => {
  word.classList.toggle('lab-current', k === t);
  word.classList.toggle('lab-later', k > t);
  word.style.setProperty('--share', (row[k] ?? 0) / 100);
  word.querySelector('small').textContent = k > t ? '\\u2013' : row[k] + ' %';
});
this.nextElementSibling.innerHTML = words[t].dataset.about;"""


class InfluenceView(View):
    """The sentence, each word coloured by its influence on the tag of the selected word, or of the one pointed at."""

    title = "Influence"

    def __init__(self, panel: Panel) -> None:
        self.word = word_slider("The word t whose predicted tag is differentiated")
        self.sentence, self.text, self.table = view("influence"), view(), view("whole")
        super().__init__(panel, self.word, self.sentence, self.text, self.table)
        self.norms = np.zeros((0, 0))  # (L, L): influence on word t by row, of word k by column
        self.redraw_on(self.word)

    def fill(self) -> None:
        """Compute the influences in the sentence, and show the table of all."""
        words, tags = self.seen.words[:MAX_INFLUENCE_WORDS], self.seen.forward.p_y.argmax(axis=0)[:MAX_INFLUENCE_WORDS]
        set_options(self.word, self.seen.numbered[:MAX_INFLUENCE_WORDS], min(last_word(self.seen), len(words) - 1))
        self.norms = influences(self.opened.tagger.model, self.seen.x[:MAX_INFLUENCE_WORDS], tags)
        self._tags = [self.opened.tagger.tags[k] for k in tags]
        self.text.value = (
            "The bluer a word, the more it influences the <b>tag of the framed word</b>, in per cent of the word that "
            "influences it most; grey words come later and have no influence. The influence is the norm of the "
            "gradient of log p(predicted tag) with respect to the word's embedding. Point at a word to see what "
            "influences its tag; the slider selects one, also with the arrow keys."
        )
        if len(self.seen.words) > MAX_INFLUENCE_WORDS:
            self.text.value += f" Only the first {MAX_INFLUENCE_WORDS} words are shown."
        self.table.value = ""
        if len(words) <= MAX_TABLE_WORDS:
            rows = [f"{word}: {tag}" for word, tag in zip(words, self._tags, strict=True)]
            caption = "influence of each word on each tag; 1: strongest"
            self.table.value = html.heat_map(self._shares(), rows, words, 1.0, caption=caption, upright=True)

    def _shares(self) -> np.ndarray:
        """Return the influences as shares of the strongest of each row."""
        largest = self.norms.max(axis=1, keepdims=True)
        return self.norms / np.where(largest > 0, largest, 1)

    def draw(self) -> None:
        t, shares = self.word.value, np.round(100 * self._shares()).astype(int)
        words = "".join(self._word(k, t, shares) for k in range(len(shares)))
        self.sentence.value = (
            f'<div dir="auto" onmouseover="{escape(HOVER)}" onmouseleave="{escape(HOVER)}">{words}</div>'
            f'<div class="lab-influence-on">{self._about(t)}</div>'
        )

    def _word(self, k: int, t: int, shares: np.ndarray) -> str:
        kinds = ["lab-word", *["lab-faint"] * bool(self.seen.unknown[k]), *["lab-selected lab-current"] * (k == t)]
        kinds += ["lab-later"] * (k > t)
        norm = f"norm {self.norms[t, k]:.3g}" if k <= t else "later than the selected word"
        missing = ", not in the vocabulary" * bool(self.seen.unknown[k])
        word, row = self.seen.words[k], " ".join(map(str, shares[k, : k + 1]))
        return (
            f'<span class="{" ".join(kinds)}" style="--share:{shares[t, k] / 100}" data-row="{row}" '
            f'data-about="{escape(self._about(k))}" title="{escape(word)}: {norm}{missing}">{escape(word)}<br>'
            f"<small>{f'{shares[t, k]} %' if k <= t else '–'}</small></span>"
        )

    def _about(self, t: int) -> str:
        """Return a sentence about the strongest influences on the tag of word t, as HTML."""
        norms, words, tag = self.norms[t], [escape(word) for word in self.seen.words], escape(self._tags[t])
        if not norms.any():
            return f"The gradient of {tag} at <b>{words[t]}</b> is 0 in floating point: no word influences it."
        order = np.argsort(-norms, kind="stable")[: min(3, t + 1)]
        strongest = ", ".join(f"<bdi>{words[k]}</bdi> {norms[k]:.3g}" for k in order)
        return f"On {tag} at <b>{words[t]}</b>: {strongest}{', …' if t >= 3 else ''}"

    def code(self) -> str:
        return f"""
from lxmls_rnn.teaching.analysis import influences

x = x[:{MAX_INFLUENCE_WORDS}]
norms = influences(tagger.model, x, tagger.model.forward(x).argmax(axis=0))  # (L, L): on word t by row, of k by column
t = {self.word.value}
for word, norm in zip(words, norms[t, : t + 1]):
    print(f"{{word:15}} {{norm:.3e}} {{norm / norms[t].max():.0%}}")
"""
