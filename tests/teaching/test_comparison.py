"""The places and gates in which two gradients differ."""

import numpy as np

from lxmls_rnn.deep_learning.rnn import NumpyRNN
from lxmls_rnn.teaching.comparison import comparison, relative_difference


def test_a_broken_gradient_is_found_and_located():
    model = NumpyRNN(6, 3, 2, 3, seed=1)
    right = model.grads([1, 2, 1], [0, 1, 2])
    broken = [g.copy() for g in right]
    broken[2][1, 0] *= 1.001
    named = zip(model.shapes(model.sizes), broken, right, strict=True)
    rows = [comparison("student", model, name, found, expected, "NumpyRNN") for name, found, expected in named]
    assert [row.parameter for row in rows if not row.agrees] == ["W_h"]
    assert rows[2].where == (1, 0)
    rows[2].gradient[0, 0] = np.nan
    assert rows[2].wrong.all()
    assert rows[2].wrong_gates("if") == []  # both are
    rows[2].gradient[0] = rows[2].expected[0]
    assert rows[2].wrong_gates("if") == ["f"]
    assert relative_difference(np.zeros((2, 2)), np.zeros((2, 2)))[0] == 0
