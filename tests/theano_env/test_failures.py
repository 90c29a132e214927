"""Failures to compile C code, as the command line and Python report them."""

import errno
import os
import pickle
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import fresh_python
import pytest

from lxmls_rnn.theano_env import failures, flags
from lxmls_rnn.theano_env.failures import CompileError
from lxmls_rnn.theano_env.programs import Done

pytestmark = [pytest.mark.process, pytest.mark.skipif(shutil.which("g++") is None, reason="there is no g++")]
no_zig = pytest.mark.skipif(flags.ZIG.exists(), reason="there is zig, which no PATH hides")

compiles_much = pytest.mark.slow("compiles most of a model, eight seconds")

TRAIN = [sys.executable, "-m", "lxmls_rnn", "train", "sample", "--max-nr-sent", "5", "--epochs", "1"]


def train(cache, model="FastRNN", **environ):
    """Train a model as a user does; return status, standard output and the lines of standard error."""
    done = subprocess.run(
        [*TRAIN, "--model", model, "--root", str(cache / "runs")],
        env=fresh_python.environment(cache, **environ),
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


SMALL = "import theano, theano.tensor as T\nx = T.dmatrix()\ntheano.function([x], T.dot(x, x))"


def sentence_of_small(cache, code=SMALL, **environ):
    """Return the one sentence that ends a function of one product, as the command line would say it."""
    process = fresh_python.start(code, cache, **environ)
    errors = process.communicate()[1]
    assert process.returncode == 1
    assert "Optimization failure" not in errors  # which Theano would log before it went on
    return errors.splitlines()[-1].removeprefix("lxmls_rnn.theano_env.failures.CompileError: ")


def sentence_of_rnn(cache, **environ):
    """Return the one sentence that ends the training of a model whose modules are many."""
    return only_sentence(train(cache, "RNN", **environ))


def path_with(folder, script):
    """Return a PATH whose g++ is a script."""
    (folder / "bin").mkdir()
    file = folder / "bin" / "g++"
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return f"{file.parent}:{os.environ['PATH']}"


@no_zig
@pytest.mark.parametrize("model", ["FastRNN", pytest.param("RNN", marks=pytest.mark.slow("as FastRNN"))])
def test_a_compiler_without_memory_says_so(cache, tmp_path, model):
    compiler = tmp_path / "cc1plus"
    compiler.write_text("#!/bin/sh\nkill -9 $$\n")  # as the kernel does
    compiler.chmod(0o755)
    path = path_with(tmp_path, f'case "$*" in *mod.cpp*) b=-B{tmp_path}/;; esac; exec {shutil.which("g++")} $b "$@"')
    sentence = only_sentence(train(cache, model, PATH=path))
    assert "was killed or ran out of memory" in sentence
    assert "raise the limit" in sentence


@no_zig
def test_what_the_compiler_says_is_in_the_sentence_and_the_rest_in_a_file(cache, tmp_path):
    path = path_with(
        tmp_path,
        'case "$*" in *mod.cpp*) echo "In file included" >&2; echo "/x/mod.cpp:7:1: error: no luck" >&2; exit 1;; esac;'
        f' exec {shutil.which("g++")} "$@"',
    )
    (tmp_path / "tmp").mkdir()
    sentence = sentence_of_small(cache, PATH=path, TMPDIR=str(tmp_path / "tmp"))
    assert "failed: mod.cpp:7:1: error: no luck" in sentence
    assert "lxmls-rnn doctor" in sentence
    (log,) = (tmp_path / "tmp").iterdir()
    assert str(log) in sentence
    text = log.read_text()
    assert "In file included" in text
    assert "#include <Python.h>" in text


def test_a_blas_that_is_not_there_is_named(cache):
    sentence = sentence_of_small(cache, THEANO_FLAGS="blas.ldflags=-lnope")
    assert "cannot find -lnope" in sentence
    assert "remove blas.ldflags from THEANO_FLAGS" in sentence


@no_zig
def test_a_compiler_that_prints_garbage_is_named(tmp_path):
    path = path_with(tmp_path, r"printf '\377\033[31m\001/\n'; exit 0")
    sentence = only_sentence(train(tmp_path, PATH=path))
    assert f"{tmp_path}/bin/g++ does not work" in sentence
    assert "install g++" in sentence
    assert sentence.isprintable()


@no_zig
def test_a_compiler_that_tells_its_version_and_writes_nothing_is_named(cache, tmp_path):
    path = path_with(tmp_path, f'case "$*" in *mod.cpp*) exit 0;; esac; exec {shutil.which("g++")} "$@"')
    assert "failed: it wrote no module" in sentence_of_small(cache, PATH=path)


def test_a_compiler_that_is_not_there_is_named(tmp_path):
    sentence = only_sentence(train(tmp_path, THEANO_FLAGS="cxx=/no/such/g++"))
    assert "/no/such/g++ does not work" in sentence


@no_zig
def test_without_a_compiler_a_fused_model_says_what_works(tmp_path):
    (tmp_path / "bin").mkdir()
    status, _, lines = train(tmp_path, PATH=str(tmp_path / "bin"))
    assert status == 1
    assert [line.partition(":")[0] for line in lines] == ["Warning", "Error"]
    assert "no C++ compiler" in lines[1]
    assert "RNN, LSTM, NumpyRNN and NumpyLSTM work without" in lines[1]


@pytest.fixture
def full_disk(tmp_path):
    """A folder on a file system of its own that has no room left but for names."""
    folder = tmp_path / "full"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k,mode=1777", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("only root can mount a file system")
    try:
        with open(folder / "file", "wb", buffering=0) as file:
            try:
                while file.write(bytes(4096)):
                    pass
            except OSError:
                pass
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_where_the_cache_is_says_so(full_disk, tmp_path):
    sentence = only_sentence(train(tmp_path, XDG_CACHE_HOME=str(full_disk)))
    assert "No space left on device" in sentence
    assert f"free some space for {full_disk}" in sentence


@pytest.mark.parametrize("sentence_of", [sentence_of_small, pytest.param(sentence_of_rnn, marks=compiles_much)])
def test_a_full_disk_where_temporary_files_are_says_so(cache, full_disk, sentence_of):
    sentence = sentence_of(cache, TMPDIR=str(full_disk))
    assert f"{full_disk}/" in sentence
    assert "No space left on device" in sentence
    assert "TMPDIR" in sentence


def test_a_failure_while_theano_optimises_is_not_logged_and_passed_over(cache, tmp_path):
    path = path_with(tmp_path, f'case "$*" in *mod.cpp*) exit 1;; esac; exec {shutil.which("g++")} "$@"')
    code = "import theano, theano.tensor as T\ntheano.function([], T.exp(T.constant([1.0, 2.0])).sum())"
    assert sentence_of_small(cache, code, PATH=path).startswith("the compiler ")


def test_an_error_stays_one_sentence_whatever_is_added_to_it_and_wherever_it_is_sent():
    error = CompileError("no luck")
    error.args = ("The following error happened while compiling the node", lambda: None, "\n", *error.args)
    assert str(error) == "no luck"
    assert str(pickle.loads(pickle.dumps(error))) == "no luck"


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
    "with_cache", [True, pytest.param(False, marks=pytest.mark.slow("compiles a cache of its own, five seconds"))]
)
def test_a_user_without_name_and_home_can_compile(with_cache):
    folder = Path(tempfile.mkdtemp())  # pytest's own are closed to other users
    os.chown(folder, 54321 if os.geteuid() == 0 else -1, -1)
    environ = {"XDG_CACHE_HOME" if with_cache else "TMPDIR": str(folder)}
    code = "import lxmls_rnn, theano, sys; print(theano.config.compiledir)"
    try:
        done = as_nobody(code, **environ)
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith(str(folder))
        warned = [line for line in done.stderr.splitlines() if "Warning: " in line]
        assert len(warned) == (not with_cache)
    finally:
        shutil.rmtree(folder)


