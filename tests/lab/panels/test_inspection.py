import base64
import json
import re
import shutil
import threading
import time
from dataclasses import replace
from functools import partial
from html import unescape
from types import SimpleNamespace

import bqplot
import ipywidgets as widgets
import numpy as np
import pytest
from html_tables import boxes, tables

from lab import InspectionPanel
from lab.panels.inspection.neighbours import MAP_WORDS
from lab.panels.inspection.sentence import explain
from lab.panels.inspection.view import open_run
from lab.panels.inspection.word_charts import WordLines, WordMap
from lab.widgets.controls import is_hidden
from lxmls_rnn.datasets.corpora import corpus_files
from lxmls_rnn.deep_learning.embeddings import principal_components, unit_columns
from lxmls_rnn.deep_learning.evaluation import judge
from lxmls_rnn.deep_learning.training import Trainer
from lxmls_rnn.experiment import Settings, prepare
from lxmls_rnn.export import files
from lxmls_rnn.plotting import palette
from lxmls_rnn.runs import Run
from lxmls_rnn.sequences.sequence_list import tag_counts
from lxmls_rnn.teaching.gradient_flow import Reach, factor_per_step, gradient_reach

TRAIN, DEV, _ = map(str, corpus_files("sample"))
RNN = Settings(corpus=TRAIN, dev=DEV, max_nr_sent=120, n_emb=8, n_hidd=6, trainer=Trainer(epochs=2))
SETTINGS = {
    "rnn": RNN,
    "lstm": Settings(**{**vars(RNN), "model": "NumpyLSTM"}),
    "plain": Settings(**{**vars(RNN), "model": "NumpyLSTM", "peepholes": False}),
    "guide": Settings(**{**vars(RNN), "vocabulary": "guide"}),
    "no-dev": Settings(**{**vars(RNN), "dev": None}),
    "of-a-cluster": Settings(**{**vars(RNN), "corpus": "sample/train.conll"}),
}
TAGS, HIDDEN, GRADIENT, NEIGHBOURS, ERRORS = range(5)


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """Trained runs, made once."""
    root = tmp_path_factory.mktemp("trained")
    for name, settings in SETTINGS.items():
        for _ in Run.create(name, settings, root).fit():
            pass
    return root


@pytest.fixture
def runs_with(trained, runs_folder):
    """Put some of them into this test's folder of runs."""

    def put(*names):
        for name in names:
            shutil.copytree(trained / name, runs_folder / name)
        return runs_folder

    return put


@pytest.fixture
def panel(runs_with):
    runs_with("rnn", "lstm")
    return InspectionPanel("rnn")


def test_two_events_at_once_are_heard_one_after_the_other(panel, monkeypatch):
    """As JupyterLab sends them: leaving the field and pressing the button at once, each to a thread of its own."""
    at_once = threading.Barrier(2)
    opening = []

    def slow(folder):
        opening.append(folder)
        time.sleep(0.05)
        assert len(opening) == 1
        return opening.pop() and open_run(folder)

    def heard(event):
        at_once.wait()
        event()

    monkeypatch.setattr("lab.panels.inspection.panel.open_run", slow)
    for n in range(5):
        events = (partial(setattr, panel.sentence, "value", f"The dog {'runs ' * n}."), panel.tag_button.click)
        threads = [threading.Thread(target=heard, args=[event]) for event in events]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert panel.message.value == ""
        assert len(panel.seen.words) == n + 3


def turn_to(panel, tab):
    panel.tabs.selected_index = tab
    return panel.views[tab]


def text_of(html):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html))


def said(panel):
    return unescape(panel.message.value)


def pressed(panel, tab, button="button"):
    """Turn to a tab, press its button and wait for the work."""
    view = turn_to(panel, tab)
    getattr(view, button).click()
    view.work.job.wait()
    return view


