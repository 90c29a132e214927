"""What a worker does, without its process."""

import hashlib
import math
import subprocess
import sys
import threading
from pathlib import Path
from time import perf_counter

import numpy as np
import pytest
from environment import HANG_SECONDS

from lxmls_rnn.benchmark.measure import counting, worker
from lxmls_rnn.benchmark.measure.contenders import NumpyContender, draw_batch
from lxmls_rnn.benchmark.measure.process import Worker
from lxmls_rnn.benchmark.measure.worker import WARM_UP_SECONDS, Bench
from lxmls_rnn.deep_learning.frameworks import FRAMEWORKS, NUMPY

compiles = pytest.mark.daily("compiles the fused layer, five seconds from an empty cache")


@pytest.mark.parametrize("implementation", ["numpy", pytest.param("fused", marks=compiles)])
def test_a_tagger_that_was_timed_starts_anew_for_the_next_length(make_row, implementation):
    """Timing makes many small steps; here one large one stands for them."""
    bench = Bench(implementation, "cpu", "float32")
    for length in (3, 4):
        case = make_row(1.0, implementation, work="step", n_hidd=4, n_words=30, length=length).case
        assert bench.prepare(case)["difference"] < 1e-5
        bench.tagger.bind(draw_batch(case, 1, length), 1.0)()


def test_a_case_too_large_to_check_as_a_whole_is_timed_as_a_whole(make_row, monkeypatch):
    monkeypatch.setattr(counting, "CHECKED_FLOPS", 1)
    case = make_row(1.0, work="forward", n_hidd=4, n_words=30, batch=5, length=7).case
    bench = Bench("numpy", "cpu", "float32")
    assert bench.prepare(case)["checked"] == (2, 3)
    p_y = bench.tagger.results(bench.call())["p_y"]
    assert np.array_equal(p_y, bench.tagger.model.forward(draw_batch(case, 5, 7).x))


def test_a_worker_answers_when_its_threads_have_stopped_spinning(monkeypatch):
    stop = threading.Event()

    def spin():
        while not stop.is_set():
            hashlib.sha256(bytes(10**7))  # outside Python's lock, as the threads of OpenMP and OpenBLAS

    monkeypatch.setattr(worker, "MAX_IDLE_WAIT_SECONDS", math.inf)
    monkeypatch.setattr(worker, "sleep", lambda seconds: stop.set())
    thread = threading.Thread(target=spin)
    thread.start()
    while thread.native_id not in worker.running_threads():
        pass
    worker.wait_until_idle()
    assert stop.is_set()
    assert thread.native_id not in worker.running_threads()
    thread.join()


def test_a_worker_whose_threads_never_rest_answers_nevertheless(monkeypatch):
    monkeypatch.setattr(worker, "MAX_IDLE_WAIT_SECONDS", 0)
    monkeypatch.setattr(worker, "running_threads", lambda: [1])
    worker.wait_until_idle()


@pytest.mark.parametrize(("implementation", "package"), [("numpy", "numpy"), ("torch-fused", "torch")])
def test_a_worker_does_not_spin_after_its_answer(make_row, implementation, package):
    """NumPy's OpenBLAS and PyTorch's OpenMP would do so for 40 and 10 ms, if there are two processors."""
    if missing := FRAMEWORKS[package].missing:
        pytest.skip(missing)
    apart = Worker(implementation, "cpu", "float32", threads=2)
    try:
        apart.ask(HANG_SECONDS, do="prepare", case=vars(make_row(1.0, implementation, batch=64, n_hidd=256).case))
        apart.ask(HANG_SECONDS, do="measure", seconds=0.01)
        states = [
            (task / "stat").read_text().rpartition(")")[2].split()[0]
            for task in Path(f"/proc/{apart.process.pid}/task").iterdir()
            if int(task.name) != apart.process.pid
        ]
    finally:
        apart.close()
    assert "R" not in states


@pytest.mark.parametrize(("seconds", "calls"), [(3e-3, 1), (3e-4, 7)])
def test_a_long_call_is_timed_alone_and_a_short_one_with_others(make_row, monkeypatch, seconds, calls):
    bench = Bench("numpy", "cpu", "float32")
    bench.prepare(make_row(1.0, n_hidd=4, n_words=30).case)
    slow = iter([100])  # the first call fills the caches
    monkeypatch.setattr(worker, "timed", lambda call, calls: seconds * calls * next(slow, 1))
    measured = bench.measure(1e-9)
    assert (worker.MIN_REPEAT_SECONDS, measured["calls"]) == (2e-3, calls)
    assert measured["seconds"] == [pytest.approx(seconds)]


def test_a_measurement_has_its_processor_time_and_that_of_the_thread_that_waited_longest(make_row, monkeypatch):
    bench = Bench("numpy", "cpu", "float32")
    bench.prepare(make_row(1.0, n_hidd=4, n_words=30).case)
    wall, processor = iter([10.0, 12.0, 14.0]), iter([3.0, 4.5])
    waited = iter([{"1": 5.0, "2": 0.5}, {"1": 5.1, "2": 0.75, "3": 0.2}])
    monkeypatch.setattr(worker, "timed", lambda call, calls: 1.0)
    monkeypatch.setattr(worker, "perf_counter", lambda: next(wall))
    monkeypatch.setattr(worker, "process_time", lambda: next(processor))
    monkeypatch.setattr(worker, "waits", lambda: next(waited))
    measured = bench.measure(1.0)
    assert [measured[name] for name in ("seconds", "wall", "processor", "waited")] == [[1.0], 4.0, 1.5, 0.25]


