"""How far the gradient reaches back, and which words are alike."""

from types import SimpleNamespace

import numpy as np
import pytest

from lxmls_rnn.deep_learning.activations import ACTIVATIONS, logistic_function
from lxmls_rnn.deep_learning.numpy_rnn import log_softmax
from lxmls_rnn.deep_learning.rnn import NumpyLSTM, NumpyRNN
from lxmls_rnn.teaching.analysis import (
    factor_per_step,
    gradient_reach,
    largest_beyond,
    neighbours,
    principal_components,
    steps_until,
    tag_counts,
)
from lxmls_rnn.teaching.gradient_check import finite_differences
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


def test_neighbours_come_by_their_angle_and_then_by_their_ids():
    E = np.array([[1.0, 10, 0, -1, 0], [0, 1, 1, 0, 0]])
    found = neighbours(E, 0, 4)
    assert [word for word, _ in found] == [1, 2, 4, 3]
    assert [cosine for _, cosine in found] == pytest.approx([10 / 101**0.5, 0, 0, -1])
    found = neighbours(np.eye(100), 50, 99)
    assert [word for word, _ in found] == [word for word in range(100) if word != 50]
    assert len(neighbours(np.eye(100), 50)) == 10


def test_a_cosine_is_never_beyond_one():
    """By rounding, the product of two unit vectors may be."""
    for seed in range(10):
        E = np.outer(np.random.RandomState(seed).uniform(-1, 1, 7), [*np.linspace(-3, -1, 50), *np.linspace(1, 3, 50)])
        cosines = np.array([cosine for _, cosine in neighbours(E, 0, 99)])
        assert np.abs(cosines).max() <= 1
        assert cosines == pytest.approx([1] * 49 + [-1] * 50)


def test_a_vector_of_zeros_has_no_angle_and_a_word_that_is_not_there_no_neighbours():
    assert neighbours(np.array([[0.0, 1, 2], [0, 1, 0]]), 0, 2) == [(1, 0.0), (2, 0.0)]
    with pytest.raises(IndexError, match="from 0 to 4, got 5"):
        neighbours(np.ones((2, 5)), 5)


def test_principal_components_find_the_line_that_points_lie_on():
    E = np.array([[1.0, 2, 3, 4], [2, 4, 6, 8], [0, 0, 0, 0]])
    coordinates, shares = principal_components(E)
    assert shares == pytest.approx([1, 0])
    assert np.abs(np.diff(coordinates[0])) == pytest.approx(5**0.5)
    assert coordinates[1] == pytest.approx(0)


def test_vectors_are_projected_onto_the_components_of_others_and_one_dimension_has_no_second():
    axes_of = np.array([[0.0, 2, 4], [0, 0, 0]])
    coordinates, shares = principal_components(np.array([[2.0, 3], [0, 5]]), axes_of)
    assert np.abs(coordinates[0]) == pytest.approx([0, 1])
    assert np.abs(coordinates[1]) == pytest.approx([0, 5])
    assert shares == pytest.approx([1 / 26, 25 / 26])

    coordinates, shares = principal_components(np.array([[1.0, 2, 4]]))
    assert coordinates.shape == (2, 3)
    assert shares == pytest.approx([1, 0])


def test_tags_of_words_are_counted():
    sentences = [SimpleNamespace(x=[0, 1, 0], y=[1, 0, 1]), SimpleNamespace(x=[0], y=[0])]
    assert tag_counts(sentences, 2, 2).tolist() == [[1, 2], [1, 0]]
