"""Corpus panel: sentences with tags, frequencies of tags and lengths, unknown words."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path, PurePath
from typing import IO

import bqplot
import ipywidgets as widgets
import numpy as np

from lab.drawing import html
from lab.drawing.figures import figure, put, side_axis
from lab.drawing.looks import ColumnBox, RowBox, make
from lab.runtime import python_warnings
from lab.widgets.controls import field, in_row, integer, on_change, progress_bar, settings_code, toggles, view
from lab.widgets.panel import Panel, PanelJob, controls
from lab.widgets.settings_choice import UPLOADS, CorpusChoice, chosen_settings, new_files
from lxmls_rnn import datasets, paths
from lxmls_rnn.datasets.treebanks import PREFIX, table
from lxmls_rnn.experiment import Settings, find, read_corpus
from lxmls_rnn.plotting.palette import LINES, colour_of
from lxmls_rnn.readers.pos_corpus import PostagCorpus
from lxmls_rnn.readers.tags import TagSource
from lxmls_rnn.sequences import Sequence, SequenceList
from lxmls_rnn.storage.files import write_atomically

SENTENCES_PER_PAGE = 8
MAX_BARS = 20  # with more, their labels would overlap


class CorpusPanel(Panel):
    """Show the corpus `choice`, download one, or upload one; `train` and `dev` are the parts read, None at first."""

    title = "Corpus"
    help = """Choose a corpus and press <b>Read</b>: you see its sentences with a colour for each tag, how often each
    tag occurs, and how long the sentences are. A dashed frame marks words outside the vocabulary: the model sees them
    as <code>&lt;unk&gt;</code>. <b>Fetch</b> downloads UD English EWT, another treebank of Universal
    Dependencies (type a part of its name, such as <code>ud:pt</code>) or pre-trained embeddings into the data folder,
    verifies them and shows their licence. <b>Upload file</b> adds your own CoNLL or CoNLL-U file, in any language, to
    the data folder; every panel then offers it. Under <b>More</b>, <b>Tags</b> names the column of its tags."""

    def __init__(self, corpus: str | None = None) -> None:
        self.choice = CorpusChoice(corpus)
        self.read_button = self.button("Read", "Read the corpus and show its sentences", self.read, "primary")
        self.part = toggles({"train": "The training part", "dev": "The part to measure accuracy on"}, "5em")
        self.first = integer("First sentence", 1, "Number of the first sentence shown", 1, "16em")
        tooltip, kinds = "Upload a CoNLL file to the data folder", ".conll,.conllu,.txt"
        self.upload = make(widgets.FileUpload, accept=kinds, description="Upload file", tooltip=tooltip)
        tooltip = "A corpus or embeddings to download; of treebanks, type a part of the name: ud:pt"
        names = [*datasets.DATASETS, *(f"{PREFIX}{code}" for code in table())]
        self.dataset = field(widgets.Combobox, "Data set", "ewt", tooltip, width="21em", options=names)
        self.fetch_button = self.button("Fetch", "Download the data set to the data folder and verify it", self.fetch)
        self.progress = progress_bar("16em")
        self.work = PanelJob(self, self.fetch_button, bar=self.progress)
        self.stale, self.summary, self.sentences = view("stale"), view(), view("sentences")
        self.tags, self.lengths = bar_chart("tag", "words"), bar_chart("words in the sentence", "sentences")
        self.views = ColumnBox()
        self.train: SequenceList | None = None
        self.dev: SequenceList | None = None
        self.n_known = 0
        self._read: dict[str, object] = {}  # the settings of what is shown
        super().__init__(
            self.choice,
            in_row(self.read_button, self.upload, self.dataset, self.fetch_button, self.progress),
            self.views,
        )
        self.on_input(self._uploaded, self.upload)
        self.on_input(self._show, self.part, self.first)
        on_change(self._show_stale, *controls(self.choice))

    def settings(self) -> Settings:
        return chosen_settings(self.choice)

    def read(self) -> None:
        found = find(self.settings())
        self.train, self.dev, self.n_known = read_corpus(found)
        self._read = self.choice.values()
        self._show_stale()
        self.part.disabled = self.dev is None
        if self.dev is None:
            self.part.value = "train"
        self._show()
        # only now: a figure drawn while hidden stays empty
        self.views.children = [
            self.stale,
            self.summary,
            RowBox([self.part, self.first]),
            self.sentences,
            in_row(self.tags, self.lengths),
        ]
        self.show_message(f"Read. Tags: {TagSource(found.settings.tags, found.settings.tag_map)}.")

    def _show_stale(self) -> None:
        """Say if the settings or the file have changed since what is shown was read."""
        try:
            is_stale = any(self.choice.value_of(name) != value for name, value in self._read.items())
        except ValueError:  # Read says what is refused
            is_stale = True
        warning = "The settings or the file have changed since this was read: press Read."
        self.stale.value = f'<div role="alert" class="lab-error">{warning}</div>' if is_stale else ""

    def _show(self) -> None:
        part = self.train if self.part.value == "train" else self.dev
        if part is None:
            return
        self.first.limit(max(1, len(part)))
        unknown = sum(int(np.count_nonzero(np.asarray(sentence.x) >= self.n_known)) for sentence in part)
        words = part.get_num_tokens()
        different = len({word for sentence in part for word in sentence.words})
        tags = Counter(tag for sentence in part for tag in sentence.tags).most_common()
        line = [self.part.value, len(part), words, different, f"{unknown} ({unknown / words:.1%})", len(tags)]
        header = ["part", "sentences", "words", "different words", "unknown words", "tags"]
        self.summary.value = html.table(header, [line])
        begin = self.first.parsed - 1
        self.sentences.value = "".join(
            f'<div dir="auto"><small>{number + 1}</small> {self._coloured(part[number])}</div>'
            for number in range(begin, min(begin + SENTENCES_PER_PAGE, len(part)))
        )
        draw(self.tags, tags)
        draw(self.lengths, histogram([len(sentence) for sentence in part]))

    def _coloured(self, sentence: Sequence) -> str:
        words = zip(sentence.words, sentence.tags, sentence.x, strict=True)
        return "".join(html.word(word, tag, colour_of(tag), x >= self.n_known) for word, tag, x in words)

    def fetch(self) -> None:
        name = self.dataset.value
        self.progress.value = 0
        notices: list[str] = []

        def work() -> Iterable[Path]:
            return datasets.fetch(name, paths.data(), progress=self._show_share, notice=notices.append)

        def on_progress() -> None:
            if notices:
                self.show_message(notices[-1])

        def on_end() -> str:
            new_files()
            about = (text for text in notices if not text.startswith(str(paths.data())))  # licence, missing parts
            return " ".join([f"{name} is in the data folder.", *about])

        self.work.begin(work, on_end, on_progress)

    def _show_share(self, done: int, total: int) -> None:
        share = done / total if total else float(done == total)
        if abs(share - self.progress.value) > 0.01 or share in (0, 1):  # avoid a message to the page for each chunk
            self.progress.value = share

    def _uploaded(self) -> None:
        files = self.upload.value
        with self.quietly():
            self.upload.value = ()  # resets the button's counter, so that the same file can be uploaded again
        for file in files:
            reading = {name: self.choice.value_of(name) for name in ("tags", "tag_map", "encoding")}
            name = save_upload(file["name"], bytes(file["content"]), **reading)
            new_files()
            self._read = dict.fromkeys(self._read)  # what is shown may be an older file of this name
            self.choice["corpus"].value = name
            self._show_stale()
            self.show_message(f"{file['name']} is in the data folder now, as {name}. Press Read to see it.")

    def code(self) -> str:
        return f"""{settings_code(self.settings())}
