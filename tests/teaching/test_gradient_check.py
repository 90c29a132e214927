"""NumPy, scan and finite differences agree, on random sizes, lengths and words."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lxmls_rnn.deep_learning import rnn as rnns
from lxmls_rnn.deep_learning.activations import ACTIVATIONS
from lxmls_rnn.deep_learning.parameters import Sizes
from lxmls_rnn.teaching.gradient_check import check_gradients, finite_differences, random_sentence, random_values

compiles_scan = pytest.mark.nightly("the same as logistic, with another layer or size; test_quantities has each layer")
FAMILIES = [
    (rnns.NumpyRNN, rnns.RNN, {"activation": "logistic"}),
    pytest.param(rnns.NumpyRNN, rnns.RNN, {"activation": "tanh"}, marks=compiles_scan),
    pytest.param(rnns.NumpyRNN, rnns.RNN, {"activation": "relu"}, marks=compiles_scan),
    *(pytest.param(rnns.NumpyLSTM, rnns.LSTM, {"peepholes": kind}, marks=compiles_scan) for kind in (True, False)),
]


@st.composite
def problems(draw):
    sizes = {"n_words": draw(st.integers(1, 12)), "n_emb": draw(st.integers(1, 6)), "n_tags": draw(st.integers(1, 5))}
    length = draw(st.integers(1, 8))
    x = draw(st.lists(st.integers(0, sizes["n_words"] - 1), min_size=length, max_size=length))
    y = draw(st.lists(st.integers(0, sizes["n_tags"] - 1), min_size=length, max_size=length))
    return sizes, np.array(x), np.array(y), draw(st.integers(0, 2**31))


@pytest.mark.parametrize(("numpy_class", "theano_class", "options"), FAMILIES)
@pytest.mark.parametrize("n_hidd", [5, pytest.param(1, marks=compiles_scan)])
@given(problem=problems())
@example(problem=({"n_words": 2, "n_emb": 1, "n_tags": 3}, np.zeros(7, int), np.zeros(7, int), 0))  # a steep loss
@example(problem=({"n_words": 3, "n_emb": 2, "n_tags": 2}, np.array([0, 0, 0, 1, 1, 0, 0]), np.eye(7, dtype=int)[4], 1))
def test_numpy_scan_and_finite_differences_agree(scan_of, n_hidd, numpy_class, theano_class, options, problem):
    sizes, x, y, seed = problem
    sizes = Sizes(**sizes, n_hidd=n_hidd)
    rng = np.random.RandomState(seed)
    model = numpy_class(*sizes, **options)
    model.set_values({name: rng.uniform(-1, 1, shape) for name, shape in model.shapes(sizes).items()})
    scan = scan_of(model)
    assert type(scan) is theano_class
    scan_gradients = scan.grads(x, y)
    # a unit that is about to switch has no such derivative there
    kink = not ACTIVATIONS[model.activation].is_smooth and np.abs(_preactivations(model, x)).min() < 0.05
    for W, gradient, scan_gradient in zip(model.param, model.grads(x, y), scan_gradients, strict=True):
        assert np.allclose(scan_gradient, gradient, rtol=1e-8, atol=1e-12)
        if not kink:
            expected = finite_differences(lambda: model.forward(x, True, y).loss, W)
            assert np.abs(gradient - expected).max() <= 1e-8 * max(np.abs(expected).max(), 1e-2)
    assert np.allclose(scan.forward(x), model.forward(x), rtol=1e-8, atol=1e-14)


def _preactivations(model, x):
    _, _, h, z, _ = model.forward(x, all_outputs=True)
    return model.param[1] @ z + model.param[2] @ h[:, :-1]


def test_the_checks_table_covers_every_parameter_and_agrees():
    rows = list(check_gradients(["NumpyRNN", "NumpyLSTM"], sizes=(6, 3, 2, 3), length=3))
    assert len(rows) == len(ACTIVATIONS) * 4 + 5 + 4
    assert list(dict.fromkeys(row.name for row in rows)) == ["NumpyRNN", "NumpyLSTM", "NumpyLSTM, no peepholes"]
    assert all(row.agrees for row in rows)
    rows = check_gradients(["NumpyRNN", "NumpyLSTM"], sizes=(3, 1, 1, 2), length=1, activation="relu")
    assert [row.activation for row in rows] == ["relu"] * 4 + ["tanh"] * 9


@pytest.mark.parametrize(("n_hidd", "length"), [(1, 1), (5, 5)])
def test_the_check_raises_no_false_alarm(n_hidd, length):
    rows = list(check_gradients(["NumpyRNN", "NumpyLSTM"], sizes=(10, 3, n_hidd, 4), length=length, seed=0))
    assert all(row.agrees for row in rows)
    assert len({(row.model, row.parameter) for row in rows}) == 4 + 5


def test_a_model_in_theano_is_compared_with_numpys():
    rows = list(check_gradients(["FastRNN"], sizes=(6, 3, 2, 3), length=3, activation="tanh"))
    assert [(row.model, row.parameter, row.against, row.agrees) for row in rows] == [
        ("FastRNN", name, "NumpyRNN", True) for name in ("W_e", "W_x", "W_h", "W_y")
    ]
    assert any(row.difference > 0 for row in rows)  # it was not compared with itself


def test_the_same_seed_gives_the_same_check_and_another_seed_another():
    first, again, other = (
        list(check_gradients(["NumpyRNN"], sizes=(6, 3, 2, 3), length=3, activation="tanh", seed=seed))
        for seed in (1, 1, 2)
    )
    assert first == again != other
    assert "array" not in repr(first)
    assert np.array_equal(first[0].gradient, again[0].gradient)
    assert not np.array_equal(first[0].gradient, other[0].gradient)


def test_the_first_word_comes_twice_so_that_its_errors_must_be_added():
    """And at the end, where there is room for it."""
    for length in (1, 2, 7):
        x, y = random_sentence((20, 6, 5, 4), length, np.random.RandomState(0))
        assert x[0] == x[-1]
        assert len(x) == len(y) == length
    drawn = [random_sentence((20, 6, 5, 4), 100, np.random.RandomState(seed)) for seed in range(9)]
    assert {int(word) for x, _ in drawn for word in x} == set(range(20))
    assert {int(tag) for _, y in drawn for tag in y} == set(range(4))


def test_parameters_are_drawn_of_either_sign_and_a_size_that_saturates_nothing():
    model = rnns.NumpyLSTM(300, 100, 25, 40)
    values = random_values(model, np.random.RandomState(0))
    assert {name: W.shape for name, W in values.items()} == model.shapes(model.sizes)
    for name, bound in {"W_e": 1, "W_x": 0.1, "W_h": 0.2, "W_c": 0.2, "W_y": 0.2}.items():
        W = values[name] / bound
        assert -1 <= W.min() < -0.95 < 0.95 < W.max() <= 1
        assert abs(W.mean()) < 0.1


@pytest.mark.parametrize("at", [1.0, 1e-3, 1e-4, 2e-5])
def test_finite_differences_of_a_kink_stay_on_their_side(at):
    """All but the first are nearer to the kink than the widest step."""
    W = np.array([at, -at])
    found = finite_differences(lambda: float(np.abs(W).sum() * 3 + W.sum()), W, lambda: W > 0)
    assert found == pytest.approx([4.0, -2.0])
    assert W.tolist() == [at, -at]


def test_finite_differences_are_of_sixth_order():
    """Exact for a polynomial of degree six; the usual two points would be wrong in the fifth digit."""
    W = np.array([[2.0]])
    found = finite_differences(lambda: float(1e6 * (W[0, 0] - 2) ** 5 + W[0, 0]), W)
    assert found[0, 0] == pytest.approx(1.0, abs=1e-10)


def test_the_check_takes_a_sentence_and_parameters():
    values = rnns.NumpyRNN(6, 3, 2, 3, seed=1).get_values()
    rows = list(
        check_gradients(
            ["NumpyRNN"], sizes=(6, 3, 2, 3), x=[5, 0, 5], y=[2, 1, 0], values=values, activation="logistic"
        )
    )
    model = rnns.NumpyRNN(6, 3, 2, 3, seed=1)
    assert [row.parameter for row in rows] == ["W_e", "W_x", "W_h", "W_y"]
    for row, gradient in zip(rows, model.grads([5, 0, 5], [2, 1, 0]), strict=True):
        assert row.agrees
        assert np.array_equal(row.gradient, gradient)
        assert row.differences.max() == row.difference


def test_the_check_says_which_argument_does_not_fit():
    with pytest.raises(ValueError, match="both or neither"):
        list(check_gradients(["NumpyRNN"], x=[1]))
    with pytest.raises(ValueError, match="activation must be one of"):
        list(check_gradients(["NumpyRNN"], activation="sine"))
    with pytest.raises(IndexError, match="word id 20"):
        list(check_gradients(["NumpyRNN"], x=[20], y=[0]))
