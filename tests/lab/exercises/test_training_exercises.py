"""Exercise 6.6, training: the checks name typical mistakes, and their expected results are the library's."""

import numpy as np
import pytest

from lab import check
from lab.exercises import solutions, training_exercises
from lxmls_rnn.deep_learning.initialisation import initialise
from lxmls_rnn.deep_learning.numpy_lstm import NumpyLSTM
from lxmls_rnn.deep_learning.sgd import numpy_step

STOPPING = [
    ("                break", "                pass", "It never stops"),
    ("accuracy > best", "accuracy >= best", "A tie counts as a gain"),
    ("        train_epoch()", "        train_epoch()\n        _ = dev_accuracy()", None),
    ("        train_epoch()\n        accuracy = dev_accuracy()\n        if accuracy > best:",
     "        last = accuracy if best > 0 else -1\n        train_epoch()\n        accuracy = dev_accuracy()\n"
     "        if accuracy > last:", "Compare with the best epoch"),
    (", model.get_values(), 0", ", model.get_values(), without_gain", "A gain does not start the count anew"),
    ("without_gain == patience", "without_gain > patience", "It stops one epoch late"),
    ("without_gain == patience", "without_gain == patience - 1", "It stops one epoch early"),
    ("if without_gain == patience:", "if True:", "first epoch without gain"),
    ("    model.set_values(best_values)\n", "", "These are the last ones"),
    ("model.set_values(best_values)", "model.set_values(model.get_values())", "These are the last ones"),
    ("without_gain += 1", "without_gain += 1; model.set_values(best_values)", "Put them back once, after the loop"),
    ("                break\n    model.set_values(best_values)",
     "                model.set_values(best_values)\n                break", "after the loop set_values"),
    ("best, best_values, without_gain = accuracy, model.get_values(), 0",
     "best_values, without_gain = model.get_values(), 0", "`best` is still -1"),
    ("        train_epoch()\n", "        old = model.get_values()\n        train_epoch()\n", None),
    ("            best, best_values, without_gain = accuracy, model.get_values(), 0\n        else:\n",
     "            best, best_values = accuracy, model.get_values()\n        if True:\n", "Every epoch counts"),
    ("        train_epoch()\n", "        train_epoch()\n        train_epoch()\n", "each trains once"),
    ("accuracy > best", "best < 0 or accuracy < best", "a gain is above the best one"),
    ("return best", "return accuracy", "expected 0.7, the best accuracy"),
    ("return best", "return best, 5", "Expected the best accuracy on dev, a number; got 2 values"),
    ("model.get_values()", "model.get_values", "It fails with TypeError"),
    ("range(epochs)", "range(epochs + 1)", "`epochs` is the most"),
    ("        train_epoch()\n", "        dev_accuracy()\n        train_epoch()\n", "before the first epoch"),
    ("= -1.0, None, 0", "= -1.0, model.get_values(), 0", None),
]  # fmt: skip
CLIPPING = [
    ("    return [factor", "    return [g * min(1, max_norm / (np.linalg.norm(g) + 1e-12)) for g in gradients]\n"
     "    [factor", "clipped by itself"),
    ("    return [factor", "    return [np.clip(g, -max_norm, max_norm) for g in gradients]\n    [factor",
     "Each number is clipped"),
    ("if norm > max_norm else 1", "if norm else 1", "A short gradient is made longer"),
    ("max_norm / norm if", "1 / norm if", "The result has norm 1"),
    ("max_norm / norm if", "norm / max_norm if", "upside down"),
    ("max_norm / norm if", "max_norm if", "divide by the norm too"),
    ("np.sqrt(sum((gradient**2).sum() for gradient in gradients))", "sum((g**2).sum() for g in gradients)",
     "The square root is missing"),
    ("np.sqrt(sum((gradient**2).sum() for gradient in gradients))", "sum(np.linalg.norm(g) for g in gradients)",
     "The norms of the gradients are added"),
    ("np.sqrt(sum((gradient**2).sum() for gradient in gradients))", "max(np.linalg.norm(g) for g in gradients)",
     "the largest of the gradients' norms"),
    ("np.sqrt(sum((gradient**2).sum() for gradient in gradients))", "sum(abs(g).sum() for g in gradients)",
     "sum of absolute values"),
    ("np.sqrt(sum((gradient**2).sum() for gradient in gradients))", "max(abs(g).max() for g in gradients)",
     "The norm is the largest number"),
    ("for gradient in gradients))", "for gradient in gradients[:1]))", "that of the first gradient only"),
    ("[factor * gradient for gradient in gradients]", "[factor * gradients[0], *gradients[1:]]",
     "Only the first gradient"),
    ("[factor * gradient for", "[factor * abs(gradient) for", "the direction is not"),
    ("max_norm / norm if", "max_norm / (norm + 1e-6) if", None),
    ("norm > max_norm", "norm < max_norm", "is unchanged; expected norm 1.5"),
    ("max_norm / norm if norm > max_norm else 1", "max_norm / norm", "A short gradient is made longer"),
    ("max_norm / norm if", "0 if", "Nothing is left of a long gradient"),
    ("factor * gradient for", "gradient for", "is unchanged; expected norm 1.5"),
    ("    return [factor", "    factor = min(1, max_norm / norm) if norm else np.nan\n    return [factor", "NaN"),
    ("for gradient in gradients]", "for gradient in gradients[:1]]", "Expected the results 3 gradients"),
    ("[factor * gradient", "[factor * gradient.ravel()", "expected the shape of its matrix"),
]  # fmt: skip
GATE = [
    (" * f * (1 - f)", "", "The slope of the gate is missing"),
    ("f * (1 - f)", "(1 - f**2)", "The slope is that of tanh"),
    ("c_tm1 * f * (1 - f)", "c_tm1 * f", "The slope is f alone"),
    ("c_tm1 * f * (1 - f)", "c_tm1 * (1 - f)", "The slope is 1 - f alone"),
    ("e_c * c_tm1 *", "e_c *", "c_{t-1} is missing"),
    ("e_c * c_tm1 *", "c_tm1 *", "e_c is missing"),
    ("e_c * c_tm1 *", "-e_c * c_tm1 *", "The sign is wrong"),
    ("np.outer(e_a, h_tm1)", "np.outer(h_tm1, e_a)", "It is transposed: np.outer(e_a, h_tm1)"),
    ("np.outer(e_a, h_tm1)", "np.outer(e_a, c_tm1)", "W_h multiplies h_{t-1}"),
    ("np.outer(e_a, h_tm1)", "np.outer(e_c, h_tm1)", "is e_a"),
    ("e_c * c_tm1 *", "e_c * h_tm1 *", "f multiplies the previous cell"),
    ("    e_a = ", "    f = 1 / (1 + np.exp(-f))\n    e_a = ", "without the logistic function"),
    ("return e_a, dW_h, e_c_tm1", "return e_c_tm1, dW_h, e_a", "This is e_c_tm1"),
    (" + W_c.T @ e_a", "", "The peephole is missing"),
    ("f * e_c + ", "", "The way along the cell is missing"),
    ("f * e_c + ", "e_c + ", "the error is multiplied by f"),
    ("W_c.T @", "W_c @", "W_c is not transposed"),
    ("W_c.T @ e_a", "W_c.T @ e_c", "what reaches it is e_a"),
    ("np.outer(e_a, h_tm1)", "e_a * h_tm1", "dW_h has shape (5,)"),
]  # fmt: skip
MISTAKES = {"early_stopping": STOPPING, "clip": CLIPPING, "forget_gate": GATE}
CASES = [(name, *mistake) for name, mistakes in MISTAKES.items() for mistake in mistakes]


