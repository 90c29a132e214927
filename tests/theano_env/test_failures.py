"""Failures to compile C code, as the command line reports them; packages/theano/tests has those of Python."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import fresh_theano
import pytest

pytestmark = fresh_theano.needs_compiler

OPTIONS = ["--max-nr-sent", "5", "--epochs", "1", "--model", "FastRNN"]
TRAIN = [sys.executable, "-m", "lxmls_rnn", "train", "sample", *OPTIONS]


def train(cache, **environ):
    """Train a fused model as a user does; return status, standard output and the lines of standard error."""
    done = subprocess.run(
        [*TRAIN, "--root", str(cache / "runs")],
        env=fresh_theano.environment(cache, **environ),
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout, done.stderr.splitlines()


def only_sentence(result):
    """Return the one sentence that a command has said before it ended with status 1."""
    status, output, lines = result
    assert status == 1
    assert "You can find" not in output
    assert len(lines) == 1, lines
    assert lines[0].startswith("Error: ")
    return lines[0].removeprefix("Error: ")


def test_a_compiler_that_prints_garbage_is_named(tmp_path):
    path = fresh_theano.path_with(tmp_path, r"printf '\377\033[31m\001/\n'; exit 0")
    sentence = only_sentence(train(tmp_path, PATH=path))
    assert f"{tmp_path}/bin/g++ does not work" in sentence
    assert "install g++" in sentence
    assert sentence.isprintable()


def test_without_a_compiler_a_fused_model_says_what_works(tmp_path):
    (tmp_path / "bin").mkdir()
    status, _, lines = train(tmp_path, PATH=str(tmp_path / "bin"))
    assert status == 1
    assert [line.partition(":")[0] for line in lines] == ["Warning", "Error"]
    assert "no C++ compiler" in lines[1]
    assert "RNN, LSTM, NumpyRNN and NumpyLSTM work without" in lines[1]


def as_nobody(code, **environ):
    """Run code as a user whom the machine does not know, without HOME."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    options = {"user": 54321, "group": 54321, "extra_groups": [], "capture_output": True, "text": True}
    kept = {key: value for key, value in os.environ.items() if key in ("PATH", "LANG")}
    try:
        subprocess.run([sys.executable, "-c", "import lxmls_rnn"], env=kept, cwd="/", check=True, **options)
    except (PermissionError, subprocess.CalledProcessError):
        pytest.skip("another user cannot read this checkout, or run this Python")
    return subprocess.run([sys.executable, "-c", code], env={**kept, **environ}, cwd="/", **options)


@pytest.mark.parametrize(
    "with_cache", [True, pytest.param(False, marks=pytest.mark.daily("compiles a cache of its own, five seconds"))]
)
def test_a_user_without_name_and_home_can_compile(with_cache):
    folder = Path(tempfile.mkdtemp())  # pytest's own are closed to other users
    os.chown(folder, 54321 if os.geteuid() == 0 else -1, -1)
    environ = {"XDG_CACHE_HOME" if with_cache else "TMPDIR": str(folder)}
    code = "import theano, sys; print(theano.config.compiledir)"
    try:
        done = as_nobody(code, **environ)
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith(str(folder))
        warned = [line for line in done.stderr.splitlines() if "Warning: " in line]
        assert len(warned) == (not with_cache)
    finally:
        shutil.rmtree(folder)
