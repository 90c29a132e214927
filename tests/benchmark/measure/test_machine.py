"""The description of a machine: from files as Linux writes them, and of the one that runs."""

import os
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


def test_a_machine_without_theano_is_described(monkeypatch):
    monkeypatch.setitem(sys.modules, "lxmls_rnn.theano_env.flags", None)
    found = machine.describe(1)
    assert (found["theano_blas"], found["cxxflags"], found["threads"]) == ("", "", 1)


def test_the_description_has_versions_and_what_theano_uses():
    import theano

    found = machine.describe(3)
    assert found["versions"]["numpy"] == np.__version__
    assert found["versions"]["torch"] == machine.installed_version("torch")
    assert machine.installed_version("no-such-package") is None
    assert found["threads"] == 3
    assert 2**27 < found["memory"] < 2**46
    assert found["cxxflags"] == theano.config.gcc.cxxflags
    assert found["theano_blas"] == blas.shown_name(theano.config.blas.ldflags)
    assert found["gpus"] or not found["driver"]
    assert all(part.isdigit() for part in found["cuda"].split(".") if found["cuda"])


def test_the_environment_is_told_by_the_variables_that_matter(monkeypatch):
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    monkeypatch.setenv("USER", "somebody")
    found = machine.describe(1)["environment"]
    assert found["OPENBLAS_CORETYPE"] == "Haswell"
    assert "somebody" not in found.values()


def test_a_machine_in_a_line():
    described = {"processor": "A Processor", "threads": 1, "gpus": []}
    assert machine.processor_and_gpus(described) == "1 thread of A Processor"
    described.update(threads=4, gpus=["One, compute 7.5", "Two, compute 9.0"])
    assert machine.processor_and_gpus(described) == "4 threads of A Processor, One, compute 7.5, Two, compute 9.0"


def test_numpys_blas_has_name_version_and_kernel():
    name, version, *_ = machine.numpy_blas().split()
    assert name in {"openblas", "mkl", "blis", "flexiblas"}
    assert version[0].isdigit()
    assert Path("/proc/self/maps").read_text().count(name)


CPU = "/sys/devices/system/cpu/cpu0/cpufreq"
BATTERY = "/sys/class/power_supply/BAT0"


@pytest.mark.parametrize(
    ("load", "files", "reasons"),
    [
        (4.0, {}, ""),
        (4.1, {}, "4.1 processes wanted its 8 cores in the last minute"),
        (0.0, {f"{CPU}/scaling_governor": "powersave\n"}, "its governor saves power (powersave)"),
        (0.0, {f"{CPU}/scaling_governor": "schedutil\n"}, ""),
        (0.0, {f"{CPU}/scaling_driver": "intel_pstate", f"{CPU}/scaling_governor": "powersave"}, ""),
        (
            0.0,
            {f"{CPU}/scaling_driver": "intel_pstate", f"{CPU}/energy_performance_preference": "balance_power"},
            "its governor saves power (balance_power)",
        ),
        (0.0, {f"{BATTERY}/type": "Battery", f"{BATTERY}/status": "Discharging"}, "it runs on its battery"),
        (0.0, {f"{BATTERY}/type": "Battery", f"{BATTERY}/status": "Charging"}, ""),
        (
            0.0,
            {f"{BATTERY}/type": "Battery", f"{BATTERY}/status": "Discharging", f"{BATTERY}/scope": "Device"},
            "",
        ),
        (
            9.0,
            {"/sys/fs/cgroup/cpu.max": "150000 100000"},
            "9.0 processes wanted its 8 cores in the last minute, and this container may use 1.5 of 8 cores",
        ),
        (0.0, {"/sys/fs/cgroup/cpu.max": "800000 100000"}, ""),
    ],
)
def test_what_may_slow_down_the_machine_is_one_sentence(linux, monkeypatch, load, files, reasons):
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    monkeypatch.setattr(os, "getloadavg", lambda: (load, 0.0, 0.0))
    for path, text in files.items():
        linux(path, text)
    assert machine.doubt() == (f"This machine may be slower than it can be: {reasons}." if reasons else "")
