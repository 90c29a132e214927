"""The NumPy taggers: the school's published numbers, the contract of forward and grads, bad input, batches."""

from functools import partial

import numpy as np
import pytest

from lxmls_rnn.deep_learning.activations import OF_RNN
from lxmls_rnn.deep_learning.numpy_lstm import NumpyLSTM
from lxmls_rnn.deep_learning.numpy_rnn import NumpyRNN

# Exercise 6.1 of the 2016 toolkit's own test suite (LxMLS/lxmls-toolkit, MIT): p_y of the first WSJ sentence,
# 'Ms. Haag plays Elianti .', words 0 to 4, tags noun noun verb noun '.', seed 4242
PUBLISHED_P_Y = [
    [0.03468945, 0.01273397, 0.01260221, 0.01260213, 0.01260212],
    [0.06979642, 0.04786876, 0.04771255, 0.04771253, 0.04771249],
    [0.07680857, 0.05766041, 0.05738554, 0.05738532, 0.05738534],
    [0.09176535, 0.0798503, 0.07895001, 0.07894913, 0.07894882],
    [0.02758537, 0.00831099, 0.00821173, 0.00821167, 0.00821165],
    [0.13609027, 0.1671459, 0.16810529, 0.16810628, 0.16810643],
    [0.16687838, 0.24717632, 0.24817336, 0.24817411, 0.24817432],
    [0.05536858, 0.03116249, 0.0309114, 0.03091119, 0.03091119],
    [0.12557292, 0.14314541, 0.14311647, 0.1431164, 0.14311642],
    [0.0408884, 0.01748585, 0.01720501, 0.01720476, 0.0172047],
    [0.03478682, 0.01279824, 0.01265781, 0.01265771, 0.01265768],
    [0.13976949, 0.17466137, 0.17496863, 0.17496879, 0.17496884],
]
PUBLISHED_GRADIENT_MEANS = [1.0494697085525477e-05, 2.4443266955056405e-05, 5.7089383719915436e-05]

MODELS = [NumpyRNN, NumpyLSTM, pytest.param(partial(NumpyLSTM, peepholes=False), id="no peepholes")]
SIZES = 30, 6, 5, 4


@pytest.fixture(scope="module")
def published() -> NumpyRNN:
    return NumpyRNN(4786, 50, 20, 12, seed=4242)


def test_probabilities_are_those_that_the_school_published(published):
    assert np.allclose(published.forward(np.arange(5)), PUBLISHED_P_Y, rtol=0, atol=6e-9)


def test_gradients_have_the_means_that_the_school_published(published):
    means = [gradient.mean() for gradient in published.grads(np.arange(5), [0, 0, 1, 0, 2])]
    assert np.allclose(means[:3], PUBLISHED_GRADIENT_MEANS, rtol=1e-10)
    assert abs(means[3]) < 1e-15


def test_embeddings_given_as_a_matrix_leave_the_other_draws_in_order():
    E = np.random.RandomState(1).uniform(size=(6, 30))
    model = NumpyRNN(E, 5, 4, seed=3)
    rng = np.random.RandomState(3)
    expected = [E, rng.uniform(size=(5, 6)), rng.uniform(size=(5, 5)), rng.uniform(size=(4, 5))]
    for W, value in zip(model.param, expected, strict=True):
        assert np.array_equal(W, value)


@pytest.mark.parametrize("cls", MODELS)
def test_a_parameter_has_a_name_and_the_place_that_the_guide_gives_it(cls):
    model = cls(*SIZES, seed=3)
    names = list(model.shapes(model.sizes))
    assert names == [*["W_e", "W_x", "W_h"], *(["W_c"] if cls is NumpyLSTM else []), "W_y"]
    for n, name in enumerate(names):
        assert getattr(model.param, name) is model.param[n]
    assert (getattr(model.param, "W_c", None) is not None) == (cls is NumpyLSTM)


def test_training_leaves_the_given_embeddings_alone():
    E = np.ones((6, 30))
    NumpyRNN(E, 5, 4, seed=3).param[0][...] = 0
    assert (E == 1).all()


@pytest.mark.parametrize("cls", MODELS)
def test_forward_with_all_outputs_gives_every_quantity_in_the_guides_order(cls):
    model = cls(*SIZES, seed=0)
    x = np.array([3, 1, 4, 1])
    _, y, h, z, x_out = out = model.forward(x, all_outputs=True)
    assert [a.shape for a in out] == [(4, 4), (4, 4), (5, 5), (6, 4), (4,)]
    assert out._fields == ("p_y", "y", "h", "z", "x")
    assert (h[:, 0] == 0).all()
    assert np.array_equal(z, model.param[0][:, x])
    assert np.allclose(y, model.param[-1] @ h[:, 1:])
    assert np.array_equal(x_out, x)
    assert np.allclose(out.p_y.sum(axis=0), 1)


@pytest.mark.parametrize("cls", MODELS)
def test_forward_with_outputs_gives_the_loss_and_log_probabilities(cls):
    model, x, y = cls(*SIZES, seed=0), [3, 1, 4], [0, 3, 2]
    out = model.forward(x, all_outputs=True, outputs=y)
    assert out._fields == ("loss", "p_y", "p", "y", "h", "z", "x")
    assert np.allclose(np.exp(out.p), out.p_y)
    assert out.loss == pytest.approx(-np.mean([np.log(out.p_y[tag, t]) for t, tag in enumerate(y)]), rel=1e-12)


