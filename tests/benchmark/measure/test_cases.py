"""Which cases a command asks for, and that nonsense is refused."""

import pytest

from lxmls_rnn.benchmark.measure.benchmark_settings import BenchmarkSettings
from lxmls_rnn.benchmark.measure.cases import (
    IMPLEMENTATIONS,
    SETS,
    Case,
    Shape,
    chosen_shapes,
    make_cases,
)


def test_numpy_has_the_cpu_alone():
    found = make_cases([Shape("rnn", 20, 1)], ["step"], devices=["cpu", "cuda"])
    assert [case.device for case in found if case.implementation == "numpy"] == ["cpu"]
    assert {case.implementation for case in found if case.device == "cuda"} == set(IMPLEMENTATIONS) - {"numpy"}


@pytest.mark.parametrize("name", SETS)
def test_cases_that_are_compared_come_together(name):
    groups = [case.group for case in make_cases(SETS[name].shapes, SETS[name].works, devices=["cpu", "cuda"])]
    assert len({group for group in groups}) == sum(a != b for a, b in zip(groups, [None, *groups], strict=False))


def test_pytorchs_lstm_does_the_same_work_where_there_are_no_peepholes():
    found = make_cases([Shape("lstm", 20, 1), Shape("lstm-no-peepholes", 20, 1)], ["step"], ["fused", "torch-fused"])
    assert [(case.peepholes, case.same_work) for case in found] == [
        (True, True),
        (False, False),
        (False, True),
        (False, True),
    ]
    assert all(case.same_work for case in make_cases(SETS["deepbench"].shapes, ["forward"]))


def test_sizes_that_are_given_replace_those_of_the_set():
    quick = SETS["quick"]
    everything = chosen_shapes(quick, ["rnn"], [], [], [])
    assert everything == [shape for shape in quick.shapes if shape.model == "rnn"]
    asked = chosen_shapes(quick, ["rnn"], [7], [3], [])
    assert asked == [Shape("rnn", 7, 3, length) for length in sorted({shape.length for shape in everything})]
    asked = chosen_shapes(quick, ["rnn"], [], [], [4, 5])
    assert {(s.n_hidd, s.batch) for s in asked} == {(s.n_hidd, s.batch) for s in everything}
    assert {shape.length for shape in asked} == {4, 5}


def test_shapes_of_one_hidden_size_follow_each_other():
    shapes = [Shape("rnn", 5, 1), Shape("rnn", 5, 2), Shape("rnn", 6, 1)]
    found = make_cases(shapes, ["forward", "step"], ["scan", "numpy"])
    assert [(case.n_hidd, case.work, case.batch) for case in found if case.implementation == "scan"] == [
        (n_hidd, work, batch) for work in ("forward", "step") for n_hidd, batch in ((5, 1), (5, 2), (6, 1))
    ]


@pytest.mark.parametrize("name", ["quick", "full"])
def test_a_run_that_is_stopped_has_begun_with_steps(name):
    works = [case.work for case in BenchmarkSettings(name).cases()]
    assert list(dict.fromkeys(works)) == ["step", "backward", "forward", "copy"]


def test_a_quick_run_begins_with_the_middle_size():
    sizes = [(case.model, case.n_hidd, case.batch) for case in BenchmarkSettings(work=("step",)).cases()]
    assert list(dict.fromkeys(sizes))[:4] == [("rnn", 20, 32), ("rnn", 20, 1), ("rnn", 20, 128), ("lstm", 20, 32)]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"model": "gru"}, "model must be one of rnn, lstm, lstm-no-peepholes, got 'gru'"),
        ({"device": "opencl0:0"}, "device must be cpu, cuda, cuda0, ..., got 'opencl0:0'"),
        ({"batch": 0}, "batch must be positive, got 0"),
        ({"length": 2**31}, r"length must be below 2\*\*31, got 2147483648"),
    ],
)
def test_a_case_that_makes_no_sense_is_refused(wrong, message):
    right = {"model": "rnn", "implementation": "numpy", "device": "cpu", "dtype": "float32", "work": "step"}
    with pytest.raises(ValueError, match=message):
        Case(**{**right, "n_hidd": 20, "batch": 1, **wrong})


def test_the_largest_case_is_accepted():
    assert Case("rnn", "numpy", "cpu", "float32", "step", 2**31 - 1, 1).n_hidd == 2**31 - 1
