import pytest

from lxmls_rnn.classroom import bases


@pytest.mark.theano
def test_the_base_classes_have_parameters_and_no_passes():
    model = bases.library_class("LSTM")(9, 4, 5, 3, seed=1)
    assert model.param.W_c.get_value().shape == (15, 5)
    assert bases.RNN is bases.library_class("RNN")
    assert not hasattr(bases.RNN, "_forward")
    assert not bases.NumpyRNN
