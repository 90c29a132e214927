"""The model panel: what a choice of model means: its formulas, its parameters, what they are drawn as."""

from __future__ import annotations

from html import escape
from typing import Any

import ipywidgets as widgets

from lab.drawing import html
from lab.drawing.pictures import SEEN, histogram, picture
from lab.panels.model.text import EXPLANATIONS, MEANINGS, equations, symbolic_shapes
from lab.widgets.choices import WRAP, CorpusChoice, ModelChoice, settings_code
from lab.widgets.job import Job
from lab.widgets.panel import Panel, controls
from lxmls_rnn.deep_learning.embeddings import embedding_size
from lxmls_rnn.deep_learning.parameters import Sizes
from lxmls_rnn.deep_learning.rnn import device_of, device_until_made, numpy_class
from lxmls_rnn.deep_learning.training import Trainer
from lxmls_rnn.experiment import Experiment, Settings, prepare, read_corpus


class ModelPanel(Panel):
    """Choose a model and see what the choice means.

    Parameters
    ----------
    corpus, model
        What is chosen at first.

    Attributes
    ----------
    model, corpus
        Which model, for the words and tags of which corpus.
    experiment
        What 'Make it' made: `experiment.tagger.model` is the model. None before.
    """

    title = "Model"
    help = """Choose a model and see its formulas, and how many numbers it learns, matrix by matrix. Most of them are
    embeddings, one column a word; the recurrent part is small, and an LSTM's about four times an RNN's. <b>Make it</b>
    draws the model: you see the numbers that it begins with, and on which device they really are. In the next cell
    <code>panel.experiment.tagger.model</code> is that model, if you have written
    <code>panel = ModelPanel()</code>."""

    def __init__(self, corpus: str = "sample", model: str = "NumpyRNN") -> None:
        self.model, self.corpus = ModelChoice(model), CorpusChoice(corpus)
        self.make_button = widgets.Button(
            description="Make it", icon="magic", button_style="primary", layout={"width": "auto"},
            tooltip="Draw the parameters and show them",
        )  # fmt: skip
        self.device = widgets.HTML().add_class("lab-device")
        self.formulas = widgets.HTML().add_class("lab-equations")
        self.table = widgets.HTML().add_class("lab-parameters")
        self.drawn = widgets.HTML().add_class("lab-drawn")
        self.experiment: Experiment | None = None
        self.job: Job | None = None
        self._counting: Job | None = None
        self._counted: dict[tuple[Any, ...], tuple[int, int]] = {}  # corpus: words, tags
        super().__init__(
            self.model, self.corpus, widgets.HBox([self.make_button, self.device]),
            widgets.HBox([self.table, self.formulas], layout=WRAP), self.drawn,
        )  # fmt: skip
        self.on_click(self.make_button, self.make)
        for control in controls(self.model, self.corpus):
            control.observe(lambda _: self._changed(), "value")
        self._changed()

    def settings(self) -> Settings:
        """Return the settings that make this model."""
        trainer = Trainer(freeze_embeddings=self.model.freeze.value)
        return Settings(**self.corpus.fields(), **self.model.fields(), trainer=trainer)

    def sizes(self) -> Sizes | None:
        """Return the model's sizes; None while the words of the corpus are being counted."""
        settings = self.settings()
        counted = self._counted.get(_corpus_of(settings))
        if counted is None:
            return None
        n_emb = settings.n_emb if settings.embeddings is None else embedding_size(settings.embeddings)
        return Sizes(counted[0], n_emb, settings.n_hidd, counted[1])

    def _changed(self) -> None:
        with self.guard():
            self.message.value = self.drawn.value = ""
            self.formulas.value = equations(self.model.model.value, self.model.activation.value)
            self.device.value = escape(device_until_made(self.model.model.value))
            self.table.value = ""
            sizes = self.sizes()
            if sizes is None:
                self._count()
            else:
                self._show_table(sizes)

    def _count(self) -> None:
        """Count words and tags in the background."""
        if self._counting is not None and self._counting.active:
            return  # which looks at its end whether it counted what is wanted then
        settings = self.settings()

        def events() -> Any:
            train, _, _ = read_corpus(settings)
            yield len(train.x_dict), len(train.y_dict)

        def told() -> None:
            if job.active:
                self.table.value = f"<p>Counting the words of the corpus: {job.seconds:.0f} s</p>"
                return
            with self.guard():
                if job.error is not None and _corpus_of(self.settings()) == _corpus_of(settings):
                    self.table.value = ""
                    raise job.error
                self._changed()

        job = Job(events, lambda counted: self._counted.update({_corpus_of(settings): counted}))
        job.listeners.append(told)
        self._counting = job
        job.start()

    def _show_table(self, n: Sizes) -> None:
        family = numpy_class(self.model.model.value)  # which takes no Theano to tell the shapes
        shapes, symbols = family.shapes(n), symbolic_shapes(family)
        numbers = {name: rows * columns for name, (rows, columns) in shapes.items()}
        total = sum(numbers.values())
        frozen = self.model.freeze.value
        rows: list[list[Any]] = [
            [name, MEANINGS[name], f"{' × '.join(symbols[name])} = {shapes[name][0]:,} × {shapes[name][1]:,}",
             f"{count:,}", html.Raw(f"{bar(count / total)} {count / total:.1%}"),
             "kept" if frozen and name == "W_e" else "learnt"]
            for name, count in numbers.items()
        ]  # fmt: skip
        learnt = total - (numbers["W_e"] if frozen else 0)
        rows.append([html.Raw("<b>all</b>"), "", "", html.Raw(f"<b>{total:,}</b>"), "", f"{learnt:,} learnt"])
        self.table.value = html.table(["parameter", "what it is", "shape", "numbers", "share", ""], rows) + (
            f"<p>{n.n_words:,} words, {n.n_tags} tags. {escape(self._embeddings_text(n))}<br>Memory of the parameters: "
            f"{memory(4 * total)} in float32, {memory(8 * total)} in float64.<br>"
            f"{escape(EXPLANATIONS[self.model.model.value])}</p>"
        )

    def _embeddings_text(self, n: Sizes) -> str:
        kept = "kept as they are" if self.model.freeze.value else "learnt with the rest"
        if self.model.embeddings.value == self.model.embeddings.options[0]:
            return f"Embeddings: random numbers, {kept}."
        return f"Embeddings: {n.n_emb} numbers a word from {self.model.embeddings.value}, {kept}."

    def make(self) -> None:
        """Draw the model in the background and show its parameters."""
        if self.job is not None and self.job.active:
            raise RuntimeError("one model at a time: wait for the present one")
        settings = self.settings()
        self.make_button.disabled = True
        self.drawn.value = ""

        def events() -> Any:
            experiment = prepare(settings)
            yield experiment, device_of(settings.model)

        def take(made: tuple[Experiment, str]) -> None:
            self.experiment, self._device = made

        def told() -> None:
            if job.active:
                self.say(f"Reading the corpus and drawing the model: {job.seconds:.0f} s")
                return
            self.make_button.disabled = False
            with self.guard():
                if job.error is not None:
                    raise job.error
                self._show_drawn()

        self.job = job = Job(events, take)
        job.listeners.append(told)
        job.start()

    def _show_drawn(self) -> None:
        assert self.experiment is not None
        model = self.experiment.tagger.model
        self.device.value = escape(self._device)
        rows = [
            [name, f"{W.shape[0]:,} × {W.shape[1]:,}", *(f"{number:.4g}" for number in (W.min(), W.mean(), W.max())),
             html.Raw(histogram(W)), html.Raw(picture(W, f"the numbers of {name}"))]
            for name, W in model.get_values().items()
        ]  # fmt: skip
        header = ["parameter", "shape", "min", "mean", "max", "how often which value", "picture"]
        self.drawn.value = html.table(header, rows) + (
            f"<small>Pictures: white is 0, blue above, orange below, the strongest colour the largest number of the "
            f"matrix; its first {SEEN} rows and columns.</small>"
        )
        warned = self.job.warned if self.job is not None else ""
        self.say(f"Made: {type(model).__name__}, {model.dtype}, seed {self.model.seed.value}. {warned}")

    def code(self) -> str:
        """Return code that makes the model and looks at it."""
        return (
            settings_code(self.settings())
            + """
from lxmls_rnn.experiment import prepare

experiment = prepare(settings)
model = experiment.tagger.model
print(model.sizes, model.activation, model.dtype)
for name, W in model.get_values().items():
    print(name, W.shape, W.size, W.min(), W.mean(), W.max())
"""
        )


def _corpus_of(settings: Settings) -> tuple[Any, ...]:
    """Return what decides the words and tags."""
    return (
        settings.train, settings.dev, settings.max_sent_len, settings.max_nr_sent, settings.vocabulary,
        settings.min_count,
    )  # fmt: skip


def memory(n_bytes: int) -> str:
    """Return a number of bytes in words."""
    for unit in ("B", "kB", "MB"):
        if n_bytes < 1000:
            return f"{n_bytes:.3g} {unit}"
        n_bytes = n_bytes / 1000  # type: ignore[assignment]
    return f"{n_bytes:.3g} GB"


def bar(share: float) -> str:
    """Return a bar as long as a share of 60 pixels."""
    return (
        f'<span aria-hidden="true" style="display:inline-block;height:9px;width:{max(1, round(60 * share))}px;'
        'background:var(--lab-accent)"></span>'
    )
