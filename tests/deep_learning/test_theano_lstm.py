"""The LSTM in Theano: its first state; test_theano_rnn.py compares its results with NumPy's."""

import pytest
import theano.tensor as T

from lxmls_rnn.deep_learning.theano_lstm import LSTM

SIZES = 30, 6, 5, 4


@pytest.fixture(scope="module", params=[True, False], ids=["peepholes", "no peepholes"])
def model(request):
    return LSTM(*SIZES, peepholes=request.param)


def test_an_activation_other_than_tanh_is_refused():
    with pytest.raises(ValueError, match="activation must be tanh, got 'relu'"):
        LSTM(*SIZES, activation="relu")


def test_a_cell_alone_can_be_given_as_the_first_state(model):
    """h_0 is 0 then."""
    import theano

    x, c_0 = T.ivector("x"), T.vector("c_0", model.dtype)
    mode = theano.compile.mode.Mode(linker="py", optimizer="fast_compile")  # compiles no C
    states = [model._forward(x, None, c_0), model._forward(x, T.zeros((5,), model.dtype), c_0), model._forward(x)]
    forward = theano.function([x, c_0], states, mode=mode)
    given, both, nothing = forward([3, 1], [1.0, -1.0, 0.5, 0.0, 2.0])
    assert (given == both).all()
    assert abs(given - nothing).max() > 1e-3