def sentence_of(errors, status=1, output="", ldflags=""):
    """What is said of a compiler that printed this."""
    done = Done(status, output.encode(), errors.encode())
    return str(failures.failure(["my-g++", "-c", "x.cpp"], done, "int main;", Path("/cache"), ldflags))


@pytest.fixture
def tmp(tmp_path, monkeypatch):
    """The folder for temporary files."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("why", ["No space left on device", "Disk quota exceeded"])
def test_a_full_disk_is_told_from_what_the_compiler_prints(tmp, why):
    sentence = sentence_of(f"one\n\n/cache/mod.s: {why}\ncollect2: error: ld returned 1")
    assert sentence == (
        f"C code cannot be compiled (mod.s: {why}): free some space for /cache and {tmp}, or set"
        " XDG_CACHE_HOME and TMPDIR to other folders"
    )
    assert list(tmp.iterdir()) == []


@pytest.mark.parametrize(
    ("status", "errors"),
    [
        (-9, ""),
        (4, "g++: fatal error: Killed signal terminated program cc1plus"),
        (1, "the linker got signal 9"),
        (1, "cc1plus: out of memory allocating 65536 bytes"),
        (1, "virtual memory exhausted"),
        (1, "ld: Cannot allocate memory"),
    ],
)
def test_no_memory_is_told_from_how_the_compiler_ended(tmp, status, errors):
    assert sentence_of(errors, status).startswith("the compiler my-g++ was killed or ran out of memory")
    assert list(tmp.iterdir()) == []


@pytest.mark.parametrize("errors", ["ld: cannot find -lnope: No such file", "lld: unable to find library -lnope"])
def test_only_a_library_of_blas_ldflags_is_laid_to_them(tmp, errors):
    assert sentence_of(errors, ldflags="-L/x -lnope").startswith("the linker cannot find -lnope, which blas.ldflags")
    assert sentence_of(errors, ldflags="-lnopes").startswith("the compiler my-g++ failed: ")


@pytest.mark.parametrize(
    ("status", "errors", "why"),
    [
        (1, "/a/m.cpp:7: warning: w\n/a/m.cpp:8: error: no luck\n/a/b.cpp: error: more", "m.cpp:8: error: no luck"),
        (1, "/a/m.o: undefined reference to `f'\ncollect2: error: ld returned 1", "undefined reference to `f'"),
        (1, "first\n  last words  \n\n", "last words"),
        (3, "", "its output"),
        (3, "collect2: error: ld returned 1 exit status", "its output"),
        (0, "error: e", "it wrote no module"),
        (-11, "x: error: e", "it was ended by signal 11"),
        (1, "x" * 300, "x" * 200 + "..."),
        (1, "x" * 200, "x" * 200),
        (1, "a\tb \x1b[1m", "a b \\x1b[1m"),
    ],
)  # fmt: skip
def test_the_first_error_of_a_compiler_is_in_the_sentence(tmp, status, errors, why):
    sentence = sentence_of(errors, status, "its output\n")
    (log,) = tmp.iterdir()
    assert sentence == (
        f"the compiler my-g++ failed: {why}; the C code and all messages are in {log};"
        " `lxmls-rnn doctor` checks the compiler"
    )
    assert log.name.startswith("theano_compilation_error_")
    assert log.read_text() == f"my-g++ -c x.cpp\n\nits output\n{errors}\n\nint main;\n"


def test_without_a_place_for_the_log_the_sentence_does_without(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    assert sentence_of("no luck") == ("the compiler my-g++ failed: no luck; `lxmls-rnn doctor` checks the compiler")
    assert sentence_of("", 5).startswith("the compiler my-g++ failed: exit status 5;")


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
    doctor = "`lxmls-rnn doctor` checks the compiler"
    assert sentence("bad ELF") == f"{begin} (bad ELF): {doctor}"
    assert sentence("undefined symbol: dgemm_") == (
        f"{begin} (undefined symbol: dgemm_): blas.ldflags (-lmine) must name a BLAS, and {doctor}"
    )


def test_what_a_compiler_prints_in_place_of_a_version_is_shown():
    assert '`cc -dumpversion` printed "abcdefghijklmnopqrst", expected' in str(
        failures.no_compiler("cc", "abcdefghijklmnopqrstuvw")
    )
    assert "`cc -dumpversion` printed nothing, expected" in str(failures.no_compiler("cc", ""))


def test_only_a_compile_error_is_passed_on():
    failures.pass_on(ValueError("another"))
    with pytest.raises(CompileError):
        failures.pass_on(CompileError("no luck"))


def test_without_a_folder_for_temporary_files_tmp_is_named(monkeypatch):
    def none():
        raise FileNotFoundError("no usable temporary directory")

    monkeypatch.setattr(tempfile, "gettempdir", none)
    with pytest.raises(CompileError, match="free some space for /cache and /tmp,"), failures.explained("/cache"):
        raise OSError(errno.ENOSPC, "No space left")
