import gc
import json

import pytest
from environment import HANG_SECONDS

from lxmls_rnn.benchmark.measure import runner as runner_module
from lxmls_rnn.benchmark.measure import worker
from lxmls_rnn.benchmark.measure.cases import Case
from lxmls_rnn.benchmark.measure.process import Failed, Worker, checked
from lxmls_rnn.benchmark.measure.results import Results, Row
from lxmls_rnn.benchmark.measure.runner import Runner


@pytest.fixture(autouse=True)
def what_other_tests_have_left_is_not_collected():
    """Let no worker within this process, which collects garbage before each case, go through it: half a second each."""
    gc.freeze()


def measured(runner, cases):
    """Return the last row that a runner yields of each case."""
    return list({row.case: row for rows in runner.run(cases) for row in rows}.values())


LABELS = {"torch": "PyTorch", "torch-fused": "PyTorch"}


def framework(implementation):
    """Import what an implementation needs, or skip the test."""
    module = implementation.partition("-")[0]
    remedy = f"{LABELS[module]} is not installed: `make setup WITH={module}` installs it"
    return pytest.importorskip(module, reason=remedy)


class Here:
    """A worker within this process: it does the same work, but on the CPU, as long as that takes."""

    alive = True

    def __init__(self, implementation, device, dtype, threads, stop, limit):
        assert device == "cpu"
        hello = worker.start(implementation, threads)
        if "unavailable" in hello:
            raise Failed("unavailable", hello["unavailable"])
        self.bench = worker.Bench(implementation, device, dtype)

    def ask(self, limit, **request):
        return checked(json.loads(json.dumps(worker.answer(self.bench, request))))

    def close(self):
        pass


class Scripted:
    """A worker that does no work and answers what it is told to."""

    alive = True

    def __init__(self, seconds, calls, asked, prepare, spent):
        self.seconds, self.calls, self.asked, self.prepare, self.spent = seconds, calls, asked, prepare, spent

    def ask(self, limit, **request):
        self.asked.append((request["do"], limit))
        if request["do"] == "measure":
            wall = self.calls * sum(self.seconds)
            spent = {"wall": wall, "processor": self.spent[0] * wall, "waited": self.spent[1] * wall}
            return {"seconds": self.seconds, "calls": self.calls, **spent, "host_memory": 10**8, "device_memory": 10**9}
        device = request["case"]["device"]
        found = {"device": device, "difference": 0.0, "tolerance": 1e-5, "checked": [1, 1]}
        return {**found, "compile_s": 0.1, "compiled": True, **self.prepare()}

    def close(self):
        self.alive = False


@pytest.fixture
def scripted(monkeypatch):
    """Make a runner whose workers answer that a round took these seconds; `started` and `asked` tell what it does.

    `rounds` has the seconds of each worker that is started, in turn, and `spent` its processor time and its waiting as
    parts of them; `prepare` changes answers, or raises an error.
    """

    def make(
        seconds=(0.1,),
        calls=1,
        worker=Scripted,
        rounds=(),
        spent=((1.0, 0.0),),
        prepare=dict,
        **options,
    ):
        started, asked = [], []

        def start(*lane, **given):
            n = len(started)
            started.append((lane, given))
            of_round = list(rounds[n % len(rounds)] if rounds else seconds)
            return worker(of_round, calls, asked, prepare, spent[n % len(spent)])

        monkeypatch.setattr(runner_module, "Worker", start)
        runner = Runner(**{"threads": 1, "seconds": 0.5, "limit": 100, **options})
        runner.started, runner.asked = started, asked
        return runner

    make.worker = Scripted
    return make


@pytest.fixture
def runner(monkeypatch):
    """One whose workers are in this process."""
    monkeypatch.setattr(runner_module, "Worker", Here)
    return Runner(threads=1, seconds=0.01, limit=HANG_SECONDS)


@pytest.fixture
def runner_of_processes():
    return Runner(threads=1, seconds=0.01, limit=HANG_SECONDS)


@pytest.fixture
def runner_of_one_process(monkeypatch):
    """Make a runner that has one implementation in a process, the others here."""

    def make(apart):
        def start(implementation, *lane, **options):
            return (Worker if implementation == apart else Here)(implementation, *lane, **options)

        monkeypatch.setattr(runner_module, "Worker", start)
        return Runner(threads=1, seconds=0.01, limit=HANG_SECONDS)

    return make


@pytest.fixture
def make_row():
    """A measured row as a file would hold it."""

    def make(median, implementation="numpy", device="cpu", **sizes):
        case = {"model": "rnn", "dtype": "float32", "work": "backward", "n_hidd": 20, "batch": 1, **sizes}
        row = Row(
            Case(implementation=implementation, device=device, **case), device=device, repeats=9, calls=1, processor=1.0
        )
        row.flops, row.host_memory, row.compile_s = 10**6, 10**8, 0.1
        if median is None:
            return row
        row.median, row.q1, row.q3, row.minimum = median, 0.99 * median, 1.01 * median, 0.98 * median
        row.medians = [median, 0.995 * median, 1.005 * median]
        return row

    return make


@pytest.fixture
def make_results():
    def make(*rows):
        machine = {"processor": "a processor", "threads": 1, "gpus": []}
        return Results("2025-01-01T00:00:00+00:00", [], {}, machine, rows=list(rows))

    return make


@pytest.fixture
def gpu_results(make_results, make_row):
    """A GPU that takes 1 ms whatever the size, and a CPU that takes longer the more there is to do."""
    rows = []
    for n_hidd in (20, 100, 500):
        for batch in (1, 16, 128):
            sizes = {"n_hidd": n_hidd, "batch": batch}
            rows += [make_row(n_hidd * batch * 1e-6, "numpy", **sizes), make_row(1e-3, "fused", "cuda", **sizes)]
    return make_results(*rows)
