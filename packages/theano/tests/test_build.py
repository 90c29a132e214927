"""The build of Theano: the edits of its sources, the package that is added, and their stamp."""

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

BUILD = Path(__file__).parents[1]
ROOT = BUILD.parents[1]
sys.path.append(str(BUILD))
import theano_build  # noqa: E402
from theano_build.edit import Edit  # noqa: E402


def test_the_lock_the_sources_and_the_installed_theano_have_the_same_edits():
    wanted = theano_build.digest()
    assert f'edits = "{wanted}"' in (ROOT / "pyproject.toml").read_text(), f'pyproject.toml: edits = "{wanted}"'
    installed = Path(find_spec("theano").origin).with_name(theano_build.STAMP.name)
    assert installed.read_text() == wanted, "make setup builds Theano again"


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
    assert (sources / theano_build.STAMP).read_text() == theano_build.digest()
    assert (sources / "theano_runtime" / "lock.py").read_bytes() == (BUILD / "theano_runtime" / "lock.py").read_bytes()
    (sources / "theano" / "misc" / "one.py").write_text("of today\n")
    theano_build.edit_sources(sources)
    assert one(sources) == "of today\n"


def test_sources_with_other_edits_start_afresh(sources, monkeypatch):
    theano_build.edit_sources(sources)
    (sources / "theano_runtime" / "old.py").touch()
    (sources / "build" / "lib").mkdir(parents=True)
    edits = (Edit("two.py", re.compile(r"(\w+) = 1"), r"\1 = 3"), Edit("two.py", "3\n", "3\\n\n"))
    monkeypatch.setattr(theano_build, "EDITS", {"it is later": edits})
    monkeypatch.setattr(theano_build, "digest", lambda: "later")
    theano_build.edit_sources(sources)
    assert one(sources) == "value = 1\n"
    assert (sources / "theano" / "two.py").read_text() == "value = 3\\n\n"
    assert (sources / theano_build.STAMP).read_text() == "later"
    assert not (sources / "theano_runtime" / "old.py").exists()
    assert not (sources / "build").exists()


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
    assert not (sources / theano_build.STAMP).exists()


@pytest.mark.parametrize(
    "change",
    [
        lambda sources: (sources / "PKG-INFO").unlink(),
        lambda sources: (sources / "setup.py").unlink(),
        lambda sources: (sources / "PKG-INFO").write_text("Metadata-Version: 1.1\nName: Theano-nose\n"),
    ],
)
def test_what_is_not_the_sources_of_theano_is_left_alone(sources, change):
    change(sources)
    theano_build.edit_sources(sources)
    assert one(sources) == "value = 1\n"


def python(code, *options, cwd):
    done = subprocess.run([sys.executable, *options, "-c", code], cwd=cwd, env={}, capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def test_an_error_of_the_edits_ends_the_python_of_a_build(sources):
    code = f"import site; site.addsitedir({str(BUILD)!r}); print('setup.py runs')"
    status, output, errors = python(code, "-I", "-S", cwd=sources)  # where most files are missing
    assert (status, output) == (1, "")
    assert errors.startswith("Theano's sources cannot be edited: [Errno 2] No such file or directory: 'theano/")
    assert python(code, "-I", "-S", cwd=sources.parent)[:2] == (0, "setup.py runs\n")
