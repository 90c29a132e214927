"""Import of Theano with and without a host."""

import fresh_theano
import pytest
from theano_runtime import host


def test_the_library_is_the_host_and_without_it_there_are_plain_settings(monkeypatch):
    assert host.host().__name__ == "lxmls_rnn.theano_env.load"
    monkeypatch.setattr(host, "entry_points", lambda group: ())
    plain = host.host.__wrapped__()
    assert plain is host
    with plain.importing():
        pass
    assert str(plain.GpuLost("CUDA_ERROR_UNKNOWN")).startswith("the GPU has stopped working (CUDA_ERROR_UNKNOWN): ")


@fresh_theano.needs_compiler
@pytest.mark.daily("compiles the header and three modules from an empty cache, ten seconds")
def test_without_a_host_theano_has_its_own_settings_and_our_compiler(tmp_path):
    code = """
import sys
from theano_runtime import host
host.entry_points = lambda group: ()
import theano, theano.tensor as T
x = T.vector()
print(theano.function([x], T.exp(x).sum())([0.0, 0.0]), "lxmls_rnn.device" in sys.modules)
"""
    assert fresh_theano.run(code, tmp_path) == "2.0 False\n"
    assert list(tmp_path.glob("*/header-*/*.gch"))


def test_an_import_that_its_host_has_stopped_can_be_repeated(tmp_path):
    code = """
import sys
from contextlib import contextmanager
from theano_runtime import host
@contextmanager
def refuse():
    yield
    raise RuntimeError("no such device")
class Host:
    importing = staticmethod(refuse)
hosts = [host, Host]
host.host = lambda: hosts.pop()
sys.modules["theanomine"] = sys
try:
    import theano
except RuntimeError as error:
    print(error, [name for name in sys.modules if name.startswith("theano.")], "theanomine" in sys.modules)
import theano
print(theano.config.floatX)
"""
    output = fresh_theano.run(code, tmp_path, THEANO_FLAGS="cxx=")
    assert output == "no such device [] True\nfloat64\n"
