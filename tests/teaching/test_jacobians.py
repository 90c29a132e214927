"""Jacobians of the recurrence against finite differences, and the spectral radius of its matrix."""

import numpy as np
import pytest

from lxmls_rnn.deep_learning.activations import ACTIVATIONS, OF_RNN, logistic_function
from lxmls_rnn.deep_learning.rnn import NumpyLSTM, NumpyRNN
from lxmls_rnn.teaching.gradient_check import finite_differences, random_values, relative_difference
from lxmls_rnn.teaching.jacobians import spectral_radii, state_jacobian, step_jacobians
from lxmls_rnn.teaching.landscape import with_clamps

X = np.array([3, 0, 5, 1, 4])
H = 3


def drawn(cls, **more):
    model = cls(6, 4, H, 2, **more)
    model.set_values(random_values(model, np.random.RandomState(1)))
    return model


MODELS = [
    *(drawn(NumpyRNN, activation=activation) for activation in OF_RNN),
    drawn(NumpyLSTM),
    drawn(NumpyLSTM, peepholes=False),
    *(with_clamps(drawn(NumpyLSTM), clamps) for clamps in ({"i": 0.0}, {"f": 1.0}, {"o": 0.5, "f": 0.0})),
]


def last_state(model, s, x):
    """Give the state after the words x of a network that is written out and begins with the state s."""
    for word in x:
        a = model.param.W_x @ model.param.W_e[:, word] + model.param.W_h @ s[:H]
        if not isinstance(model, NumpyLSTM):
            s = ACTIVATIONS[model.activation].f(a)
            continue
        c, clamps = s[H:], getattr(model, "clamps", {})
        b = model.param.W_c @ c if model.peepholes else np.zeros(3 * H)
        sums = {"i": a[:H] + b[:H], "f": a[H : 2 * H] + b[H : 2 * H], "o": a[3 * H :] + b[2 * H :]}
        gates = {name: clamps.get(name, logistic_function()(total)) for name, total in sums.items()}
        c = gates["f"] * c + gates["i"] * np.tanh(a[2 * H : 3 * H])
        s = np.concatenate([gates["o"] * np.tanh(c), c])
    return s


def numeric_jacobian(model, x):
    s = np.zeros(2 * H if isinstance(model, NumpyLSTM) else H)
    return np.array([finite_differences(lambda: last_state(model, s, x)[row], s) for row in range(len(s))])  # noqa: B023


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("n_steps", [1, 5])
def test_the_jacobian_of_the_state_is_that_of_finite_differences(model, n_steps):
    found = state_jacobian(model, X[:n_steps])
    assert relative_difference(found, numeric_jacobian(model, X[:n_steps]))[0] < 1e-8
    assert step_jacobians(model, X).shape == (5, *found.shape)


def test_a_cell_that_neither_forgets_nor_takes_in_is_kept():
    J = state_jacobian(with_clamps(drawn(NumpyLSTM), {"i": 0.0, "f": 1.0}), X)
    np.testing.assert_array_equal(J[H:], np.hstack([np.zeros((H, H)), np.eye(H)]))


def test_the_spectral_radius_is_of_the_matrix_and_of_the_rows_of_each_gate():
    rotation = 2 * np.array([[0.0, -1.0], [1.0, 0.0]])  # eigenvalues 2i and -2i
    assert spectral_radii(rotation) == pytest.approx([2])
    blocks = [rotation, 3 * np.eye(2), np.array([[0.0, 9.0], [0.0, 0.0]]), -np.diag([1.0, 4.0])]
    assert spectral_radii(np.concatenate(blocks)) == pytest.approx([2, 3, 0, 4])