def test_softmax_stays_finite_for_huge_scores():
    model = NumpyRNN(*SIZES, seed=0)
    model.param[-1] *= 1e4
    out = model.forward([1, 2], all_outputs=True, outputs=[0, 1])
    assert np.isfinite(out.p_y).all()
    assert np.isfinite(out.loss)


@pytest.mark.parametrize("cls", [*(partial(NumpyRNN, activation=f) for f in OF_RNN), *MODELS[1:]])
def test_gradients_are_the_differences_of_the_loss(cls):
    model, rng = cls(*SIZES), np.random.RandomState(0)
    model.set_values({name: rng.uniform(-0.8, 0.8, W.shape) for name, W in model.get_values().items()})
    x, y = [3, 1, 4, 1, 5], [0, 3, 2, 1, 0]
    for W, gradient in zip(model.param, model.grads(x, y), strict=True):
        place = np.unravel_index(np.abs(gradient).argmax(), W.shape)
        losses = []
        for moved in (W[place] + 1e-6, W[place] - 1e-6):
            W[place], kept = moved, W[place]
            losses.append(model.forward(x, True, y).loss)
            W[place] = kept
        assert (losses[0] - losses[1]) / 2e-6 == pytest.approx(gradient[place], rel=1e-6)


@pytest.mark.parametrize("cls", MODELS)
def test_float32_agrees_with_float64(cls):
    x, y = [3, 1, 4, 1, 5], [0, 3, 2, 1, 0]
    single, double = cls(*SIZES, seed=0, dtype="float32"), cls(*SIZES, seed=0)
    assert single.forward(x).dtype == np.float32
    for a, b in zip(single.grads(x, y), double.grads(x, y), strict=True):
        assert a.dtype == np.float32
        assert np.abs(a - b).max() <= 1e-4 * np.abs(b).max()


@pytest.mark.parametrize("cls", MODELS)
def test_a_padded_batch_is_the_mean_of_its_sentences(cls):
    model, rng = cls(*SIZES, seed=0), np.random.RandomState(5)
    lengths = [7, 3, 1]
    x, y, weights = np.zeros((3, 7), int), np.zeros((3, 7), int), np.zeros((3, 7))
    for b, length in enumerate(lengths):
        x[b, :length], y[b, :length] = rng.randint(0, 30, length), rng.randint(0, 4, length)
        weights[b, :length] = 1 / (3 * length)
    whole = model.backward(x, y, weights)
    alone = [model.backward(x[b, :length], y[b, :length]) for b, length in enumerate(lengths)]
    assert whole.forward.loss == pytest.approx(np.mean([one.forward.loss for one in alone]), rel=1e-13)
    for n, gradient in enumerate(whole.gradients):
        assert np.allclose(gradient, np.mean([one.gradients[n] for one in alone], axis=0), rtol=1e-11, atol=1e-16)
    for b, length in enumerate(lengths):
        assert np.allclose(whole.e_z[:, b, :length] * 3, alone[b].e_z, rtol=1e-11, atol=1e-16)
        assert (whole.e_z[:, b, length:] == 0).all()


@pytest.mark.parametrize(
    ("x", "y", "error", "message"),
    [
        ([], [], ValueError, "x must hold at least one word id"),
        ([1.5], [0], ValueError, "x must be word ids: integers"),
        ([1, 2], [0], ValueError, r"x and y must have the same shape, got \(2,\) words and \(1,\) tags"),
        ([0, 30], [0, 0], IndexError, "word id 30 in x is outside the 30 words"),
        ([-1], [0], IndexError, "word id -1 in x"),
        ([1], [4], IndexError, "tag id 4 in y is outside the 4 tags"),
        ([[1]], [[1]], ValueError, "x must be one sentence of shape .* got 2 dimensions"),
    ],
)
def test_bad_sentences_are_met_at_the_door(x, y, error, message):
    with pytest.raises(error, match=message):
        NumpyRNN(*SIZES, seed=0).grads(x, y)


def test_gold_tags_without_all_outputs_are_refused():
    with pytest.raises(ValueError, match="all_outputs=True"):
        NumpyRNN(*SIZES, seed=0).forward([1], outputs=[0])


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((30, 6, 5), {}, "got 3 positional arguments"),
        ((np.ones((6, 30)), 5), {}, "got 2 positional arguments"),
        ((30, 0, 5, 4), {}, "n_emb must be a positive integer, got 0"),
        ((30, 6, 2**31, 4), {}, r"n_hidd must be below 2\*\*31, the limit of ids and BLAS, got 2147483648"),
        ((30, 6, True, 4), {}, "n_hidd must be a positive integer, got True"),
        ((30, 6, 5.0, 4), {}, "n_hidd must be a positive integer, got 5.0"),
        ((np.ones(6), 5, 4), {}, r"\(n_emb, n_words\) array, got shape \(6,\)"),
        ((np.full((6, 30), np.nan), 5, 4), {}, "must be finite"),
        (SIZES, {"activation": "softplus"}, "logistic, tanh, .*, got 'softplus'"),
        (SIZES, {"dtype": "float16"}, "got 'float16'"),
        (SIZES, {"seed": -1}, "seed must be an integer from 0 to .* got -1"),
        (SIZES, {"seed": 2**32}, "seed must be an integer from 0 to .* got 4294967296"),
        (SIZES, {"seed": "a"}, "seed must be an integer from 0 to .* got 'a'"),
    ],
)
def test_bad_sizes_are_met_at_the_door(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        NumpyRNN(*arguments, **options)
