"""The installed Theano: a stock one is refused."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from environment import within

from lxmls_rnn import paths
from lxmls_rnn.theano_env import build
from lxmls_rnn.theano_env.flags import settings

ROOT = Path(__file__).parents[2]


def python(code, *options, cwd=None, **environ):
    done = subprocess.run([sys.executable, *options, "-c", code], cwd=cwd, env=environ, capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def test_compiled_code_of_other_edits_is_not_taken(monkeypatch):
    before, stamp = within({"PATH": os.environ["PATH"]}, settings)["compiledir_format"], build.stamp()
    monkeypatch.setattr(build, "stamp", lambda: "later")
    assert (
        within({"PATH": os.environ["PATH"]}, settings)["compiledir_format"] == before.replace(stamp, "later") != before
    )


def test_a_stock_theano_is_named_by_imports_and_by_commands(tmp_path):
    (tmp_path / "theano").mkdir()
    (tmp_path / "theano" / "__init__.py").write_text("raise SyntaxError('of Python 2')\n")
    code = """
import sys
from importlib import import_module
for module in ("theano_env", "deep_learning.theano_rnn", "deep_learning.ops"):
    try:
        import_module(f"lxmls_rnn.{module}")
    except Exception as error:
        print(type(error).__name__, error)
from lxmls_rnn.__main__ import main
for command in ("doctor", "train sample --model RNN"):
    sys.argv[1:] = command.split()
    try:
        main()
    except SystemExit as ended:
        print(ended.code)
"""
    _, output, errors = python(code, PYTHONPATH=f"{tmp_path}:{ROOT}", HOME=str(tmp_path), COLUMNS="500")
    sentence = "/theano is a stock Theano, which lxmls-rnn cannot use: `make setup` puts lxmls-rnn's build of Theano "
    assert len(re.findall(f"^WrongTheano .*{sentence}", output, re.M)) == 3, (output, errors)
    assert re.search(f"^!! Theano +unavailable; .*\n.*{sentence}.*\n.*\n1\n1\n$", output, re.M), output
    assert re.fullmatch(f"Error: .*{sentence}.*\n", errors), errors


def test_no_theano_at_all_is_said(monkeypatch, tmp_path):
    monkeypatch.setattr(build, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match="Theano is not installed: run `make setup`"):
        build.stamp()
    monkeypatch.setattr(paths, "PACKAGED", tmp_path)  # as in a wheel
    with pytest.raises(ImportError, match="Theano is not installed: `pip install` the wheel of Theano"):
        build.stamp()


def test_theano_before_the_library_has_its_settings_too():
    code = "import theano, lxmls_rnn; print(theano.config.compiledir_format)"
    _, output, errors = python(code, PYTHONPATH=str(ROOT), HOME=str(Path.home()), PATH="/usr/bin:/bin")
    assert build.stamp() in output, errors
