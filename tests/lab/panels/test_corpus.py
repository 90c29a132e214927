import re
from collections import Counter
from datetime import datetime
from functools import partial

from html_tables import boxes, tables

from lab import CorpusPanel, TrainingPanel
from lab.panels.corpus.panel import histogram
from lxmls_rnn import datasets
from lxmls_rnn.experiment import Settings
from lxmls_rnn.plotting.palette import colour_of


def upload(panel, name, text, encoding="utf-8"):
    content = text.encode(encoding)
    file = {"name": name, "type": "", "size": len(content), "content": content, "last_modified": datetime.now()}
    panel.upload.value = (file,)


def test_reading_shows_sentences_tags_and_lengths_and_marks_unknown_words():
    panel = CorpusPanel()
    panel.read_button.click()
    assert "João" in panel.sentences.value
    assert "noun" in panel.tags.marks[0].x
    assert sum(panel.lengths.marks[0].y) == len(panel.train) == 1000
    panel.part.value = "dev"
    assert "not in the vocabulary" in panel.sentences.value
    words = [word for sentence in panel.dev for word in sentence.words]
    unknown = sum(int((sentence.x >= panel.n_known).sum()) for sentence in panel.dev)
    ((_, line),) = tables(panel.summary.value)
    counts = [len(panel.dev), len(words), len(set(words)), f"{unknown} ({unknown / len(words):.1%})"]
    assert line == ["dev", *map(str, counts), str(len({tag for sentence in panel.dev for tag in sentence.tags}))]
    panel.first.value = 3
    assert re.findall(r"<small>(\d+)</small>", panel.sentences.value)[:2] == ["3", "4"]
    assert boxes(panel.sentences.value) == [
        (x >= panel.n_known, colour_of(tag), word, tag)
        for n in range(2, 10)
        for x, tag, word in zip(panel.dev[n].x, panel.dev[n].tags, panel.dev[n].words, strict=True)
    ]
    of_tags, of_lengths = (
        dict(zip(chart.marks[0].x, chart.marks[0].y, strict=True)) for chart in (panel.tags, panel.lengths)
    )
    assert of_tags == Counter(tag for sentence in panel.dev for tag in sentence.tags)
    assert {int(n): count for n, count in of_lengths.items() if count} == Counter(map(len, panel.dev))


def test_what_was_read_with_other_settings_says_so():
    panel = CorpusPanel()
    panel.choice["min_count"].value = 2
    panel.read_button.click()
    shown = panel.views.children[0]
    assert shown.value == ""
    panel.choice["min_count"].value = 3
    assert "alert" in shown.value
    assert "press Read" in shown.value
    panel.choice["min_count"].value = 2  # as it was read
    assert shown.value == ""


def test_an_own_file_can_be_chosen_everywhere_and_taken_again_after_it_was_changed(data):
    panel, other = CorpusPanel(), TrainingPanel()
    panel.choice["max_nr_sent"].value = 20
    panel.read_button.click()
    upload(panel, "mine.conll", "1\tDogs\t_\tNN\tNN\n2\trun\t_\tVB\tVB\n3\trun\t_\tVB\tVB\n\n" * 3)
    assert panel.choice["corpus"].value == "uploads/mine.conll"
    assert "as uploads/mine.conll. Press Read" in panel.message.value
    assert "uploads/mine.conll" in other.corpus["corpus"].options
    assert "uploads/mine.conll" in other.corpus["dev"].options
    assert other.corpus["corpus"].value == "sample"
    panel.read_button.click()
    assert (len(panel.train), panel.dev, panel.part.disabled) == (3, None, True)
    assert panel.tags.axes[0].scale.domain == ["verb", "noun"]  # of this corpus alone
    assert panel.stale.value == ""
    upload(panel, "mine.conll", "1\tdogs\t_\tNN\tNN\n2\tdogs\t_\tNN\tNN\n\n")
    assert "the file have changed" in panel.stale.value
    assert panel.upload.value == ()
    panel.read_button.click()
    assert panel.train.get_num_tokens() == 2


