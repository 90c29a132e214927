import pytest

from lxmls_rnn.benchmark.measure.cases import Case
from lxmls_rnn.benchmark.measure.results import Results, Row
from lxmls_rnn.benchmark.measure.runner import Runner


@pytest.fixture
def runner():
    return Runner(threads=1, seconds=0.01, limit=120)


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
