"""What the catalogue says of each data set agrees with itself, and with where the corpora are looked for."""

import re
from pathlib import Path

import pytest

from lxmls_rnn.datasets import DATASETS
from lxmls_rnn.datasets.corpora import CORPORA
from lxmls_rnn.datasets.download import mismatch

DIGITS = {"sha256": 64, "git-blob": 40, "md5": 32}


@pytest.mark.parametrize("name", DATASETS)
def test_an_entry_has_all_that_is_printed_and_needed(name):
    dataset = DATASETS[name]
    assert dataset.name == name
    assert dataset.description.endswith(".")
    assert dataset.licence
    assert {url.partition("://")[0] for url in (dataset.source, dataset.licence_url)} <= {"http", "https"}
    assert len({file.name for file in dataset.files}) == len(dataset.files) > 0
    for file in dataset.files:
        assert re.fullmatch(r"https?://\S+/[\w.-]+", file.url)
        for checksum in file.checksums:
            algorithm, digits = checksum.split(":")
            assert re.fullmatch(rf"[0-9a-f]{{{DIGITS[algorithm]}}}", digits)


def test_a_treebank_that_was_fetched_is_where_it_is_looked_for():
    files = DATASETS["ewt"].files
    assert tuple(file.name for file in files) == CORPORA["ewt"].files
    for file in files:
        assert file.url.endswith(f"/{file.name.removeprefix('ewt/')}")
        assert {checksum.partition(":")[0] for checksum in file.checksums} >= {"git-blob"}  # of a tag that stays
        assert file.unpack is file.vectors is None


def test_a_treebank_on_disk_is_the_one_that_was_published(ewt_dir):
    paths = {file: ewt_dir / Path(file.name).name for file in DATASETS["ewt"].files}
    found = {file: path for file, path in paths.items() if path.exists()}
    assert [mismatch(path, file.size, file.checksums) for file, path in found.items()] == [None] * len(found)
