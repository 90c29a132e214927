"""What a runner makes of its workers' answers, and what it asks: of workers that answer what they are told to."""

import itertools
from statistics import quantiles

import pytest
from benchmark.conftest import measured

from lxmls_rnn.benchmark.measure import runner as runner_module
from lxmls_rnn.benchmark.measure.cases import Shape, make_cases
from lxmls_rnn.benchmark.measure.counting import flops
from lxmls_rnn.benchmark.measure.process import Failed
from lxmls_rnn.benchmark.measure.runner import MAX_PROCESSES, ROUNDS, Runner

SENTENCE = Shape("rnn", 5, 1, 4)


def cases(implementations=("numpy", "fused"), devices=("cpu",), shapes=(SENTENCE,), works=("backward",)):
    return make_cases(shapes, works, implementations, devices, ["float64"], n_words=30)


def test_a_row_has_the_quartiles_of_all_rounds_in_three_processes(scripted):
    rounds = [4e-3, 3e-3], [5e-3, 4.2e-3], [4.1e-3, 4.5e-3]
    runner = scripted(rounds=rounds, calls=7)
    (row,) = measured(runner, cases(("numpy",)))
    assert (row.minimum, row.repeats, row.processes, row.calls) == (3e-3, 6 * ROUNDS, 3, 7)
    every = [seconds for of_process in rounds for seconds in of_process * ROUNDS]
    assert [row.q1, row.median, row.q3] == pytest.approx(quantiles(every, n=4, method="inclusive"))
    assert row.medians == pytest.approx([3.5e-3, 4.6e-3, 4.3e-3])
    assert len(runner.started) == 3
    assert (row.host_memory, row.device_memory) == (10**8, 10**9)
    assert row.flops == flops(row.case)


def test_a_call_longer_than_its_time_is_timed_twice_in_each_process(scripted):
    (row,) = measured(scripted(seconds=[9.0], limit=1000), cases(("numpy",)))
    assert (row.repeats, row.processes, row.is_uncertain) == (6, 3, False)


def test_an_uncertain_row_alone_is_measured_again_in_new_processes_until_it_settles(scripted):
    """The workers of numpy and fused are started in turn; fused is disturbed in its first three processes."""
    steady, disturbed = [0.1] * 12, [0.1, 0.1, 0.3]
    runner = scripted(rounds=[*[steady, disturbed] * 3, steady])
    numpy, fused = measured(runner, cases())
    assert (numpy.processes, fused.processes) == (3, 4)
    assert (numpy.is_uncertain, fused.is_uncertain) == (False, False)
    assert [lane[0] for lane, _ in runner.started] == ["numpy", "fused"] * 3 + ["fused"]
    (fused,) = measured(scripted(seconds=disturbed), cases(("fused",)))
    assert (fused.processes, fused.is_uncertain) == (MAX_PROCESSES, True)


def test_a_row_rests_on_undisturbed_processes_if_there_are_enough(scripted):
    calm, waiting, slow = (1.0, 0.04), (0.94, 0.06), (0.8, 0.0)
    times = [0.1], [0.2], [0.3], [0.11], [0.12]
    (row,) = measured(scripted(rounds=times, spent=[calm, waiting, slow, calm, calm]), cases(("numpy",)))
    assert (row.medians, row.median, row.repeats) == ([0.1, 0.11, 0.12], pytest.approx(0.11), 3 * ROUNDS)
    assert (row.processor, row.waited) == (pytest.approx(1.0), pytest.approx(0.04))
    assert not row.is_uncertain
    (row,) = measured(scripted(rounds=times, spent=[calm, waiting, slow]), cases(("numpy",)))
    assert (row.processes, row.is_uncertain) == (MAX_PROCESSES, True)
    assert row.processor == pytest.approx((0.1 + 0.2 * 0.94 + 0.3 * 0.8 + 0.11 + 0.12 * 0.94) / 0.83)


def test_the_time_to_compile_is_that_of_the_first_process(scripted):
    times = iter([0.5, 0.1, 0.2])
    (row,) = measured(scripted(prepare=lambda: {"compile_s": next(times)}), cases(("numpy",)))
    assert row.compile_s == 0.5


