"""The checks of exercise 6.1 recognise each known mistake; test_check.py shows them students' code."""

import numpy as np
import pytest

from lab.exercises import numpy_exercises
from lab.exercises.setting import SENTENCES, model_of
from lab.exercises.slips import ERROR_SLIPS, RNN_SLIPS, rnn_errors, rnn_forward, rnn_gradient_slips
from lab.exercises.verdict import NotYet, Wrong
from lxmls_rnn.deep_learning.numpy_rnn import NumpyRNN

# a mistake with the effect of another one, which is reported instead
SAME = {"The sentence is read backwards, from the last word to the first.": "z is in reverse order"}


def each(slips):
    return pytest.mark.parametrize(("message", "mistake"), slips, ids=[message for message, _ in slips])


def forward(**mistake):
    """A student's forward pass."""
    return lambda x, *param: tuple(rnn_forward(x, param, **mistake).values())


def errors(**mistake):
    return lambda *given: tuple(rnn_errors(*given, **mistake).values())


def model(change):
    """A student's model, whose probabilities are changed."""

    class Student(NumpyRNN):
        def forward(self, x):
            return change(rnn_forward(x, self.param)["p"])

    return Student


RIGHT_GRADIENTS = {len(x): model_of().grads(x, gold) for x, gold in SENTENCES}


def test_right_functions_pass():
    assert numpy_exercises.forward(forward()).startswith("z, a, h, y and p equal NumpyRNN's")
    assert numpy_exercises.errors(errors()).startswith("e_y, e_h and e_a equal NumpyRNN's")
    assert numpy_exercises.gradients(lambda x, *_: RIGHT_GRADIENTS[len(x)]).startswith("The gradients of W_e, W_x, W_h")
    assert numpy_exercises.forward(model(lambda p: p)).startswith("p equals NumpyRNN's in every step")


@each(RNN_SLIPS)
def test_a_mistake_in_the_forward_pass_is_recognised(message, mistake):
    with pytest.raises(Wrong) as error:
        numpy_exercises.forward(forward(**mistake))
    message = SAME.get(message, message)
    if "first" in mistake:
        message = "First difference: h_0 = h[:, 0] is [1, 1, 1, 1, ...], expected zeros."
    assert message in str(error.value)


@each([(message, mistake) for message, mistake in RNN_SLIPS if list(mistake) == ["output"]])
def test_a_mistake_in_the_last_step_is_recognised_in_p_alone(message, mistake):
    with pytest.raises(Wrong) as error:
        numpy_exercises.forward(lambda x, *param: rnn_forward(x, param, **mistake)["p"])
    assert str(error.value).startswith("First difference: p at step 1")
    assert message in str(error.value)


@each([slip for slip in ERROR_SLIPS if slip[0] != "The error from the output, W_y^T e_y, is missing."])
def test_a_mistake_in_the_errors_is_recognised(message, mistake):
    with pytest.raises(Wrong) as error:
        numpy_exercises.errors(errors(**mistake))
    assert message in str(error.value)


def test_errors_that_stay_zero_are_not_filled_in():
    with pytest.raises(NotYet, match=r"Correct so far, in every step: e_y\. Fill in e_h, e_a: still all zeros"):
        numpy_exercises.errors(errors(from_output=lambda has_later: 0.0))


GRADIENT_SLIPS = [
    (name, n, message)
    for name, known in rnn_gradient_slips(
        SENTENCES[0][0], np.ones((4, 6)), np.ones((5, 7)), np.ones((3, 6)), np.ones((5, 6)), model_of().param
    ).items()
    for n, (message, _) in enumerate(known)
    # h_0 is 0: the first step adds nothing to the gradient of W_h
    if name != "W_h" or "first step" not in message.lower()
]


@pytest.mark.parametrize(("name", "n", "message"), GRADIENT_SLIPS)
def test_a_mistake_in_a_gradient_is_recognised(name, n, message):
    def student(x, z, h, e_y, e_a, W_e, W_x):
        wrong = rnn_gradient_slips(x, z, h, e_y, e_a, (W_e, W_x, *model_of().param[2:]))
        gradients = dict(zip(wrong, RIGHT_GRADIENTS[len(x)], strict=True))
        return [*(gradients | {name: wrong[name][n][1]}).values()]

    with pytest.raises(Wrong) as error:
        numpy_exercises.gradients(student)
    assert f"First difference: the gradient of {name}" in str(error.value)
    assert message in str(error.value)


def differences(left=1e-4, right=1e-4, factor=1.0, restore=True):
    """A student's finite differences."""

    def numeric(cost, W):
        gradient = np.zeros_like(W)
        for place in np.ndindex(W.shape):
            kept = W[place]
            W[place] = kept + right
            above = cost()
            W[place] = kept - left
            below = cost()
            W[place] = kept if restore else kept + 1
            gradient[place] = factor * (above - below) / (left + right)
        return gradient

    return numeric


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"factor": 2.0}, "It is twice too large: the distance between the two points is 2 steps."),
        ({"factor": -1.0}, "The sign is wrong: subtract the cost at W - step from"),
        ({"factor": 5.0}, "It is 5 times the correct one everywhere: is it divided by the points' distance?"),
        ({"left": 0.0, "right": 1e-2}, "one-sided: cost\\(\\) is never asked at W - step"),
        ({"left": 0.03, "right": 0.03}, "Only a few digits are correct: step to both sides"),
        ({"restore": False}, r"W\[0, 0\] was \S+ and is now \S+: restore each number"),
    ],
)
def test_a_mistake_in_finite_differences_is_recognised(options, message):
    assert "at least six digits" in numpy_exercises.numeric(differences())
    with pytest.raises(Wrong, match=message):
        numpy_exercises.numeric(differences(**options))


def test_finite_differences_of_zeros_are_not_filled_in():
    with pytest.raises(NotYet, match="Fill in the gradient: still all zeros"):
        numpy_exercises.numeric(lambda cost, W: np.zeros_like(W))


def test_a_model_without_forward_or_with_other_probabilities_is_wrong():
    with pytest.raises(Wrong, match=r"^Empty has no method `forward`\.$"):
        numpy_exercises.forward(type("Empty", (), {}))
    with pytest.raises(Wrong, match="First difference: p at step 1"):
        numpy_exercises.forward(model(lambda p: p[::-1]))
    with pytest.raises(Wrong, match="p is in reverse order"):
        numpy_exercises.forward(model(lambda p: p[:, ::-1]))
