"""The installed Theano: a stock one is refused, and so is one that does not know this library."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from lxmls_rnn.theano_env import build
from lxmls_rnn.theano_env.flags import settings

ROOT = Path(__file__).parents[2]


def python(code, *options, cwd=None, **environ):
    done = subprocess.run([sys.executable, *options, "-c", code], cwd=cwd, env=environ, capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def test_compiled_code_of_other_edits_is_not_taken(monkeypatch):
    before, stamp = settings({})["compiledir_format"], build.stamp()
    monkeypatch.setattr(build, "stamp", lambda: "later")
    assert settings({})["compiledir_format"] == before.replace(stamp, "later") != before


@pytest.fixture
def stock(tmp_path):
    """A folder with a Theano that is not of our build."""
    (tmp_path / "theano").mkdir()
    (tmp_path / "theano" / "__init__.py").write_text("raise SyntaxError('of Python 2')\n")
    return tmp_path


SENTENCE = "/theano is a stock Theano, which lxmls-rnn cannot use: `make setup` puts lxmls-rnn's build of Theano "


@pytest.mark.process
def test_a_stock_theano_is_named(stock):
    for module in ("lxmls_rnn.theano_env", "lxmls_rnn.deep_learning.theano_rnn", "lxmls_rnn.deep_learning.ops"):
        _, _, errors = python(f"import {module}", PYTHONPATH=f"{stock}:{ROOT}")
        assert re.search(f"^lxmls_rnn.theano_env.build.WrongTheano: .*{SENTENCE}", errors, re.M), errors


@pytest.mark.process
@pytest.mark.parametrize("command", ["doctor", "train sample --model RNN"])
def test_commands_name_a_stock_theano_in_one_sentence(stock, command):
    code = f"import sys; from lxmls_rnn.__main__ import main; sys.argv[1:] = {command.split()!r}; main()"
    status, _, errors = python(code, PYTHONPATH=f"{stock}:{ROOT}", HOME=str(stock), COLUMNS="500")
    assert status == 1
    assert re.fullmatch(f"Error: .*{SENTENCE}.*\n", errors), errors


def test_no_theano_at_all_is_said(monkeypatch):
    monkeypatch.setattr(build, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match="Theano is not installed: run `make setup`"):
        build.stamp()


@pytest.mark.process
@pytest.mark.theano
def test_theano_before_the_library_has_its_settings_too():
    code = "import theano, lxmls_rnn; print(theano.config.compiledir_format)"
    _, output, errors = python(code, PYTHONPATH=str(ROOT), HOME=str(Path.home()), PATH="/usr/bin:/bin")
    assert build.stamp() in output, errors


@pytest.mark.process
def test_a_library_that_is_not_installed_as_a_package_says_so(tmp_path):
    code = "import importlib.metadata\nimportlib.metadata.entry_points = lambda **_: ()\nimport lxmls_rnn.theano_env"
    _, _, errors = python(code, PYTHONPATH=str(ROOT))
    assert "WrongTheano: Theano takes its settings from theano_runtime.host, not from lxmls-rnn" in errors