def test_a_sentence_is_tagged_and_the_slider_shows_the_distribution_of_a_word(panel):
    panel.sentence.value = "The dog xyzzy ."
    text = text_of(panel.views[TAGS].sentence.value)
    for word in panel.opened.tagger.tag("The dog xyzzy ."):
        assert f"{word.word} {word.tag} {word.probability:.0%}" in text
    _, unknown = panel.views[TAGS].sentence.value.split("not in the vocabulary; the model sees &lt;unk&gt;: ")
    assert "xyzzy" in unknown
    panel.views[TAGS].word.value = 1
    p = panel.opened.tagger.model.forward(panel.seen.x)[:, 1]
    text = text_of(panel.views[TAGS].distribution.value)
    assert text.split()[0] == "dog"
    assert all(f"{tag} {p[k]:.4f}" in text for k, tag in enumerate(panel.opened.tagger.tags))
    drawn = re.findall("<th[^>]*>([^<]*)</th>.*?background:(#[^;]*)", panel.views[TAGS].distribution.value)
    likely_first = [panel.opened.tagger.tags[k] for k in (-p).argsort()]
    assert drawn == [(tag, palette.colour_of(tag)) for tag in likely_first]
    assert boxes(panel.views[TAGS].sentence.value) == [
        (not word.known, palette.colour_of(word.tag), word.word, f"{word.tag} {word.probability:.0%}")
        for word in panel.opened.tagger.tag("The dog xyzzy .")
    ]
    assert re.findall(r"outline:[^>]*><[^>]*>(\w+)<", panel.views[TAGS].sentence.value) == ["dog"]
    p_y = zip(panel.opened.tagger.tags, panel.seen.forward.p_y, strict=True)
    assert re.findall('title="([^"]*)"', panel.views[TAGS].matrix.value) == [
        f"{tag}, {word}: {p:.4g}" for tag, line in p_y for word, p in zip(panel.seen.words, line, strict=True)
    ]


def titles(panel, values):
    """The tooltips of a map of values, a row for each unit."""
    words = panel.seen.words
    return [
        f"{j}, {word}: {value:.4g}" for j, row in enumerate(values, 1) for word, value in zip(words, row, strict=True)
    ]


def test_the_hidden_state_and_the_gates_of_an_lstm_are_shown(panel, monkeypatch):
    view = turn_to(panel, HIDDEN)
    h = panel.seen.forward.h[:, 1:]
    assert f"from {h.min():.3f} to {h.max():.3f}" in view.range.value
    assert re.findall('title="([^"]*)"', view.maps.value) == titles(panel, h)
    written = f">{h[0, 0]:.2f}<"
    assert written not in view.maps.value
    view.numbers.value = True
    assert written in view.maps.value
    assert is_hidden(view.what)
    panel.choice.run.value = "lstm"
    of_lstm = panel.seen.forward.h[:, 1:]
    assert f"from {of_lstm.min():.3f} to {of_lstm.max():.3f}" in view.range.value
    view.what.value = "gates and cell"
    cells = panel.opened.tagger.model.cells(panel.seen.x)
    quantities = (cells.i, cells.f, cells.o, cells.g, cells.c[:, 1:], panel.seen.forward.h[:, 1:])
    expected = [title for values in quantities for title in titles(panel, values)]
    assert re.findall('title="([^"]*)"', view.maps.value) == expected
    panel.choice.run.value = "rnn"
    assert view.what.value == "hidden state"
    monkeypatch.setattr("lab.panels.inspection.sentence.UNITS_SHOWN", 4)
    panel.inspect()
    view.first.value = 3
    assert re.findall('title="([^"]*)"', view.maps.value) == titles(panel, h)[2 * len(panel.seen.words) :]


@pytest.mark.parametrize("run", ["rnn", "lstm"])
def test_the_gradient_is_followed_back(panel, run):
    panel.choice.run.value = run
    view = turn_to(panel, GRADIENT)
    assert view.word.label == "6 run"  # before the full stop
    view.word.value = 3
    reach = gradient_reach(panel.opened.tagger.model, panel.seen.x, 3, view.tag.value)
    p = panel.seen.forward.p_y[:, 3]
    assert view.tag.value == p.argmax()
    assert view.tag.label == f"{panel.opened.tagger.tags[p.argmax()]} ({p.max():.1%})"
    ((_, *table),) = tables(view.table.value)
    ratios = [f"{ratio:.3g}" for ratio in reach.h[:-1] / reach.h[1:]] + [""]
    columns = [[f"{norm:.3e}" for norm in norms] for norms in (reach.h, reach.c, reach.z) if norms is not None]
    assert table == [
        [f"{k + 1} {panel.seen.words[k]}", str(3 - k), columns[0][k], ratios[k], *(column[k] for column in columns[1:])]
        for k in (3, 2, 1, 0)
    ]
    assert ("cell" in view.chart.key.value) == (run == "lstm")
    assert list(view.chart.figure.axes[0].tick_labels.values()) == panel.seen.words[:4]
    lines = [mark for mark in view.chart.figure.marks if isinstance(mark, bqplot.Lines)]
    assert all(any(np.array_equal(line.y, norms) for line in lines) for norms in reach[1:] if norms is not None)
    before = view.text.value
    assert f"The loss of <b>watches</b> is {reach.loss:.4g}." in before
    for name, norms in {"hidden state": reach.h, "cell": reach.c}.items():
        if norms is not None:
            assert f"of the {name} is multiplied by {factor_per_step(norms):.3g} in each step back" in before
    view.tag.value = int(panel.seen.forward.p_y[:, 3].argmin())  # has another loss
    assert view.text.value != before
    view.word.value = 0
    assert "the gradient cannot go back" in view.text.value


