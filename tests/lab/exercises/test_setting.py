"""The checks' sentences and models, and what they say of results of an unexpected kind."""

import numpy as np
import pytest

from lab.exercises.setting import (
    MODEL_SIZES,
    SENTENCES,
    class_of,
    compare_probabilities,
    model_of,
    several,
    what,
)
from lab.exercises.slips import RNN_SLIPS, rnn_forward
from lab.exercises.verdict import Wrong
from lxmls_rnn.deep_learning.numpy_lstm import NumpyLSTM
from lxmls_rnn.deep_learning.numpy_rnn import NumpyRNN


def test_the_sizes_and_sentences_let_typical_mistakes_show():
    assert len(set(MODEL_SIZES)) == 4  # of which two that are swapped would otherwise pass
    (x, y), (word, tag) = SENTENCES
    n_words, n_emb, n_hidd, n_tags = MODEL_SIZES
    assert len(x) == len(y) not in (n_emb, n_hidd, n_tags)
    repeated = [t for t in range(len(x)) if x[t] in x[:t]]
    assert repeated
    assert x[0] not in x[1:]
    assert set(y) == set(range(n_tags))
    assert max(x) < n_words
    assert (len(word), len(tag)) == (1, 1)


@pytest.mark.parametrize("cls", [NumpyRNN, NumpyLSTM])
def test_the_models_numbers_are_fixed_of_both_signs_and_saturate_no_unit(cls):
    first, second = model_of(cls), model_of(cls)
    for name, W in first.get_values().items():
        assert np.array_equal(W, second.get_values()[name])
        assert W.min() < 0 < W.max()
    h = first.forward(SENTENCES[0][0], True).h[:, 1:]
    assert np.abs(h).max() < 0.99
    assert np.abs(h).min() > 1e-3


def test_a_model_has_the_options_that_are_given():
    assert model_of(NumpyLSTM, peepholes=False).options["peepholes"] is False


def test_the_class_of_a_class_is_itself():
    assert class_of(NumpyRNN) is class_of(model_of()) is NumpyRNN


@pytest.mark.parametrize(
    ("value", "text"), [((1, 2), "2 values"), ([], "0 values"), (np.ones(3), "ndarray"), (None, "NoneType")]
)
def test_a_value_is_described_by_its_number_or_its_type(value, text):
    assert what(value) == text
    if text != "2 values":
        with pytest.raises(Wrong, match=f"^Expected the results a, b; got {text}.$"):
            several(value, "a, b", 2)


def test_several_values_are_a_tuple_or_list_of_the_number_that_is_asked_for():
    assert several((1, 2), "a, b", 2) == (1, 2)
    assert several([1, 2, 3], "some") == [1, 2, 3]
    with pytest.raises(Wrong, match="Expected the results some; got dict"):
        several({1: 2}, "some")


def test_the_first_step_that_differs_is_reported_with_the_mistake():
    (x, _), param = SENTENCES[0], model_of().param
    right = rnn_forward(x, param)["p"]
    compare_probabilities(x, right, param, rnn_forward, RNN_SLIPS, "float64")
    wrong = rnn_forward(x, param, recurrent=lambda W, h, t: W.T @ h[:, t])["p"]
    with pytest.raises(Wrong, match=r"Correct: step 1\. First difference: p at step 2 .*\nW_h is transposed"):
        compare_probabilities(x, wrong, param, rnn_forward, RNN_SLIPS, "float64")
    doubled = right * np.array([1, 1, 2, 1, 1, 1])
    with pytest.raises(Wrong, match=r"p at step 3 .*\nIt is not normalised: the sum is 2, expected 1\."):
        compare_probabilities(x, doubled, param, rnn_forward, RNN_SLIPS, "float64")
