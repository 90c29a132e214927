"""The doctor where Theano is missing: what works without it, and how to install it."""

import sys
from importlib.util import find_spec

from lxmls_rnn.deep_learning.frameworks import THEANO
from lxmls_rnn.deep_learning.rnn import MODELS
from lxmls_rnn.device import Finding
from lxmls_rnn.doctor.basics import python, show


def main(width: int | None = None) -> int:
    """Print the doctor's screen, `width` columns wide; return 1 if a Theano is installed, but a wrong one, else 0."""
    in_numpy, in_theano = (
        ", ".join(name for name, model in MODELS.items() if model.framework.name == framework)
        for framework in ("NumPy", "Theano")
    )
    is_wrong = find_spec("theano") is not None  # what is not installed is no fault
    ok = False if is_wrong else None
    findings = [*python(), Finding("Theano", f"unavailable; only the models {in_theano} need it", ok)]
    show(findings, [f"{THEANO.missing}.", f"NumPy computes on the CPU; {in_numpy} work as usual."], width)
    return int(is_wrong)


def print_missing() -> None:
    """Print, for the set-up, how to install Theano."""
    print(f"{THEANO.missing}.")


def require_compiler() -> None:
    """Exit before the tests, which need Theano; print how to install it."""
    sys.exit(f"{THEANO.missing}.")
