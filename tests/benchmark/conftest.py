import json

import pytest

from lxmls_rnn.benchmark.measure import worker
from lxmls_rnn.benchmark.measure.cases import Case
from lxmls_rnn.benchmark.measure.process import Failed, Worker, checked
from lxmls_rnn.benchmark.measure.results import Results, Row
from lxmls_rnn.benchmark.measure.runner import Runner


class Here:
    """A worker within this process: it does the same work, but on the CPU, as long as that takes, and finds no peak."""

    alive = True

    def __init__(self, implementation, device, dtype, threads, stop, python):
        assert device == "cpu"
        hello = worker.start(implementation, device, threads)
        if "unavailable" in hello:
            raise Failed("unavailable", hello["unavailable"])
        self.bench = worker.Bench(implementation, device, dtype)

    def ask(self, limit, **request):
        if request["do"] == "peak":  # which takes a second
            return {"flops": 1e11, "bytes": 1e10}
        return checked(json.loads(json.dumps(worker.answer(self.bench, request))))

    def close(self):
        pass


@pytest.fixture
def runner():
    """One whose workers are in this process."""
    return Runner(threads=1, seconds=0.01, limit=600, worker=Here)


@pytest.fixture
def runner_of_processes():
    return Runner(threads=1, seconds=0.01, limit=120)


@pytest.fixture
def runner_of_one_process():
    """Make a runner that has one implementation in a process, the others here."""

    def make(apart):
        def start(implementation, *lane, **options):
            return (Worker if implementation == apart else Here)(implementation, *lane, **options)

        return Runner(threads=1, seconds=0.01, limit=600, worker=start)

    return make


@pytest.fixture
def make_row():
    """A measured row as a file would hold it."""

    def make(median, implementation="numpy", device="cpu", **sizes):
        case = {"model": "rnn", "dtype": "float32", "work": "backward", "n_hidd": 20, "batch": 1, **sizes}
        row = Row(Case(implementation=implementation, device=device, **case), device=device, repeats=9, calls=1)
        row.flops, row.host_memory, row.compile_s = 10**6, 10**8, 0.1
        if median is None:
            return row
        row.median, row.q1, row.q3, row.minimum = median, 0.99 * median, 1.01 * median, 0.98 * median
        return row

    return make


@pytest.fixture
def make_results():
    def make(*rows):
        machine = {"processor": "a processor", "threads": 1, "gpus": []}
        return Results("2025-01-01T00:00:00+00:00", [], {}, machine, rows=list(rows))

    return make
