"""What a thread that compiles leaves as it is, because other threads of a notebook's kernel use it at the same time."""

import copy
import pickle

import pytest
from theano_runtime.contexts import TURN


@pytest.fixture
def theano():
    import theano

    return theano


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
