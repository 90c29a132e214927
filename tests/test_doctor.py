"""The doctor's screen, its findings about Python, compiler, BLAS and Theano, and what set-up and tests ask it."""

import os
import platform
import re
import subprocess
import sys
from pathlib import Path

import pytest
from device.conftest import driver, pretend  # noqa: F401

from lxmls_rnn import __version__, device, doctor
from lxmls_rnn.device import Finding, in_use
from lxmls_rnn.device.blas_proof import NUMPY, Proof
from lxmls_rnn.device.in_use import Trial
from lxmls_rnn.storage.messages import UNSAFE
from lxmls_rnn.theano_env import blas, flags

FLAGS = {"device": "cpu", "floatX": "float64", "blas.ldflags": "-lmine", "cxx": "my-g++", "compiledir": os.devnull}
needs_compiler = pytest.mark.skipif(not flags.compiler(), reason="there is no C++ compiler")


def screen(**environ):
    """Run the doctor on a terminal of 80 columns; return its exit status and its lines."""
    command = [sys.executable, "-m", "lxmls_rnn.doctor"]
    environ = {**os.environ, "COLUMNS": "80", "LXMLS_DEVICE": "cpu", "THEANO_FLAGS": "", **environ}
    result = subprocess.run(command, env=environ, capture_output=True, text=True)
    return result.returncode, result.stdout.splitlines()


@pytest.mark.daily("starts the doctor, which imports Theano, five seconds; test_in_use compiles in this process")
@needs_compiler
def test_a_healthy_machine_fits_on_one_screen():
    status, lines = screen()
    assert status == 0
    assert len(lines) <= 30
    assert max(map(len, lines)) <= 80
    assert any("compiled to C, ran, and gave the right result" in line for line in lines)
    assert any("GPU" in line for line in lines)


@pytest.mark.daily("starts the doctor, which imports Theano, as the healthy machine does")
def test_without_a_compiler_it_fails_and_says_what_to_install(tmp_path):
    status, lines = screen(PATH=str(tmp_path), XDG_CACHE_HOME=str(tmp_path))
    assert status == 1
    assert any("not as C code" in line for line in lines)
    assert "apt-get install -y g++" in " ".join(lines)


@pytest.fixture
def trials(monkeypatch):
    """Set what comes of trials, by their device; return the devices on which some were started."""
    started, results = [], {}
    monkeypatch.setattr(in_use, "start_trial", lambda device=None: started.append(device) or device)
    monkeypatch.setattr(in_use, "end_trial", lambda device: results[device])
    return started, results


@pytest.fixture
def without_gpu(driver):  # noqa: F811
    """A machine with none of the libraries of a GPU."""
    driver(absent=["libcuda.so", "libnvrtc.so", "libcublas.so"])


def lines_of(capsys):
    """Return what was printed, with single spaces."""
    return [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]


def test_on_a_gpu_a_second_trial_says_whether_it_works(driver, trials, capsys, monkeypatch):  # noqa: F811
    monkeypatch.setenv("LXMLS_DEVICE", "cpu")
    driver()
    started, results = trials
    results |= {None: Trial(FLAGS, ""), "cuda": Trial({}, "the GPU has no memory")}
    assert doctor.main(100) == 0
    lines = lines_of(capsys)
    assert started == [None, "cuda"]
    assert "ok GPU Pretend, compute 8.9 (cuda0)" in lines
    assert "!! Test on cuda the GPU has no memory" in lines
    assert "!! BLAS -lmine does not link" in lines  # what the trial's Theano has
    assert any(line.startswith("Take blas.ldflags out of") for line in lines)
    results["cuda"] = Trial({}, "")
    doctor.main(100)
    assert "ok Test on cuda a function compiled, ran, and gave the right result" in lines_of(capsys)


