"""The reach of the gradient and the Jacobians of the recurrence, against finite differences."""

import numpy as np
import pytest

from lxmls_rnn.deep_learning.activations import ACTIVATIONS, OF_RNN, logistic_function
from lxmls_rnn.deep_learning.numpy_rnn import log_softmax
from lxmls_rnn.deep_learning.rnn import NumpyLSTM, NumpyRNN
from lxmls_rnn.teaching.comparison import relative_difference
from lxmls_rnn.teaching.gradient_check import finite_differences, random_values
from lxmls_rnn.teaching.gradient_flow import (
    factor_per_step,
    gradient_reach,
    largest_beyond,
    spectral_radii,
    state_jacobian,
    step_jacobians,
    steps_until,
)
from lxmls_rnn.teaching.landscape import with_clamps

X = np.array([3, 0, 5, 1, 4])  # all different: column x[k] of W_e is z_k alone
TAG = 2


def drawn(cls, **more):
    model = cls(6, 4, 5, 3, **more)
    rng = np.random.RandomState(1)
    model.set_values({name: rng.uniform(-1, 1, W.shape) for name, W in model.get_values().items()})
    return model


LSTMS = [drawn(NumpyLSTM), drawn(NumpyLSTM, peepholes=False)]
MODELS = [drawn(NumpyRNN, activation="logistic"), drawn(NumpyRNN, activation="tanh"), *LSTMS]


def loss_from(model, k, h, c, t):
    """Give -log p_t[TAG] of the network that goes on from the state h, c after step k."""
    H = len(h)
    for word in X[k + 1 : t + 1]:
        a = model.param[1] @ model.param[0][:, word] + model.param[2] @ h
        if c is None:
            h = ACTIVATIONS[model.activation].f(a)
            continue
        b = model.param.W_c @ c if model.peepholes else np.zeros(3 * H)
        i, f, o = (
            logistic_function()(v) for v in (a[:H] + b[:H], a[H : 2 * H] + b[H : 2 * H], a[3 * H :] + b[2 * H :])
        )
        c = f * c + i * np.tanh(a[2 * H : 3 * H])
        h = o * np.tanh(c)
    return -log_softmax(model.param[-1] @ h)[TAG]


@pytest.mark.parametrize("t", [0, 3])
@pytest.mark.parametrize("model", MODELS)
def test_the_gradient_by_states_and_embeddings_is_that_of_finite_differences(model, t):
    reach = gradient_reach(model, X, t, TAG)
    assert reach.loss == pytest.approx(-np.log(model.forward(X)[TAG, t]))
    h_all = model.forward(X, True).h
    for k in range(t + 1):
        h = h_all[:, k + 1].copy()
        c = model.cells(X).c[:, k + 1] if isinstance(model, NumpyLSTM) else None
        expected = finite_differences(lambda: loss_from(model, k, h, c, t), h)  # noqa: B023
        assert reach.h[k] == pytest.approx(np.linalg.norm(expected), rel=1e-8)
    gradient = finite_differences(lambda: -log_softmax(model.forward(X, True).y[:, t])[TAG], model.param[0])
    assert reach.z == pytest.approx(np.linalg.norm(gradient[:, X[: t + 1]], axis=0), rel=1e-8)
    assert not gradient[:, X[t + 1 :]].any()


@pytest.mark.parametrize("model", LSTMS)
def test_the_gradient_by_the_cells_is_that_of_finite_differences(model):
    t = 4
    reach = gradient_reach(model, X, t, TAG)
    cells, h_all = model.cells(X), model.forward(X, True).h
    for k in range(t + 1):
        c, h = cells.c[:, k + 1].copy(), h_all[:, k + 1]

        def loss():
            # the hidden state of the same step follows the cell
            return loss_from(model, k, cells.o[:, k] * np.tanh(c), c, t)  # noqa: B023

        assert reach.c[k] == pytest.approx(np.linalg.norm(finite_differences(loss, c)), rel=1e-8)
        assert h == pytest.approx(cells.o[:, k] * np.tanh(c))


def test_cell_errors_of_a_whole_sentence_sum_up_those_of_its_words():
    model, y = drawn(NumpyLSTM), np.array([0, 1, 2, 1, 0])
    whole = model.backward(X, y).layer["e_c"]
    words = sum(model.backward(X, y, weights=one).layer["e_c"] for one in np.eye(5))
    assert whole == pytest.approx(words / 5)


