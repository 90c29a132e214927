"""Similar states view of the inspection panel: the places of the corpus with the nearest hidden states."""

from collections.abc import Iterator
from html import escape
from typing import Any, NamedTuple

import numpy as np

from lab.drawing import html
from lab.panels.inspection.view import CorpusView, Seen, last_word, word_slider
from lab.widgets.controls import in_row, integer, set_options, view
from lab.widgets.panel import Panel
from lxmls_rnn.experiment import Settings
from lxmls_rnn.plotting.palette import colour_of
from lxmls_rnn.sequences import SequenceList
from lxmls_rnn.storage.files import counted
from lxmls_rnn.tagger import Tagger

MAX_SENTENCES = 2000
MAX_NUMBERS = 20_000_000  # of the hidden states that are kept, 80 MB
WORDS_BEFORE, WORDS_AFTER = 8, 4  # of the context shown


class Tagged(NamedTuple):
    """A sentence of the corpus with its hidden states and predicted tags."""

    sentence: Any
    h: np.ndarray  # (L, n_hidd), float32
    predicted: np.ndarray  # tag ids, (L,)


class Place(NamedTuple):
    """A word of the corpus, and how far its hidden state is from the selected one."""

    number: int  # of the sentence, from 0
    t: int
    distance: float  # Euclidean


def nearest(tagged: list[Tagged], h: np.ndarray, prefix: np.ndarray, k: int) -> tuple[list[Place], int]:
    """Return the k places with the hidden states nearest to `h`, and how many places with the same state are left out.

    A hidden state depends only on the words up to it: places with the words `prefix` have the state `h` itself, and of
    several with the same words only the first is returned.
    """
    distances = np.concatenate([np.linalg.norm(one.h - h, axis=1) for one in tagged])
    places = [(number, t) for number, one in enumerate(tagged) for t in range(len(one.h))]
    found, seen = list[Place](), {prefix.tobytes()}
    for index in np.argsort(distances, kind="stable"):
        number, t = places[index]
        words = np.asarray(tagged[number].sentence.x[: t + 1], prefix.dtype).tobytes()
        if words not in seen:
            seen.add(words)
            found.append(Place(number, t, float(distances[index])))
        if len(found) == k:
            break
    same = sum(np.array_equal(one.sentence.x[: len(prefix)], prefix) for one in tagged)
    return found, same


class StatesView(CorpusView):
    """The words of the corpus whose hidden states are nearest to that of a word of the sentence."""

    title = "Similar states"

    def __init__(self, panel: Panel) -> None:
        self.k = integer("How many", 5, "Places to find", 50, "12em", label="6em")
        self.word = word_slider("The word whose hidden state is compared")
        self.result = view("states", "whole")
        self.tagged: list[Tagged] = []
        self._where = ""
        part = "Search in", f"The part of the run's corpus to search, at most {MAX_SENTENCES} sentences of it"
        start = "Search", "Compute the hidden states of the sentences, then find those nearest to the word's"
        stop = "Stop and search the sentences read so far"
        super().__init__(panel, part, start, stop, in_row(self.k, self.word), self.result)
        self.redraw_on(self.word, self.k)

    def fill(self) -> None:
        super().fill()
        set_options(self.word, self.seen.numbered, last_word(self.seen))

    def forget(self) -> None:
        super().forget()
        self.tagged, self.result.value = [], ""

    def reading(self, settings: Settings) -> dict[str, Any]:
        limit = min(settings.max_nr_sent or MAX_SENTENCES, MAX_SENTENCES)
        return {**settings.reading, "max_nr_sent": limit}

    def results_of(self, tagger: Tagger, sentences: SequenceList) -> Iterator[Tagged]:
        numbers = 0
        for sentence in sentences:
            forward = tagger.model.forward(sentence.x, all_outputs=True)
            numbers += forward.h.size
            if numbers > MAX_NUMBERS:
                break
            yield Tagged(sentence, forward.h[:, 1:].T.astype("float32"), forward.p_y.argmax(axis=0))

    def conclude(self, part: str, results: list[Tagged], tags: list[str], total: int) -> None:
        words = counted(sum(len(one.h) for one in results), "word")
        self.tagged, self._tags = results, tags
        self._where = f"the first {counted(len(results), 'sentence')} of {part} ({words})"
        if isinstance(self._seen, Seen):
            self.draw()

    def draw(self) -> None:
        t = self.word.value
        if not self.tagged:
            self.result.value = (
                "<b>Search</b> finds the words of the corpus at which the hidden state h is nearest to that of the "
                "selected word: what the tagger does not distinguish well."
            )
            return
        h = self.seen.forward.h[:, t + 1].astype("float32")
        found, same = nearest(self.tagged, h, np.asarray(self.seen.x[: t + 1]), self.k.value)
        rows = [self._row(place) for place in found]
        left_out = f" Left out: {counted(same, 'place')} with the same words up to here, and so the same state."
        heading = (
            f"Nearest to the hidden state at <bdi><b>{escape(self.seen.words[t])}</b></bdi>, by Euclidean distance, in "
            f"{self._where}.{left_out * bool(same)} Of several places with the same words before, the first is shown."
        )
        header = ["distance", "gold", "predicted", "sentence", html.Raw('<div class="lab-context">context</div>')]
        self.result.value = heading + html.table(header, rows)

    def _row(self, place: Place) -> list[object]:
        sentence, _, predicted = self.tagged[place.number]
        words, t, k = [escape(word) for word in sentence.words], place.t, int(predicted[place.t])
        begin, end = max(0, t - WORDS_BEFORE), t + 1 + WORDS_AFTER
        before, after = "… " * (begin > 0) + " ".join(words[begin:t]), " ".join(words[t + 1 : end])
        context = f"{before} <mark>{words[t]}</mark> {after}{' …' * (end < len(words))}"
        tags = [html.chip(tag, colour_of(tag)) for tag in (self._tags[int(sentence.y[t])], self._tags[k])]
        return [
            f"{place.distance:.3g}",
            *tags,
            place.number + 1,
            html.Raw(f'<div class="lab-context" dir="auto">{context}</div>'),
        ]

    def code(self) -> str:
        return f"""
import numpy as np
from lxmls_rnn.experiment import part_file

file = part_file(run.settings, {self.part.value!r})
sentences = tagger.read(file, **{{**run.settings.reading, "max_nr_sent": {MAX_SENTENCES}}})
t = {self.word.value}
h = tagger.model.forward(x, all_outputs=True).h[:, t + 1]
places = []
for sentence in sentences:
    states = tagger.model.forward(sentence.x, all_outputs=True).h[:, 1:]
    distances = np.linalg.norm(states.T - h, axis=1)
    places += [(distance, k, sentence) for k, distance in enumerate(distances)]
places.sort(key=lambda place: place[0])
for distance, k, sentence in places[:{self.k.value}]:  # also places with the same words up to there
    before = " ".join(sentence.words[max(0, k - {WORDS_BEFORE}):k])
    print(f"{{distance:.3f}} {{before}} [{{sentence.words[k]}}] {{sentence.tags[k]}}")
"""