@pytest.mark.parametrize(("device", "warm"), [("cuda", True), ("cpu", False)])
def test_a_gpu_works_before_each_round(make_row, monkeypatch, device, warm):
    bench, now, timed = Bench("numpy", device, "float32"), 0.0, []
    bench.prepare(make_row(1.0, n_hidd=4, n_words=30).case)

    def work(calls=1):
        nonlocal now
        now += calls / 16

    monkeypatch.setattr(bench, "call", work)
    monkeypatch.setattr(worker, "perf_counter", lambda: now)
    monkeypatch.setattr(worker, "timed", lambda call, calls: timed.append(now) or work(16) or 1.0)
    for _ in range(2):
        begin = now
        timed.clear()
        bench.measure(1e-9)
        assert (timed[0] - begin >= WARM_UP_SECONDS) == warm


def test_taggers_of_one_hidden_size_are_built_once(make_row):
    """One for a sentence and one for batches; the next hidden size takes their place."""
    bench = Bench("numpy", "cpu", "float32")
    sizes = [(4, 1, 3), (4, 2, 3), (4, 1, 5), (4, 3, 5), (5, 1, 3), (5, 2, 3), (4, 1, 3)]
    cases = [make_row(1.0, n_hidd=h, batch=b, length=n, n_words=30).case for h, b, n in sizes]
    assert [bench.prepare(case)["compiled"] for case in cases] == [True, True, False, False, True, True, True]


def test_what_building_took_is_told_again_for_the_next_shape(make_row):
    bench = Bench("numpy", "cpu", "float32")
    start = perf_counter()
    first, second = (bench.prepare(make_row(1.0, n_hidd=4, n_words=30, length=n).case) for n in (3, 4))
    assert 0 < first["compile_s"] == second["compile_s"] < perf_counter() - start


def test_the_time_to_compile_is_that_to_build_and_that_to_the_first_result(make_row, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(worker, "perf_counter", lambda: now[0])

    class Slow(NumpyContender):
        def __init__(self, *given):
            now[0] += 100
            super().__init__(*given)

        def bind(self, *given):
            now[0] += 7
            return super().bind(*given)

    monkeypatch.setitem(worker.contenders.CLASSES, NUMPY, Slow)
    assert Bench("numpy", "cpu", "float32").prepare(make_row(1.0, n_hidd=4, n_words=30).case)["compile_s"] == 107


def test_numbers_that_are_not_finite_have_no_difference(make_row, monkeypatch):
    bench, case = Bench("numpy", "cpu", "float32"), make_row(1.0, work="forward", n_hidd=4, n_words=30).case
    monkeypatch.setattr(worker.contenders.NumpyContender, "results", lambda self, p_y: {"p_y": p_y * np.nan})
    assert bench.prepare(case)["difference"] is None


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (MemoryError("of 5 GB"), {"error": "not enough memory: of 5 GB", "kind": "memory"}),
        (NotImplementedError("no kernel"), {"error": "no kernel", "kind": "unavailable"}),
        (RuntimeError("CUDA out of memory\nat"), {"error": "RuntimeError: CUDA out of memory", "kind": "memory"}),
        (RuntimeError("wrong\nat"), {"error": "RuntimeError: wrong", "kind": "crashed"}),
        (RuntimeError(), {"error": "RuntimeError: ", "kind": "crashed"}),
    ],
)
def test_an_error_becomes_an_answer(make_row, monkeypatch, error, answer):
    def fail(case):
        raise error

    bench = Bench("numpy", "cpu", "float32")
    monkeypatch.setattr(bench, "prepare", fail)
    assert worker.answer(bench, {"do": "prepare", "case": vars(make_row(1.0).case)}) == answer


BARE = """
import sys
here = sys.stdlib_module_names | {"numpy", "threadpoolctl", "lxmls_rnn"}  # threadpoolctl: of the proof of NumPy's BLAS
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in here:
            raise ImportError(name)
sys.meta_path.insert(0, Absent())
from lxmls_rnn.benchmark.measure.cases import Case
from lxmls_rnn.benchmark.measure.worker import Bench
case = Case("lstm", "numpy", "cpu", "float32", "backward", 5, 3, 4, 30)
print(Bench("numpy", "cpu", "float32").prepare(case)["difference"] < 1e-5)
"""


def test_it_needs_nothing_but_numpy_and_what_it_times():
    done = subprocess.run([sys.executable, "-c", BARE], capture_output=True, text=True)
    assert done.stdout == "True\n", done.stderr


def test_each_thread_has_the_time_that_it_waited_for_a_core(linux, tmp_path, monkeypatch):
    monkeypatch.setattr(worker, "Path", lambda path: tmp_path / path.lstrip("/"))
    assert worker.waits() == {}
    for thread, text in {"7": "912345 250000000 31\n", "12": "5 1000 2\n"}.items():
        linux(f"/proc/self/task/{thread}/schedstat", text)
    assert worker.waits() == {"7": 0.25, "12": pytest.approx(1e-6)}


def test_calls_are_timed_together(monkeypatch):
    durations, now = iter([1.0, 2.0, 4.0]), [0.0]
    monkeypatch.setattr(worker, "perf_counter", lambda: sum(now))
    assert worker.timed(lambda: now.append(next(durations)), 3) == 7.0
