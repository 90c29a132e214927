"""Check that the installed Theano is this project's build."""

from importlib.util import find_spec
from pathlib import Path

from lxmls_rnn import paths

STAMP = "lxmls_rnn_build.txt"  # next to Theano's __init__.py; packages/theano writes it


class WrongTheano(ImportError, RuntimeError):
    """Raised if Theano is missing or a stock one; commands show the message without a traceback."""


def stamp() -> str:
    """Return the digest of the edits in the installed Theano; WrongTheano if there is none."""
    spec = find_spec("theano")
    if spec is None or spec.origin is None:
        wheel = "`pip install` the wheel of Theano that `make dist` writes on Linux"
        raise WrongTheano(
            f"Theano is not installed: {'run `make setup`, which builds it, or ' * paths.in_checkout()}{wheel}"
        )
    file = Path(spec.origin).with_name(STAMP)
    if not file.exists() or find_spec("theano_runtime") is None:
        raise WrongTheano(
            f"{file.parent} is a stock Theano, which lxmls-rnn cannot use: `make setup` puts lxmls-rnn's"
            " build of Theano 1.0.5 in its place, and `make dist` writes a wheel of it for pip"
        )
    return file.read_text()
