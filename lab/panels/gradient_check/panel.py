"""The gradient check panel: do the gradients agree, and if not, which parameters and entries tell why."""

from __future__ import annotations

import threading
from collections.abc import Generator
from html import escape
from typing import Any

import ipywidgets as widgets
import numpy as np

from lab.drawing import html
from lab.widgets.choices import WRAP, field
from lab.widgets.job import Job
from lab.widgets.panel import Panel
from lab.widgets.sentence_choice import Ids, SentenceChoice, encode
from lxmls_rnn.deep_learning.parameters import ACTIVATIONS
from lxmls_rnn.deep_learning.rnn import MODELS
from lxmls_rnn.teaching.gradient_check import Comparison, check_gradients, random_sentence
from lxmls_rnn.teaching.mistakes import MISTAKES, readings

SHOWN = sorted(MODELS, key=lambda name: MODELS[name].family == "LSTM")
WORDS, RANDOM = "words", "random ids"
RANDOM_WORDS, RANDOM_TAGS = 20, 4
NOTHING = next(iter(MISTAKES))


class GradientCheckPanel(Panel):
    """Compare gradients; break one and find it.

    Attributes
    ----------
    rows
        The comparisons so far.
    job
        The check that runs or ran last.
    """

    title = "Gradient check"
    help = """Back-propagation is easy to get almost right. <b>Check</b> compares: NumPy's gradients with finite
    differences of the cost, Theano's (scan, and the fused layer) with NumPy's, each parameter on its own. Theano
    compiles first; that may take a minute, and the rows come as they are ready. Then choose a mistake at <b>Break</b>,
    check again, and find out from which parameters differ, and in which words' columns of W<sub>e</sub>, where in
    back-propagation the fault must be, before you read what that tells. Some mistakes hide: which sentence shows
    them?"""

    def __init__(self, sentence: str = "the old man found the dog") -> None:
        self.source = field(
            widgets.Dropdown, "Sentence", WORDS, "Words of the sample corpus' vocabulary, or ids drawn at random",
            options=[WORDS, RANDOM],
        )  # fmt: skip
        self.sentence = SentenceChoice(sentence, self.source)
        self.length, self.n_emb, self.n_hidd = (
            field(widgets.BoundedIntText, name, value, tooltip, width="14em", min=1, max=most)
            for name, value, tooltip, most in (
                ("Words", 7, "Length of the random sentence; its first word comes twice", 50),
                ("Embedding size", 4, "Numbers for a word", 20),
                ("Hidden units", 3, "Numbers in the hidden state", 20),
            )
        )
        self.activation = field(
            widgets.Dropdown, "Activation", "logistic", "Of the RNNs; the LSTMs have tanh", width="17em",
            options=list(ACTIVATIONS),
        )  # fmt: skip
        self.seed = field(
            widgets.BoundedIntText,
            "Seed",
            0,
            "Of the parameters, and of random ids",
            width="16em",
            min=0,
            max=2**31 - 1,
        )
        self.models = {
            name: widgets.Checkbox(
                description=f"{name} ({MODELS[name].words})", value=MODELS[name].family == "RNN", indent=False,
                tooltip="Against NumPy" if MODELS[name].in_theano else "Against finite differences",
                layout={"width": "18em"},
            ).add_class(f"lab-check-{name}")
            for name in SHOWN
        }  # fmt: skip
        self.mistake = field(
            widgets.Dropdown, "Break", NOTHING, "A mistake in NumpyRNN's back-propagation", width="34em",
            options=list(MISTAKES),
        ).add_class("lab-break")  # fmt: skip
        self.check_button = widgets.Button(
            description="Check", tooltip="Compare the gradients", button_style="primary", layout={"width": "auto"}
        )
        self.stop_button = widgets.Button(
            description="Stop", tooltip="End the check", disabled=True, layout={"width": "auto"}
        )
        self.progress = widgets.FloatProgress(min=0, max=1, layout={"width": "12em", "visibility": "hidden"})
        self.table = widgets.HTML().add_class("lab-check-table")
        self.readings = widgets.HTML().add_class("lab-check-readings")
        self.parameter = widgets.Dropdown(
            description="Look at", options=[], tooltip="The gradient whose entries are shown",
            style={"description_width": "9em"}, layout={"width": "34em"},
        ).add_class("lab-check-parameter")  # fmt: skip
        self.entries = widgets.HTML().add_class("lab-check-entries")
        self.look = widgets.VBox([self.parameter, self.entries], layout={"display": "none"})
        self.rows: list[Comparison] = []
        self.job: Job | None = None
        self._lock = threading.RLock()  # the job's two threads show what it does, and so does the kernel's
        self._ids: Ids | None = None
        self._asked: tuple[str, ...] = ()
        self._broken = NOTHING
        super().__init__(
            self.sentence,
            widgets.HBox([self.n_emb, self.n_hidd, self.activation, self.seed, self.length], layout=WRAP),
            widgets.HBox(list(self.models.values()), layout=WRAP),
            widgets.HBox([self.mistake, self.check_button, self.stop_button, self.progress], layout=WRAP),
            self.table,
            self.readings,
            self.look,
        )
        self.on_click(self.check_button, self.check)
        self.on_click(self.stop_button, self.stop)
        self.parameter.observe(lambda _: self._show_entries(), "value")
        self.source.observe(lambda _: self._choose_source(), "value")
        self._choose_source()

    def _choose_source(self) -> None:
        is_random = self.source.value == RANDOM
        self.length.layout.display = None if is_random else "none"
        for control in (self.sentence.number, self.sentence.words, self.sentence.tags):
            control.disabled = is_random

    def _arguments(self) -> tuple[Ids, dict[str, Any]]:
        """Return the sentence and what `check_gradients` takes."""
        names = [name for name, box in self.models.items() if box.value]
        if not names:
            raise ValueError("no model is ticked: expected at least one to check")
        ids = self._random() if self.source.value == RANDOM else encode(*self.sentence.sentence())
        return ids, {
            "models": names,
            "sizes": (ids.n_words, self.n_emb.value, self.n_hidd.value, ids.n_tags),
            "x": ids.x, "y": ids.y, "seed": self.seed.value, "activation": self.activation.value,
        }  # fmt: skip

    def _random(self) -> Ids:
        x, y = random_sentence(
            (RANDOM_WORDS, 1, 1, RANDOM_TAGS), self.length.value, np.random.RandomState(self.seed.value)
        )
        return Ids(x.tolist(), y.tolist(), [f"word {i}" for i in x], RANDOM_WORDS, RANDOM_TAGS)

    def check(self) -> None:
        """Begin to compare the gradients as the panel is set."""
        if self.job is not None and self.job.active:
            raise RuntimeError("a check is running: stop it first")
        ids, arguments = self._arguments()
        self._ids, self._asked, self._broken = ids, tuple(arguments["models"]), self.mistake.value
        rows: list[Comparison] = []
        self.rows = rows

        def events() -> Generator[Comparison, None, None]:
            yield from check_gradients(**arguments, numpy_rnn=MISTAKES[self._broken])

        def take(row: Comparison) -> None:
            rows.append(row)
            if row.parameter == "W_y":  # the last one of a model
                told()

        def told() -> None:
            with self._lock:
                if self.job is job:
                    self._show(job)

        self.parameter.options = []
        self.job = job = Job(events, take)
        job.listeners.append(told)
        job.start()

    def stop(self) -> None:
        """End the check; a compilation under way ends on its own, unseen."""
        if self.job is None or not self.job.active:
            raise RuntimeError("no check is running")
        with self._lock:
            job, self.job = self.job, None
            job.stop()
            self._show(job)

    def _show(self, job: Job) -> None:
        active = job is self.job and job.active
        self.check_button.disabled, self.stop_button.disabled = active, not active
        done = list(dict.fromkeys(row.model for row in self.rows))
        expected = sum(5 if MODELS[name].family == "LSTM" else 4 for name in self._asked)
        self.progress.value = len(self.rows) / expected
        self.progress.layout.visibility = "visible" if active else "hidden"
        waiting = [name for name in self._asked if name not in done]
        self.table.value = self._table(waiting, active)
        self.readings.value = ""
        self._offer()
        if job.error is not None:
            self.complain(job.error)
        elif active and waiting:
            what = "Theano compiles its gradient, then computes" if MODELS[waiting[0]].in_theano else "computing"
            self.say(f"{waiting[0]}: {what} …")
        elif not active:
            self._conclude(job)

    def _conclude(self, job: Job) -> None:
        assert self._ids is not None
        if job is not self.job:
            self.say("Stopped.")
        elif all(row.agrees for row in self.rows):
            self.say("All gradients agree." if self._broken == NOTHING else f"Broken: {self._broken}. {HIDDEN}")
        else:
            wrong = sum(not row.agrees for row in self.rows)
            self.say(f"{wrong} of {len(self.rows)} gradients differ.")
        if self.rows:
            self.readings.value = "<h4>What that tells</h4>" + "".join(
                f"<div>{html.symbols(text)}</div>" for text in readings(self.rows, self._ids.x)
            )

    def _table(self, waiting: list[str], active: bool) -> str:
        lines: list[list[Any]] = [
            [self._name(row), row.activation, html.symbols(row.parameter), f"{row.gradient.shape[0]} × "
             f"{row.gradient.shape[1]}", row.against, f"{row.difference:.1e}", f"{row.tolerance:.0e}", self._where(row),
             verdict(row)]
            for row in self.rows
        ]  # fmt: skip
        if active:
            lines += [[name, *["…"] * 8] for name in waiting]
        header = ["model", "activation", "parameter", "shape", "against", "difference", "tolerance", "at", "verdict"]
        return html.table(header, lines)

    def _name(self, row: Comparison) -> str:
        return f"{row.model}, broken" if row.model == "NumpyRNN" and self._broken != NOTHING else row.model

    def _where(self, row: Comparison) -> str:
        i, j = row.where
        return f"[{i}, {j}]" + (f" {self._word(j)}" if row.parameter == "W_e" else "")

    def _word(self, word: int) -> str:
        assert self._ids is not None
        return next((name for i, name in zip(self._ids.x, self._ids.words, strict=True) if i == word), f"word {word}")

    def _offer(self) -> None:
        """Offer the gradients to look at; the first that differs, once it is there."""
        names = [
            (f"{'✓' if row.agrees else '✗'} {row.parameter}: {self._name(row)} against {row.against}", i)
            for i, row in enumerate(self.rows)
        ]
        self.look.layout.display = None if names else "none"
        value = self.parameter.value
        if len(names) == len(self.parameter.options):
            return
        self.parameter.options = names
        wrong = next((i for i, row in enumerate(self.rows) if not row.agrees), 0)
        untouched = value is None or self.rows[value].agrees
        self.parameter.value = wrong if untouched and names else value

    def _show_entries(self) -> None:
        """Show both gradients and their difference, the worst entry in a frame."""
        if self.parameter.value is None:
            self.entries.value = ""
            return
        row = self.rows[self.parameter.value]
        columns = list(range(row.gradient.shape[1]))
        names: list[str] = []
        note = ""
        if row.parameter == "W_e":
            assert self._ids is not None
            columns = list(dict.fromkeys([*self._ids.x, row.where[1]]))
            names = [self._word(j) for j in columns]
            note = f"<div>{len(columns)} of {row.gradient.shape[1]} columns: those of the sentence's words.</div>"
        marked = [(row.where[0], columns.index(row.where[1]))]
        least = max(row.difference, row.tolerance)
        symbol = html.symbols(row.parameter)
        parts = (
            (f"gradient of {symbol}: {escape(self._name(row))}", row.gradient, None),
            (f"the same: {escape(row.against)}", row.expected, None),
            ("difference, relative to the largest entry", row.differences, least),
        )
        shown = "".join(
            f"<div>{html.matrix(np.asarray(values, 'float64')[:, columns], caption, (), names, marked, largest)}</div>"
            for caption, values, largest in parts
        )
        worst = f"Largest difference: {row.difference:.1e} at {escape(self._where(row))}, in the frame."
        self.entries.value = f'<div class="lab-side">{shown}</div><div>{worst}</div>{note}'

    def code(self) -> str:
        """Return code that makes the same comparisons."""
        ids, arguments = self._arguments()
        models, x, y = arguments.pop("models"), arguments.pop("x"), arguments.pop("y")
        rest = "".join(f"    {name}={value!r},\n" for name, value in arguments.items())
        broken = self.mistake.value != NOTHING
        if broken:
            rest += f"    numpy_rnn=MISTAKES[{self.mistake.value!r}],\n"
        imports = "MISTAKES, readings" if broken else "readings"
        return f"""from lxmls_rnn.teaching.gradient_check import check_gradients
from lxmls_rnn.teaching.mistakes import {imports}

x = {x}  # {" ".join(ids.words)}
y = {y}
rows = []
for row in check_gradients(
    {models},
    x=x,
    y=y,
{rest}):
    rows.append(row)
    verdict = "agrees" if row.agrees else f"differs at {{row.where}}"
    print(row.model, row.parameter, "against", row.against, f"{{row.difference:.1e}}", verdict)
print(*readings(rows, x), sep="\\n")
"""


HIDDEN = (
    "But no gradient differs: on this sentence the mistake makes no difference. A repeated word needs a word that "
    "comes twice; what comes back from later steps needs later steps."
)


def verdict(row: Comparison) -> html.Raw:
    """Return 'agrees' or 'differs', coloured."""
    text, colour = ("✓ agrees", "#a1d99b") if row.agrees else ("✗ differs", "#fcae91")
    return html.Raw(f'<span style="background:{colour};color:#111;border-radius:3px;padding:0 5px">{text}</span>')