from collections import Counter

from lxmls_rnn.experiment import read_corpus

train, dev, n_known_words = read_corpus(settings)
print(train)
print(train[0].words, train[0].tags)
print(Counter(tag for sentence in train for tag in sentence.tags).most_common())
print(Counter(len(sentence) for sentence in train).most_common())
"""


def save_upload(name: str, content: bytes, tags: str, tag_map: str, encoding: str) -> str:
    """Save an uploaded file in the data folder and return its name in the corpus choice.

    ValueError, with the line number, if it is not a CoNLL file, or has no such tags or another encoding.
    """
    name = PurePath(name).name

    def write(file: IO[bytes]) -> None:
        file.write(content)
        file.flush()
        try:
            with python_warnings.collected(UserWarning):  # reading the corpus issues them again, with the file's name
                PostagCorpus().read_sequence_list_conll(file.name, tag_map, tags=tags, encoding=encoding)
        except ValueError as error:
            raise ValueError(str(error).replace(file.name, name)) from None

    write_atomically(paths.data() / UPLOADS / name, write)
    return f"{UPLOADS}/{name}"


def bar_chart(x: str, y: str) -> bqplot.Figure:
    """Make an empty bar chart."""
    across, up = bqplot.OrdinalScale(), bqplot.LinearScale(min=0)
    turned = {"tick_rotate": -60, "tick_style": {"text-anchor": "end"}}
    names = bqplot.Axis(scale=across, label=x, label_offset="3.6em", **turned)
    bars = bqplot.Bars(x=[], y=[], scales={"x": across, "y": up}, colors=[LINES[0]])
    return figure(names, side_axis(up, y, ",~g"), [bars], bottom=66)


def histogram(lengths: list[int]) -> list[tuple[str, int]]:
    """Return the number of sentences per length, or per range of lengths if there are more than `MAX_BARS`."""
    low, high = min(lengths), max(lengths)
    width = 1 + (high - low) // MAX_BARS
    counts = Counter((length - low) // width for length in lengths)
    begins = [low + n * width for n in range(1 + (high - low) // width)]
    return [(str(begin) if width == 1 else f"{begin}-{begin + width - 1}", counts[n]) for n, begin in enumerate(begins)]


def draw(figure: bqplot.Figure, counts: list[tuple[str, int]]) -> None:
    """Show counts in a bar chart."""
    (mark,) = figure.marks
    names = [name for name, _ in counts]
    figure.axes[0].scale.domain = names  # or it keeps the previous order
    put(mark, names, [count for _, count in counts])
