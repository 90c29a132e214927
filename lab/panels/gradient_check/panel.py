"""Gradient check panel: compare gradients by parameter and entry, and locate a mistake."""

from collections.abc import Iterator
from html import escape
from typing import Any

import ipywidgets as widgets
import numpy as np

from lab.drawing import html
from lab.widgets.controls import checkbox, dropdown, in_row, integer, on_change, progress_bar, show, small_network, view
from lab.widgets.panel import Panel, Work
from lab.widgets.sentence_choice import Ids, SentenceChoice, encode
from lxmls_rnn.deep_learning.parameters import DTYPES, STACKED_GATES
from lxmls_rnn.deep_learning.rnn import MODELS, available
from lxmls_rnn.plotting.palette import CORRECT_COLOUR, WRONG_COLOUR
from lxmls_rnn.teaching.diagnosis import diagnose
from lxmls_rnn.teaching.first_difference import ROUNDING, compare_models, first_differences, in_sentences
from lxmls_rnn.teaching.gradient_check import Comparison, check_gradients, random_sentence
from lxmls_rnn.teaching.mistakes import MISTAKES

MODEL_NAMES = sorted(MODELS, key=lambda name: MODELS[name].family == "LSTM")
FROM_CORPUS, RANDOM_IDS = "words", "random ids"
RANDOM_WORDS, RANDOM_TAGS = 20, 4
NO_MISTAKE = "nothing"
BY_DEFAULT = "finite differences, NumPy"