@pytest.mark.parametrize(
    ("process", "status", "median"), [(2, "wrong", None), (2, "crashed", None), (2, "limit", 0.1), (1, "limit", None)]
)
def test_a_later_process_that_fails_takes_the_row_back_unless_it_is_only_slow(scripted, process, status, median):
    prepared = itertools.count(1)

    def prepare():
        if next(prepared) == process:
            raise Failed(status, "why")
        return {}

    (row,) = measured(scripted(prepare=prepare), cases(("numpy",)))
    assert (row.status, row.median) == ("ok" if median else status, median)


def test_a_case_has_its_limit_for_all_and_a_round_a_sixth_of_its_time(scripted, monkeypatch):
    """By a clock on which a worker takes 30 s for all it is asked: 100 s are enough to prepare and for two rounds."""
    now = [0.0]
    monkeypatch.setattr(runner_module, "monotonic", lambda: now[0])
    wanted = []

    class Slow(scripted.worker):
        def ask(self, limit, **request):
            now[0] += 30
            wanted.append(request.get("seconds"))
            return super().ask(limit, **request)

    runner = scripted(worker=Slow)
    (row,) = measured(runner, cases(("numpy",)))
    assert (row.repeats, row.is_uncertain) == (2, True)
    assert runner.asked == [("prepare", 100), ("measure", 70.0), ("measure", 40.0)]
    assert wanted == [None, 0.5 / 6, 0.5 / 6]


@pytest.mark.parametrize(("name", "first"), [("numpy", "checking"), ("fused", "compiling and checking")])
def test_what_it_does_is_told_and_numpy_compiles_nothing(scripted, name, first):
    told = []

    class Watched(scripted.worker):
        def ask(self, limit, **request):
            told.append(runner.activity)
            return super().ask(limit, **request)

    runner = scripted(worker=Watched)
    measured(runner, cases((name,)))
    assert told[:2] == [f"{first} {name} on cpu", f"timing {name} on cpu"]


def test_each_implementation_has_a_worker_of_its_own_and_all_have_their_threads(scripted):
    runner, names = scripted(threads=3), ("numpy", "scan", "torch", "torch-fused")
    measured(runner, cases(names))
    assert runner.started[0][1]["limit"] == 100  # a start has the time of a case
    assert [(lane, given["threads"]) for lane, given in runner.started[:4]] == [
        ((name, "cpu", "float64"), 3) for name in names
    ]


@pytest.mark.parametrize(
    ("answer", "status", "why"),
    [
        ({"device": "cpu"}, "unavailable", "its parameters are on the device cpu, not on cuda"),
        ({"difference": 0.25}, "wrong", "its numbers differ by 2.5e-01 of the largest from the reference's; 1e-05 is"),
        ({"difference": None}, "wrong", "its numbers are not finite from the reference's; 1e-05 is allowed"),
    ],
)
def test_what_is_elsewhere_or_wrong_is_not_timed(scripted, answer, status, why):
    runner = scripted(prepare=lambda: answer)
    (row,) = measured(runner, cases(("fused",), devices=("cuda",)))
    assert (row.status, row.median) == (status, None)
    assert row.why.startswith(why)
    assert "measure" not in dict(runner.asked)


def test_what_is_unavailable_is_asked_for_once_and_has_one_row_and_a_worker_that_crashes_is_tried_anew(
    scripted, monkeypatch
):
    for status, tried, n_rows in (("unavailable", 1, 1), ("crashed", 3, 2)):
        attempts = []

        def start(*lane, status=status, attempts=attempts, **given):
            attempts.append(lane)
            raise Failed(status, "why")

        runner = scripted()
        monkeypatch.setattr(runner_module, "Worker", start)
        rows = measured(runner, cases(("fused",), shapes=[SENTENCE, Shape("rnn", 5, 2, 4)]))
        assert [(row.status, row.why) for row in rows] == [(status, "why")] * n_rows
        assert len(attempts) == tried


@pytest.mark.parametrize("name", ["threads", "seconds", "limit"])
def test_an_amount_that_is_not_positive_is_refused(name):
    for value in (0, -1):
        with pytest.raises(ValueError, match=f"^{name} must be positive, got {value}$"):
            Runner(**{name: value})
