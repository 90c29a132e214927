"""CoNLL-U that Universal Dependencies' tools accept: the rules that its validator has at level 2."""

import re
from unicodedata import is_normalized

import pytest

from lxmls_rnn.readers.conllu_writer import conllu
from lxmls_rnn.readers.tags import UPOS_TAGS, read_tag_map
from lxmls_rnn.tagger import normalised, tokenize

UNIVERSAL = sorted(set(read_tag_map().values()))


def written(text, tags=None, tag_set=UNIVERSAL):
    words = tokenize(text)
    return conllu(7, normalised(text), words, tags or ["noun"] * len(words), tag_set)


def test_a_sentence_is_written_as_conllu():
    assert conllu(3, "Don't stop!", ["Do", "n't", "stop", "!"], ["verb", "adv", "verb", "."], UNIVERSAL) == (
        "# sent_id = 3\n"
        "# text = Don't stop!\n"
        "1\tDo\t_\tVERB\tverb\t_\t0\troot\t_\tSpaceAfter=No\n"
        "2\tn't\t_\tADV\tadv\t_\t1\tdep\t_\t_\n"
        "3\tstop\t_\tVERB\tverb\t_\t1\tdep\t_\tSpaceAfter=No\n"
        "4\t!\t_\tPUNCT\t.\t_\t1\tdep\t_\t_\n"
        "\n"
    )


@pytest.mark.parametrize(
    "text",
    [
        "She said: 'Don\u2019t!' -- (e.g. 5.30 p.m.)...",
        "  tabs\tand \u00a0 other   spaces\u2003here ",
        "a a aa a.a a",
        "cafe\u0301s, o\u0308l",
        "\u0301x",
        "bell\x07 and \x1b[1m and \u202e and \ud800",
        "_ # ## _",
        "\u4f60\u597d\u3002 \u0645\u0631\u062d\u0628\u0627!",
    ],
)
def test_words_and_spaces_make_the_text(text):
    output = written(text)
    assert output.endswith("\n\n")
    sent_id, shown, *lines = output[:-2].split("\n")
    assert (sent_id, shown[:9]) == ("# sent_id = 7", "# text = ")
    rows = [line.split("\t") for line in lines]
    joined = "".join(row[1] + ("" if row[9] == "SpaceAfter=No" else " ") for row in rows)
    assert joined == shown[9:] + " "
    assert [row[0] for row in rows] == [str(n + 1) for n in range(len(tokenize(text)))]
    assert is_normalized("NFC", output)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\ud800\u202e]|  ", output)
    assert all(len(row) == 10 and all(row) for row in rows)


def test_words_that_are_given_are_normalised():
    assert conllu(1, "cafe\u0301", ["cafe\u0301"], ["noun"], UNIVERSAL).count("caf\u00e9") == 2


def upos_and_xpos(tags, tag_set):
    rows = conllu(1, " ".join(tags), tags, tags, tag_set).splitlines()[2:-1]
    return [tuple(row.split("\t")[3:5]) for row in rows]


def test_universal_tags_become_upos_and_stay_in_xpos():
    expected = {"conj": "CCONJ", "prt": "PART", ".": "PUNCT"}
    found = upos_and_xpos(UNIVERSAL, UNIVERSAL)
    assert found == [(expected.get(tag, tag.upper()), tag) for tag in UNIVERSAL]
    assert {upos for upos, _ in found} <= UPOS_TAGS


def test_tags_that_are_upos_leave_xpos_empty():
    tags = ["propn", "AUX", "sconj"]
    assert upos_and_xpos(tags, tags) == [("PROPN", "_"), ("AUX", "_"), ("SCONJ", "_")]


def test_other_tags_are_x_in_upos():
    assert upos_and_xpos(["nnp", "x", "a\u00a0b"], ["nnp", "x"]) == [("X", "nnp"), ("X", "x"), ("X", "a_b")]
