"""The results file: back and forth, what is refused, going on with one."""

import json
import os
from dataclasses import replace

import pytest

from lxmls_rnn.benchmark.measure.cases import Shape, make_cases
from lxmls_rnn.benchmark.measure.machine import describe
from lxmls_rnn.benchmark.measure.results import MAX_CASES, Results, new_path, saved
from lxmls_rnn.benchmark.measure.session import Session

CASE = {"model": "rnn", "implementation": "numpy", "device": "cpu", "dtype": "float32", "work": "step", "n_hidd": 2}
CASE["batch"] = 1


def test_a_file_comes_back_as_it_was(make_results, make_row, tmp_path):
    results = make_results(make_row(1e-3), make_row(2e-3, "fused", "cuda"))
    results.save(tmp_path / "a.json")
    assert Results.load(tmp_path / "a.json") == results


def test_a_file_of_as_many_cases_as_may_be_measured_can_be_read(make_results, make_row, tmp_path):
    row = make_row(1 / 3, "torch-fused", "cuda", model="lstm-no-peepholes", length=2**30, n_words=2**30, batch=2**30)
    for name, value in vars(row).items():
        if isinstance(value, (int, float)) or value is None:
            setattr(row, name, 1e-300 / 3 if name in ("compile_s", "difference") else value or 2**40)
    row.checked = [2**30, 2**30]
    results = make_results(*[row] * MAX_CASES)
    results.machine, results.command = describe(1), ["lxmls-rnn"] * 99
    results.save(tmp_path / "a.json")
    assert Results.load(tmp_path / "a.json") == results


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 99}, "a.json is not a results file of .*: its format is 'lxmls-rnn benchmark', version 99"),
        ({"rows": [{"case": {"model": "gru"}}]}, r"rows\.0\.case\.implementation: field required"),
        ({"rows": [{"case": CASE, "median": 1.0, "q1": 1.0}]}, r"rows\.0: a row with a median needs its quartiles"),
        ({"rows": [{"case": CASE, "median": 1.0, "q3": 1.0}]}, r"rows\.0: a row with a median needs its quartiles"),
        ({"rows": [{"case": {**CASE, "n_hidd": "2"}}]}, r"rows\.0\.case\.n_hidd: should be a valid integer, got '2'"),
        ({"machine": {"threads": 1, "processor": "a"}}, "gpus: field required"),
    ],
)
def test_another_file_is_refused(make_results, tmp_path, change, message):
    path = tmp_path / "a.json"
    make_results().save(path)
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(ValueError, match=message):
        Results.load(path)


def test_a_row_has_its_rate_and_its_spread(make_row):
    row = make_row(2e-3)
    assert row.gflops == pytest.approx(0.5)  # 10^6 operations in 2 ms
    assert row.spread == pytest.approx(0.02)
    assert (make_row(None).gflops, make_row(None).spread) == (None, None)


@pytest.mark.parametrize(
    ("change", "uncertain"),
    [
        ({}, False),
        ({"repeats": 6}, False),
        ({"repeats": 5}, True),
        ({"medians": [2e-3] * 2}, True),
        ({"q1": 1.4e-3}, True),
        ({"waited": 0.05, "processor": 0.9}, False),
        ({"waited": 0.051}, True),
        ({"processor": 0.89}, True),
    ],
)
def test_a_row_is_certain_with_enough_processes_and_repeats_a_core_of_its_own_and_a_small_spread(
    make_row, change, uncertain
):
    assert replace(make_row(2e-3), **change).is_uncertain is uncertain
    assert not make_row(None).is_uncertain  # it was not measured


def test_a_gpu_computes_while_its_processor_sleeps_but_not_while_it_waits(make_row):
    row = make_row(2e-3, "fused", "cuda")
    assert not replace(row, processor=0.1).is_uncertain
    assert replace(row, waited=0.1).is_uncertain


def test_a_gpu_that_was_not_measured_does_not_count(make_results, make_row):
    assert make_results(make_row(1e-3), make_row(1e-3, "fused", "cuda1")).has_gpu
    assert not make_results(make_row(1e-3), make_row(None, "fused", "cuda")).has_gpu


CASES = make_cases([Shape("rnn", 5, batch, 4) for batch in (1, 2)], ["forward"], ["numpy"], n_words=30)


def test_a_run_that_was_left_keeps_what_was_measured(runner, tmp_path):
    rows = Session(CASES, runner, tmp_path / "a.json").run()
    first = next(rows)
    rows.close()
    kept, other = Results.load(tmp_path / "a.json").rows
    assert kept == first
    assert other.status == "stopped"


def test_a_run_of_another_machine_is_not_gone_on_with(runner, make_results, tmp_path):
    make_results().save(tmp_path / "a.json")
    with pytest.raises(ValueError, match="measured on another machine"):
        Session(CASES, runner, tmp_path / "a.json", resume=True)


def test_files_of_a_folder_are_listed_newest_first(make_results, tmp_path):
    assert saved(tmp_path / "none") == []
    for name, seconds in (("old", 1), ("new", 2)):
        make_results().save(tmp_path / f"{name}.json")
        os.utime(tmp_path / f"{name}.json", (seconds, seconds))
    assert [path.stem for path in saved(tmp_path)] == ["new", "old"]
    assert new_path(tmp_path).parent == tmp_path


def test_results_that_begin_in_the_same_second_have_files_of_their_own(tmp_path):
    assert new_path(tmp_path) != new_path(tmp_path)
