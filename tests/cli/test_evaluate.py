"""The command evaluate: one model, and two side by side."""

import re
import shutil
from pathlib import Path

import pytest
from cli.command import SHORT, table_of

from lxmls_rnn import paths
from lxmls_rnn.datasets.corpora import corpus_files
from lxmls_rnn.deep_learning.evaluation import compare, judge
from lxmls_rnn.tagger import Tagger


def test_evaluate_prints_what_the_tagger_counts(trained, tmp_path):
    result = Tagger.load(Path("runs/first")).evaluate(
        paths.data() / "sample" / "dev.conll", max_sent_len=9, max_nr_sent=7
    )
    shown = trained(
        "evaluate", "first", str(paths.data() / "sample" / "dev.conll"), "--max-sent-len", "9", "--max-nr-sent", "7"
    )
    assert shown.exit_code == 0
    known, unknown = result.known.sum(), result.unknown.sum()
    lines = shown.output.splitlines()
    assert lines[:3] == [
        f"dev.conll: 7 sentences, {known + unknown} words, accuracy {result.accuracy:.2%}",
        f"  words in the vocabulary:     {known:6}, accuracy {result.known_accuracy:.2%}",
        f"  words not in the vocabulary: {unknown:6}, accuracy {result.unknown_accuracy:.2%}",
    ]
    header, *rows = table_of(shown.output)
    assert header == ["tag", "words", "precision", "recall", "F1"]
    assert rows == [
        [row["tag"], str(row["words"]), f"{row['precision']:.2%}", f"{row['recall']:.2%}", f"{row['f1']:.2%}"]
        for row in result.per_tag()
    ]
    at = lines.index("confusion matrix: gold tags in rows, predicted tags in columns")
    assert lines[at - 1].startswith(f"macro F1 {result.macro_f1:.2%}: ")
    assert lines[at + 1].split() == list(result.tags)
    counts = [[int(n) for n in line[5:].split()] for line in lines[at + 2 :]]
    assert counts == result.confusion.tolist()
    assert [line[:5].strip() for line in lines[at + 2 :]] == list(result.tags)
    assert {len(line) for line in lines[at + 1 :]} == {5 + 6 * len(result.tags)}


def test_evaluate_takes_the_gold_tags_from_the_column_asked_for(trained, tmp_path):
    (tmp_path / "c.conll").write_text("1\tDogs\t_\tverb\tNN\n2\tbark\t_\tverb\tNN\n\n")
    for asked, counted in (([], ["noun", "2"]), (["--tags", "upos"], ["verb", "2"])):
        _, *rows = table_of(trained("evaluate", "first", "c.conll", *asked).output)
        assert [row[:2] for row in rows if row[1] != "0"] == [counted]


@pytest.fixture
def two(trained):
    """Call the command beside the runs `first` and `sample`, which has the name of a corpus."""
    assert trained("train", *SHORT, "--epochs", "1", "--name", "sample").exit_code == 0
    return trained


def test_evaluate_compares_two_models(two):
    shown = two("evaluate", "first", "runs/sample", "--max-nr-sent", "50", "--seed", "3")
    assert shown.exit_code == 0
    assert "test.conll: 50 sentences, " in shown.output
    taggers = [Tagger.load(Path("runs") / name) for name in ("first", "sample")]
    file = corpus_files("sample")[2]
    results = [tagger.evaluate(file, max_nr_sent=50) for tagger in taggers]
    header, *rows = table_of(shown.output)
    assert header == ["", "first", "runs/sample"]
    assert rows[:4] == [[name, *(result.summary()[name] for result in results)] for name in results[0].summary()]
    first, second = (result.per_tag() for result in results)
    assert rows[4:] == [
        [f"F1 of {a['tag']}", f"{a['f1']:.2%}", f"{b['f1']:.2%}"] for a, b in zip(first, second, strict=True)
    ]
    judged = [list(judge(one.model, one.read(file, max_nr_sent=50), one.n_known_words)) for one in taggers]
    assert shown.output.endswith(f"{compare(*judged, seed=3).in_words()}\n")
    assert compare(*judged, seed=3) != compare(*judged)


def test_the_last_name_is_a_corpus_or_a_model(two, tmp_path):
    shutil.copy(corpus_files("sample")[1], tmp_path / "mine.conll")
    (tmp_path / "data").mkdir()

    def header(*names):
        result = two("evaluate", *names, "--max-nr-sent", "5")
        assert result.exit_code == 0, result.output
        return [result.output.strip().split(":")[0], table_of(result.output)[0][1:]]

    alone = ["words", "precision", "recall", "F1"]
    assert header("first") == header("first", "sample") == ["test.conll", alone]  # a corpus, not the run of its name
    assert header("first", "mine.conll") == ["mine.conll", alone]
    for second in ("runs/sample", "runs/sample/model.npz", "runs/first"):
        assert header("first", second) == ["test.conll", ["first", second]]
    assert header("first", "sample", "sample") == ["test.conll", ["first", "sample"]]
    assert header("first", "sample", "mine.conll") == ["mine.conll", ["first", "sample"]]
    assert "Error: no run, model file or corpus frist: " in two("evaluate", "first", "frist").output
    assert "Error: no model file nothing.npz" in two("evaluate", "first", "nothing.npz").output
    assert "Error: corpus must be one of" in two("evaluate", "first", "sample", "nothing").output


def test_models_of_different_tags_are_not_compared(trained):
    tagger = Tagger.load(Path("runs/first"))
    tagger.tags[-1] = "other"
    tagger.save("other.npz")
    result = trained("evaluate", "first", "other.npz")
    assert result.exit_code == 1
    assert "Error: the two models have different tags; only one of them has " in result.output


def test_words_that_are_all_known_or_all_unknown_have_one_line(trained, tmp_path):
    first = next(line for line in (paths.data() / "sample" / "train.conll").read_text().splitlines() if "\t" in line)
    cells = first.split("\t")
    for word, said in (("zzz", "not in"), (".", "in")):
        (tmp_path / "c.conll").write_text("".join("\t".join([str(n), word, *cells[2:]]) + "\n" for n in (1, 2)) + "\n")
        output = trained("evaluate", "first", "c.conll").output
        assert re.findall(r"words (in|not in) the vocabulary: +2,", output) == [said]
