"""The command line."""

from lxmls_rnn.cli.main import app

__all__ = ["app"]
