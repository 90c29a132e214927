"""Exercise 6.6, training: the expected results are the library's; test_answers.py has students' code."""

import numpy as np

from lab.exercises import solutions, training_exercises
from lxmls_rnn.deep_learning.initialisation import initialise
from lxmls_rnn.deep_learning.numpy_lstm import NumpyLSTM
from lxmls_rnn.deep_learning.sgd import numpy_step


def test_every_stopping_slip_trains_another_number_of_epochs():
    slips = [{}, *(slip for _, slip in training_exercises.STOPPING_SLIPS)]
    trained = [
        [training_exercises.stop_early(*case, **slip)[0] for case in training_exercises.ACCURACIES] for slip in slips
    ]
    assert all(trained.count(epochs) == 1 for epochs in trained)


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
