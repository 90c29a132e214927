"""Which cases a command asks for, and that nonsense is refused."""

import pytest

from lxmls_rnn.benchmark.measure.cases import DEEPBENCH, IMPLEMENTATIONS, PLANS, SETS, Case, Shape, make_cases


def test_numpy_has_the_cpu_alone():
    found = make_cases([Shape("rnn", 20, 1)], ["step"], devices=["cpu", "cuda"])
    assert [case.device for case in found if case.implementation == "numpy"] == ["cpu"]
    assert {case.implementation for case in found if case.device == "cuda"} == set(IMPLEMENTATIONS) - {"numpy"}


def test_the_plans_are_for_a_gpu():
    found = make_cases([Shape("rnn", 20, 1)], ["step"], ["fused", *PLANS], ["cpu", "cuda"])
    assert [case.lane[:2] for case in found] == [
        ("fused", "cpu"),
        ("fused", "cuda"),
        ("one-kernel", "cuda"),
        ("stepwise", "cuda"),
    ]


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


def test_deepbench_has_its_published_sizes():
    assert {(s.n_hidd, s.batch, s.length) for s in DEEPBENCH if s.model == "rnn"} == {
        (n_hidd, batch, 50) for n_hidd in (1760, 2048, 2560) for batch in (16, 32, 64, 128)
    }
    assert Shape("lstm", 512, 16, 25) in DEEPBENCH
    assert Shape("lstm", 256, 64, 150) in DEEPBENCH


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"model": "gru"}, "model must be one of rnn, lstm, lstm-no-peepholes, got 'gru'"),
        ({"device": "gpu"}, "device must be cpu, cuda"),
        ({"batch": 0}, "batch must be positive, got 0"),
    ],
)
def test_a_case_that_makes_no_sense_is_refused(wrong, message):
    right = {"model": "rnn", "implementation": "numpy", "device": "cpu", "dtype": "float32", "work": "step"}
    with pytest.raises(ValueError, match=message):
        Case(**{**right, "n_hidd": 20, "batch": 1, **wrong})
