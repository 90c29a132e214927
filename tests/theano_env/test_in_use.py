"""The settings that Theano really uses, and errors if its device is not the requested one."""

import re

import pytest

from lxmls_rnn import theano_env
from lxmls_rnn.theano_env import in_use


@pytest.fixture
def told(monkeypatch):
    """Set what users are told about devices to what they are outside the image."""
    import theano  # noqa: F401  with the settings of all tests

    monkeypatch.delenv("LXMLS_ADVICE", raising=False)
    return monkeypatch


@pytest.mark.parametrize(
    ("device", "reasons", "said"),
    [
        ("cuda0", ["first", "no luck\nmore of it"], "cuda0 but uses cpu (no luck): set LXMLS_DEVICE=cpu to work"),
        ("other", [], "other but uses cpu: set LXMLS_DEVICE=other"),
        (
            "gpu",
            ["no luck"],
            "gpu but uses cpu, because gpu is not the name of a device: set LXMLS_DEVICE to auto, cpu",
        ),
    ],
)
def test_a_device_that_is_not_used_is_an_error_with_the_reason(told, device, reasons, said):
    in_use.require_device("cpu", reasons)
    if device != "gpu":
        told.setattr(in_use, "problem", lambda device: None)
    with pytest.raises(RuntimeError, match=f"^{re.escape(f'Theano should use the device {said}')}"):
        in_use.require_device(device, reasons)


def test_the_report_of_this_process_is_theano_s_own():
    import theano

    config, report = theano.config, theano_env.report()
    assert (report.device_used, report.floatX, report.blas_ldflags) == ("cpu", config.floatX, config.blas.ldflags)
    assert (report.cxx, report.compiledir) == (config.cxx, config.compiledir)
