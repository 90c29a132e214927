"""Settings and paths of the process that a compiling thread leaves to the other threads of a notebook's kernel."""

import copy
import pickle
import sys
import threading
import warnings
from contextlib import nullcontext
from types import SimpleNamespace

import pytest
from theano_runtime import contexts, importing
from theano_runtime.contexts import TURN


@pytest.fixture
def theano():
    import theano

    return theano


def compile_and(theano, meanwhile):
    """Compile a function; call `meanwhile` while it is optimised, and while it is linked."""

    class Optimizer(theano.gof.Optimizer):
        def apply(self, fgraph):
            meanwhile("optimise")

    class Linker(theano.gof.PerformLinker):
        def make_all(self, *args, **kwargs):
            meanwhile("link")
            return super().make_all(*args, **kwargs)

    x = theano.tensor.dscalar()
    theano.function([x], x + 1, mode=theano.Mode(Linker(), Optimizer()))


def test_a_graph_that_is_built_while_another_thread_compiles_has_the_lines_that_built_it(theano):
    x, has_lines = theano.tensor.dscalar(), {}  # (who builds, when): whether there are lines

    def build(who, when):
        has_lines[who, when] = "test_threads.py" in str((x * 2).tag.trace)

    def meanwhile(when):
        build("this", when)
        other = threading.Thread(target=build, args=("other", when))
        other.start()
        other.join()

    compile_and(theano, meanwhile)
    build("this", "after")
    assert has_lines == {
        ("this", "optimise"): False,  # it would take time
        ("other", "optimise"): True,
        ("this", "link"): False,
        ("other", "link"): True,
        ("this", "after"): True,
    }


def test_a_setting_of_test_values_that_is_made_during_a_compilation_stays(theano, monkeypatch):
    monkeypatch.setattr(theano.config, "compute_test_value", "off")
    compile_and(theano, lambda _: setattr(theano.config, "compute_test_value", "raise"))
    assert theano.config.compute_test_value == "raise"


@pytest.mark.parametrize(("built", "optimised"), [("ignore", "off"), ("off", "ignore")])
def test_the_optimiser_has_its_own_setting_of_test_values(theano, monkeypatch, built, optimised):
    monkeypatch.setattr(theano.config, "compute_test_value", built)
    monkeypatch.setattr(theano.config, "compute_test_value_opt", optimised)
    seen = []
    compile_and(theano, lambda _: seen.append(theano.config.compute_test_value))
    assert (seen, theano.config.compute_test_value) == ([optimised, "off"], built)


def test_copying_and_unpickling_a_function_take_the_turn(theano, monkeypatch):
    from theano.compile import function_module
    from theano.gof.vm import VM_Linker

    seen = []

    def watch(owner, name):
        call = getattr(owner, name)

        def watched(*args, **kwargs):
            seen.append((name, TURN.is_mine()))
            return call(*args, **kwargs)

        monkeypatch.setattr(owner, name, watched)

    x = theano.tensor.dscalar()
    function = theano.function([x], [x + 1], mode="FAST_COMPILE")
    pickled = pickle.dumps(function)
    watch(VM_Linker, "make_all")
    for again in (pickle.loads(pickled), copy.copy(function)):
        assert again(2) == [3]
    kwargs = {"inputs": [theano.In(x)], "outputs": [x], "fgraph": None, "mode": "FAST_COMPILE"}
    watch(VM_Linker, "accept")
    function_module._constructor_FunctionMaker(kwargs)  # in an old pickle
    assert seen == [("make_all", True), ("make_all", True), ("accept", True)]
    assert not TURN.is_mine()


def test_loading_a_module_leaves_the_path_and_the_warnings_of_another_thread(tmp_path, monkeypatch):
    from theano.gof.cmodule import dlimport

    cell = warnings.catch_warnings()

    def meanwhile():  # while the module is loaded, a cell ends its block and makes its folder importable
        cell.__exit__(None, None, None)
        sys.path.insert(0, "/of/a/cell")

    (tmp_path / "loaded").mkdir()
    (tmp_path / "loaded" / "__init__.py").touch()
    (tmp_path / "loaded" / "mod.py").write_text("import cells\ncells.meanwhile()\n")
    monkeypatch.setitem(sys.modules, "cells", SimpleNamespace(meanwhile=meanwhile))
    monkeypatch.setattr(sys, "path", list(sys.path))
    path, filters = list(sys.path), list(warnings.filters)
    cell.__enter__()
    warnings.simplefilter("ignore")
    assert dlimport(str(tmp_path / "loaded" / "mod.py")).cells
    assert sys.path == ["/of/a/cell", *path]
    assert list(warnings.filters) == filters


def test_a_module_of_an_older_numpy_is_loaded_without_a_warning(monkeypatch):
    monkeypatch.setattr(importing, "host", lambda: SimpleNamespace(importing=nullcontext))
    monkeypatch.setattr(contexts, "share_gpu", lambda: None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with importing.importing():
            pass
        warnings.warn("numpy.ndarray size changed, may indicate binary incompatibility", RuntimeWarning, stacklevel=1)
