"""The build of Theano: the edits of its sources, their stamp, and a stock Theano, which is refused."""

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from lxmls_rnn.theano_env import build
from lxmls_rnn.theano_env.flags import settings

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "scripts" / "theano_build"
sys.path.append(str(BUILD))
import theano_build  # noqa: E402
from theano_build.edits import Edit  # noqa: E402


def test_the_lock_the_sources_and_the_installed_theano_have_the_same_edits():
    wanted = theano_build.digest()
    assert f'edits = "{wanted}"' in (ROOT / "pyproject.toml").read_text(), f'pyproject.toml: edits = "{wanted}"'
    assert build.stamp() == wanted, "make setup builds Theano again"


@pytest.fixture
def sources(tmp_path, monkeypatch):
    """Sources of a Theano with two files, and one edit."""
    for name, text in {
        "PKG-INFO": "Metadata-Version: 1.1\nName: Theano\nVersion: 1.0.5\n",
        "setup.py": "",
        "theano/misc/one.py": "value = 1\n",
        "theano/two.py": "value = 1\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(theano_build, "EDITS", {"it is time": (Edit("misc/one.py", "= 1", "= 2"),)})
    monkeypatch.setattr(theano_build, "FILES", {})
    return tmp_path


def one(sources):
    return (sources / "theano" / "misc" / "one.py").read_text()


def test_sources_are_edited_once_and_say_how(sources):
    theano_build.edit_sources(sources)
    assert one(sources) == "value = 2\n"
    assert (sources / "theano" / build.STAMP).read_text() == theano_build.digest()
    (sources / "theano" / "misc" / "one.py").write_text("of today\n")
    theano_build.edit_sources(sources)
    assert one(sources) == "of today\n"


def test_sources_with_other_edits_start_afresh(sources, monkeypatch):
    theano_build.edit_sources(sources)
    edits = (Edit("two.py", re.compile(r"(\w+) = 1"), r"\1 = 3"), Edit("two.py", "3\n", "3\\n\n"))
    monkeypatch.setattr(theano_build, "EDITS", {"it is later": edits})
    monkeypatch.setattr(theano_build, "digest", lambda: "later")
    theano_build.edit_sources(sources)
    assert one(sources) == "value = 1\n"
    assert (sources / "theano" / "two.py").read_text() == "value = 3\\n\n"
    assert (sources / "theano" / build.STAMP).read_text() == "later"


def test_a_file_of_ours_takes_the_place_of_theano_s_and_gives_it_back(sources, monkeypatch):
    monkeypatch.setattr(theano_build, "FILES", {"two.py": "compilelock.py"})
    theano_build.edit_sources(sources)
    assert "def lock_ctx(" in (sources / "theano" / "two.py").read_text()
    monkeypatch.setattr(theano_build, "FILES", {})
    monkeypatch.setattr(theano_build, "digest", lambda: "later")
    theano_build.edit_sources(sources)
    assert (sources / "theano" / "two.py").read_text() == "value = 1\n"


@pytest.mark.parametrize(("text", "times"), [("value = 3\n", 0), ("value = 1\nother = 1\n", 2)])
def test_an_edit_that_does_not_fit_is_an_error_and_changes_nothing(sources, text, times):
    (sources / "theano" / "misc" / "one.py").write_text(text)
    found = rf"one\.py is not Theano 1\.0\.5's: expected .*1' 1 times, found {times}"
    with pytest.raises(ValueError, match=found + r" \(edit: it is time\)"):
        theano_build.edit_sources(sources)
    assert one(sources) == text
    assert not (sources / "theano" / build.STAMP).exists()


@pytest.mark.parametrize("missing", ["PKG-INFO", "setup.py"])
def test_a_folder_without_theano_s_sources_is_left_alone(sources, missing):
    (sources / missing).unlink()
    theano_build.edit_sources(sources)
    assert one(sources) == "value = 1\n"


def test_sources_of_another_package_are_left_alone(sources):
    (sources / "PKG-INFO").write_text("Metadata-Version: 1.1\nName: Theano-nose\n")
    theano_build.edit_sources(sources)
    assert one(sources) == "value = 1\n"


def python(code, *options, cwd=None, **environ):
    done = subprocess.run([sys.executable, *options, "-c", code], cwd=cwd, env=environ, capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.process
def test_an_error_of_the_edits_ends_the_python_of_a_build(sources):
    code = f"import site; site.addsitedir({str(BUILD)!r}); print('setup.py runs')"
    status, output, errors = python(code, "-I", "-S", cwd=sources)  # where most files are missing
    assert (status, output) == (1, "")
    assert errors.startswith("Theano's sources cannot be edited: [Errno 2] No such file or directory: 'theano/")
    assert python(code, "-I", "-S", cwd=sources.parent)[:2] == (0, "setup.py runs\n")


def test_compiled_code_of_other_edits_is_not_taken(monkeypatch):
    before = settings({})["compiledir_format"]
    monkeypatch.setattr(build, "stamp", lambda: "later")
    assert settings({})["compiledir_format"] == before.replace(theano_build.digest(), "later") != before


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
@pytest.mark.parametrize("command", ["doctor", "train sample --model RNN", "tag nothing"])
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
def test_our_theano_without_the_library_says_what_it_needs(tmp_path):
    (tmp_path / "theano").symlink_to(Path(find_spec("theano").origin).parent)
    _, _, errors = python(f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import theano", "-I", "-S")
    assert errors.endswith("ImportError: this build of Theano needs lxmls-rnn: No module named 'lxmls_rnn'\n")


@pytest.mark.process
@pytest.mark.theano
def test_theano_before_the_library_has_its_settings_too():
    code = "import theano, lxmls_rnn; print(theano.config.compiledir_format)"
    _, output, errors = python(code, PYTHONPATH=str(ROOT), HOME=str(Path.home()), PATH="/usr/bin:/bin")
    assert build.stamp() in output, errors
