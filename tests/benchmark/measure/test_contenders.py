"""The library's taggers as they are measured: what they compute, on which numbers."""

import numpy as np
import pytest

from lxmls_rnn.benchmark.measure.cases import CASE_MODELS, WORKS, Case
from lxmls_rnn.benchmark.measure.contenders import (
    NumpyContender,
    TheanoContender,
    draw_batch,
    draw_values,
    reference,
)


def case(model="rnn", implementation="numpy", work="backward", **sizes):
    return Case(model, implementation, "cpu", "float64", work, **{"n_hidd": 3, "batch": 2, "n_words": 30, **sizes})


def check(contender, case):
    """Compare what a contender computes with the reference, twice: a step does not change what `reset` puts back."""
    values, batch = draw_values(case), draw_batch(case, case.batch, 4)
    expected = reference(case, values, batch, 0.5)
    for _ in range(2):
        results = contender.results(contender.bind(batch, 0.5)())
        assert set(expected) <= set(results)
        for name, right in expected.items():
            np.testing.assert_allclose(results[name], right, rtol=1e-9, atol=1e-12, err_msg=name)
        contender.reset()
    assert (contender.device(), contender.device_memory()) == ("cpu", None)


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("work", [work for work in WORKS if work != "copy"])
@pytest.mark.parametrize("model", CASE_MODELS)
def test_numpys_taggers_do_what_is_measured(model, work, batch):
    one = case(model, work=work, batch=batch)
    check(NumpyContender(one, draw_values(one)), one)


class Copying(NumpyContender):
    """A device whose memory is a list, and which notes what is copied."""

    def to_device(self, array):
        self.there = [*getattr(self, "there", []), array.copy()]
        return len(self.there) - 1

    def to_host(self, array):
        return self.there[array]


@pytest.mark.parametrize("batch", [1, 2])
def test_the_inputs_are_copied_there_and_as_much_as_the_probabilities_back(batch):
    one = case(work="copy", batch=batch)
    contender = Copying(one, draw_values(one))
    check(contender, one)
    contender.there, given = [], draw_batch(one, batch, 4)
    call = contender.bind(given, 0.5)
    shapes = [array.shape for array in contender.there]
    assert shapes == [(one.n_tags, 4 * batch)]
    call()
    assert [array.shape for array in contender.there] == [*shapes, *(array.shape for array in given)]


@pytest.mark.parametrize(("work", "batch"), [("step", 2), ("backward", 1)])
def test_the_fused_layers_do_what_is_measured(work, batch):
    one = case(implementation="fused", work=work, batch=batch)
    check(TheanoContender(one, draw_values(one)), one)


def test_the_reference_of_a_step_is_the_gradient_of_the_cost():
    """Against differences of the cost in single numbers."""
    step = case("lstm", work="step")
    values, batch = draw_values(step), draw_batch(step, 2, 4)
    changed = reference(step, values, batch, 1.0)

    def cost(name, place, by):
        moved = {one: W.copy("K") for one, W in values.items()}
        moved[name][place] += by
        return reference(case("lstm"), moved, batch, 1.0)["cost"]

    for name, W in values.items():
        place = (1, batch.x[0, 0]) if name == "W_e" else (1, 2)
        slope = (cost(name, place, 1e-5) - cost(name, place, -1e-5)) / 2e-5
        assert values[name][place] - changed[name][place] == pytest.approx(slope, rel=1e-5, abs=1e-9)
        assert changed[name].shape == W.shape


@pytest.mark.parametrize("sizes", [{"n_hidd": 20, "n_words": 100}, {"n_hidd": 300, "n_words": 5000}])
@pytest.mark.parametrize("model", ["rnn", "lstm"])
def test_no_unit_saturates_or_idles(model, sizes):
    """What the units take from the words and the tags from the units are of order one, however large the layers."""
    values = draw_values(case(model, **sizes))
    from_words = values["W_x"] @ values["W_e"]
    assert 0.1 < from_words.std() < 1
    assert 0.1 < (values["W_h"] @ np.full(sizes["n_hidd"], 0.5)).std() < 1
    assert 0.1 < (values["W_y"] @ np.full(sizes["n_hidd"], 0.5)).std() < 1


def test_a_model_without_peepholes_has_none():
    without = draw_values(case("lstm-no-peepholes"))
    assert not np.any(without.get("W_c", 0))
    assert draw_values(case("lstm"))["W_c"].any()
    assert not draw_values(case("lstm", "torch-fused"))["W_c"].any()


@pytest.mark.parametrize(("batch", "shape"), [(1, (7,)), (3, (3, 7))])
def test_a_batch_has_words_that_come_twice_and_sentences_of_weight_one(batch, shape):
    x, y, weights = draw_batch(case(batch=batch), batch, 7)
    assert x.shape == y.shape == weights.shape == shape
    assert (x.dtype, y.dtype, weights.dtype) == ("int32", "int32", "float64")
    assert (x[..., 0] == x[..., -1]).all()
    assert set(x.flat) <= set(range(30))
    assert set(y.flat) <= set(range(12))
    np.testing.assert_allclose(weights.sum(-1), 1)
