import shutil
from pathlib import Path

import pytest


@pytest.fixture
def cache(tmp_path):
    """A compile cache that has what an import compiles and the header, as this process has them, but no function."""
    import theano

    from lxmls_rnn.theano_env.header import header

    path = header()
    here, folder = Path(theano.config.compiledir), tmp_path / "cache"
    of_others = [found.name for found in here.glob("header-*") if path is None or found != path.parent]
    shutil.copytree(
        here,
        folder / "lxmls-rnn" / "theano" / here.name,
        ignore=shutil.ignore_patterns("tmp*", "lock*", "beside*", *of_others),
    )
    return folder
