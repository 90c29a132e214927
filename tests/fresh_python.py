"""Run code in a Python of its own, with a compile cache of Theano's of its own."""

import os
import subprocess
import sys
from pathlib import Path

from lxmls_rnn.theano_env.flags import user_flags

OURS = ("THEANO_FLAGS", "THEANORC", "LXMLS_DEVICE", "LXMLS_FLOATX", "LXMLS_IMAGE")  # the image has a cache of its own


def environment(cache: Path, **environ: str) -> dict[str, str]:
    """Return this environment without the user's own settings of Theano, and with `cache` and `environ`.

    The options of the C++ compiler stay, so that the precompiled header of this process fits.
    """
    inherited = {key: value for key, value in os.environ.items() if key not in OURS}
    options = user_flags().get("gcc.cxxflags")
    given = [f"gcc.cxxflags={options}" if options else "", environ.pop("THEANO_FLAGS", "")]
    theano = {"THEANORC": os.devnull, "THEANO_FLAGS": ",".join(filter(None, given))}
    return {**inherited, **theano, "XDG_CACHE_HOME": str(cache), **environ}


def start(code: str, cache: Path, **environ: str) -> "subprocess.Popen[str]":
    """Start it, with pipes, in `environment`."""
    return subprocess.Popen(
        [sys.executable, "-c", code],
        env=environment(cache, **environ),
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def run(code: str, cache: Path, **environ: str) -> str:
    """Return what it prints, when it has ended well."""
    process = start(code, cache, **environ)
    output, errors = process.communicate()
    assert process.returncode == 0, errors
    return output
