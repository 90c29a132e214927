"""Fixtures of the readers' tests."""

import pytest

from lxmls_rnn.readers.pos_corpus import PostagCorpus


@pytest.fixture
def read(tmp_path):
    """Return a function that writes a text (or bytes) to a file and reads it with a fresh corpus."""

    def write_and_read(content, **options):
        file = tmp_path / "corpus.conll"
        file.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
        return PostagCorpus().read_sequence_list_conll(file, **options)

    return write_and_read
