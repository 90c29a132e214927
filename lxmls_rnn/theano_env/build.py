"""Check that the installed Theano is this project's build, not a stock one."""

from importlib.util import find_spec
from pathlib import Path

STAMP = "lxmls_rnn_build.txt"  # next to Theano's __init__.py; scripts/theano_build writes it


class WrongTheano(ImportError, RuntimeError):
    """Raised if Theano is missing or a stock one; commands show the message without a traceback."""


def stamp() -> str:
    """Return the digest of the edits in the installed Theano; WrongTheano if there is none."""
    spec = find_spec("theano")
    if spec is None or spec.origin is None:
        raise WrongTheano("Theano is not installed: run `make setup`, which builds it")
    try:
        return Path(spec.origin).with_name(STAMP).read_text()
    except FileNotFoundError:
        raise WrongTheano(
            f"{Path(spec.origin).parent} is a stock Theano, which lxmls-rnn cannot use: `make setup` puts lxmls-rnn's"
            " build of Theano 1.0.5 in its place, and `make dist` writes a wheel of it for pip"
        ) from None