def test_an_lstm_without_peepholes_is_looked_at_like_one_with(runs_with):
    runs_with("lstm", "plain")
    texts = {}
    for run in ("lstm", "plain"):
        panel = InspectionPanel(run)
        view = turn_to(panel, HIDDEN)
        view.what.value = "gates and cell"
        assert view.maps.value.count("<td style") == 6 * 6 * len(panel.seen.words)
        view = turn_to(panel, GRADIENT)
        view.word.value = 3
        texts[run] = panel.opened.describe(), view.text.value
    assert "NumpyLSTM without peepholes (" in texts["plain"][0]
    assert ["the peepholes" in explained for _, explained in texts.values()] == [True, False]


def test_neighbours_of_a_word_are_listed_and_one_outside_the_vocabulary_is_said(panel):
    view = turn_to(panel, NEIGHBOURS)
    assert view.word.value == max((word for word in panel.seen.words if word in panel.opened.tagger.words), key=len)
    view.word.value = "xyzzy"
    assert "'xyzzy' is not among" in said(panel)
    view.word.value = "the"
    assert panel.message.value == ""
    for n in (3, 4):
        view.n.value = n
        nearest = panel.opened.tagger.neighbours("the", n)
        assert re.findall("<th[^>]*>([^<]*)<.*?<td>([^<]*)</td></tr>", view.nearest.value) == [
            (other, f"{cosine:.4f}") for other, cosine in nearest
        ]


def test_the_map_shows_the_most_frequent_words(runs_with, monkeypatch):
    monkeypatch.setattr("lab.panels.inspection.neighbours.MAP_WORDS", 20)
    runs_with("of-a-cluster")
    panel = InspectionPanel()
    view = pressed(panel, NEIGHBOURS, "map_button")
    near = [other for other, _ in panel.opened.tagger.neighbours(view.word.value)]
    shown = view.points
    assert list(shown.marked.names) == [view.word.value, *near]
    words = list(shown.points.names)
    assert "the" in words
    assert set(shown.marked.names) <= set(words)
    labels = [name for name in shown.names.text if name]
    assert labels
    assert not set(labels) & set(shown.marked.names)  # which have labels of their own
    assert 20 <= len(words) == len(set(words)) <= 20 + 11
    tagger = panel.opened.tagger
    counts = tag_counts(tagger.read(TRAIN, max_nr_sent=120), len(tagger.words), len(tagger.tags))
    most = [(counts[tagger.words.index(word)].any(), counts[tagger.words.index(word)].argmax()) for word in words]
    colours = [palette.colour_of(tagger.tags[k]) if is_counted else "#ffffff" for is_counted, k in most]
    assert list(shown.points.colors) == colours
    order = [tagger.words.index(word) for word in words]
    E, of_frequent = (unit_columns(tagger.model.param.W_e[:, some]) for some in (order, order[:20]))
    assert f"({principal_components(E, of_frequent)[1].sum():.0%} of the variance)" in view.map.value
    used = {tagger.tags[k] for is_counted, k in most if is_counted}
    assert re.findall('class="lab-chip"[^>]*>([^<]*)<', view.map.value) == [tag for tag in tagger.tags if tag in used]
    runs_with("lstm")
    panel.choice.refresh()
    panel.choice.choose("lstm")
    assert (view.map.value, view.points.children, panel.message.value) == ("", (), "")  # until it is drawn for this run


