"""Answers that become named arrays, in a process that knows no solution."""

import subprocess
import sys

import numpy as np
import pytest

from lxmls_rnn.classroom import harness
from lxmls_rnn.classroom.harness import BadResult, Spec, Unfinished, from_json, run, to_json
from lxmls_rnn.deep_learning.frameworks import FRAMEWORKS

TWO = Spec("numpy", ("a", "b"), ("sum", "product"))
GIVEN = {"a": np.array([1.0, 2.0]), "b": np.array([3.0, 4.0])}


def test_a_process_with_the_harness_has_neither_the_lab_nor_a_framework():
    code = (
        "import sys, lxmls_rnn.classroom.harness\n"
        "print([name for name in ('lab', 'theano', 'torch', 'jax') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


def test_results_are_named_and_the_inputs_stay_as_they_are():
    got = run(TWO, lambda a, b: (a + b, a * b), GIVEN)
    assert got["sum"].tolist() == [4, 6]
    assert got[harness.CHANGED].size == 0

    def spoil(a, b):
        b[:] = 0
        return a, b

    assert run(TWO, spoil, GIVEN)[harness.CHANGED].tolist() == ["b"]
    assert GIVEN["b"].tolist() == [3, 4]


@pytest.mark.parametrize("answer", [None, ..., lambda a, b: None, lambda a, b: ..., lambda a, b: (None, ...)])
def test_nothing_is_unfinished(answer):
    with pytest.raises(Unfinished):
        run(TWO, answer, GIVEN)


def test_a_part_that_is_missing_is_left_out():
    assert set(run(TWO, lambda a, b: (a, ...), GIVEN)) == {"sum", harness.CHANGED}


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (3, "Expected a function, got int."),
        (lambda a, b: a, "Expected 2 results, sum, product; got an array of shape (2,)."),
        (lambda a, b: (a, b, a), "Expected 2 results, sum, product; got 3 values."),
        (lambda a, b: (a, "text"), "product should be an array of numbers, got str."),
        (lambda a, b: (a, [[1], [2, 3]]), "product should be an array of numbers, got rows of different lengths."),
        (lambda a, b: (a, 1j * b), "product should be an array of numbers, got numbers of dtype complex128."),
    ],
)
def test_what_is_no_result_is_said(answer, message):
    with pytest.raises(BadResult) as error:
        run(TWO, answer, GIVEN)
    assert str(error.value) == message


def test_what_an_answer_raises_is_raised():
    with pytest.raises(ZeroDivisionError):
        run(TWO, lambda a, b: 1 / 0, GIVEN)


def test_inputs_and_arrays_go_through_json():
    given = {
        "x": np.array([[1, 2]], "int32"),
        "W": np.array([[0.1, np.nan], [np.inf, 1 / 3]]),
        "text": np.array(["a b", ""]),
        "pairs": [[np.array([1], "int32"), np.array([], "int32")]],
        "words": [["the", "dog"]],
        "step": 1e-4,
        "none": None,
        "bool": np.array(True),
    }
    back = from_json(to_json(given))
    assert repr(back) == repr(given)
    assert back["W"][1, 1] == 1 / 3


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ('{"dtype": "object", "shape": [1], "data": ["x"]}', "unexpected dtype 'object', expected one of float64, .*"),
        ('{"dtype": "float64", "shape": [3], "data": [1, 2]}', "cannot reshape array of size 2 .*"),
        ('{"dtype": "float64", "shape": [1], "data": ["x"]}', "could not convert string to float: 'x'"),
        ('{"dtype": "float64", "shape": "x", "data": [1]}', "'str' object cannot be interpreted as an integer"),
        ("[", "Expecting value: .*"),
    ],
)
def test_a_line_of_another_form_is_refused(line, why):
    with pytest.raises(ValueError, match=f"^{why}$"):
        from_json(line)


def test_calls_of_the_cost_are_counted():
    spec, W = Spec("finite_differences", (), ("gradient",)), np.zeros((2, 2))

    def one_sided(cost, W):
        W[0, 0] += 1e-3
        above = cost()
        W[0, 0] -= 1e-3
        return (above - cost()) / 1e-3 + np.zeros_like(W)

    got = run(spec, one_sided, {"W": W, "A": np.ones((1, 2, 2))})
    assert got["numbers changed at once"] == 1
    assert got["asked above"].tolist() == [[True, False], [False, False]]
    assert not got["asked below"].any()


def test_a_training_loop_is_followed():
    spec = Spec("training_loop", (), ("best",))

    def greedy(model, train_epoch, dev_accuracy, epochs, patience):
        train_epoch()
        values = model.get_values()
        train_epoch()
        model.set_values(values)
        return dev_accuracy()

    got = run(spec, greedy, {"accuracies": [0.5, 0.6], "patience": 1})
    assert {name: value.item() for name, value in got.items()} == {
        "epochs trained": 2, "epochs from restored parameters": 0, "epoch of the parameters": 1, "best": 0.6,
    }  # fmt: skip
    with pytest.raises(BadResult, match="too many"):
        run(
            spec, lambda model, train_epoch, *_: [train_epoch() for _ in range(3)], {"accuracies": [0.5], "patience": 1}
        )


@pytest.mark.theano
def test_a_theano_expression_and_its_scan():
    import theano
    import theano.tensor as T

    spec = Spec("theano", ("n",), ("s",))
    got = run(spec, lambda n: theano.scan(lambda i: 2 * i, sequences=T.arange(n))[0], {"n": np.array(3)})
    assert got["s"].tolist() == [0, 2, 4]
    assert got[harness.SCANS]
    assert not run(spec, lambda n: T.arange(n), {"n": np.array(3)})[harness.SCANS]
    with pytest.raises(BadResult, match="scan's pair"):
        run(spec, lambda n: theano.scan(lambda i: i, sequences=T.arange(n)), {"n": np.array(3)})


@pytest.mark.skipif(bool(FRAMEWORKS["jax"].missing), reason=FRAMEWORKS["jax"].missing)
def test_a_program_of_jax_is_compiled_once_as_long_as_it_is_kept(monkeypatch):
    import jax

    compiled, compile_it = [], jax.stages.Lowered.compile
    monkeypatch.setattr(
        jax.stages.Lowered, "compile", lambda self, options: compiled.append(self) or compile_it(self, options)
    )
    monkeypatch.setattr(harness, "_programs", {})
    monkeypatch.setattr(harness, "MAX_PROGRAMS", 2)

    def times(factor, name="y"):
        """Run a function of its own each time, as an answer is, which holds the factor."""
        result, _ = harness._jax_compiled(lambda x: {name: np.array([factor]) * x}, np.array([1.0, 2.0]))
        return {name: value.tolist() for name, value in result.items()}, len(compiled)

    assert times(2) == ({"y": [2, 4]}, 1)
    assert times(2) == ({"y": [2, 4]}, 1)
    assert times(3) == ({"y": [3, 6]}, 2)
    assert times(3, "z") == ({"z": [3, 6]}, 3)
    assert times(3) == ({"y": [3, 6]}, 3)
    assert times(2) == ({"y": [2, 4]}, 4)  # no longer there
    assert len(harness._programs) == 2