def test_a_treebank_is_fetched_with_its_licence_and_offered_by_panels_that_are_open(data, monkeypatch, tmp_path):
    (tmp_path / "LICENSE.txt").write_text("CC BY-NC-SA 4.0")
    for part in ("train", "test"):
        text = "1\tEla\tela\tPRON\tPRP\t_\t2\tnsubj\t_\t_\n2\tcorre\tcorrer\tVERB\tVBZ\t_\t0\troot\t_\t_\n\n"
        (tmp_path / f"pt_bosque-ud-{part}.conllu").write_text(text * 3)
    monkeypatch.setattr(datasets, "fetch", partial(datasets.fetch, folder=tmp_path))
    panel, other = CorpusPanel(), TrainingPanel()
    assert "ud:pt_bosque" in panel.dataset.options
    panel.dataset.value = "ud:pt_bosque"
    panel.fetch_button.click()
    panel.work.job.wait()
    for text in ("ud:pt_bosque is in the data folder", "NON-COMMERCIAL licence", "dev.conllu: not fetched"):
        assert text in panel.message.value
    assert "ud:pt_bosque" in other.corpus["corpus"].options
    panel.choice.copy_from(Settings(str(data / "ud/pt_bosque/pt_bosque-ud-train.conllu")))
    assert panel.choice.value_of("corpus") == panel.choice.name == "ud:pt_bosque"
    panel.read_button.click()
    assert (len(panel.train), panel.dev) == (3, None)


def test_many_lengths_are_shown_in_ranges():
    assert histogram([2, 4, 4]) == [("2", 1), ("3", 0), ("4", 2)]
    bars = histogram(list(range(2, 77)))
    assert len(bars) <= 20
    assert bars[0] == ("2-5", 4)
    assert sum(count for _, count in bars) == 75


def test_a_wrong_file_is_refused_with_its_line_and_not_kept(data):
    panel = CorpusPanel()
    upload(panel, "bad.conll", "1\tDogs\n")
    assert "bad.conll" in panel.message.value
    assert "alert" in panel.message.value
    assert not list((data / "uploads").iterdir())
    assert panel.choice["corpus"].value == "sample"


def test_a_file_is_uploaded_with_the_tags_and_the_encoding_that_are_chosen(data):
    panel = CorpusPanel()
    text = "1 Não _ _ _ adv\n2 é _ _ _ v\n\n" * 2 + "1 é _ _ _ v\n2 só _ _ _ adv\n\n"
    for _ in range(2):
        upload(panel, "mine.conll", text, "latin-1")
        assert "alert" in panel.message.value
        assert not (data / "uploads" / "mine.conll").exists()
        panel.choice["encoding"].value = "latin-1"
    assert "choose another column of tags" in panel.message.value
    panel.choice["tags"].value = "6"
    upload(panel, "mine.conll", text, "latin-1")
    panel.read_button.click()
    assert (panel.train[0].words, panel.train[0].tags) == (["Não", "é"], ["adv", "v"])
    assert "Read. Tags: column 6, as they are." in panel.message.value
    ((_, line),) = tables(panel.summary.value)
    assert line[-1] == "2"  # without noun, which is in each dictionary


def test_fetching_fills_a_bar_and_says_where_it_failed(data, monkeypatch):
    def fetch(name, directory, progress, notice):
        notice(f"{name}: licence")
        progress(10, 10)
        progress(0, 100)  # a download that begins again
        progress(50, 100)
        raise datasets.DownloadError("the server is gone")

    monkeypatch.setattr(datasets, "fetch", fetch)
    panel = CorpusPanel()
    shares = []
    panel.progress.observe(lambda change: shares.append(change["new"]), "value")
    panel.fetch_button.click()
    panel.work.job.wait()
    assert shares == [1, 0, 0.5]
    assert "the server is gone" in panel.message.value


def test_the_code_follows_the_controls_and_runs(capsys):
    panel = CorpusPanel()
    panel._code_button.value = True
    panel.choice["max_nr_sent"].value, panel.choice["max_sent_len"].value = 20, 15
    assert "max_sent_len=15" in panel._code_view.value
    exec(panel.code(), {})
    assert "noun" in capsys.readouterr().out
