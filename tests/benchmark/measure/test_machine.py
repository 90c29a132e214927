"""The description of a machine: from files as Linux writes them, and of the one that runs."""

import platform
import sys
from pathlib import Path

import numpy as np
import pytest

from lxmls_rnn.benchmark.measure import machine
from lxmls_rnn.theano_env import blas


def test_the_processor_is_called_as_linux_calls_it(linux):
    assert machine.processor() == (platform.processor() or platform.machine())
    linux("/proc/cpuinfo", "processor\t: 0\nmodel name\t: A Processor @ 2.00GHz \nflags\t: fpu\n")
    assert machine.processor() == "A Processor @ 2.00GHz"


def test_the_cache_is_the_last_one(linux):
    assert machine.cache_size() == 0
    for number, size in enumerate(("32K", "32K", "1024K", "nonsense")):
        linux(f"/sys/devices/system/cpu/cpu0/cache/index{number}/size", f"{size}\n")
    assert machine.cache_size() == 2**20
    linux("/sys/devices/system/cpu/cpu0/cache/index3/size", "36M\n")
    assert machine.cache_size() == 36 * 2**20


def test_a_machine_without_theano_is_described(monkeypatch):
    monkeypatch.setitem(sys.modules, "lxmls_rnn.theano_env.flags", None)
    found = machine.describe(1)
    assert (found["theano_blas"], found["cxxflags"], found["threads"]) == ("", "", 1)


@pytest.fixture
def python_with(tmp_path):
    """Make an interpreter that finds a module, by default `torch`, with this text."""

    def make(text, module="torch"):
        (tmp_path / f"{module}.py").write_text(text)
        python = tmp_path / "python"
        python.write_text(f'#!/bin/sh\nPYTHONPATH="$PYTHONPATH:{tmp_path}" exec {sys.executable} "$@"\n')
        python.chmod(0o755)
        return str(python)

    return make


def test_the_description_has_the_versions_of_another_python(python_with):
    import theano

    found = machine.describe(3, python_with("__version__ = '9.9'"))
    other = {"python": platform.python_version(), "numpy": np.__version__, "torch": "9.9"}
    assert found["torch_python"] == other
    assert found["jax_python"] == {}
    assert found["versions"]["torch"] == "9.9"
    python = python_with("__version__ = '8.8'", "jax")
    assert machine.describe(3, jax_python=python)["versions"] == machine.describe(3)["versions"] | {"jax": "8.8"}
    assert found["versions"]["numpy"] == np.__version__
    assert found["threads"] == 3
    assert 2**27 < found["memory"] < 2**46
    assert found["cxxflags"] == theano.config.gcc.cxxflags
    assert found["theano_blas"] == blas.name(theano.config.blas.ldflags)
    assert found["gpus"] or not found["driver"]
    assert all(part.isdigit() for part in found["cuda"].split(".") if found["cuda"])


def test_the_description_has_this_pythons_versions_where_there_is_no_other():
    found = machine.describe(1)
    assert found["torch_python"] == {}
    assert found["versions"]["torch"] == machine.version("torch")
    assert machine.version("no-such-package") is None


def test_a_python_whose_pytorch_fails_is_refused_with_its_last_words(python_with):
    python = python_with("import sys; print('first', file=sys.stderr); sys.exit('no libcudart')")
    with pytest.raises(ValueError, match=r"python has no working PyTorch: no libcudart$"):
        machine.versions_of(python, "torch")
    with pytest.raises(ValueError, match=r"has no working PyTorch: exit status 7$"):
        machine.versions_of(python_with("import os; os._exit(7)"), "torch")
    with pytest.raises(ValueError, match=r"has no working JAX: too old$"):
        machine.versions_of(python_with("import sys; sys.exit('too old')", "jax"), "jax")


def test_the_environment_is_told_by_the_variables_that_matter(monkeypatch):
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    monkeypatch.setenv("USER", "somebody")
    found = machine.describe(1)["environment"]
    assert found["OPENBLAS_CORETYPE"] == "Haswell"
    assert "somebody" not in found.values()


def test_a_machine_in_a_line():
    described = {"processor": "A Processor", "threads": 1, "gpus": []}
    assert machine.in_words(described) == "1 thread of A Processor"
    described.update(threads=4, gpus=["One, compute 7.5", "Two, compute 9.0"])
    assert machine.in_words(described) == "4 threads of A Processor, One, compute 7.5, Two, compute 9.0"


def test_numpys_blas_has_name_version_and_kernel():
    name, version, *_ = machine.numpy_blas().split()
    assert name in {"openblas", "mkl", "blis", "flexiblas"}
    assert version[0].isdigit()
    assert Path("/proc/self/maps").read_text().count(name)
