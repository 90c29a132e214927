"""Run code in a Python of its own, with a compile cache of Theano's of its own."""

import os
import subprocess
import sys
from pathlib import Path

OURS = ("THEANO_FLAGS", "THEANORC", "LXMLS_DEVICE", "LXMLS_FLOATX", "LXMLS_IMAGE")  # the image has a cache of its own


def start(code: str, cache: Path, **environ: str) -> "subprocess.Popen[str]":
    """Start it, with pipes, without the user's own settings of Theano, and with `environ`."""
    inherited = {key: value for key, value in os.environ.items() if key not in OURS}
    return subprocess.Popen(
        [sys.executable, "-c", code],
        env={**inherited, "THEANORC": os.devnull, "XDG_CACHE_HOME": str(cache), **environ},
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
