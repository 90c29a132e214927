import gzip
import io
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from lxmls_rnn import memory
from lxmls_rnn.datasets import DATASETS
from lxmls_rnn.deep_learning.embeddings import (
    download_embeddings,
    embedding_size,
    extract_embeddings,
    neighbours,
    principal_components,
)


@pytest.fixture
def text(tmp_path: Path):
    def write(content: str | bytes) -> Path:
        path = tmp_path / "embeddings"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def test_each_word_gets_its_column(text):
    E = extract_embeddings(text("\ncat 1 2 3\n  \nmat -4 5e-1 6\n\n"), {"mat": 0, "cat": 1})
    assert_array_equal(E, [[-4, 1], [0.5, 2], [6, 3]])
    assert (E.dtype, E.flags.f_contiguous) == (np.float64, True)


def test_words_without_an_embedding_get_the_random_numbers_of_the_seed(text):
    E = extract_embeddings(text("cat 1 2\n"), {"mat": 0, "cat": 1, "sat": 2}, seed=4242)
    drawn = np.random.RandomState(4242).uniform(size=(2, 3))
    assert_array_equal(E[:, [0, 2]], drawn[:, [0, 2]])
    assert_array_equal(E[:, 1], [1, 2])


def test_the_two_lines_of_the_guide_are_printed(text, capsys):
    words = {f"w{number}": number for number in range(4786)}
    extract_embeddings(text("".join(f"w{number} 1\n" for number in range(3618))), words)
    assert capsys.readouterr().out == (
        "Getting embeddings for the vocabulary 3618/4786\n24.4% missing embeddings, set to random\n"
    )


@pytest.mark.parametrize(
    ("case", "lines", "word"),
    [
        ("guide", "cat 1 2\nCAT 3 4\n", "cat"),
        ("best", "cat 1 2\ncat 3 4\n", "cat"),
        ("best", "cat 1 2\ncat 3 4\n", "Cat"),
    ],
)
def test_a_word_met_twice_counts_once_with_its_last_line(text, capsys, case, lines, word):
    E = extract_embeddings(text(lines), {word: 0, "mat": 1}, case=case)
    assert "vocabulary 1/2\n50.0% missing" in capsys.readouterr().out
    assert_array_equal(E[:, 0], [3, 4])


def test_guide_gives_a_vector_to_the_capitalised_word_only(text):
    E = extract_embeddings(text("the 5 6\n"), {"the": 0, "The": 1, "THE": 2}, seed=0)
    drawn = np.random.RandomState(0).uniform(size=(2, 3))
    assert_array_equal(E, np.column_stack([drawn[:, 0], [5, 6], drawn[:, 2]]))
    assert_array_equal(extract_embeddings(text("The 5 6\n"), {"the": 0})[:, 0], [5, 6])  # it is alone


def test_best_gives_a_vector_to_every_case(text):
    E = extract_embeddings(text("the 5 6\n"), {"the": 0, "The": 1, "THE": 2}, case="best")
    assert_array_equal(E, [[5, 5, 5], [6, 6, 6]])


@pytest.mark.parametrize("lines", ["US 1 2\nus 3 4\n", "us 3 4\nUS 1 2\n"])
def test_best_prefers_the_exact_form(text, lines):
    E = extract_embeddings(text(lines), {"us": 0, "US": 1, "Us": 2}, case="best")
    assert_array_equal(E, [[3, 1, 3], [4, 2, 4]])


@pytest.mark.parametrize(
    ("content", "word", "vector"),
    [
        ("cat\t1 2\r\nmat\t3 4\r\n", "mat", [3, 4]),
        *((f"1{space}2 3 4\n", f"1{space}2", [3, 4]) for space in "\u00a0\u0085\u2028\u3000"),
        (b"caf\xe9 1 2\ncat 3 4\n", "cat", [3, 4]),
        ("2 3\ncat 1 2 3\nmat 4 5 6\n", "mat", [4, 5, 6]),  # word2vec's counts come first
    ],
)
def test_ascii_spaces_separate_and_bytes_that_are_no_utf8_and_counts_are_skipped(text, content, word, vector):
    assert_array_equal(extract_embeddings(text(content), {word: 0})[:, 0], vector)


def test_the_size_is_read_from_the_first_lines(text):
    assert embedding_size(text("the 1 2 3\ncat 1\n")) == 3
    assert embedding_size(text("2 2\nthe 1 2\ncat 3 4\n")) == 2
    with pytest.raises(ValueError, match="no embeddings"):
        embedding_size(text(""))


@pytest.mark.parametrize("name", ["embeddings.gz", "embeddings"])
def test_gzip_is_decompressed(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(gzip.compress(b"cat 1 2\n"))
    assert_array_equal(extract_embeddings(path, {"cat": 0})[:, 0], [1, 2])


def test_a_damaged_gz_is_met(tmp_path):
    path = tmp_path / "embeddings.gz"
    path.write_bytes(gzip.compress(b"cat 1 2\n" * 100)[:-9])
    with pytest.raises(ValueError, match=r"embeddings\.gz: damaged gzip file"):
        extract_embeddings(path, {"cat": 0})


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("2 3\ncat 1 2 3\n", ".*line 1 states 2 words, but 1 follow"),
        ("cat 1 2 3\ndog 1 2\n", ", line 2: expected a word and 3 numbers, got 2"),  # also of a word not needed
        ("mat 1 2\ncat 1 x2\n", ", line 2: expected 2 numbers: .*'x2'"),
        ("mat 1 2\ncat 1 1_0\n", ", line 2: expected 2 numbers: .*'1_0'"),
        *(
            (f"cat 1 {number}\n", f", line 1: expected finite numbers, got {number}")
            for number in ("nan", "-inf", "1e999")
        ),
        ("", ": no embeddings in this file"),
        ("le 1 2\nhomme 3 4\n", ".*none of the 1 words of the vocabulary has an embedding in this file"),
    ],
)
def test_what_are_no_embeddings_is_said(text, lines, message):
    with pytest.raises(ValueError, match=f"embeddings{message}"):
        extract_embeddings(text(lines), {"cat": 0})