def test_the_map_and_the_neighbours_are_also_those_of_before_training(panel):
    view = turn_to(panel, NEIGHBOURS)
    assert is_hidden(view.when)
    said = []
    view.map.observe(lambda change: said.append(change["new"]), "value")
    view.map_button.click()
    view.work.job.wait()
    assert said[0] == "<i>Reading the training file ...</i>"
    assert not is_hidden(view.when)
    after, points = view.nearest.value, view.points.points
    there = np.array([points.x, points.y])
    assert "before training" not in panel.code()
    view.when.value = "before"
    assert "before training" in panel.code()
    begun = prepare(panel.opened.run.settings).tagger
    word = view.word.value
    assert list(view.points.marked.names) == [word, *(other for other, _ in begun.neighbours(word))]
    assert f"<b>{word}</b> before training" in view.nearest.value
    n = MAP_WORDS
    moved = np.array([points.x, points.y])
    axes = unit_columns(panel.opened.tagger.model.param.W_e[:, ids := [begun.words.index(w) for w in points.names[:n]]])
    expected, _ = principal_components(unit_columns(begun.model.param.W_e[:, ids]), axes)
    for place, coordinate in zip(moved, expected, strict=True):  # the axes are those of after training
        assert np.corrcoef(place[:n], coordinate)[0, 1] > 0.999
    assert not np.allclose(moved[:, :n], there[:, :n])
    assert view.points.figure.animation_duration
    view.when.value = "after training"
    assert view.nearest.value == after
    assert np.array_equal([points.x[:n], points.y[:n]], there[:, :n])


def test_a_training_file_that_has_changed_or_embeddings_that_are_gone_leave_the_map_of_after_training(panel):
    panel.opened.tagger.words.reverse()
    view = pressed(panel, NEIGHBOURS, "map_button")
    assert re.search("before training is unavailable: .*have changed", view.map.value, re.DOTALL)
    assert is_hidden(view.when)
    assert view.points.children
    panel.opened.run.settings = replace(panel.opened.run.settings, embeddings="gone_50")
    assert "gone_50" in pressed(panel, NEIGHBOURS, "map_button").map.value
    assert view.points.children


def test_errors_are_counted_as_the_training_counted_them_and_shown_by_their_tags(panel):
    view = pressed(panel, ERRORS)
    assert view.evaluation.accuracy == panel.opened.metrics.dev_accuracy
    assert f"{view.evaluation.accuracy:.2%}" in view.summary.value
    by_tag = [
        [row["tag"], str(row["words"]), *(f"{row[name]:.1%}" for name in ("precision", "recall", "f1"))]
        for row in view.evaluation.per_tag()
    ]
    assert tables(view.confusion.value)[1][1:] == by_tag
    assert f"macro F1 {view.evaluation.macro_f1:.1%}" in view.confusion.value
    unknown = [one.unknown[t] for one in view.judged for t in np.flatnonzero(one.wrong)]
    assert [faint for faint, *_ in boxes(view.list.value)] == unknown[: len(boxes(view.list.value))]
    assert any(unknown[: len(boxes(view.list.value))])
    found = view.evaluation
    matrices = {"all words": found.confusion, "in the vocabulary": found.known, "not in the vocabulary": found.unknown}
    for name, *numbers, _ in tables(view.summary.value)[0][1:]:
        assert numbers == [str(matrices[name].sum()), str(matrices[name].sum() - matrices[name].trace())]
    assert (view.button.disabled, view.stop_button.disabled) == (False, True)
    tags = view.evaluation.tags
    mistakes = view.evaluation.confusion * (1 - np.eye(len(tags), dtype=int))
    assert view.list.value.startswith(f"{mistakes.sum()} errors in ")
    view.first.value = 2
    assert re.findall(r'<div dir="auto">(\d+):', view.list.value)[:2] == ["2", "3"]
    g, p = np.unravel_index(mistakes.argmax(), mistakes.shape)
    view.gold.value, view.predicted.value = tags[g], tags[p]
    assert f"{mistakes[g, p]} errors" in view.list.value
    assert f"{tags[g]} → {tags[p]}" in view.list.value
    assert set(re.findall('background:(#[^"]*)', view.list.value)) == {palette.colour_of(tags[p])}
    cell = re.search(f'background:([^;]*)[^>]*title="{tags[g]}, {tags[p]}: {mistakes[g, p]}"', view.confusion.value)
    assert cell[1] == palette.shade(1, 1)  # the most frequent mistake has the strongest colour
    right = view.evaluation.confusion.diagonal()
    view.gold.value = view.predicted.value = tags[right.argmax()]
    assert f"{right.max()} words that are correct" in view.list.value
    assert right.max() > 1
    list(Run.open("rnn").fit(epochs=3))
    panel.tag_button.click()
    assert is_hidden(view.results)  # those of the model before
    pressed(panel, ERRORS)
    panel.choice.run.value = "lstm"
    assert is_hidden(view.results)
    view.button.click()
    view.part.value = "train"  # for the next measurement
    view.work.job.wait()
    assert "lstm on dev" in view.summary.value


