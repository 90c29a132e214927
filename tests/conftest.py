import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def ewt_dir():
    """The folder with en_ewt-ud-dev.conllu and en_ewt-ud-test.conllu of the English Web Treebank."""
    folder = os.environ.get("LXMLS_EWT_DIR")
    if not folder:
        pytest.skip("LXMLS_EWT_DIR does not say where the UD English EWT corpus is")
    if not (Path(folder) / "en_ewt-ud-dev.conllu").is_file():
        pytest.skip(f"LXMLS_EWT_DIR={folder} has no en_ewt-ud-dev.conllu")
    return Path(folder)
