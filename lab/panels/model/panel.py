"""Model panel: formulas, parameters and initial values of a model."""

from collections.abc import Iterator
from html import escape

import numpy as np
from rich.filesize import decimal

from lab.drawing import html
from lab.panels.model.formulas import EXPLANATIONS, PARAMETER_MEANINGS, equations, symbolic_shapes
from lab.widgets.controls import in_row, settings_code, view
from lab.widgets.panel import Panel, PanelJob, controls
from lab.widgets.settings_choice import CorpusChoice, ModelChoice, chosen_settings
from lxmls_rnn import paths
from lxmls_rnn.deep_learning.embeddings import embedding_size
from lxmls_rnn.deep_learning.models import MODELS, device_of, numpy_class, planned_device
from lxmls_rnn.deep_learning.parameters import Sizes
from lxmls_rnn.experiment import Experiment, Settings, prepare, read_corpus
from lxmls_rnn.readers.pos_corpus import UNKNOWN_WORD


class ModelPanel(Panel):
    """Choose a `model`, for the words and tags of a `corpus`, and see its formulas and parameters.

    `experiment` is the result of Create model, or None before; `experiment.tagger.model` is the model.
    """

    title = "Model"
    help = """Choose a model and see its formulas and its number of parameters, matrix by matrix. Most parameters are
    embeddings, one column per word. The recurrent part is small; an LSTM's is about four times as large as an RNN's,
    with peepholes seven times. <b>Create model</b> initialises the parameters: you see their values and the device that
    they are on. In the next cell <code>panel.experiment.tagger.model</code> is that model, if you have written
    <code>panel = ModelPanel()</code>."""

    def __init__(self, corpus: str | None = None, model: str = "NumpyRNN") -> None:
        self.model, self.corpus = ModelChoice(model), CorpusChoice(corpus)
        for choice in (self.model, self.corpus):
            choice.more.value = True  # open: here these settings matter
        tooltip = "Initialise the parameters and show them"
        self.make_button = self.button("Create model", tooltip, self.make, "primary", "magic")
        self.stop_button = self.button("Stop", "Stop creating the model", lambda: self.work.give_up(), icon="stop")
        self.work, self.counting = PanelJob(self, self.make_button, self.stop_button), PanelJob(self)
        self.device, self.formulas = view("device"), view("equations")
        self.table, self.drawn = view("parameters"), view("drawn")
        self.experiment: Experiment | None = None
        self._counted: dict[Settings, tuple[int, int]] = {}  # corpus: numbers of words and tags
        super().__init__(
            self.model,
            self.corpus,
            in_row(self.make_button, self.stop_button, self.device),
            in_row(self.table, self.formulas),
            self.drawn,
        )
        self.on_input(self._changed, *controls(self.model, self.corpus))
        self.attempt(self._changed)

    def settings(self) -> Settings:
        return chosen_settings(self.corpus, self.model)

    def sizes(self) -> Sizes | None:
        """Return the model's sizes; None while the words of the corpus are being counted."""
        settings = self.settings()
        counted = self._counted.get(settings.of_corpus)
        if counted is None:
            return None
        n_emb = settings.n_emb if settings.embeddings is None else embedding_size(paths.located(settings.embeddings))
        return Sizes(counted[0], n_emb, settings.n_hidd, counted[1])

    def _changed(self) -> None:
        self.drawn.value = self.table.value = ""
        choice = self.model
        self.formulas.value = equations(*(choice[name].value for name in ("model", "activation", "peepholes")))
        self.device.value = escape(planned_device(choice["model"].value))
        sizes = self.sizes()
        if sizes is None:
            self._count()
        else:
            self._show_table(sizes)

    def _count(self) -> None:
        if self.counting.active:
            return  # at its end, the running count checks whether another one is needed
        settings = self.settings()

        def work() -> Iterator[None]:
            try:
                train, _, _ = read_corpus(settings)
            except Exception:
                if self.settings().of_corpus == settings.of_corpus:
                    raise
                return
            self._counted[settings.of_corpus] = len(train.x_dict), len(train.y_dict)
            yield

        def on_progress() -> None:
            text = f"<p>Counting the words of the corpus: {self.counting.seconds:.0f} s</p>"
            self.table.value = text if self.counting.active else ""

        self.counting.begin(work, self._changed, on_progress)

    def _show_table(self, n: Sizes) -> None:
        name = self.model["model"].value
        family = numpy_class(name)  # knows the shapes without importing Theano
        peepholes = self.model["peepholes"].value
        shapes, symbols = family.shapes(n, peepholes), symbolic_shapes(family, peepholes)
        numbers = {name: rows * columns for name, (rows, columns) in shapes.items()}
        total = sum(numbers.values())
        frozen = self.model.value_of("freeze_embeddings")
        rows: list[list[object]] = []
        for W, count in numbers.items():
            shape = f"{' × '.join(symbols[W])} = {shapes[W][0]:,} × {shapes[W][1]:,}"
            share = html.Raw(f"{bar(count / total)} {count / total:.1%}")
            kept = "frozen" if frozen and W == "W_e" else "trained"
            rows.append([W, PARAMETER_MEANINGS[W], shape, f"{count:,}", share, kept])
        learnt = total - (numbers["W_e"] if frozen else 0)
        rows.append([html.Raw("<b>all</b>"), "", "", html.Raw(f"<b>{total:,}</b>"), "", f"{learnt:,} trained"])
        self.table.value = html.table(["parameter", "description", "shape", "numbers", "share", "trained"], rows) + (
            f"<p>{n.n_words:,} words, {escape(self._vocabulary_text())}; {n.n_tags} tags. "
            f"{escape(self._embeddings_text(n))}<br>"
            f"Memory of the parameters: {decimal(4 * total)} in float32, {decimal(8 * total)} in float64.<br>"
            f"{EXPLANATIONS[MODELS[name].backend].format(model=name, family=MODELS[name].family)}</p>"
        )

    def _vocabulary_text(self) -> str:
        """Return which words are counted."""
        settings = self.settings()
        if settings.vocabulary != "train":
            return "all those of train and dev"
        rare = f" at least {settings.min_count} times" if settings.min_count > 1 else ""
        return f"those that occur{rare} in train and {UNKNOWN_WORD}"

    def _embeddings_text(self, n: Sizes) -> str:
        kept = "frozen" if self.model.value_of("freeze_embeddings") else "trained with the other parameters"
        if self.model["embeddings"].value == self.model["embeddings"].options[0]:
            return f"Embeddings: random numbers, {kept}."
        return f"Embeddings: {n.n_emb} numbers for each word, from {self.model['embeddings'].value}, {kept}."

    def make(self) -> None:
        """Create the model in the background and show its parameters."""
        settings = self.settings()
        self.drawn.value = ""

        def work() -> Iterator[list[object]]:
            made = prepare(settings), device_of(settings.model)
            for name, W in made[0].tagger.model.get_values().items():
                yield _row(name, W)
            self.experiment, self._device = made

        def on_progress() -> None:
            if self.work.active:
                self.show_message(f"Reading the corpus and creating the model: {self.work.seconds:.0f} s")

        self.work.begin(work, lambda: self._show_drawn(settings.seed), on_progress)

    def _show_drawn(self, seed: int) -> str:
        """Show the parameters of the new model; return a message about it."""
        assert self.experiment is not None
        assert self.work.job is not None
        model = self.experiment.tagger.model
        self.device.value = html.linked(self._device)
        header = ["parameter", "shape", "min", "mean", "max", "histogram", "picture"]
        self.drawn.value = html.table(header, self.work.events) + (
            f"<small>Pictures: white is 0, blue positive, orange negative; the strongest colour is the largest "
            f"number of the matrix. They show at most {html.IMAGE_SIDE} rows and columns.</small>"
        )
        return f"Created: {type(model).__name__}, {model.dtype}, seed {seed}. {self.work.job.warning_text}"

    def code(self) -> str:
        return f"""{settings_code(self.settings())}
from lxmls_rnn.experiment import prepare

experiment = prepare(settings)
model = experiment.tagger.model
print(model.sizes, model.activation, model.dtype)
for name, W in model.get_values().items():
    print(name, W.shape, W.size, W.min(), W.mean(), W.max())
"""


def _row(name: str, W: np.ndarray) -> list[object]:
    figures = (f"{number:.4g}" for number in (W.min(), W.mean(), W.max()))
    images = html.Raw(html.histogram(W)), html.Raw(html.image(W, f"the numbers of {name}"))
    return [name, f"{W.shape[0]:,} × {W.shape[1]:,}", *figures, *images]


def bar(share: float) -> str:
    """Return a bar whose length is a share of 60 pixels."""
    return (
        f'<span aria-hidden="true" style="display:inline-block;height:9px;width:{max(1, round(60 * share))}px;'
        'background:var(--lab-accent)"></span>'
    )
