"""What workers measure, and what becomes of those that are told to go wrong."""

import re
import threading

import faulty_worker
import pytest
from benchmark.conftest import framework, measured
from environment import wait_until

from lxmls_rnn.benchmark.measure import contenders
from lxmls_rnn.benchmark.measure.cases import WORKS, Shape, make_cases
from lxmls_rnn.benchmark.measure.runner import PROCESSES, Runner
from lxmls_rnn.deep_learning import frameworks

SENTENCE = Shape("rnn", 5, 1, 4)
compiles_scan = pytest.mark.daily("compiles scan, some seconds from an empty cache")


def cases(
    implementations=("numpy", "fused"),
    devices=("cpu",),
    shapes=(SENTENCE,),
    works=("backward",),
    dtypes=("float64",),  # for whose layers other tests compile the same modules
):
    return make_cases(shapes, works, implementations, devices, dtypes, n_words=30)


def check_measured(rows):
    assert {row.status for row in rows} == {"ok"}
    assert all(row.difference <= 1e-5 and row.checked == [row.case.batch, 4] for row in rows)
    assert all(0 < row.minimum <= row.q1 <= row.median <= row.q3 for row in rows)
    assert all(row.repeats >= row.processes >= PROCESSES for row in rows)


@pytest.mark.daily("compiles the layers in float32, a quarter of a minute from an empty cache")
def test_every_implementation_here_gives_the_reference_numbers_and_is_timed(runner):
    shapes = [Shape("lstm", 5, 1, 4), Shape("lstm", 5, 3, 4)]
    check_measured(measured(runner, cases(shapes=shapes, works=tuple(WORKS), dtypes=["float32"])))


@compiles_scan
def test_scan_gives_the_reference_numbers_and_is_timed(runner):
    check_measured(measured(runner, cases(("scan",), shapes=[Shape("rnn", 5, 3, 4)], works=["step"])))


@pytest.mark.parametrize("implementation", ["torch", "torch-fused"])
def test_a_framework_gives_the_reference_numbers_in_a_process(runner_of_processes, implementation):
    framework(implementation)
    rows = measured(runner_of_processes, cases((implementation,), shapes=[Shape("lstm", 5, 3, 4)], works=["step"]))
    assert {(row.status, row.why) for row in rows} == {("ok", "")}


@pytest.mark.daily("starts four workers; test_command has one")
def test_a_row_tells_memory_and_compile_time_or_why_its_device_is_not_there(runner_of_processes):
    absent, here = measured(runner_of_processes, [*cases(("numpy",)), *cases(("fused",), devices=("cuda77",))])
    assert (here.status, here.device, here.device_memory) == ("ok", "cpu", None)
    assert here.host_memory > 10**7
    assert here.compile_s > 0
    assert absent.status == "unavailable"
    assert "cuda77" in absent.why
    assert (absent.median, absent.device) == (None, None)


def test_a_missing_framework_is_a_row_that_says_what_brings_it(runner, monkeypatch):
    monkeypatch.setattr(frameworks, "find_spec", lambda name: None)
    (row,) = measured(runner, cases(("torch",)))
    why = "PyTorch is not installed: `make setup WITH=torch` installs it (2.5 GB, with CUDA)"
    assert (row.status, row.why) == ("unavailable", why)


def test_a_framework_that_cannot_be_imported_is_a_row_that_says_why(runner_of_processes, monkeypatch, tmp_path):
    (tmp_path / "torch.py").write_text("raise ImportError('broken\\nat')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (row,) = measured(runner_of_processes, cases(("torch",)))
    assert (row.status, row.why) == ("unavailable", "broken")


@pytest.mark.daily("starts workers and compiles; test_process and test_runner_answers have crashes too")
def test_a_case_that_crashes_is_a_row_that_says_so_and_the_rest_goes_on(runner_of_one_process, monkeypatch):
    faulty_worker.request(monkeypatch, "crash:numpy")
    shapes = [Shape("rnn", 5, 1, 4), Shape("rnn", 5, 2, 4)]
    rows = measured(runner_of_one_process("numpy"), cases(shapes=shapes))
    assert {(row.status, row.why, row.median) for row in rows[::2]} == {
        ("crashed", "its process ended with SIGSEGV", None)
    }
    assert [row.status for row in rows[1::2]] == ["ok", "ok"]


def test_a_case_with_wrong_numbers_is_a_row_that_says_so(runner, monkeypatch):
    def wrong(*given):
        return {name: 1.01 * right for name, right in reference(*given).items()}

    reference = contenders.reference
    monkeypatch.setattr(contenders, "reference", wrong)
    (row,) = measured(runner, cases(("numpy",)))
    assert (row.status, row.median) == ("wrong", None)
    assert "of the largest from the reference's; 1e-08 is allowed" in row.why


def test_it_is_stopped_from_another_thread_while_a_case_takes_long(runner_of_one_process, monkeypatch):
    faulty_worker.request(monkeypatch, "hang:fused")
    runner, rows = runner_of_one_process("fused"), []
    shapes = [SENTENCE, Shape("rnn", 5, 2, 4)]
    thread = threading.Thread(target=lambda: rows.extend(measured(runner, cases(shapes=shapes))))
    thread.start()
    wait_until(lambda: len(runner._workers) == 2 or not thread.is_alive())
    runner.stop()
    thread.join()
    assert {(row.status, row.why) for row in rows} == {("stopped", "the run was stopped")}
    assert not runner._workers


def test_a_case_too_large_for_the_memory_is_not_tried(runner):
    (row,) = measured(runner, cases(("numpy",), shapes=[Shape("lstm", 500_000, 1, 4)]))
    assert row.status == "memory"
    assert re.fullmatch(r"its worker needs about [\d.,]+ GB, and .* are free here", row.why)


def test_ctrl_c_keeps_what_was_measured_and_ends_the_workers(runner_of_processes, monkeypatch):
    shapes = [Shape("rnn", 5, batch, 4) for batch in (1, 2, 3)]
    rounds, time = [], Runner._time

    def interrupted(self, turn):
        if 2 in rounds:  # after the first round of the second of three groups
            raise KeyboardInterrupt
        rounds.append(turn.row.case.batch)
        time(self, turn)

    monkeypatch.setattr(Runner, "_time", interrupted)
    rows = measured(runner_of_processes, cases(("numpy",), shapes=shapes))
    assert [row.status for row in rows] == ["ok", "ok", "stopped"]
    assert (rounds.count(1) >= 1, rounds.count(2), rounds.count(3)) == (True, 1, 0)
    assert rows[1].repeats >= 1
    assert not runner_of_processes._workers


def test_implementations_that_are_compared_take_turns(runner, monkeypatch):
    order = []
    time = Runner._time
    monkeypatch.setattr(
        Runner, "_time", lambda self, turn: (order.append(turn.row.case.implementation), time(self, turn))
    )
    measured(runner, cases())
    assert order[:2] == ["numpy", "fused"]
    # in each process one has a second round unless it has used up its time
    assert min(order.count("numpy"), order.count("fused")) >= PROCESSES