def test_a_float32_model_is_followed_in_float64():
    model = drawn(NumpyRNN, dtype="float32")
    assert gradient_reach(model, X, 4, TAG).h.dtype == np.float64


def test_a_model_whose_backward_ignores_the_weights_gets_the_librarys_gradient():
    class Own(NumpyRNN):  # as `check.use` makes it of a student's functions
        def backward_unchecked(self, x, y, weights=None):
            return super().backward_unchecked(x, y)

    own, plain = drawn(Own), drawn(NumpyRNN)
    assert np.array_equal(gradient_reach(own, X, 3, TAG).h, gradient_reach(plain, X, 3, TAG).h)


def test_clamped_gates_stay_clamped():
    plain = drawn(NumpyLSTM)
    closed = gradient_reach(with_clamps(plain, {"f": 0.0, "o": 0.0}), X, 3, TAG)
    assert not closed.h[:-1].any()
    assert gradient_reach(plain, X, 3, TAG).h.all()


@pytest.mark.parametrize("t", [-1, 5])
def test_a_word_outside_the_sentence_is_refused(t):
    with pytest.raises(IndexError, match=rf"0 \.\. 4, got {t}"):
        gradient_reach(MODELS[0], X, t, TAG)


def test_the_factor_of_a_step_and_the_steps_until_it_is_small():
    norms = np.array([0.001, 0.01, 0.1, 1.0])
    assert factor_per_step(norms) == pytest.approx(0.1)
    assert steps_until(norms, 0.05) == 2
    assert steps_until(norms, 1e-9) is None
    assert factor_per_step(np.array([0.5, 2.0])) == 0.25
    assert steps_until(np.array([0.25, 1.0]), 0.25) is None  # as much is not less
    assert np.isnan(factor_per_step(np.zeros(3)))
    assert np.isnan(factor_per_step(np.array([0.0, 1.0])))
    assert np.isnan(factor_per_step(np.array([1.0, 0.0])))
    assert np.isnan(factor_per_step(np.ones(1)))


def test_a_norm_that_grows_again_further_back_is_found():
    norms = np.array([0.2, 1.0, 0.01, 0.5, 2.0])
    assert steps_until(norms, 0.01) == 2
    assert largest_beyond(norms, 2) == 0.5
    assert largest_beyond(norms, 4) == 0


H = 3


def small(cls, **more):
    model = cls(6, 4, H, 2, **more)
    model.set_values(random_values(model, np.random.RandomState(1)))
    return model


SMALL = [
    *(small(NumpyRNN, activation=activation) for activation in OF_RNN),
    small(NumpyLSTM),
    small(NumpyLSTM, peepholes=False),
    *(with_clamps(small(NumpyLSTM), clamps) for clamps in ({"i": 0.0}, {"f": 1.0}, {"o": 0.5, "f": 0.0})),
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


@pytest.mark.parametrize("model", SMALL)
@pytest.mark.parametrize("n_steps", [1, 5])
def test_the_jacobian_of_the_state_is_that_of_finite_differences(model, n_steps):
    found = state_jacobian(model, X[:n_steps])
    assert relative_difference(found, numeric_jacobian(model, X[:n_steps]))[0] < 1e-8
    assert step_jacobians(model, X).shape == (5, *found.shape)


def test_a_cell_that_neither_forgets_nor_takes_in_is_kept():
    J = state_jacobian(with_clamps(small(NumpyLSTM), {"i": 0.0, "f": 1.0}), X)
    np.testing.assert_array_equal(J[H:], np.hstack([np.zeros((H, H)), np.eye(H)]))


def test_the_spectral_radius_is_of_the_matrix_and_of_the_rows_of_each_gate():
    rotation = 2 * np.array([[0.0, -1.0], [1.0, 0.0]])  # eigenvalues 2i and -2i
    assert spectral_radii(rotation) == pytest.approx([2])
    blocks = [rotation, 3 * np.eye(2), np.array([[0.0, 9.0], [0.0, 0.0]]), -np.diag([1.0, 4.0])]
    assert spectral_radii(np.concatenate(blocks)) == pytest.approx([2, 3, 0, 4])