def test_without_a_gpu_there_is_one_trial_and_its_error_counts(without_gpu, trials, capsys, monkeypatch):
    monkeypatch.setenv("LXMLS_DEVICE", "auto")
    started, results = trials
    results[None] = Trial({}, "Theano does not import")
    assert doctor.main(72) == 1
    printed = capsys.readouterr().out.splitlines()
    lines = [" ".join(line.split()) for line in printed]
    assert started == [None]
    assert max(map(len, printed[: len(printed) // 2])) <= 72
    assert "!! Test function Theano does not import" in lines
    assert any(line.startswith("-- NVRTC no libnvrtc.so") for line in lines)
    assert not any("Test on cuda" in line for line in lines)
    assert any("CPU" in line for line in lines)
    doctor.main(22)  # names are whole on a narrow screen too
    printed = capsys.readouterr().out
    assert "Python headers" in printed
    assert "NVIDIA driver" in printed


def test_what_a_terminal_would_obey_is_escaped(without_gpu, trials, capsys, monkeypatch, tmp_path):
    compiler = tmp_path / "g++"
    compiler.write_text("#!/bin/sh\nprintf '12\\033[2J\\n13'\n")
    compiler.chmod(0o755)
    monkeypatch.setenv("LXMLS_DEVICE", "cp\u202eu")
    used = {**FLAGS, "cxx": str(compiler), "compiledir": str(tmp_path / "cache\x1b\udcff" / "compiledir")}
    trials[1][None] = Trial(used, "not\x07now")
    assert doctor.main(400) == 1
    printed = capsys.readouterr().out
    assert UNSAFE.sub("", printed) == printed.replace("\n", "")
    lines = [" ".join(line.split()) for line in printed.splitlines()]
    assert f"ok C++ compiler {compiler} 12\\x1b[2J\\n13" in lines
    assert f"ok Compile cache 0 modules, 0 MB in {tmp_path}/cache\\x1b\\udcff" in lines
    assert "!! Test function not\\x07now" in lines
    assert any(line.startswith("LXMLS_DEVICE=cp\\u202eu is unavailable") for line in lines)

    monkeypatch.setattr(doctor, "software", lambda: [Finding("BLAS", "a\x1bb", False, remedy="take\ranother")])
    doctor.print_missing()
    assert capsys.readouterr().out == "BLAS: a\\x1bb\ntake\\ranother\n"


@pytest.fixture
def missing(monkeypatch, tmp_path):
    """A machine with neither a compiler nor headers, and a Python of the system."""
    monkeypatch.setattr(flags, "compiler", lambda: "")
    monkeypatch.setattr(flags, "python_headers", lambda: tmp_path / "Python.h")
    monkeypatch.setattr(sys, "base_prefix", "/usr")


def test_the_set_up_says_what_theano_lacks_and_one_command(missing, capsys):
    doctor.print_missing()
    package = f"python{sys.version_info[0]}.{sys.version_info[1]}-dev"
    first, second, blas, command, *remedies = capsys.readouterr().out.splitlines()
    assert first == "C++ compiler: none: Theano runs in Python, slowly"
    assert second == "Python headers: none: no C code compiles"
    assert blas == "BLAS: unknown without a compiler"
    assert command.startswith("To install what is missing (Debian, Ubuntu): ")
    assert command.endswith(f"apt-get install -y g++ {package}")
    assert remedies == ["Without root: make setup PYTHON=uv installs a Python with its headers."]


def test_the_set_up_says_so_where_nothing_is_missing(monkeypatch, capsys):
    monkeypatch.setattr(doctor, "software", lambda: [Finding("a", "there")])
    doctor.print_missing()
    assert capsys.readouterr().out == "Ready: Theano has a compiler, Python's headers and a BLAS.\n"


def test_the_tests_do_not_begin_without_what_compiles_and_begin_without_a_blas(missing, monkeypatch):
    with pytest.raises(SystemExit) as stop:
        doctor.require_compiler()
    first, *more = str(stop.value).splitlines()
    assert first.startswith("The tests compile C code and need C++ compiler and Python headers: ")
    assert more[0].startswith("Without root: make setup PYTHON=uv installs")
    assert more[1].startswith("Without it NumpyRNN and NumpyLSTM work as usual")
    without = [Finding("C++ compiler", "g++"), Finding("BLAS", "none", False, ("libopenblas-dev",))]
    monkeypatch.setattr(doctor, "software", lambda: without)
    doctor.require_compiler()


@pytest.mark.parametrize(("user", "sudo"), [(0, ""), (1000, "sudo ")])
def test_one_command_installs_everything_once(monkeypatch, user, sudo):
    monkeypatch.setattr(os, "geteuid", lambda: user)
    packages = [("g++", "x-dev"), (), ("g++",)]
    findings = [Finding("a", "", False, some) for some in packages]
    assert doctor.missing_packages(findings) == f"{sudo}apt-get install -y g++ x-dev"
    assert doctor.missing_packages(findings[1:2]) == ""


def software(cxx="", ldflags=""):
    used = {"cxx": cxx, "blas.ldflags": ldflags, "base_compiledir": os.devnull}
    return {finding.name: finding for finding in doctor.software(used)}


@pytest.fixture
def right(monkeypatch):
    """Any BLAS is right; tests/device/test_blas.py has those that are wrong."""
    monkeypatch.setattr(blas, "prove_linked", lambda *_: Proof("libmine.so", "Fast", "", ""))


@pytest.fixture
def compiler(tmp_path):
    """A compiler that tells its version."""
    path = tmp_path / "g++"
    path.write_text("#!/bin/sh\necho 12.2.0\n")
    path.chmod(0o755)
    return str(path)


def test_library_python_and_numpy_are_shown_with_their_versions_and_numpys_blas_with_the_proof():
    import numpy
    import scipy

    *versions, found = doctor.python()
    assert versions == [
        Finding("lxmls-rnn", __version__),
        Finding("Python", f"{platform.python_version()}, {sys.executable}"),
        Finding("NumPy", f"numpy {numpy.__version__}, scipy {scipy.__version__}"),
    ]
    assert re.fullmatch(r"its products (with the kernel \w+ )?are right", found.value)
    assert found.ok


def test_a_wrong_blas_is_a_fault(compiler, monkeypatch):
    def prove(*_):
        raise RuntimeError("dgemm is wrong")

    monkeypatch.setattr(blas, "prove_linked", prove)
    monkeypatch.setattr(device.blas_proof, "require_numpy", prove)
    assert software(compiler, "-lmine")["BLAS"] == Finding("BLAS", "dgemm is wrong", False)
    assert list(doctor.python())[-1] == Finding(NUMPY, "dgemm is wrong", False)


def test_the_compiler_that_theano_has_or_else_that_is_there_is_shown_with_its_version(compiler, right, monkeypatch):
    finding = Finding("C++ compiler", f"{compiler} 12.2.0")
    assert software(compiler, "-lmine")["C++ compiler"] == finding
    monkeypatch.setattr(flags, "compiler", lambda: compiler)
    assert software()["C++ compiler"] == finding


def test_headers_are_shown_with_their_folder_and_those_of_another_python_come_with_another(tmp_path, monkeypatch):
    monkeypatch.setattr(flags, "python_headers", lambda: tmp_path / "Python.h")
    monkeypatch.setattr(sys, "base_prefix", "/opt/python")
    finding = software()["Python headers"]
    assert (finding.value, finding.ok, finding.packages) == ("none: no C code compiles", False, ())
    assert finding.remedy.startswith("make setup PYTHON=uv")
    (tmp_path / "Python.h").touch()
    assert software()["Python headers"] == Finding("Python headers", str(tmp_path))


def test_the_systems_openblas_is_shown_with_why_it_is_not_the_packages(compiler, right, monkeypatch):
    monkeypatch.setattr(blas, "library", lambda: None)
    why = f"scipy-openblas32 is not installed, or has no library for {platform.machine()}"
    shown = software(compiler, "-lopenblas")["BLAS"].value
    assert shown.startswith(f"the system's OpenBLAS, because {why}; its products")
    finding = Finding("BLAS", f"NumPy's, with slower calls, because {why}", False, ("libopenblas-dev",))
    assert software(compiler)["BLAS"] == finding


def test_no_blas_by_the_users_own_wish_is_no_fault(compiler, right, monkeypatch):
    monkeypatch.setattr(blas, "why_unlinkable", lambda: "")
    assert software(compiler, "-lopenblas")["BLAS"].value.startswith("-lopenblas; its products")
    why = "NumPy's, with slower calls, because blas.ldflags is set to nothing"
    assert software(compiler)["BLAS"] == Finding("BLAS", why, None)


@needs_compiler
def test_a_blas_that_does_not_link_is_a_fault_with_its_remedy(tmp_path):
    finding = doctor.theano_blas(flags.compiler(), "-lm", tmp_path)  # it is there, and has no BLAS
    assert (finding.value, finding.ok, finding.packages) == ("-lm does not link", False, ())
    assert list(tmp_path.iterdir()) == []
    assert "Take blas.ldflags out of THEANO_FLAGS" in finding.remedy


def test_the_size_of_the_compile_cache_and_what_a_trial_found(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    cache = tmp_path / "cache" / "py313"
    for name, size in (("tmp1/a.so", 2_000_000), ("tmp2/b.so", 1_000_000), ("lazylinker/c.so", 4_000_000)):
        file = cache / name
        file.parent.mkdir(parents=True)
        file.touch()
        os.truncate(file, size)
    gone, is_file = cache / "key.part", Path.is_file  # another process renames it between two looks
    gone.touch()
    monkeypatch.setattr(Path, "is_file", lambda path: is_file(path) and (path != gone or gone.unlink() is None))
    used = {**FLAGS, "compiledir": str(cache), "device": "cuda1", "floatX": "float32"}
    theano, *lines = doctor.theano(Trial(used, ""))
    assert theano == Finding("Theano", "1.0.5")
    assert lines == [
        Finding("Compile cache", "2 modules, 7 MB in ~/cache"),
        Finding("Device", "cuda1, floatX float32"),
        Finding("Test function", "compiled to C, ran, and gave the right result"),
    ]
    assert not gone.exists()
    assert list(doctor.theano(Trial(used, "it broke")))[-1] == Finding("Test function", "it broke", False)
    assert [finding.name for finding in doctor.theano(Trial({}, "it broke"))] == ["Theano", "Test function"]


def test_a_folder_outside_the_home_directory_is_written_out(monkeypatch):
    monkeypatch.setenv("HOME", "/home/anna")
    assert doctor.short(Path("/home/anna/a/b")) == "~/a/b"
    assert doctor.short(Path("/srv/a")) == "/srv/a"


def test_without_a_trial_the_doctor_looks_at_what_theano_would_use(monkeypatch, compiler):
    monkeypatch.setenv("THEANO_FLAGS", f"cxx={compiler},blas.ldflags=-lmine")
    asked = []
    monkeypatch.setattr(blas, "prove_linked", lambda *given: asked.append(given))
    first, *_ = doctor.software()
    assert first == Finding("C++ compiler", f"{compiler} 12.2.0")
    list(doctor.software({"cxx": "c", "base_compiledir": "/base", "compiledir": "/mine", "blas.ldflags": "-lb"}))
    assert asked[0][:2] == (compiler, "-lmine")
    assert asked[0][2].name == "theano"
    assert asked[1] == ("c", "-lb", Path("/mine"))
