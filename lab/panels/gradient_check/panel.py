"""Gradient check panel: compare gradients by parameter and entry, and locate a mistake."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from html import escape

import numpy as np

from lab.drawing import html
from lab.drawing.looks import INVISIBLE, ColumnBox, size_class, switch
from lab.widgets.controls import (
    MAX_SHOWN_SIZE,
    Controls,
    dropdown,
    in_row,
    on_change,
    progress_bar,
    set_options,
    settings_code,
    show,
    view,
)
from lab.widgets.panel import Panel, PanelJob
from lab.widgets.sentence_choice import Ids, SentenceChoice, encode
from lxmls_rnn.deep_learning.activations import OF_RNN
from lxmls_rnn.deep_learning.models import MODELS, available
from lxmls_rnn.deep_learning.parameters import STACKED_GATES
from lxmls_rnn.plotting.palette import CORRECT_COLOUR, WRONG_COLOUR
from lxmls_rnn.settings import settings_of
from lxmls_rnn.teaching.comparison import Comparison
from lxmls_rnn.teaching.diagnosis import diagnose
from lxmls_rnn.teaching.first_difference import ROUNDING
from lxmls_rnn.teaching.gradient_check import random_sentence
from lxmls_rnn.teaching.mistakes import MISTAKES
from lxmls_rnn.teaching.model_check import ModelCheck

MODEL_NAMES = sorted(MODELS, key=lambda name: MODELS[name].family == "LSTM")
FROM_CORPUS, RANDOM_IDS = "words", "random ids"
SHOWN = "model", "against", "dtype", "n_emb", "n_hidd", "activation", "seed", "length", "mistake"
MAX_LENGTH = 50  # of a random sentence, which finite differences check in a moment
WIDTHS = {"n_emb": "14em", "n_hidd": "14em", "seed": "16em", "length": "14em", "mistake": "46em", "against": "30em"}
WIDTHS |= {"activation": "17em", "dtype": "18em"}


class GradientCheckPanel(Panel):
    """Compare gradients, also with an injected mistake.

    `rows` holds the comparisons so far.
    """

    title = "Gradient check"
    help = """Mistakes in back-propagation are easy to miss. For each parameter, <b>Check</b> compares NumPy's gradient
    with finite differences of the cost, and those of Theano (scan and the fused layer) and PyTorch with NumPy's.
    Theano compiles first, for up to a minute; rows appear as they are ready. Then choose a <b>Mistake</b> in an RNN or
    an LSTM and check again. Look at which parameters differ, and in which words' columns of W<sub>e</sub>: where in
    back-propagation must the mistake be? Then read the explanation below the table. Some mistakes show only with
    certain sentences: with which? With a sentence of one word, the rows of W<sub>x</sub> tell which gate of an LSTM is
    wrong; the forget gate does not show, because there is no earlier cell to forget. Choose a model at
    <b>Against</b> to compare the others with it in every quantity of both passes, not only in the gradients: the text
    below the table names the first one that differs. In float32, all models differ a little."""

    def __init__(self, sentence: str = "the old man found the dog") -> None:
        tooltip = "Words of the sample corpus, or random word ids"
        self.source = dropdown("Sentence", [FROM_CORPUS, RANDOM_IDS], tooltip)
        self.sentence = SentenceChoice(sentence, self.source)
        self.choice = _controls()
        self.check_button = self.button("Check", "Compare the gradients", self.check, "primary")
        self.stop_button = self.button("Stop", "Stop the check", self.stop)
        self.work = PanelJob(self, self.check_button, self.stop_button)
        self.progress = progress_bar("12em")
        switch(self.progress, INVISIBLE, True)
        self.table, self.diagnosis = view("check-table"), view("check-diagnosis")
        self.parameter = dropdown("Gradient", [], "The gradient to show entry by entry", width="46em", label="9em")
        self.entries = view("check-entries")
        self.entries_box = ColumnBox([self.parameter.add_class("lab-check-parameter"), self.entries])
        show(self.entries_box, False)
        self._parted: list[str] = []  # where models that differ part first from NumPy's
        self._begun: list[str] = []  # the models of the rows so far, and of those that are computed now
        self._ids, self._check = Ids([], [], [], 0, 0), ModelCheck()  # the last check and its sentence
        super().__init__(
            self.sentence,
            self.choice.row("n_emb", "n_hidd", "activation", "seed", "length"),
            self.choice["model"],
            self.choice.row("against", "dtype"),
            in_row(self.choice["mistake"], self.check_button, self.stop_button, self.progress),
            self.table,
            self.diagnosis,
            self.entries_box,
        )
        on_change(self._show_entries, self.parameter)
        on_change(self._choose_source, self.source)
        on_change(self._check_broken_model, self.choice["mistake"])
        self._choose_source()

    def _choose_source(self) -> None:
        is_random = self.source.value == RANDOM_IDS
        show(self.choice["length"], is_random)
        for control in (self.sentence.number, self.sentence.words, self.sentence.tags):
            control.disabled = is_random

    def _check_broken_model(self) -> None:
        """Tick the model with the chosen mistake."""
        if mistake := self.choice.value_of("mistake"):
            self.choice["model"].boxes[MISTAKES[mistake].name].value = True

    def _chosen(self) -> tuple[Ids, ModelCheck]:
        """Return the sentence and the check."""
        values = self.choice.values()
        if self.source.value == RANDOM_IDS:
            sizes = ModelCheck.n_words, 1, 1, ModelCheck.n_tags
            x, y = random_sentence(sizes, values["length"], np.random.RandomState(values["seed"]))
            ids = Ids(x.tolist(), y.tolist(), [f"word {i}" for i in x], ModelCheck.n_words, ModelCheck.n_tags)
        else:
            ids = encode(*self.sentence.sentence())
        del values["length"]  # that of x
        return ids, ModelCheck(**values, x=ids.x, y=ids.y, n_words=ids.n_words, n_tags=ids.n_tags)

    def check(self) -> None:
        """Start the comparison."""
        self._ids, check = self._chosen()
        begun, parted = list[str](), list[str]()  # of this check, also when the next one has begun
        self._check, self._begun, self._parted, self.parameter.options = check, begun, parted, []

        def work() -> Iterator[Comparison]:
            yield from check.rows(begun.append)
            if check.against is None:
                parted.extend(check.first_differences(self.rows))

        self.work.begin(work, self._conclude, self._show)

    def stop(self) -> None:
        """Stop the check; a running compilation ends in the background and is ignored."""
        self.work.give_up()
        self._show()
        self._explain()

    @property
    def rows(self) -> list[Comparison]:
        return self.work.events

    def _show(self) -> None:
        active = self.work.active
        begun, requested = list(self._begun), self._check.model or available()  # first: rows may come meanwhile
        self.progress.value = max(len(set(begun)) - active, 0) / len(requested)
        switch(self.progress, INVISIBLE, not active)
        shown = {row.model for row in self.rows}
        waiting = [name for name in requested if name not in shown]
        self.table.value = self._table(waiting, active)
        self.diagnosis.value = ""
        self._update_options()
        if active and begun:
            framework = MODELS[begun[-1]].framework
            activity = (
                f"{framework.name} compiles its gradient, then computes" if framework.compile_time else "computing"
            )
            self.show_message(f"{begun[-1]}: {activity} …")

    def _conclude(self) -> str:
        self._explain()
        compared = "quantities" if self._check.against else "gradients"
        wrong = sum(not row.agrees for row in self.rows)
        if wrong:
            return f"{wrong} of {len(self.rows)} {compared} differ{'s' * (wrong == 1)}."
        return f"Mistake: {self._check.mistake}. {HIDDEN_MISTAKE}" if self._check.mistake else f"All {compared} agree."

    def _explain(self) -> None:
        if self.rows:
            if self._check.against:
                sentences = [*self._check.first_differences(self.rows), ROUNDING]
            else:
                sentences = [*diagnose(self.rows, self._ids.x), *self._parted]
            if mistake := self._check.mistake:
                sentences.append(f"The mistake: {mistake}. {MISTAKES[mistake].why}")
            text = "".join(f"<div>{html.symbols(text)}</div>" for text in sentences)
            self.diagnosis.value = f"<h4>Diagnosis</h4>{text}"

    def _table(self, waiting: Iterable[str], active: bool) -> str:
        lines: list[list[object]] = []
        for row in self.rows:
            shape = f"{row.gradient.shape[0]} × {row.gradient.shape[1]}"
            result = verdict(row), f"{row.difference:.1e}", self._where(row), f"{row.tolerance:.0e}"
            compared = self._name(row), html.symbols(row.parameter)
            lines.append([*compared, *result, row.against, row.activation, shape])
        if active:
            lines += [[name, *["…"] * 8] for name in waiting]
        heading = "quantity" if self._check.against else "parameter"
        # a narrow window shows the first columns
        header = ["model", heading, "verdict", "difference", "at", "tolerance", "against", "activation", "shape"]
        return html.table(header, lines)

    def _name(self, row: Comparison) -> str:
        mistake = self._check.mistake
        is_broken = mistake is not None and row.model == MISTAKES[mistake].name
        return f"{row.name}, broken" if is_broken else row.name

    def _where(self, row: Comparison) -> str:
        i, j = row.where
        gates, n_hidd = _gates(row)
        place = f"{gates[i // n_hidd]} {i % n_hidd + 1}" if gates else ""
        word = self._word(j) if row.parameter == "W_e" else self._ids.words[j] if _has_steps(row) else ""
        return " ".join(filter(None, [f"[{i}, {j}]", place, word]))

    def _word(self, word: int) -> str:
        return next((name for i, name in zip(self._ids.x, self._ids.words, strict=True) if i == word), f"word {word}")

    def _update_options(self) -> None:
        """List the gradients to show; select the first one that differs."""
        names = [
            (f"{'✓' if row.agrees else '✗'} {row.parameter}: {self._name(row)} against {row.against}", i)
            for i, row in enumerate(self.rows)
        ]
        show(self.entries_box, bool(names))
        value = self.parameter.value
        if len(names) == len(self.parameter.options):
            return
        self.parameter.options = names
        wrong = next((i for i, row in enumerate(self.rows) if not row.agrees), 0)
        untouched = value is None or self.rows[value].agrees
        self.parameter.value = wrong if untouched and names else value

    def _show_entries(self) -> None:
        """Show both gradients and their difference, with a frame around the largest difference."""
        if self.parameter.value is None:
            self.entries.value = ""
            return
        row = self.rows[self.parameter.value]
        columns = list(range(row.gradient.shape[1]))
        names = list(self._ids.words) if _has_steps(row) else []
        note = ""
        if row.parameter == "W_e":
            columns = list(dict.fromkeys([*self._ids.x, row.where[1]]))
            names = [self._word(j) for j in columns]
            note = f"<div>{len(columns)} of {row.gradient.shape[1]} columns, those of the sentence's words.</div>"
        gates = html.gate_rows(*_gates(row))
        marked = [(row.where[0], columns.index(row.where[1]))]
        least = max(row.difference, row.tolerance)
        symbol = html.symbols(row.parameter)
        title = symbol if _has_steps(row) else f"gradient of {symbol}"
        parts = (
            (f"{title}: {escape(self._name(row))}", row.gradient, None),
            (f"the same: {escape(row.against)}", row.expected, None),
            ("difference, relative to the largest entry", row.differences, least),
        )
        shown = html.side_by_side(
            html.matrix(np.asarray(values, "float64")[:, columns], caption, gates, names, marked, largest)
            for caption, values, largest in parts
        )
        worst = f"Largest difference: {row.difference:.1e} at {escape(self._where(row))}, in the frame."
        self.entries.value = f"{shown}<div>{worst}</div>{note}"

    def code(self) -> str:
        ids, check = self._chosen()
        used, diagnosis = ([], "") if check.against else ([diagnose], "*diagnose(rows, check.x), ")
        return f"""# the sentence of x and y: {" ".join(ids.words)}
{settings_code(check, *used, name="check")}
rows = []
for row in check.rows():
    rows.append(row)
    verdict = "agrees" if row.agrees else f"differs at {{row.where}}"
    print(row.name, row.parameter, "against", row.against, f"{{row.difference:.1e}}", verdict)