@pytest.mark.parametrize(
    "leave", [lambda panel: panel.choice.choose("lstm"), lambda panel: panel.views[ERRORS].stop_button.click()]
)
def test_a_measurement_that_is_stopped_or_whose_run_was_left_shows_nothing(panel, monkeypatch, leave):
    begun, go_on = threading.Event(), threading.Event()

    def slow(*arguments):
        begun.set()
        go_on.wait()
        yield from judge(*arguments)

    monkeypatch.setattr("lab.panels.inspection.errors.judge", slow)
    view = turn_to(panel, ERRORS)
    view.button.click()
    begun.wait()
    assert view.button.disabled
    leave(panel)
    go_on.set()
    view.work.job.wait()
    assert (view.work.job.state, view.button.disabled) == ("stopped", False)
    if panel.choice.run.value == "lstm":
        assert is_hidden(view.results)


def test_a_measurement_that_is_stopped_shows_how_far_it_came(panel, monkeypatch):
    view = turn_to(panel, ERRORS)

    def three(*arguments):
        for n, one in enumerate(judge(*arguments), 1):
            if n == 3:
                view.work.stop()
            yield one

    monkeypatch.setattr("lab.panels.inspection.errors.judge", three)
    pressed(panel, ERRORS)
    assert f": {len(view.judged)} sentences (stopped after {len(view.judged)} of 120)" in text_of(view.summary.value)
    assert len(view.judged) < 5


def test_a_run_without_dev_is_measured_on_what_there_is_and_one_of_another_machine_says_what_it_needs(runs_with):
    root = runs_with("no-dev")
    panel = InspectionPanel()
    assert "accuracy on dev" not in panel.about.value
    view = pressed(panel, ERRORS)
    assert view.part.options == ("test", "train")
    assert "no-dev on test" in view.summary.value
    config = root / "no-dev" / "config.json"
    settings = json.loads(config.read_text())
    settings["settings"] |= {"corpus": "/home/anna/corpus.conll", "dev": None}
    settings["checksums"]["/home/anna/corpus.conll"] = ""
    config.write_text(json.dumps(settings))
    panel = InspectionPanel()
    view = pressed(panel, ERRORS)
    assert "train part of this run is the file /home/anna/corpus.conll, but there is none at" in said(panel)
    assert "copy it there from the machine of the training, or set LXMLS_DATA" in said(panel)
    assert not view.button.disabled


def test_a_model_without_unk_names_the_word_and_the_other_views_go_on(runs_with, panel):
    runs_with("guide")
    panel.sentence.value = "The dog xyzzy ."
    panel.choice.refresh()
    panel.choice.run.value = "guide"
    assert "'xyzzy' is not in the vocabulary" in said(panel)
    assert is_hidden(turn_to(panel, TAGS)._body)
    assert "'xyzzy'" in unescape(panel.views[TAGS]._note.value)
    assert turn_to(panel, NEIGHBOURS).nearest.value
    panel.sentence.value = "The dog ."
    assert not is_hidden(turn_to(panel, TAGS)._body)


def test_what_cannot_be_shown_is_said_and_another_sentence_or_run_can(panel):
    panel.sentence.value = "   "
    assert "no word to tag" in said(panel)
    panel.sentence.value = "the"
    for tab in range(4):
        turn_to(panel, tab)
        assert panel.message.value == ""
    folder = panel.choice.folder()
    for spoil, says in (
        (lambda: (folder / "model.npz").write_bytes(b"PK nothing"), "model.npz is not a whole model file"),
        (lambda: shutil.rmtree(folder), "no run"),
    ):
        spoil()
        panel.tag_button.click()
        assert says in said(panel)
        assert is_hidden(panel.tabs)
    panel.choice.run.value = "lstm"
    assert panel.message.value == ""
    assert not is_hidden(panel.tabs)


