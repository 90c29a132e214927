import os
import subprocess
import sys

import pytest

from lxmls_rnn.doctor import Finding, missing_packages, software
from lxmls_rnn.theano_env import flags

pytestmark = pytest.mark.process


def screen(**environ):
    """Run the doctor on a terminal of 80 columns; return its exit status and its lines."""
    command = [sys.executable, "-m", "lxmls_rnn.doctor"]
    environ = {**os.environ, "COLUMNS": "80", "LXMLS_DEVICE": "cpu", "THEANO_FLAGS": "", **environ}
    result = subprocess.run(command, env=environ, capture_output=True, text=True)
    return result.returncode, result.stdout.splitlines()


@pytest.mark.skipif(not flags.compiler(), reason="there is no C++ compiler")
def test_a_healthy_machine_fits_on_one_screen():
    status, lines = screen()
    assert status == 0
    assert len(lines) <= 30
    assert max(map(len, lines)) <= 80
    assert any("compiled to C, ran, and was right" in line for line in lines)
    assert any("GPU" in line for line in lines)


# a compiler of .venv that no PATH hides
no_zig = pytest.mark.skipif(flags.ZIG.exists(), reason="there is zig: make setup without CXX removes it")


@no_zig
def test_without_a_compiler_it_fails_and_says_what_to_install(tmp_path):
    status, lines = screen(PATH=str(tmp_path), XDG_CACHE_HOME=str(tmp_path))
    assert status == 1
    assert any("not as C code" in line for line in lines)
    assert "apt-get install -y g++" in " ".join(lines)
    assert "Without root: make setup CXX=zig brings a C++ compiler" in lines


@no_zig
def test_without_a_compiler_make_test_stops_and_says_what_works_without(tmp_path):
    command = [sys.executable, "-c", "from lxmls_rnn import doctor; doctor.require_compiler()"]
    result = subprocess.run(command, env={**os.environ, "PATH": str(tmp_path)}, capture_output=True, text=True)
    assert result.returncode == 1
    assert "The tests compile C code and miss C++ compiler: " in result.stderr
    assert "apt-get install -y g++\n" in result.stderr
    assert "NumpyRNN and NumpyLSTM work as ever" in result.stderr


def test_a_theano_that_cannot_be_imported_is_reported(tmp_path):
    status, lines = screen(THEANO_FLAGS="floatX=float7")
    assert status == 1
    assert any("float7" in line for line in lines)


def test_a_library_that_is_not_there_does_not_link():
    cxx, _ = software.theano_tools()
    if not cxx:
        pytest.skip("there is no g++")
    assert not software.links(cxx, "-lno_such_blas")


def test_one_command_installs_everything_once():
    findings = [Finding("a", "", False, ("g++", "x-dev")), Finding("b", "", True), Finding("c", "", False, ("g++",))]
    assert missing_packages(findings).endswith("apt-get install -y g++ x-dev")


def test_nothing_missing_needs_no_command():
    assert missing_packages([Finding("a", "there")]) == ""