class GradientCheckPanel(Panel):
    """Compare gradients, also with an injected mistake.

    `rows` holds the comparisons so far.
    """

    title = "Gradient check"
    help = """Mistakes in back-propagation are easy to miss. For each parameter, <b>Check</b> compares NumPy's gradient
    with finite differences of the cost, and those of Theano (scan and the fused layer), JAX and PyTorch with NumPy's.
    Theano compiles first, for up to a minute; rows appear as they are ready. Then choose a <b>Mistake</b> in an RNN or
    an LSTM and check again. Look at which parameters differ, and in which words' columns of W<sub>e</sub>: where in
    back-propagation must the mistake be? Then read the explanation below the table. Some mistakes show only with
    certain sentences: with which? With a sentence of one word, the rows of W<sub>x</sub> tell which gate of an LSTM is
    wrong; the forget gate does not show, because there is no earlier cell to forget. Choose a model at
    <b>Against</b> to compare the others with it in every quantity of both passes, not only in the gradients: the text
    below the table names the first one that differs. In float32, all differ a little."""

    def __init__(self, sentence: str = "the old man found the dog") -> None:
        what = "Words of the sample corpus, or random word ids"
        self.source = dropdown("Sentence", [FROM_CORPUS, RANDOM_IDS], what)
        self.sentence = SentenceChoice(sentence, self.source)
        what = "Activation of the RNNs; the LSTMs use tanh"
        network = small_network(what, 0, "Seed of the parameters and of the random ids")
        self.n_emb, self.n_hidd, self.activation, self.seed = network
        self.activation.description = "RNN activation"
        self.length = integer("Words", 7, "Length of the random sentence; its first word occurs twice", 50, "14em")
        self.models = {}
        for name in MODEL_NAMES:
            model = MODELS[name]
            against = "Against finite differences" if model.backend == "numpy" else "Against NumPy"
            is_ticked = model.family == "RNN" and not (model.framework.group or model.framework.missing)
            box = checkbox(f"{name} ({model.title})", model.framework.missing or against, is_ticked, width="18em")
            box.disabled = bool(model.framework.missing)
            self.models[name] = box.add_class(f"lab-check-{name}")
        what = "A mistake to put into NumPy's back-propagation"
        self.mistake = dropdown("Mistake", [NO_MISTAKE, *MISTAKES], what, width="46em")
        self.mistake.add_class("lab-break")
        what = "What the ticked models are compared with; a model is compared in every quantity of both passes"
        self.against = dropdown("Against", [BY_DEFAULT, *available()], what, width="30em")
        self.dtype = dropdown("Numbers", DTYPES, "Data type of the models", width="18em")
        self.check_button = self.button("Check", "Compare the gradients", self.check, "primary")
        self.stop_button = self.button("Stop", "Stop the check", self.stop)
        self.work = Work(self, self.check_button, self.stop_button)
        self.progress = progress_bar("12em")
        self.progress.layout.visibility = "hidden"
        self.table, self.diagnosis = view("check-table"), view("check-diagnosis")
        self.parameter = dropdown("Gradient", [], "The gradient to show entry by entry", width="46em", label="9em")
        self.entries = view("check-entries")
        self.entries_box = widgets.VBox([self.parameter.add_class("lab-check-parameter"), self.entries])
        show(self.entries_box, False)
        self._parted: list[str] = []  # where models that differ part first from NumPy's
        self._ids = Ids([], [], [], 0, 0)  # the sentence of the check
        self._requested: list[str] = []
        self._broken, self._other = NO_MISTAKE, BY_DEFAULT
        super().__init__(
            self.sentence,
            in_row(*network, self.length),
            in_row(*self.models.values()),
            in_row(self.against, self.dtype),
            in_row(self.mistake, self.check_button, self.stop_button, self.progress),
            self.table,
            self.diagnosis,
            self.entries_box,
        )
        on_change(self._show_entries, self.parameter)
        on_change(self._choose_source, self.source)
        on_change(self._check_broken_model, self.mistake)
        self._choose_source()

    def _choose_source(self) -> None:
        is_random = self.source.value == RANDOM_IDS
        show(self.length, is_random)
        for control in (self.sentence.number, self.sentence.words, self.sentence.tags):
            control.disabled = is_random

    def _check_broken_model(self) -> None:
        """Tick the model with the chosen mistake."""
        if self.mistake.value != NO_MISTAKE:
            self.models[MISTAKES[self.mistake.value].name].value = True

    def _arguments(self) -> tuple[Ids, dict[str, Any]]:
        """Return the sentence and the arguments of `check_gradients` or `compare_models`."""
        names = [name for name, box in self.models.items() if box.value]
        if not names:
            raise ValueError("no model is ticked: expected at least one to check")
        if self.mistake.value != NO_MISTAKE and (broken := MISTAKES[self.mistake.value].name) not in names:
            raise ValueError(f"the mistake is in {broken}: tick this model too")
        if self.source.value == RANDOM_IDS:
            sizes = RANDOM_WORDS, 1, 1, RANDOM_TAGS
            x, y = random_sentence(sizes, self.length.value, np.random.RandomState(self.seed.value))
            ids = Ids(x.tolist(), y.tolist(), [f"word {i}" for i in x], RANDOM_WORDS, RANDOM_TAGS)
        else:
            ids = encode(*self.sentence.sentence())
        sizes = ids.n_words, self.n_emb.value, self.n_hidd.value, ids.n_tags
        options = {"x": ids.x, "y": ids.y, "seed": self.seed.value, "activation": self.activation.value}
        options |= {"dtype": self.dtype.value}
        options |= {} if self.against.value == BY_DEFAULT else {"against": self.against.value}
        return ids, {"models": names, "sizes": sizes, **options}

    def check(self) -> None:
        """Start the comparison."""
        ids, arguments = self._arguments()
        self._ids, self._requested, self._broken = ids, arguments["models"], self.mistake.value
        self._other = self.against.value
        self._parted, self.parameter.options = [], []

        def work() -> Iterator[Comparison]:
            instead = None if self._broken == NO_MISTAKE else MISTAKES[self._broken].model
            if self._other != BY_DEFAULT:
                yield from compare_models(**arguments, instead=instead)
                return
            yield from check_gradients(**arguments, instead=instead)
            if differing := list(dict.fromkeys(row.model for row in self.rows if not row.agrees)):
                self._parted = list(first_differences(**{**arguments, "models": differing}, instead=instead))

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
        done = list(dict.fromkeys(row.model for row in self.rows))
        self.progress.value = max(len(done) - active, 0) / len(self._requested)  # the last one may have further rows
        self.progress.layout.visibility = "visible" if active else "hidden"
        waiting = [name for name in self._requested if name not in done]
        self.table.value = self._table(waiting, active)
        self.diagnosis.value = ""
        self._update_options()
        if active and waiting:
            framework = MODELS[waiting[0]].framework
            what = f"{framework.name} compiles its gradient, then computes" if framework.compile_time else "computing"
            self.show_message(f"{waiting[0]}: {what} …")

    def _conclude(self) -> str:
        self._explain()
        what = "gradients" if self._other == BY_DEFAULT else "quantities"
        wrong = sum(not row.agrees for row in self.rows)
        if wrong:
            return f"{wrong} of {len(self.rows)} {what} differ{'s' * (wrong == 1)}."
        return f"All {what} agree." if self._broken == NO_MISTAKE else f"Mistake: {self._broken}. {HIDDEN_MISTAKE}"

    def _explain(self) -> None:
        if self.rows:
            if self._other == BY_DEFAULT:
                sentences = [*diagnose(self.rows, self._ids.x), *self._parted]
            else:
                sentences = [*in_sentences(self.rows), ROUNDING]
            if self._broken != NO_MISTAKE:
                sentences.append(f"The mistake: {self._broken}. {MISTAKES[self._broken].why}")
            text = "".join(f"<div>{html.symbols(text)}</div>" for text in sentences)
            self.diagnosis.value = f"<h4>Diagnosis</h4>{text}"

    def _table(self, waiting: list[str], active: bool) -> str:
        lines: list[list[object]] = []
        for row in self.rows:
            shape = f"{row.gradient.shape[0]} × {row.gradient.shape[1]}"
            found = verdict(row), f"{row.difference:.1e}", self._where(row), f"{row.tolerance:.0e}"
            compared = self._name(row), html.symbols(row.parameter)
            lines.append([*compared, *found, row.against, row.activation, shape])
        if active:
            lines += [[name, *["…"] * 8] for name in waiting]
        what = "parameter" if self._other == BY_DEFAULT else "quantity"
        # a narrow window shows the first columns
        header = ["model", what, "verdict", "difference", "at", "tolerance", "against", "activation", "shape"]
        return html.table(header, lines)

    def _name(self, row: Comparison) -> str:
        is_broken = self._broken != NO_MISTAKE and row.model == MISTAKES[self._broken].name
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
        what = symbol if _has_steps(row) else f"gradient of {symbol}"
        parts = (
            (f"{what}: {escape(self._name(row))}", row.gradient, None),
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
        ids, arguments = self._arguments()
        models, x, y = arguments.pop("models"), arguments.pop("x"), arguments.pop("y")
        rest = "".join(f"    {name}={value!r},\n" for name, value in arguments.items())
        broken = self.mistake.value != NO_MISTAKE
        if broken:
            rest += f"    instead=MISTAKES[{self.mistake.value!r}].model,\n"
        imports = "from lxmls_rnn.teaching.mistakes import MISTAKES\n" if broken else ""
        function, conclusion = "check_gradients", "diagnose(rows, x)"
        sources = """from lxmls_rnn.teaching.diagnosis import diagnose
from lxmls_rnn.teaching.gradient_check import check_gradients"""
        if self.against.value != BY_DEFAULT:
            function, conclusion = "compare_models", "in_sentences(rows)"
            sources = "from lxmls_rnn.teaching.first_difference import compare_models, in_sentences"
        return f"""{sources}
{imports}
x = {x}  # {" ".join(ids.words)}
y = {y}
rows = []
for row in {function}(
    {models},
    x=x,
    y=y,
{rest}):
    rows.append(row)
    verdict = "agrees" if row.agrees else f"differs at {{row.where}}"
    print(row.name, row.parameter, "against", row.against, f"{{row.difference:.1e}}", verdict)
print(*{conclusion}, sep="\\n")
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
