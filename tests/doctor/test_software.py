"""What the doctor says about compiler, headers, BLAS and Theano."""

import dataclasses
import os
import platform
import re
import sys
from pathlib import Path

import pytest

from lxmls_rnn import __version__
from lxmls_rnn.device import Finding
from lxmls_rnn.device.blas import NUMPY, Proof
from lxmls_rnn.doctor import basics, software
from lxmls_rnn.doctor.trial import Trial
from lxmls_rnn.theano_env import Report, blas, flags

REPORT = Report("cpu", "float64", "", "g++", "/nowhere")
needs_compiler = pytest.mark.skipif(not flags.compiler(), reason="there is no C++ compiler")


def found(cxx="", ldflags=""):
    return {finding.name: finding for finding in software.software(cxx, ldflags, os.devnull)}


@pytest.fixture
def right(monkeypatch):
    """Any BLAS is right; tests/device/test_blas.py has those that are wrong."""
    monkeypatch.setattr(blas, "prove", lambda *_: Proof("libmine.so", "Fast", "", ""))


@pytest.fixture
def compiler(tmp_path):
    """A compiler that tells its version."""
    path = tmp_path / "g++"
    path.write_text("#!/bin/sh\necho 12.2.0\n")
    path.chmod(0o755)
    return str(path)


def test_library_python_and_numpy_are_shown_with_their_versions():
    lines = found()
    assert lines["lxmls-rnn"] == Finding("lxmls-rnn", __version__)
    assert lines["Python"] == Finding("Python", f"{platform.python_version()}, {sys.executable}")
    import numpy
    import scipy

    assert lines["NumPy"] == Finding("NumPy", f"numpy {numpy.__version__}, scipy {scipy.__version__}")


def test_numpys_blas_is_shown_with_its_kernel_and_the_proof():
    finding = found()[NUMPY]
    assert re.fullmatch(r"its products (with the kernel \w+ )?are right", finding.value)
    assert finding.ok


def test_a_wrong_blas_is_a_fault(compiler, monkeypatch):
    def prove(*_):
        raise RuntimeError("dgemm is wrong")

    monkeypatch.setattr(blas, "prove", prove)
    monkeypatch.setattr(basics.blas, "require_numpy", prove)
    lines = found(compiler, "-lmine")
    assert lines["BLAS"] == Finding("BLAS", "dgemm is wrong", False)
    assert lines[NUMPY] == Finding(NUMPY, "dgemm is wrong", False)


def test_the_compiler_that_theano_has_or_else_that_is_there_is_shown_with_its_version(compiler, right, monkeypatch):
    finding = Finding("C++ compiler", f"{compiler} 12.2.0")
    assert found(compiler, "-lmine")["C++ compiler"] == finding
    monkeypatch.setattr(software, "compiler", lambda: compiler)
    assert found()["C++ compiler"] == finding


@pytest.fixture
def without_headers(monkeypatch, tmp_path):
    monkeypatch.setattr(software, "python_headers", lambda: tmp_path / "Python.h")


def test_headers_that_are_there_are_shown_with_their_folder(tmp_path, without_headers):
    (tmp_path / "Python.h").touch()
    assert found()["Python headers"] == Finding("Python headers", str(tmp_path))


def test_headers_of_another_python_come_with_another_python(without_headers, monkeypatch):
    monkeypatch.setattr(sys, "base_prefix", "/opt/python")
    finding = found()["Python headers"]
    assert (finding.value, finding.ok, finding.packages) == ("none: no C code compiles", False, ())
    assert finding.remedy.startswith("make setup PYTHON=uv")


def test_the_systems_openblas_is_shown_with_why_it_is_not_the_packages(compiler, right, monkeypatch):
    monkeypatch.setattr(blas, "library", lambda: None)
    why = f"scipy-openblas32 is not installed, or has no library for {platform.machine()}"
    assert found(compiler, "-lopenblas")["BLAS"].value.startswith(f"the system's OpenBLAS, because {why}; its products")
    finding = Finding("BLAS", f"NumPy's, with slower calls, because {why}", False, ("libopenblas-dev",))
    assert found(compiler)["BLAS"] == finding


def test_no_blas_by_the_users_own_wish_is_no_fault(compiler, right, monkeypatch):
    monkeypatch.setattr(blas, "problem", lambda: "")
    assert found(compiler, "-lopenblas")["BLAS"].value.startswith("-lopenblas; its products")
    why = "NumPy's, with slower calls, because blas.ldflags is set to nothing"
    assert found(compiler)["BLAS"] == Finding("BLAS", why, None)


@needs_compiler
def test_a_blas_that_does_not_link_is_a_fault_with_its_remedy(tmp_path):
    finding = software.blas_found(flags.compiler(), "-lm", str(tmp_path))  # it is there, and has no BLAS
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
        with file.open("r+b") as opened:
            opened.truncate(size)
    gone, is_file = cache / "key.part", Path.is_file  # another process renames it between two looks
    gone.touch()
    monkeypatch.setattr(Path, "is_file", lambda path: is_file(path) and (path != gone or gone.unlink() is None))
    report = dataclasses.replace(REPORT, compiledir=str(cache), device_used="cuda1", floatX="float32")
    theano, *lines = software.theano_found(Trial(report, ""))
    assert theano == Finding("Theano", "1.0.5")
    assert lines == [
        Finding("Compile cache", "2 modules, 7 MB in ~/cache"),
        Finding("Device", "cuda1, floatX float32"),
        Finding("Test function", "compiled to C, ran, and gave the right result"),
    ]
    assert not gone.exists()
    assert list(software.theano_found(Trial(report, "it broke")))[-1] == Finding("Test function", "it broke", False)
    assert [finding.name for finding in software.theano_found(Trial(None, "it broke"))] == ["Theano", "Test function"]


def test_a_folder_outside_the_home_directory_is_written_out(monkeypatch):
    monkeypatch.setenv("HOME", "/home/anna")
    assert software.short(Path("/home/anna/a/b")) == "~/a/b"
    assert software.short(Path("/srv/a")) == "/srv/a"


def test_what_the_user_has_set_is_what_theano_has(monkeypatch):
    monkeypatch.setenv("THEANO_FLAGS", "cxx=my-g++,blas.ldflags=-lmine")
    assert software.theano_tools()[:2] == ("my-g++", "-lmine")
    monkeypatch.setattr(software, "in_effect", lambda: {"base_compiledir": "/base"})
    assert software.theano_tools() == (flags.compiler(), "", "/base")
    monkeypatch.setattr(software, "in_effect", lambda: {"base_compiledir": "/base", "compiledir": "/mine"})
    assert software.theano_tools()[2] == "/mine"