print({diagnosis}*check.first_differences(rows), sep="\\n")
"""


HIDDEN_MISTAKE = (
    "No gradient differs: the mistake has no effect on this sentence. A mistake about repeated words needs a word "
    "that occurs twice; one about later steps needs at least two words."
)


def _has_steps(row: Comparison) -> bool:
    """Return whether a quantity has a column for each word of the sentence."""
    return row.parameter.endswith("_t")


def _gates(row: Comparison) -> tuple[str, int]:
    """Return the gates stacked in a parameter, or an empty string, and the number of rows of each."""
    stacked = "W_x" if row.parameter == "e_a_t" else row.parameter
    gates = "" if row.peepholes is None else STACKED_GATES.get(stacked, "")
    return gates, len(row.gradient) // max(1, len(gates))


def verdict(row: Comparison) -> html.Raw:
    """Return 'agrees' or 'differs', coloured."""
    return html.chip("✓ agrees", CORRECT_COLOUR) if row.agrees else html.chip("✗ differs", WRONG_COLOUR)


def _controls() -> Controls:
    """Make the controls of a check of small networks; the models whose framework is missing cannot be ticked."""
    tooltips, ticked = {}, []
    for name in MODEL_NAMES:
        model = MODELS[name]
        against = "Against finite differences" if model.backend == "numpy" else "Against NumPy"
        tooltips[name] = model.framework.missing or against
        ticked += [name] if model.family == "RNN" and not (model.framework.group or model.framework.missing) else []
    described = settings_of(ModelCheck)
    shown = {name: described[name] for name in SHOWN} | {"model": replace(described["model"], choices=tooltips)}
    initial = {"model": ticked, "n_emb": 4, "n_hidd": 3}
    choice = Controls(shown, initial, WIDTHS)
    for name, box in choice["model"].boxes.items():
        with box.hold_sync():
            box.description, box.disabled = f"{name} ({MODELS[name].title})", bool(MODELS[name].framework.missing)
            box.add_class(size_class("width", "18em")).add_class(f"lab-check-{name}")
    show(choice["model"].heading, False)  # the names of the models say it
    for name, most in (("n_emb", MAX_SHOWN_SIZE), ("n_hidd", MAX_SHOWN_SIZE), ("length", MAX_LENGTH)):
        choice[name].limit(most)
    set_options(choice["activation"], OF_RNN)
    set_options(choice["against"], [described["against"].none, *available()])
    choice["mistake"].add_class("lab-break")
    return choice
