"""OpenCL devices: what is refused there."""

import pytest


@pytest.mark.theano
def test_scan_is_refused_on_opencl_with_what_to_take_instead(monkeypatch):
    import theano
    from theano.scan_module.scan_op import Scan

    from lxmls_rnn.theano_env import opencl

    monkeypatch.setattr(Scan, "__init__", Scan.__init__)  # put back after the test
    opencl.refuse_scan("opencl0:1")
    with pytest.raises(NotImplementedError, match=r"\(opencl0:1\): use FastRNN or FastLSTM, or the device cpu or cuda"):
        theano.scan(lambda x: x + 1, sequences=theano.tensor.vector())
