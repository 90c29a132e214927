"""The LSTM in Theano: its `scan` and its first state; test_theano_rnn.py compares its results with NumPy's."""

import pytest
import theano.tensor as T
from theano.scan_module.scan_op import Scan

from lxmls_rnn.deep_learning.theano_lstm import LSTM

SIZES = 30, 6, 5, 4


@pytest.fixture(scope="module", params=[True, False], ids=["peepholes", "no peepholes"])
def model(request):
    return LSTM(*SIZES, peepholes=request.param)


def scans_of(variable):
    from theano.gof.graph import io_toposort

    return [node for node in io_toposort([], [variable]) if isinstance(node.op, Scan)]


def test_one_scan_has_the_two_states_and_the_matrices_of_the_layer(model):
    for x, dimensions in ((T.ivector("x"), 2), (T.imatrix("x"), 3)):
        p_y = model._forward(x)
        (scan,) = scans_of(p_y)
        assert p_y.ndim == dimensions
        assert scan.op.n_sit_sot == 2  # h and c
        names = [W.name for W in scan.inputs if W.name]
        assert names == ["W_h", "W_c"] if model.peepholes else ["W_h"]


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
