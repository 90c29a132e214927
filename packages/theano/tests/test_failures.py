"""Failures to compile C code, as the command line and Python report them."""

import errno
import pickle
import re
import shutil
import tempfile
from pathlib import Path

import fresh_theano
import pytest
from theano_runtime import failures, host
from theano_runtime.failures import CompileError
from theano_runtime.programs import Done

pytestmark = fresh_theano.needs_compiler


@pytest.fixture(autouse=True)
def advice(monkeypatch):
    """Let this process have a host with advice; fresh Pythons have none or another one."""
    monkeypatch.setattr(host, "ADVICE", "ask a neighbour")
    monkeypatch.setattr(failures, "host", lambda: host)


def test_what_the_compiler_says_is_in_the_sentence_and_the_rest_in_a_file(cache, tmp_path):
    """Also where it fails while Theano optimises, which would log it and go on: here a constant is folded."""
    folded = "import theano, theano.tensor as T\ntheano.function([], T.exp(T.constant([1.0, 2.0])).sum())"
    path = fresh_theano.path_with(
        tmp_path,
        'case "$*" in *mod.cpp*) echo "In file included" >&2; echo "/x/mod.cpp:7:1: error: no luck" >&2; exit 1;; esac;'
        f' exec {shutil.which("g++")} "$@"',
    )
    (tmp_path / "tmp").mkdir()
    process = fresh_theano.start(folded, cache, PATH=path, TMPDIR=str(tmp_path / "tmp"))
    errors = process.communicate()[1]
    assert process.returncode == 1
    assert "Optimization failure" not in errors  # which Theano would log before it went on
    sentence = errors.splitlines()[-1]
    assert sentence.startswith("theano_runtime.failures.CompileError: ")
    assert "failed: mod.cpp:7:1: error: no luck" in sentence
    (log,) = (tmp_path / "tmp").iterdir()
    assert str(log) in sentence
    text = log.read_text()
    assert "In file included" in text
    assert "#include <Python.h>" in text


def test_an_error_stays_one_sentence_whatever_is_added_to_it_and_wherever_it_is_sent():
    error = CompileError("no luck")
    error.args = ("The following error happened while compiling the node", lambda: None, "\n", *error.args)
    assert str(error) == "no luck"
    assert str(pickle.loads(pickle.dumps(error))) == "no luck"


def sentence_of(errors, status=1, output="", ldflags=""):
    """Return the sentence about a compiler that printed this."""
    done = Done(status, output.encode(), errors.encode())
    return str(failures.failure(["my-g++", "-c", "x.cpp"], done, "int main;", Path("/cache"), ldflags))


@pytest.fixture
def tmp(tmp_path, monkeypatch):
    """The folder for temporary files."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


NO_MEMORY = "the compiler my-g++ was killed or ran out of memory"
NO_LIBRARY = "the linker cannot find -lnope, which blas.ldflags"


@pytest.mark.parametrize(
    ("status", "errors", "ldflags", "begin"),
    [
        (-9, "", "", NO_MEMORY),
        (4, "g++: fatal error: Killed signal terminated program cc1plus", "", NO_MEMORY),
        (1, "cc1plus: out of memory allocating 65536 bytes", "", NO_MEMORY),
        (1, "ld: cannot find -lnope: No such file", "-L/x -lnope", NO_LIBRARY),
        (1, "lld: unable to find library -lnope", "-lnope", NO_LIBRARY),
        (1, "ld: cannot find -lnope: No such file", "-lnopes", "the compiler my-g++ failed: "),
        (
            1,
            "one\n\n/cache/mod.s: No space left on device\ncollect2: error: ld returned 1",
            "",
            "C code cannot be compiled (mod.s: No space left on device): free some space for /cache and ",
        ),
    ],
)
def test_what_a_compiler_lacks_is_told_from_what_it_prints(tmp, status, errors, ldflags, begin):
    assert sentence_of(errors, status, ldflags=ldflags).startswith(begin)
    assert bool(list(tmp.iterdir())) == (ldflags == "-lnopes")  # no log where it is known what to do


@pytest.mark.parametrize(
    ("status", "errors", "why"),
    [
        (1, "/a/m.cpp:7: warning: w\n/a/m.cpp:8: error: no luck\n/a/b.cpp: error: more", "m.cpp:8: error: no luck"),
        (1, "/a/m.o: undefined reference to `f'\ncollect2: error: ld returned 1", "undefined reference to `f'"),
        (1, "first\n  last words  \n\n", "last words"),
        (3, "", "its output"),
        (0, "error: e", "it wrote no module"),
        (-11, "x: error: e", "it was ended by signal 11"),
        (1, "x" * 300, "x" * 200 + "..."),
        (1, "a\tb \x1b[1m", "a b \\x1b[1m"),
    ],
)  # fmt: skip
def test_the_first_error_of_a_compiler_is_in_the_sentence(tmp, status, errors, why):
    sentence = sentence_of(errors, status, "its output\n")
    (log,) = tmp.iterdir()
    assert sentence == (f"the compiler my-g++ failed: {why}; the C code and all messages are in {log}; ask a neighbour")
    assert log.name.startswith("theano_compilation_error_")
    assert log.read_text() == f"my-g++ -c x.cpp\n\nits output\n{errors}\n\nint main;\n"


def test_without_a_place_for_the_log_the_sentence_does_without(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    assert sentence_of("no luck") == ("the compiler my-g++ failed: no luck; ask a neighbour")
    monkeypatch.setattr(host, "ADVICE", "")
    assert sentence_of("", 5) == "the compiler my-g++ failed: exit status 5"


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (OSError(errno.ENOSPC, "No space"), "C code cannot be compiled (No space): free some space for /cache"),
        (OSError(errno.EDQUOT, "Quota", "/f"), "C code cannot be compiled (/f: Quota): free some space for /cache"),
        (OSError(errno.EROFS, "No"), "C code cannot be compiled (/cache: No): make the folder writable"),
        (OSError(errno.EACCES, "Denied", "/f"), "C code cannot be compiled (/f: Denied): make the folder writable"),
    ],
)  # fmt: skip
def test_what_a_disk_refuses_is_explained(error, text):
    with pytest.raises(CompileError, match="^" + re.escape(text)) as raised, failures.explained("/cache"):
        raise error
    assert raised.value.__cause__ is error


def test_a_module_that_cannot_be_loaded_is_laid_to_blas_only_where_a_symbol_is_missing():
    def sentence(text):
        return str(failures.not_loadable(Path("/cache/m.so"), ImportError(text), "-lmine"))

    begin = "/cache/m.so was compiled just now and cannot be loaded"
    assert sentence("bad ELF") == f"{begin} (bad ELF); ask a neighbour"
    assert sentence("undefined symbol: dgemm_") == (
        f"{begin} (undefined symbol: dgemm_): blas.ldflags (-lmine) must name a BLAS; ask a neighbour"
    )


def test_without_a_folder_for_temporary_files_tmp_is_named(monkeypatch):
    def none():
        raise FileNotFoundError("no usable temporary directory")

    monkeypatch.setattr(tempfile, "gettempdir", none)
    with pytest.raises(CompileError, match="free some space for /cache and /tmp,"), failures.explained("/cache"):
        raise OSError(errno.ENOSPC, "No space left")
