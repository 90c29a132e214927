"""The table of the parameters that a model with the settings in the controls has."""

from collections.abc import Callable, Iterator

from rich.filesize import decimal

from lab.drawing import html
from lab.drawing.looks import ColumnBox
from lab.widgets.controls import on_change, unfolding, view
from lab.widgets.panel import Panel, PanelJob
from lxmls_rnn import paths
from lxmls_rnn.deep_learning.embeddings import embedding_size
from lxmls_rnn.deep_learning.models import numpy_class
from lxmls_rnn.deep_learning.parameters import Sizes
from lxmls_rnn.experiment import Settings, read_corpus

MEANINGS = {
    "W_e": "embeddings, one column per word",
    "W_x": "from the embedding",
    "W_h": "from the previous hidden state",
    "W_c": "peepholes, from the previous cell",
    "W_y": "to the scores of the tags",
}


class Parameters(ColumnBox):
    """The table, hidden until `button` is on; `settings` returns the settings in the controls, `panel` shows errors."""

    def __init__(self, panel: Panel, settings: Callable[[], Settings]) -> None:
        self.panel, self.settings, self.table, self.counting = panel, settings, view("parameters"), PanelJob(panel)
        self._counted: dict[Settings, tuple[int, int]] = {}  # corpus: numbers of its words and tags
        self._wanted: Settings | None = None  # the corpus whose words are being counted
        super().__init__([self.table])
        self.button = unfolding(self, "Parameters", "Shapes and numbers of the parameters, for the settings above")
        on_change(self.refresh, self.button)

    def refresh(self) -> None:
        """Draw the table, if it is shown, once the words of the corpus are counted."""
        if self.button.value:
            self.panel.attempt(self._draw)

    def _draw(self) -> None:
        self.table.value = ""
        settings = self.settings()
        corpus = settings.of_corpus
        if corpus in self._counted:
            self.table.value = as_table(settings, *self._counted[corpus])
        elif not self.counting.active or corpus != self._wanted:
            self._wanted = corpus
            self.counting.begin(lambda: self._count(corpus), self.refresh, self._show_progress)

    def _count(self, corpus: Settings) -> Iterator[None]:
        train, _, _ = read_corpus(corpus)
        self._counted[corpus] = len(train.x_dict), len(train.y_dict)
        yield

    def _show_progress(self) -> None:
        text = f"<p>Counting the words of the corpus: {self.counting.seconds:.0f} s</p>"
        self.table.value = text if self.counting.active else ""


def as_table(settings: Settings, n_words: int, n_tags: int) -> str:
    """Return the parameters of a model for a corpus of so many words and tags, with the share of each, as HTML."""
    n_emb = settings.n_emb if settings.embeddings is None else embedding_size(paths.located(settings.embeddings))
    sizes = Sizes(n_words, n_emb, settings.n_hidd, n_tags)
    shapes = numpy_class(settings.model).shapes(sizes, settings.peepholes)
    numbers = {name: rows * columns for name, (rows, columns) in shapes.items()}
    total, frozen = sum(numbers.values()), numbers["W_e"] if settings.trainer.freeze_embeddings else 0
    rows = [
        [
            *(name, MEANINGS[name], f"{shape[0]:,} × {shape[1]:,}", f"{numbers[name]:,}"),
            *(f"{numbers[name] / total:.1%}", "frozen" if frozen and name == "W_e" else "trained"),
        ]
        for name, shape in shapes.items()
    ]
    rows.append(["all", "", "", f"{total:,}", "", f"{total - frozen:,} trained"])
    memory = f"{decimal(4 * total)} in float32, {decimal(8 * total)} in float64"
    caption = f"Parameters of {settings.model}: {n_words:,} words, {n_tags} tags; {memory}"
    return html.table(["parameter", "description", "shape", "numbers", "share", ""], rows, caption)