@pytest.mark.parametrize(("exercise", "old", "new", "kind"), CASES)
def test_a_mistake_is_named(solution_says, exercise, old, new, kind):
    verdict = solution_says(exercise, old, new)
    if kind is None:
        assert verdict
    else:
        assert verdict.state == "not right"
        assert kind in verdict.text


def test_every_stopping_slip_trains_another_number_of_epochs():
    slips = [{}, *(slip for _, slip in training_exercises.STOPPING_SLIPS)]
    trained = [
        [training_exercises.stop_early(*case, **slip)[0] for case in training_exercises.ACCURACIES] for slip in slips
    ]
    assert all(trained.count(epochs) == 1 for epochs in trained)


def test_half_filled_code_is_not_yet(solution_says):
    assert "fill in the lines of the loop" in check.early_stopping(
        lambda model, train_epoch, dev_accuracy, epochs, patience: [train_epoch() for _ in range(epochs)] and -1.0
    ).text  # fmt: skip
    text = solution_says("forget_gate", "return e_a, dW_h, e_c_tm1", "return e_a, dW_h, ...").text
    assert "Correct so far: e_a, dW_h. Still missing: e_c_tm1." in text


def test_a_clipped_gradient_is_the_librarys():
    space = {}
    exec(solutions.code("clip"), space)
    x, y = np.array([3, 1, 3]), np.array([0, 2, 1])
    model, other = (NumpyLSTM(9, 4, 5, 3, seed=1) for _ in range(2))
    clipped = space["my_clip"](model.grads(x, y), 0.01)
    numpy_step(other, 0.01, False)(x, y, np.full(3, 1 / 3), 1.0)
    for W, gradient, updated in zip(model.param, clipped, other.param, strict=True):
        assert np.allclose(W - gradient, updated, atol=1e-12)


def test_a_gates_errors_are_the_librarys():
    model = NumpyLSTM(9, 4, 5, 3, seed=1)
    initialise(model, "glorot", 1)
    forward, weights, (cells,) = model._loss(np.array([3, 1]), np.array([0, 2]), None)
    e_h = model.param.W_y.T @ model.score_errors(forward.p_y, np.array([0, 2]), weights)
    errors = model.back_through_time(cells, e_h)
    W_i, W_f, W_o = np.split(model.param.W_c, 3)
    e_i, e_f, _, e_o = np.split(errors.e_a[:, 1], 4)
    got = training_exercises.gate_errors(errors.e_c[:, 1], cells.f[:, 1], forward.h[:, 1], cells.c[:, 1], W_f)
    assert np.allclose(got["e_a"], e_f)
    assert np.allclose(got["dW_h"], np.outer(e_f, forward.h[:, 1]))
    from_h = errors.e_h[:, 0] * cells.o[:, 0] * (1 - np.tanh(cells.c[:, 1]) ** 2)
    assert np.allclose(got["e_c_tm1"] + W_i.T @ e_i + W_o.T @ e_o + from_h, errors.e_c[:, 0])
