"""The settings that Theano really uses, and errors if its device is not the requested one."""

import pytest

from lxmls_rnn import theano_env
from lxmls_rnn.theano_env import in_use


@pytest.fixture
def told(monkeypatch):
    """Set what users are told about devices to what they are outside the image."""
    import theano  # noqa: F401  with the settings of all tests

    monkeypatch.delenv("LXMLS_ADVICE", raising=False)
    return monkeypatch


def test_the_device_of_a_shared_variable_is_the_one_that_is_used(told):
    assert in_use.device_used() == "cpu"
    in_use.require_device("cpu", ["something went wrong"])


def test_a_device_that_is_not_used_is_an_error_with_the_reason(told):
    told.setattr(in_use, "problem", lambda device: None)
    with pytest.raises(RuntimeError) as raised:
        in_use.require_device("cuda0", ["first", "no luck\nmore of it"])
    assert str(raised.value) == (
        "Theano should use the device cuda0 but uses cpu (no luck): set LXMLS_DEVICE=cpu to work without it"
    )
    with pytest.raises(RuntimeError, match=r"but uses cpu: set LXMLS_DEVICE=other$"):
        in_use.require_device("other", [])


def test_what_keeps_theano_from_a_device_is_said_with_its_remedy(told):
    with pytest.raises(RuntimeError) as raised:
        in_use.require_device("gpu", ["no luck"])
    assert str(raised.value) == (
        "Theano should use the device gpu but uses cpu, because gpu is not the name of a device: "
        "set LXMLS_DEVICE to auto, cpu, cuda or a numbered GPU, such as cuda1; set LXMLS_DEVICE=gpu"
    )


def test_the_report_of_this_process_is_theano_s_own():
    import theano

    config, report = theano.config, theano_env.report()
    assert (report.device_used, report.floatX, report.blas_ldflags) == ("cpu", config.floatX, config.blas.ldflags)
    assert (report.cxx, report.compiledir) == (config.cxx, config.compiledir)
