"""CoNLL files: columns, encodings and sentences that are read, malformed lines."""

import gzip
import warnings

import pytest
from readers.small import DOGS_RUN, HE_SLEEPS, printed

from lxmls_rnn.readers import conll

READ = ["Dogs/noun run/verb ./.", "He/pron sleeps/verb"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("1  Dogs _ NNS NNS _\n2  run  _ VBP VBP _\n", ["Dogs/noun run/verb"]),  # columns separated by spaces
        ("\n\n" + DOGS_RUN + "\n \n" + HE_SLEEPS.rstrip("\n"), READ),  # blank lines, and none at the end
        (b"\xef\xbb\xbf" + (DOGS_RUN + HE_SLEEPS).replace("\n", "\r\n").encode(), READ),
        (gzip.compress((DOGS_RUN + HE_SLEEPS).encode()), READ),
    ],
    ids=["spaces", "blank lines", "Windows", "gzip"],
)
def test_a_file_as_other_programs_write_it_is_read(read, content, expected):
    assert printed(read(content)) == expected


def test_the_word_hash_with_the_tag_hash_is_a_token(read):
    assert printed(read("1\t#\t_\t#\t#\n2\t5\t_\tCD\tCD\n")) == ["#/. 5/num"]


@pytest.mark.parametrize("space", ["\u00a0", "\u2028", "\x85"])
def test_unusual_space_characters_cut_neither_lines_nor_words(read, space):
    assert read(f"1 a{space}b _ NN NN\n2 c _ NN NN\n")[0].words == [f"a{space}b", "c"]


@pytest.mark.parametrize(
    ("bad_line", "reason"),
    [
        ("2\trun\t_\tVBP", "expected at least 5 columns, got 4"),
        ("two\trun\t_\tVBP\tVBP", "column 1 must be the number of the word"),
        ("\u00b2\trun\t_\tVBP\tVBP", "column 1 must be the number of the word"),
        ("2\t\t_\tVBP\tVBP", "must not be empty"),
        ("2\trun\t_\tVBP\t ", "must not be empty"),
        ("# a comment", "is the blank line before it missing"),
        ("1\trun\t_\tVBP\tVBP", "word 1 where word 2 of the sentence was expected"),
    ],
)
def test_a_malformed_line_is_reported_with_file_number_and_content(read, bad_line, reason):
    with pytest.raises(ValueError, match=reason) as error:
        read("1\tDogs\t_\tNNS\tNNS\n" + bad_line + "\n")
    assert "corpus.conll, line 2: " in str(error.value)
    assert repr(bad_line) in str(error.value)


def test_whoever_has_another_table_is_shown_a_row(read):
    for line in ("word,tag", "Dogs\tNNS", "1\tDogs"):
        with pytest.raises(ValueError, match=r"a row is such as '1\\tThe\\tthe\\tDET\\tDT': number, word, lemma"):
            read(line)


@pytest.mark.parametrize(
    "text", ["1\ta\t_\t_\tNN\n" + "9" * 5000 + "\tb\t_\t_\tNN\n", "1\ta\t_\t_\tNN\n" + "x" * 10**6 + "\n"]
)
def test_a_message_quotes_little_of_a_long_line_and_has_its_number(read, text):
    with pytest.raises(ValueError, match=", line 2: column 1 must be the number of the word") as error:
        read(text)
    assert len(str(error.value)) < 600


def test_utf8_that_is_read_in_another_encoding_is_noticed(read):
    text = "1\tJoão\t_\tNNP\tNNP\n2\té\t_\tVBZ\tVBZ\n"
    with pytest.warns(UserWarning, match="is probably UTF-8: 'JoÃ£o', read as latin-1, is 'João' in UTF-8"):
        read(text.encode(), encoding="latin-1")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read(text.encode("latin-1"), encoding="latin-1")[0].words == ["João", "é"]
        read(text.encode("latin-1") + "\n1\tÃ£\t_\t_\tNN\n2\t.\t_\t_\t.\n".encode("latin-1"), encoding="latin-1")
        read(b"1\tDogs\t_\tNNS\tNNS\n2\trun\t_\tVBP\tVBP\n", encoding="latin-1")


def test_a_line_that_is_not_utf8_is_reported_with_its_number(read):
    with pytest.raises(ValueError, match=r"corpus\.conll, line 2: not UTF-8 .* > Encoding or --encoding latin-1"):
        read("1\tJoão\t_\tNNP\tNNP\n".encode() + "2\tJoão\t_\tNNP\tNNP\n".encode("latin-1"))


def test_a_gzip_file_that_was_cut_short_is_reported(read):
    with pytest.raises(ValueError, match=r"corpus\.conll: damaged gzip file"):
        read(gzip.compress(DOGS_RUN.encode())[:-10])


@pytest.mark.parametrize("encoding", conll.ENCODINGS)
def test_an_encoding_that_is_offered_reads_its_own_text(tmp_path, encoding):
    (tmp_path / "corpus.conll").write_bytes("1 Jo\u00e3o _ NN NN\n".encode(encoding))
    ((token,),) = conll.read_sentences(tmp_path / "corpus.conll", encoding=encoding)
    assert token == ("Jo\u00e3o", "NN", 1)
    conll.check_encoding(encoding)


@pytest.mark.parametrize("encoding", ["utf-16", "UTF-8", "", None])
def test_another_encoding_is_refused(read, encoding):
    with pytest.raises(ValueError, match="encoding must be one of utf-8, latin-1, cp1252, iso8859-15, got "):
        read(DOGS_RUN, encoding=encoding)


def test_a_byte_that_the_encoding_lacks_is_named():
    lines = conll.decoded([(1, b"a\r\n"), (2, b"b\x81\n")], "file.conll", "cp1252")
    assert next(lines) == (1, "a")
    with pytest.raises(ValueError, match=r"^file\.conll, line 2: not CP1252 \(byte 0x81, character maps to"):
        next(lines)


def test_a_byte_order_mark_is_dropped_in_the_first_line_of_utf8_alone():
    mark = b"\xef\xbb\xbf"
    assert [line for _, line in conll.decoded([(1, mark + b"a"), (2, mark + b"b")], "file")] == ["a", "\ufeffb"]
    assert list(conll.decoded([(1, mark)], "file", "latin-1")) == [(1, "\u00ef\u00bb\u00bf")]


def test_the_tags_are_those_of_the_column_and_tokens_have_their_lines(tmp_path):
    (tmp_path / "corpus.conll").write_text("# c\n1\ta\tA\tX\tY\n\n\n1\tb\tB\tZ\n")
    first, second = conll.read_sentences(tmp_path / "corpus.conll", tag_column=4)
    assert (first, second) == ([("a", "X", 2)], [("b", "Z", 5)])
    with pytest.raises(ValueError, match="line 5: expected at least 5 columns, got 4"):
        list(conll.read_sentences(tmp_path / "corpus.conll"))
