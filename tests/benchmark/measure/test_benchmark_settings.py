"""Settings of a benchmark: from them come its cases and its limits."""

from lxmls_rnn.benchmark.measure.benchmark_settings import BenchmarkSettings
from lxmls_rnn.benchmark.measure.cases import IMPLEMENTATIONS, SETS, WORKS, chosen_shapes


def test_a_set_brings_all_that_is_not_given():
    cases = BenchmarkSettings("full").cases()
    assert {case.work for case in cases} == set(WORKS)
    assert {case.device for case in cases} == {"cpu", "cuda"}
    assert {case.implementation for case in cases} == set(IMPLEMENTATIONS)


def test_what_is_given_replaces_what_the_set_has():
    settings = BenchmarkSettings(
        model=("rnn",), implementation=("torch",), device=("cuda1",), work=("step",), dtype=("float64",), batch=(3, 5),
        words=9,
    )  # fmt: skip
    cases = settings.cases()
    found = {(c.model, c.implementation, c.device, c.work, c.dtype, c.n_words) for c in cases}
    assert found == {("rnn", "torch", "cuda1", "step", "float64", 9)}
    assert [(c.n_hidd, c.batch) for c in cases] == [(20, 3), (20, 5), (128, 3), (128, 5)]


def test_scan_is_measured_on_a_gpu_at_one_shape_of_a_quick_run_and_where_it_is_asked_for():
    def on_gpu(**given):
        cases = BenchmarkSettings(device=("cuda",), work=("forward",), **given).cases()
        return sum(case.implementation == "scan" for case in cases)

    assert on_gpu() == 1
    assert on_gpu(implementation=("scan",)) == len(chosen_shapes(SETS["quick"], ["rnn", "lstm"], [], [], []))


def test_the_limits_are_those_of_the_runner():
    given = BenchmarkSettings(threads=3, time=0.5, limit=7.0).runner()
    assert (given.threads, given.seconds, given.limit) == (3, 0.5, 7.0)
