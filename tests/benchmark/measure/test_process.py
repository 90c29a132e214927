"""Workers whose process ends, hangs or answers: a module of a few lines takes the worker's place."""

import json
import os

import pytest
from environment import HANG_SECONDS

from lxmls_rnn.benchmark.measure import process
from lxmls_rnn.benchmark.measure.process import Failed, Worker, checked, environment
from lxmls_rnn.device.processor import processors

HELLO = """import json, os, signal, sys
print("{}", flush=True)
"""


@pytest.fixture
def start(tmp_path, monkeypatch):
    """Start a worker that runs some lines of Python; it is ended with the test."""
    workers = []
    monkeypatch.setattr(process, "WORKER", "few_lines")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    def make(lines, stop=lambda: False, threads=3, device="cpu"):
        (tmp_path / "few_lines.py").write_text(lines)
        workers.append(Worker("numpy", device, "float32", threads, stop))
        return workers[-1]

    yield make
    for worker in workers:
        if worker.alive:
            worker.close()


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ("import sys; sys.exit(3)", "its process ended with exit status 3"),
        ("import sys; sys.exit('first\\nno module')", "its process ended with exit status 1: no module"),
        ("import os; os.kill(os.getpid(), 15)", "its process ended with SIGTERM"),
        ("import os; os.kill(os.getpid(), 9)", "killed (SIGKILL), as Linux does when memory runs out"),
    ],
)
def test_how_a_process_ended_is_said(start, lines, why):
    with pytest.raises(Failed) as failed:
        start(lines)
    assert (failed.value.status, str(failed.value)) == ("crashed", why)


def test_what_is_unavailable_is_no_crash(start):
    with pytest.raises(Failed, match=r"^no such device$") as failed:
        start("""print('{"unavailable": "no such device"}')""")
    assert failed.value.status == "unavailable"


def test_it_is_told_what_it_is_for_and_answers_a_line_for_a_line(start):
    worker = start(HELLO + "for line in sys.stdin: print(json.dumps([sys.argv[1:], json.loads(line)]), flush=True)")
    for number in range(2):
        assert worker.ask(HANG_SECONDS, do="measure", number=number) == [
            ["numpy", "cpu", "float32", "3"],
            {"do": "measure", "number": number},
        ]


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_a_worker_on_the_cpu_runs_on_a_processor_for_each_thread(start, device):
    before = os.sched_getaffinity(0)
    worker = start(
        "import os\n" + HELLO + "sys.stdin.readline(); print(sorted(os.sched_getaffinity(0)), flush=True)",
        threads=1,
        device=device,
    )
    assert worker.ask(HANG_SECONDS) == sorted(processors(1) if device == "cpu" else before)
    assert os.sched_getaffinity(0) == before


def test_answers_longer_than_a_pipe_and_two_at_once_are_read_whole(start):
    two = "sys.stdin.readline(); print('[1]\\n' + json.dumps(['x' * 300_000]), flush=True); sys.stdin.readline()"
    worker = start(HELLO + two)
    assert worker.ask(HANG_SECONDS) == [1]
    assert worker.ask(HANG_SECONDS) == ["x" * 300_000]


def test_it_waits_no_longer_than_the_limit_and_is_ended(start):
    worker = start(HELLO + "signal.pause()")
    with pytest.raises(Failed, match=r"^stopped at its limit of 0\.05 s$") as failed:
        worker.ask(0.05, do="measure")
    assert failed.value.status == "limit"
    assert not worker.alive


def test_it_ends_when_it_is_to_stop(start):
    stopping = []
    worker = start(HELLO + "signal.pause()", stop=lambda: bool(stopping))
    stopping.append(True)
    with pytest.raises(Failed, match=r"^the run was stopped$") as failed:
        worker.ask(HANG_SECONDS, do="measure")
    assert failed.value.status == "stopped"
    assert not worker.alive


def test_one_that_has_ended_meanwhile_is_not_asked_in_vain(start):
    worker = start(HELLO + "sys.stderr.write('out of paper'); sys.stdin.close(); sys.exit(2)")
    worker.process.wait()
    with pytest.raises(Failed, match=r"^its process ended with exit status 2: out of paper$"):
        worker.ask(HANG_SECONDS, do="measure", filler="x" * 100_000)


def test_an_error_in_an_answer_is_raised():
    with pytest.raises(Failed, match=r"^why$") as failed:
        checked({"error": "why", "kind": "memory"})
    assert failed.value.status == "memory"
    assert checked({"flops": 1.0}) == {"flops": 1.0}


def test_the_environment_says_device_dtype_and_threads(monkeypatch):
    monkeypatch.setenv("THEANO_FLAGS", "device=cuda5,optimizer=fast_run")
    environ = environment("cpu", "float64", 3)
    assert environ["THEANO_FLAGS"] == "device=cuda5,optimizer=fast_run,device=cpu,floatX=float64"
    assert (environ["LXMLS_DEVICE"], environ["LXMLS_FLOATX"]) == ("cpu", "float64")
    assert {environ[f"{library}_NUM_THREADS"] for library in ("OMP", "OPENBLAS", "MKL")} == {"3"}
    json.dumps(environ)  # texts all of them