@pytest.mark.parametrize("run", ["rnn", "lstm"])
def test_the_code_follows_the_tab_and_runs(panel, run, capsys):
    panel._code_button.value = True
    panel.choice.run.value = run
    for tab in range(5):
        view = turn_to(panel, tab)
        if tab == HIDDEN and run == "lstm":
            view.what.value = "gates and cell"
        assert ("gradient_reach" in panel._code_view.value) == (tab == GRADIENT)
        exec(panel.code(), {})
        assert capsys.readouterr().out


def test_a_chart_leaves_out_what_a_logarithm_cannot_show():
    chart = WordLines("norm")
    chart.draw({"a": [0.0, 1.0, np.nan, 10.0]}, list("abcd"))
    line, points = chart.figure.marks
    assert list(line.x) == list(points.x) == [1, 3]
    assert list(points.names) == ["a, b: 1", "a, d: 10"]
    assert isinstance(chart.figure.axes[1].scale, bqplot.LogScale)
    chart.draw({"a": [0.0]}, ["a"])
    assert "nothing to draw" in chart.key.value
    assert chart.figure not in chart.children


def test_names_on_a_map_do_not_overlap_but_marked_ones_are_there():
    drawn = WordMap()
    drawn.draw(np.zeros((2, 3)), ["a", "b", "<c>"], ["#fff"] * 3, marked=[2])
    assert list(drawn.points.names) == ["a", "b", "<c>"]  # always all, so that the same words move
    assert list(drawn.marked.names) == ["<c>"]
    assert list(drawn.names.text) == ["", "", ""]
    assert list(drawn.marked_names.text) == ["<c>"]
    drawn.draw(np.array([[0.5, 0.0, 0.9, 0.901], [1.0, 1.0, 0.0, 0.0]]), list("abcd"), ["#fff"] * 4)
    assert list(drawn.names.text) == ["a", "b", "c", ""]  # beside each other, and far away


def test_every_control_of_a_view_is_shown_in_it(panel):
    for view in panel.views:
        shown, parts = set(), [view]
        for part in parts:
            shown.add(part.model_id)
            parts += getattr(part, "children", ())
        made = {n: one for n, one in vars(view).items() if isinstance(one, widgets.DOMWidget) and one is not panel}
        assert {name for name, one in made.items() if one.model_id not in shown} <= {"chart"}


@pytest.mark.parametrize(("first", "says"), [(0.9, "further back it rises to 90% again"), (0.001, "below 1 % after 2")])
def test_a_gradient_that_comes_back_is_said(first, says):
    norms = np.array([first, 0.001, 0.5, 1.0])
    assert says in explain(SimpleNamespace(is_lstm=False), Reach(0.5, norms, norms, None), "run")


def test_a_run_is_described_with_the_epoch_of_its_model(panel):
    of_the_first = replace(panel.opened, metrics=panel.opened.run.metrics()[0])  # as after early stopping
    assert f", epoch 1, accuracy on dev {of_the_first.metrics.dev_accuracy:.1%}." in of_the_first.describe()
    of_the_first.run.settings = replace(of_the_first.run.settings, model="FastRNN")
    assert "%. Shown here: its NumPy version, NumpyRNN, with the same parameters" in of_the_first.describe()


def test_export_offers_the_run_that_is_shown(panel):
    panel.choice.run.value = "lstm"
    panel.exporting.button.click()
    download, content = re.match(
        r'<a download="(.*?)" href="data:text/html;base64,(.*?)"', panel.exporting.link.value
    ).groups()
    assert (download, base64.b64decode(content)) == ("lstm.html", files.export(panel.choice.folder(), "html").content)
    panel.inspect()
    assert panel.exporting.link.value == ""  # the run may have a new model


def test_without_runs_it_says_where_they_come_from_and_exports_nothing():
    panel = InspectionPanel()
    assert "training panel" in said(panel)
    assert is_hidden(panel.tabs)
    assert is_hidden(panel.exporting)
