"""The doctor's screen, and what the set-up and the tests ask it."""

import os
import subprocess
import sys
from dataclasses import replace

import pytest

from lxmls_rnn import device, doctor
from lxmls_rnn.doctor import screen as doctors_screen
from lxmls_rnn.doctor.trial import Trial
from lxmls_rnn.storage.files import UNSAFE
from lxmls_rnn.theano_env import Report, flags

REPORT = Report("cpu", "float64", "-lmine", "my-g++", os.devnull)


def screen(**environ):
    """Run the doctor on a terminal of 80 columns; return its exit status and its lines."""
    command = [sys.executable, "-m", "lxmls_rnn.doctor"]
    environ = {**os.environ, "COLUMNS": "80", "LXMLS_DEVICE": "cpu", "THEANO_FLAGS": "", **environ}
    result = subprocess.run(command, env=environ, capture_output=True, text=True)
    return result.returncode, result.stdout.splitlines()


@pytest.mark.daily("starts the doctor, which imports Theano, five seconds; test_trial compiles in this process")
@pytest.mark.skipif(not flags.compiler(), reason="there is no C++ compiler")
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

    def start(device=None):
        started.append(device)
        return device

    monkeypatch.setattr(doctors_screen, "start_trial", start)
    monkeypatch.setattr(doctors_screen, "end_trial", lambda device: results[device])
    return started, results


def lines_of(capsys):
    """What was printed, with single spaces."""
    return [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]


def test_on_a_gpu_a_second_trial_says_whether_it_works(healthy, trials, capsys, monkeypatch):
    monkeypatch.setenv("LXMLS_DEVICE", "cpu")
    started, results = trials
    results |= {None: Trial(REPORT, ""), "cuda": Trial(None, "the GPU has no memory")}
    assert doctor.main(100) == 0
    lines = lines_of(capsys)
    assert started == [None, "cuda"]
    assert "ok GPU NVIDIA A10, compute 8.6 (cuda0)" in lines
    assert "!! Test on cuda the GPU has no memory" in lines
    assert "!! BLAS -lmine does not link" in lines  # what the trial's Theano has
    assert any(line.startswith("Take blas.ldflags out of") for line in lines)
    results["cuda"] = Trial(None, "")
    doctor.main(100)
    assert "ok Test on cuda a function compiled, ran, and gave the right result" in lines_of(capsys)


def test_without_a_gpu_there_is_one_trial_and_its_error_counts(machine, trials, capsys, monkeypatch):
    monkeypatch.setenv("LXMLS_DEVICE", "auto")
    machine()
    started, results = trials
    results[None] = Trial(None, "Theano does not import")
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


def test_what_a_terminal_would_obey_is_escaped(machine, trials, capsys, monkeypatch, tmp_path):
    compiler = tmp_path / "g++"
    compiler.write_text("#!/bin/sh\nprintf '12\\033[2J\\n13'\n")
    compiler.chmod(0o755)
    monkeypatch.setenv("LXMLS_DEVICE", "cp\u202eu")
    machine()
    report = replace(REPORT, cxx=str(compiler), compiledir=str(tmp_path / "cache\x1b\udcff" / "compiledir"))
    trials[1][None] = Trial(report, "not\x07now")
    assert doctor.main(400) == 1
    printed = capsys.readouterr().out
    assert UNSAFE.sub("", printed) == printed.replace("\n", "")
    lines = [" ".join(line.split()) for line in printed.splitlines()]
    assert f"ok C++ compiler {compiler} 12\\x1b[2J\\n13" in lines
    assert f"ok Compile cache 0 modules, 0 MB in {tmp_path}/cache\\x1b\\udcff" in lines
    assert "!! Test function not\\x07now" in lines
    assert any(line.startswith("LXMLS_DEVICE=cp\\u202eu is unavailable") for line in lines)

    wrong = [device.Finding("BLAS", "a\x1bb", False, remedy="take\ranother")]
    monkeypatch.setattr(doctors_screen, "software", lambda *_: wrong)
    doctor.print_missing()
    assert capsys.readouterr().out == "BLAS: a\\x1bb\ntake\\ranother\n"


@pytest.fixture
def missing(monkeypatch, tmp_path):
    """A machine with neither a compiler nor headers, and a Python of the system."""
    monkeypatch.setattr(doctors_screen, "theano_tools", lambda: ("", "", os.devnull))
    monkeypatch.setattr(doctor.software, "compiler", lambda: "")
    monkeypatch.setattr(doctor.software, "python_headers", lambda: tmp_path / "Python.h")
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
    monkeypatch.setattr(doctors_screen, "software", lambda *_: [device.Finding("a", "there")])
    doctor.print_missing()
    assert capsys.readouterr().out == "Ready: Theano has a compiler, Python's headers and a BLAS.\n"


def test_the_tests_do_not_begin_without_what_compiles(missing):
    with pytest.raises(SystemExit) as stop:
        doctor.require_compiler()
    first, *more = str(stop.value).splitlines()
    assert first.startswith("The tests compile C code and need C++ compiler and Python headers: ")
    assert more[0].startswith("Without root: make setup PYTHON=uv installs")
    assert more[1].startswith("Without it NumpyRNN and NumpyLSTM work as usual")


def test_the_tests_begin_where_only_a_blas_is_missing(monkeypatch):
    without = [device.Finding("C++ compiler", "g++"), device.Finding("BLAS", "none", False, ("libopenblas-dev",))]
    monkeypatch.setattr(doctors_screen, "software", lambda *_: without)
    doctor.require_compiler()


@pytest.mark.parametrize(("user", "sudo"), [(0, ""), (1000, "sudo ")])
def test_one_command_installs_everything_once(monkeypatch, user, sudo):
    monkeypatch.setattr(os, "geteuid", lambda: user)
    packages = [("g++", "x-dev"), (), ("g++",)]
    findings = [device.Finding("a", "", False, some) for some in packages]
    assert doctors_screen.missing_packages(findings) == f"{sudo}apt-get install -y g++ x-dev"
    assert doctors_screen.missing_packages(findings[1:2]) == ""
