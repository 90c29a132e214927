import os
from pathlib import Path

import pytest

import lxmls_rnn.theano_env  # noqa: F401  prepares `import theano` in the tests, whatever the environment
from lxmls_rnn import paths


@pytest.fixture(scope="session")
def ewt_dir():
    """The folder with en_ewt-ud-dev.conllu and en_ewt-ud-test.conllu of the English Web Treebank."""
    folder = Path(os.environ.get("LXMLS_EWT_DIR") or paths.data() / "ewt")
    if not (folder / "en_ewt-ud-dev.conllu").is_file():
        pytest.skip(f"no en_ewt-ud-dev.conllu in {folder}: `lxmls-rnn fetch ewt`, or set LXMLS_EWT_DIR")
    return folder
