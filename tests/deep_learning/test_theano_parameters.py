import numpy as np
import pytest

from lxmls_rnn.deep_learning.numpy_rnn import NumpyRNN
from lxmls_rnn.deep_learning.theano_parameters import SharedParameters


@pytest.mark.theano
def test_parameters_are_drawn_copied_and_set_as_in_numpy():
    model, reference = SharedParameters(9, 4, 5, 3, seed=2, dtype="float64"), NumpyRNN(9, 4, 5, 3, seed=2)
    for name, value in model.get_values().items():
        np.testing.assert_array_equal(value, reference.get_values()[name])
    values = {name: value + 1 for name, value in model.get_values().items()}
    model.set_values(values)
    np.testing.assert_array_equal(model.param.W_x.get_value(), values["W_x"])