def test_a_matrix_that_does_not_fit_into_memory_is_met(text, monkeypatch):
    words = {f"w{number}": number for number in range(100_000)}
    monkeypatch.setattr(memory, "free", lambda: memory.RESERVE_BYTES)
    with pytest.raises(MemoryError, match=r"a matrix of 100,000 embeddings of 20 numbers needs about 32 MB, and 0 MB"):
        extract_embeddings(text("w1" + 20 * " 1" + "\n"), words)


def test_a_missing_file_says_how_to_fetch_it(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"senna_50: no such file; .*lxmls-rnn fetch senna_50"):
        extract_embeddings(tmp_path / "senna_50", {"cat": 0})


@pytest.mark.parametrize("word_dict", [{}, {"cat": 1}, {"cat": 0, "mat": 0}, {"cat": -1, "mat": 0}])
def test_ids_with_gaps_are_met(text, word_dict):
    with pytest.raises(ValueError, match="word_dict must map"):
        extract_embeddings(text("cat 1 2\n"), word_dict)


def test_an_unknown_case_is_met(text):
    with pytest.raises(ValueError, match="case must be one of guide, best, got 'lower'"):
        extract_embeddings(text("cat 1 2\n"), {"cat": 0}, case="lower")


def test_download_leaves_the_text_at_the_path(tmp_path, monkeypatch):
    senna = DATASETS["senna_50"]
    two_words = replace(senna, files=(replace(senna.files[0], vectors=(2, 2)),))
    monkeypatch.setitem(DATASETS, "senna_50", two_words)
    with tarfile.open(tmp_path / "senna-v3.0.tgz", "w:gz") as archive:
        for name, content in (
            ("hash/words.lst", b"the\ncat\n"),
            ("embeddings/embeddings.txt", b"1 2\n3 4\n"),
        ):
            member = tarfile.TarInfo(f"senna/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    download_embeddings("senna_50", str(tmp_path / "my_embeddings"))
    assert (tmp_path / "my_embeddings").read_text() == "the 1 2\ncat 3 4\n"


def test_download_of_an_unknown_name_lists_the_known_ones(tmp_path):
    with pytest.raises(ValueError, match="'ewt': expected one of senna_50, glove_50"):
        download_embeddings("ewt", tmp_path / "ewt")


def test_neighbours_come_by_their_angle_and_then_by_their_ids():
    E = np.array([[1.0, 10, 0, -1, 0], [0, 1, 1, 0, 0]])
    found = neighbours(E, 0, 4)
    assert [word for word, _ in found] == [1, 2, 4, 3]
    assert [cosine for _, cosine in found] == pytest.approx([10 / 101**0.5, 0, 0, -1])
    found = neighbours(np.eye(100), 50, 99)
    assert [word for word, _ in found] == [word for word in range(100) if word != 50]
    assert len(neighbours(np.eye(100), 50)) == 10


def test_a_cosine_is_never_beyond_one():
    """By rounding, the product of two unit vectors may be."""
    for seed in range(10):
        E = np.outer(np.random.RandomState(seed).uniform(-1, 1, 7), [*np.linspace(-3, -1, 50), *np.linspace(1, 3, 50)])
        cosines = np.array([cosine for _, cosine in neighbours(E, 0, 99)])
        assert np.abs(cosines).max() <= 1
        assert cosines == pytest.approx([1] * 49 + [-1] * 50)


def test_a_vector_of_zeros_has_no_angle_and_a_word_that_is_not_there_no_neighbours():
    assert neighbours(np.array([[0.0, 1, 2], [0, 1, 0]]), 0, 2) == [(1, 0.0), (2, 0.0)]
    with pytest.raises(IndexError, match="from 0 to 4, got 5"):
        neighbours(np.ones((2, 5)), 5)


def test_principal_components_find_the_line_that_points_lie_on():
    E = np.array([[1.0, 2, 3, 4], [2, 4, 6, 8], [0, 0, 0, 0]])
    coordinates, shares = principal_components(E)
    assert shares == pytest.approx([1, 0])
    assert np.abs(np.diff(coordinates[0])) == pytest.approx(5**0.5)
    assert coordinates[1] == pytest.approx(0)


def test_vectors_are_projected_onto_the_components_of_others_and_one_dimension_has_no_second():
    axes_of = np.array([[0.0, 2, 4], [0, 0, 0]])
    coordinates, shares = principal_components(np.array([[2.0, 3], [0, 5]]), axes_of)
    assert np.abs(coordinates[0]) == pytest.approx([0, 1])
    assert np.abs(coordinates[1]) == pytest.approx([0, 5])
    assert shares == pytest.approx([1 / 26, 25 / 26])

    coordinates, shares = principal_components(np.array([[1.0, 2, 4]]))
    assert coordinates.shape == (2, 3)
    assert shares == pytest.approx([1, 0])
