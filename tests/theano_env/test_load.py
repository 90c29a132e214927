"""The import of Theano: its settings, and why it does not use a device."""

import logging
import os
import sys

import pytest
from theano_runtime.failures import CompileError

from lxmls_rnn.theano_env import flags, load


@pytest.fixture
def environ(monkeypatch, tmp_path):
    """An environment without settings of Theano."""
    for name in ("THEANO_FLAGS", "LXMLS_DEVICE", "LXMLS_FLOATX", "LXMLS_ADVICE", "LXMLS_IMAGE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("THEANORC", os.devnull)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "a 'b'"))
    return monkeypatch


@pytest.mark.parametrize("before", [None, "", "floatX=float32", "floatX=float32,mode='a,b'"])
def test_theano_reads_our_settings_and_then_the_users(environ, before):
    if before is not None:
        environ.setenv("THEANO_FLAGS", before)
    with load._flags_set():
        read = flags.user_flags()
        assert read["base_compiledir"].endswith("/a 'b'/lxmls-rnn/theano")
        assert read["floatX"] == ("float32" if before else "float64")
        assert os.environ["THEANO_FLAGS"].endswith(before or "")
    assert os.environ.get("THEANO_FLAGS") == before
    with pytest.raises(ZeroDivisionError), load._flags_set():
        1 / 0  # noqa: B018
    assert os.environ.get("THEANO_FLAGS") == before


@pytest.mark.parametrize("setting", [{"LXMLS_DEVICE": "opencl0:0"}, {"THEANO_FLAGS": "device=opencl0:0"}])
def test_a_device_that_is_none_of_ours_stops_the_import(environ, setting):
    """Theano itself would take it, where there is an OpenCL device."""
    for name, value in setting.items():
        environ.setenv(name, value)
    expected = (
        "opencl0:0 is not the name of a device: set LXMLS_DEVICE to auto, cpu, cuda or a numbered GPU, such as cuda1"
    )
    with pytest.raises(RuntimeError, match=f"^{expected}$"), load._flags_set():
        pass


def test_a_compiler_that_does_not_work_stops_the_import(environ, tmp_path):
    environ.setenv("THEANO_FLAGS", f"cxx={tmp_path}/none")
    with pytest.raises(CompileError, match="/none does not work"), load._flags_set():
        pass
    environ.setenv("THEANO_FLAGS", "cxx=")  # none is wanted
    with load._flags_set():
        pass
    (tmp_path / "rc").write_text(f"[global]\ncxx = {tmp_path}/of-the-file\n")
    environ.delenv("THEANO_FLAGS")
    environ.setenv("THEANORC", str(tmp_path / "rc"))
    with pytest.raises(CompileError, match="/of-the-file does not work"), load._flags_set():
        pass


def test_what_theano_s_gpu_part_logs_is_collected_during_the_import_alone(environ):
    logger = logging.getLogger("theano.gpuarray")
    before = list(logger.handlers)
    with pytest.raises(ZeroDivisionError), load.importing():
        _ = 1 / logger.propagate  # it is 0 here
    assert (logger.propagate, logger.handlers) == (True, before)


def test_the_reasons_of_theano_s_gpu_part_are_kept(monkeypatch):
    reasons = load._ErrorCollector()
    logger = logging.Logger("gpu")
    logger.addHandler(reasons)
    logger.warning("not an error")
    try:
        raise ValueError("out of memory")
    except ValueError:
        logger.exception("Could not initialize pygpu")
    monkeypatch.setitem(sys.modules, "pygpu", None)
    logger.error("pygpu was configured but could not be imported")
    monkeypatch.setitem(sys.modules, "pygpu", object())
    logger.error("another %s", "thing")
    first, second, third = reasons.found
    assert first == "out of memory"
    assert second.startswith("pygpu cannot be imported: import of pygpu halted")
    assert third == "another thing"
