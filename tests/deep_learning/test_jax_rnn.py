"""The RNN in JAX: padding, settings, parameters; test_frameworks.py compares its results with NumPy's."""

from contextlib import suppress

import numpy as np
import pytest

jax = pytest.importorskip("jax", reason="JAX is not installed: `make setup WITH=jax` brings it")

from lxmls_rnn.deep_learning.jax_rnn import JaxRNN, own_settings, padded  # noqa: E402

SIZES = 12, 6, 5, 4


@pytest.mark.parametrize(("length", "padded_length"), [(1, 8), (8, 8), (9, 16), (16, 16), (17, 32), (100, 128)])
def test_sentences_are_padded_to_powers_of_2(length, padded_length):
    ids = np.arange(1, length + 1)
    for given in (ids, np.array([ids, ids])):
        got = padded(given)
        assert got.shape == (*given.shape[:-1], padded_length)
        assert np.array_equal(got[..., :length], given)
        assert not got[..., length:].any()
    assert (padded(ids).dtype, padded(ids, "float64").dtype) == ("int32", "float64")


def test_float64_is_allowed_within_and_as_before_after_an_error():
    def dtype():
        return jax.numpy.ones(1, "float64").dtype.name

    with pytest.warns(UserWarning, match="float64"):
        assert dtype() == "float32"
    with suppress(ZeroDivisionError), own_settings():
        assert dtype() == "float64"
        raise ZeroDivisionError
    with pytest.warns(UserWarning, match="float64"):
        assert dtype() == "float32"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_parameters_have_the_type_and_shapes_of_the_model(dtype):
    model = JaxRNN(*SIZES, seed=0, dtype=dtype)
    assert {W.dtype.name for W in model.param} == {dtype}
    assert [W.shape for W in model.param] == [(6, 12), (5, 6), (5, 5), (4, 5)]
    before = model.param.W_x
    model.set_values({name: 2 * W for name, W in model.get_values().items()})
    assert model.param.W_x is not before  # a JAX array cannot be changed
    assert np.array_equal(np.asarray(model.param.W_x), 2 * np.asarray(before))


def test_a_step_overwrites_the_parameters_and_changes_only_the_embeddings_of_its_words():
    model = JaxRNN(*SIZES, seed=0)
    before, embeddings = model.arrays, model.get_values()["W_e"]
    x, y = np.array([3, 1, 3], "int32"), np.array([0, 1, 2], "int32")
    model.make_step()(x, y, np.full(3, 1 / 3), 1.0)
    assert all(W.is_deleted() for W in before)
    changed = (model.get_values()["W_e"] != embeddings).any(0)
    assert np.flatnonzero(changed).tolist() == [1, 3]


def test_few_lengths_are_compiled():
    model = JaxRNN(*SIZES, seed=0)
    for length in (1, 5, 8, 9, 12):
        assert model.forward([3] * length).shape == (4, length)
    assert model._p_y._cache_size() == 2
