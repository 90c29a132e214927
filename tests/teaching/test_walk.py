"""The walk through the passes gives the numbers of forward, backward and grads, one by one."""

import numpy as np
import pytest

from lxmls_rnn.deep_learning.activations import ACTIVATIONS, OF_RNN
from lxmls_rnn.deep_learning.numpy_lstm import NumpyLSTM
from lxmls_rnn.deep_learning.numpy_rnn import NumpyRNN
from lxmls_rnn.teaching.walk import restrict_vocabulary, sum_gradients, walk

X, Y = [1, 4, 1, 0, 2], [0, 2, 1, 1, 0]
OPERATIONS = {
    **{name: row.f for name, row in ACTIVATIONS.items()},
    "softmax": lambda y: np.exp(y) / np.exp(y).sum(),
}


LSTMS = {"peepholes": True, "no peepholes": False}


@pytest.fixture(params=[*OF_RNN, *LSTMS])
def model(request):
    kind = request.param
    sizes = 6, 4, 3, 3
    model = NumpyLSTM(*sizes, peepholes=LSTMS[kind]) if kind in LSTMS else NumpyRNN(*sizes, activation=kind)
    rng = np.random.RandomState(1)
    model.set_values({name: rng.uniform(-1, 1, W.shape) for name, W in model.get_values().items()})
    return model


def test_what_the_steps_gather_is_the_gradient(model):
    sums = sum_gradients(walk(model, X, Y))
    for name, gradient in zip(model.get_values(), model.grads(X, Y), strict=True):
        assert np.abs(sums[f"d{name}"] - gradient).max() < 1e-12


def test_the_states_are_those_of_the_forward_pass(model):
    steps = [step for step in walk(model, X, Y) if step.direction == "forward"]
    inside = "a h" if type(model) is NumpyRNN else "a b i f g o c h" if model.peepholes else "a i f g o c h"
    assert [step.name for step in steps] == f"z {inside} y p C".split() * 5
    loss, p_y, _, y, h, z, _ = model.forward(X, all_outputs=True, outputs=Y)
    for step in steps:
        expected = {"z": z, "h": h[:, 1:], "y": y, "p": p_y}
        if isinstance(model, NumpyLSTM):
            i, f, g, o, c = model.cells(X)
            expected |= {"i": i, "f": f, "g": g, "o": o, "c": c[:, 1:]}
        if step.name in expected:
            assert np.array_equal(step.value[:, 0], expected[step.name][:, step.t - 1])
    assert steps[-1].value.item() == pytest.approx(loss, abs=1e-12)


def test_the_errors_are_those_of_the_backward_pass(model):
    back = model.backward(X, Y)
    errors = {(step.name, step.t): step.value[:, 0] for step in walk(model, X, Y)}
    for name in ("e_y", "e_h", "e_z"):
        for t, error in enumerate(getattr(back, name).T, 1):
            assert np.array_equal(errors[name, t], error)


def test_every_formula_gives_its_value_from_its_operands(model):
    for step in walk(model, X, Y):
        text, names = step.formula, {}
        for number, (key, operand) in enumerate(sorted(step.operands.items(), key=lambda pair: -len(pair[0]))):
            text = text.replace(key, f" M{number} ")
            names[f"M{number}"] = operand
        tokens = " ".join(text.replace("1/L (", "1/L * (").replace("1/L log(", "1/L * log(").split())
        for left in names:  # two matrices side by side are multiplied
            tokens = tokens.replace(f"{left} M", f"{left} @ M")
        value = eval(tokens, {"L": len(X), "log": np.log, **OPERATIONS, **names})
        assert np.abs(value - step.value).max() < 1e-12, step.formula


def test_the_passes_run_forward_and_then_back_through_time(model):
    steps = list(walk(model, X, Y))
    there, back = (6, 8) if type(model) is NumpyRNN else (12, 13) if model.peepholes else (11, 12)
    assert [step.t for step in steps] == [t for t in range(1, 6) for _ in range(there)] + [
        t for t in range(5, 0, -1) for _ in range(back)
    ]
    assert steps[there + 1].symbol == "a_2"
    assert steps[there + 1].formula == "W_x z_2 + W_h h_1"


def test_wrong_sentences_are_refused(model):
    with pytest.raises(ValueError, match="same shape"):
        list(walk(model, X, Y[1:]))
    with pytest.raises(IndexError):
        list(walk(model, [9], [0]))


def test_a_network_of_the_sentences_words_only_is_the_same_network(model):
    small = restrict_vocabulary(model, [1, 4, 0, 2])
    assert small.sizes.n_words == 4
    assert np.array_equal(small.forward([0, 1, 0, 2, 3]), model.forward(X))
