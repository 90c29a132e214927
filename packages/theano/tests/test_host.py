"""Import of Theano with and without a host."""

import sys
from importlib.metadata import EntryPoint

import fresh_theano
import pytest
from theano_runtime import host

NO_HOST = """
import importlib.metadata
importlib.metadata.entry_points = lambda **_: ()
"""


@pytest.fixture
def offered(monkeypatch):
    """Let installed packages offer these modules, in this order."""

    def offer(*modules):
        found = [EntryPoint(f"number {i}", name, host.GROUP) for i, name in enumerate(modules)]
        monkeypatch.setattr(host, "entry_points", lambda group: found if group == host.GROUP else [])
        host.host.cache_clear()

    yield offer
    monkeypatch.undo()
    host.host.cache_clear()


def test_the_first_host_is_asked_and_else_there_are_plain_settings(offered):
    offered()
    assert host.host() is host
    with host.host().importing():
        pass
    assert str(host.GpuLost("CUDA_ERROR_UNKNOWN")).startswith("the GPU has stopped working (CUDA_ERROR_UNKNOWN): ")
    offered("this", "string")
    assert host.host() is sys.modules["this"]


@fresh_theano.needs_compiler
@pytest.mark.daily("compiles a scan from an empty cache without BLAS, ten seconds")
def test_without_a_host_theano_has_its_own_settings_and_our_compiler(tmp_path):
    code = f"""{NO_HOST}
import sys, theano, theano.tensor as T
x, w = T.vector(), theano.shared(0.5)
h, _ = theano.scan(lambda z, before: z * w + before, sequences=x, outputs_info=T.zeros(()))
print(theano.function([x], T.grad(h.sum(), w))([1.0, 2.0]), "lxmls_rnn" in sys.modules)
"""
    assert fresh_theano.run(code, tmp_path) == "4.0 False\n"  # h = (w, 3w)
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
