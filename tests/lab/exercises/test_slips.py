"""Common mistakes: without one the computation is the library's, and each one changes its result."""

import numpy as np
import pytest

from lab.exercises import slips
from lab.exercises.setting import SENTENCES, model_of
from tests.lab.exercises.mistakes import differs, each

X, GOLD = SENTENCES[0]


@pytest.fixture(scope="module")
def back():
    """The quantities of a backward pass of the RNN."""
    return model_of().backward(X, GOLD)


@pytest.mark.parametrize("x", [x for x, _ in SENTENCES])
def test_the_forward_pass_is_the_models(x):
    model, found = model_of(), slips.rnn_forward(x, model_of().param)
    p_y, y, h, z, _ = model.forward(x, True)
    assert list(found) == ["z", "a", "h", "y", "p"]
    for name, value in {"p": p_y, "y": y, "h": h, "z": z}.items():
        assert np.allclose(found[name], value, rtol=1e-12)
    assert np.allclose(h[:, 1:], 1 / (1 + np.exp(-found["a"])))


def test_the_errors_are_the_models(back):
    W_h, W_y = model_of().param[2:]
    found = slips.rnn_errors(GOLD, back.forward.h, back.forward.p_y, W_h, W_y)
    assert list(found) == ["e_y", "e_h", "e_a"]
    assert np.allclose(found["e_y"], back.e_y, rtol=1e-12)
    W_x = model_of().param.W_x
    assert np.allclose(W_x.T @ found["e_a"], back.e_z, rtol=1e-10)


@each(slips.RNN_SLIPS)
def test_a_mistake_changes_the_forward_pass(mistake):
    param = model_of().param
    assert differs(slips.rnn_forward(X, param, **mistake), slips.rnn_forward(X, param))


@each(slips.ERROR_SLIPS)
def test_a_mistake_changes_the_errors(mistake, back):
    given = GOLD, back.forward.h, back.forward.p_y, *model_of().param[2:]
    assert differs(slips.rnn_errors(*given, **mistake), slips.rnn_errors(*given))


def test_a_wrong_gradient_is_wrong_and_has_the_shape_of_the_right_one(back):
    model, e_a = model_of(), np.linalg.lstsq(model_of().param.W_x.T, back.e_z, rcond=None)[0]
    found = slips.rnn_gradient_slips(X, back.forward.z, back.forward.h, back.e_y, e_a, model.param)
    right = dict(zip(model.shapes(model.sizes), model.grads(X, GOLD), strict=True))
    assert list(found) == list(right)
    for name, wrong in found.items():
        for message, gradient in wrong:
            assert gradient.shape == right[name].shape, message
            # h_0 is 0, so the first step adds nothing to the gradient of W_h
            if (name, message) != ("W_h", "The first step is missing."):
                assert not np.allclose(gradient, right[name], rtol=1e-3), message


@pytest.mark.parametrize("skipped", ["a", "h", "y"])
def test_what_is_skipped_stays_zero_and_the_rest_follows(skipped):
    found = slips.rnn_forward(X, model_of().param, skip=[skipped])
    assert not found[skipped].any()
    expected = {"a": 0.5, "h": 0.0}.get(skipped)
    if expected is not None:
        assert (found["h"][:, 1:] == expected).all()
    assert np.allclose(found["p"].sum(0), 1)


@pytest.mark.parametrize("skipped", ["e_y", "e_h", "e_a"])
def test_an_error_that_is_skipped_stays_zero(skipped, back):
    found = slips.rnn_errors(GOLD, back.forward.h, back.forward.p_y, *model_of().param[2:], skip=[skipped])
    after = ["e_y", "e_h", "e_a"][["e_y", "e_h", "e_a"].index(skipped) :]
    zero = [name for name, value in found.items() if not value.any()]
    assert zero == (after if skipped != "e_a" else ["e_a"])
