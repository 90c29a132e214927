"""Workers on this machine: they listen to nothing, end with their client, and are replaced when they die."""

import multiprocessing.resource_tracker
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import loky.backend.resource_tracker
import psutil
import pytest
from environment import wait_until
from loky.backend.queues import Queue
from sweep.small import BASE, hold_workers, of_sweep, serial, small_sweep, workers_of

from lxmls_rnn.sweep import local
from lxmls_rnn.sweep.driver import POLL_SECONDS, Driver
from lxmls_rnn.sweep.tasks import WorkerDied

COMMAND = Path(sys.executable).with_name("lxmls-rnn")


@pytest.fixture
def sweep(tmp_path):
    """The processes of a sweep whose two workers train: the client, its workers, and loky's tracker."""
    command = [COMMAND, "sweep", "sample", "--name", "long", "--seeds", "2", "--epochs", "100000", "--workers", "2"]
    command += ["--n-emb", "3", "--n-hidd", "3", "--max-nr-sent", "30"]
    environ = {**os.environ, "LXMLS_RUNS": str(tmp_path / "runs")}
    client = psutil.Popen(command, env=environ, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    while len(list((tmp_path / "runs" / "long").glob("*/metrics.jsonl"))) < 2:
        assert client.poll() is None, client.stdout.read()
    yield [client, *client.children(recursive=True)]
    client.terminate()
    client.communicate()


@pytest.mark.daily("it starts workers")
def test_no_process_of_a_sweep_listens_and_none_outlives_a_killed_client(sweep):
    client, *others = sweep
    assert len(workers_of(client)) == 2
    connections = []
    for process in sweep:
        with suppress(psutil.NoSuchProcess):  # not all children last
            connections += process.net_connections()
    assert connections == []
    client.kill()
    psutil.wait_procs(others)


REFUSALS = {
    "ulimit -n 16": "a process may open only 16 files (ulimit -n), too few for 2 workers",
    "mount -t tmpfs -o ro none /dev/shm": "/dev/shm: Read-only file system: the processes share semaphores there",
}


@pytest.mark.daily("it starts the command twice")
@pytest.mark.parametrize("condition", REFUSALS)
def test_where_the_system_lets_no_worker_start_a_sentence_says_what_is_missing(tmp_path, condition):
    shell = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    if subprocess.run([*shell, "mount -t tmpfs none /mnt"], capture_output=True).returncode:
        pytest.skip("no user and mount namespaces here")
    command = [COMMAND, "sweep", "sample", "--seeds", "2", "--workers", "2", "--root", tmp_path]
    made = [*shell, f'{condition} && exec "$@"', "sh", *command]
    shown = subprocess.run(made, capture_output=True, text=True)
    assert shown.returncode == 1
    assert shown.stderr.startswith(f"Error: no worker can be started: {REFUSALS[condition]}")
    assert shown.stderr.count("\n") == 1


def locks():
    """The semaphores of this process that Linux shows."""
    return set(Path("/dev/shm").glob(f"sem.loky-{os.getpid()}-*"))


def started(workers):
    while not workers.alive:
        workers.wait(POLL_SECONDS)
        workers.update()


def test_a_worker_has_one_thread_and_its_device(monkeypatch):
    monkeypatch.setenv("THEANO_FLAGS", "device=cuda7,warn_float64=ignore")
    names = ["LXMLS_DEVICE", "THEANO_FLAGS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"]
    for name in names[2:]:
        monkeypatch.delenv(name, raising=False)
    with local.Pool(1, ["cpu"], "token") as workers:
        assert (workers.alive, workers.unfit) == (0, {})
        started(workers)
        environ = [workers.submit(os.getenv, name).result() for name in names]
        assert workers.submit(os.getcwd) is not None
        blocked = workers._starter.submit(signal.pthread_sigmask, signal.SIG_BLOCK, []).result()
        assert blocked == {signal.SIGINT}  # its processes inherit it until they ignore Ctrl-C
    assert environ == ["cpu", "device=cuda7,warn_float64=ignore,device=cpu", "1", "1", "1"]


def test_an_interrupt_kills_a_worker_amid_a_training_and_no_thread_and_lock_of_its_pool_is_left(monkeypatch):
    feed = Queue._feed
    monkeypatch.setattr(Queue, "_feed", staticmethod(lambda *arguments: feed(*arguments) or time.sleep(0.3)))
    monkeypatch.setattr(local, "END_SECONDS", None)
    before = set(threading.enumerate()) | locks()
    with suppress(KeyboardInterrupt), local.Pool(1, [], "token") as workers:
        started(workers)
        training = workers.submit(signal.pause)
        assert locks() - before
        raise KeyboardInterrupt
    assert set(threading.enumerate()) | locks() <= before
    with pytest.raises(WorkerDied, match="SIGKILL"):
        workers.answer(training)


def test_an_interrupt_kills_a_worker_that_never_starts(tmp_path, monkeypatch):
    hold_workers(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with suppress(KeyboardInterrupt), local.Pool(1, [], "token"):
        wait_until(lambda: workers_of(psutil.Process()))
        raise KeyboardInterrupt
    assert not workers_of(psutil.Process())


def test_a_sweep_says_what_it_does_and_has_the_numbers_of_serial_runs(tmp_path):
    sweep = small_sweep(tmp_path, "n_hidd=2", seeds=[1]).begin()
    driver, said = Driver(sweep, workers=3), []
    assert driver.count == 1  # no more than trainings
    for result in driver.run():
        said.append((driver.state, driver.alive))
        assert result is None or driver.results == {result.training.name: result}
    assert list(dict.fromkeys(state for state, _ in said)) == ["starting workers", "training"]
    assert said[-1] == ("training", 1)
    assert (driver.state, driver.alive, driver.unfit) == ("done", 0, {})
    assert of_sweep(sweep) == serial(sweep, tmp_path / "serial")


@pytest.fixture
def broken_on_bad(tmp_path, monkeypatch):
    """Python itself does not start where the device is "bad"."""
    for tracker in (multiprocessing.resource_tracker, loky.backend.resource_tracker):
        tracker.ensure_running()  # while they can start
    (tmp_path / "sitecustomize.py").write_text("import os\nif os.getenv('LXMLS_DEVICE') == 'bad': os._exit(7)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))


@pytest.mark.daily("it starts workers")
def test_a_worker_that_never_starts_is_given_up_and_the_others_train(broken_on_bad):
    with local.Pool(2, ["bad", "good"], "token") as workers:
        while not (workers.unfit and workers.alive):
            workers.wait(POLL_SECONDS)
            workers.update()
        assert workers.submit(os.getenv, "LXMLS_DEVICE").result() == "good"
        assert workers.unfit == {"0": "it died 10 times in a row while it started: EXIT(7)"}


@pytest.mark.nightly("the same as a worker that never starts, seen from a sweep")
def test_where_no_worker_starts_the_sweep_ends_with_a_sentence(broken_on_bad, tmp_path, monkeypatch):
    monkeypatch.setenv("LXMLS_DEVICE", "bad")
    driver = Driver(small_sweep(tmp_path, "n_hidd=2", seeds=[1]).begin(), workers=1)
    message = r"no worker starts: worker 0, it died 10 times in a row while it started: EXIT\(7\)"
    with pytest.raises(RuntimeError, match=message):
        list(driver.run())


@pytest.mark.daily("it starts workers and kills them")
def test_a_training_whose_workers_die_three_times_fails_and_the_other_one_is_not_disturbed(tmp_path, monkeypatch):
    monkeypatch.setattr(local, "MAX_FAILED_STARTS", 1)  # the deaths of workers that have started do not count
    long = replace(BASE, trainer=replace(BASE.trainer, epochs=100_000))
    sweep = small_sweep(tmp_path, "epochs=100000,3", base=long, seeds=[1]).begin()
    deadly, other = (training.name for training in sweep.trainings())
    driver, killed, rows = Driver(sweep, workers=1), 0, 0

    def written():
        return sum(path.read_text().count("\n") for path in sweep.folder.glob(f"{deadly}/metrics.jsonl"))

    for _ in driver.run():
        if killed < 3 and written() > rows:
            for process in workers_of(psutil.Process()):
                process.suspend()
                wait_until(lambda: process.status() == psutil.STATUS_STOPPED)  # noqa: B023
                rows = written()  # the next worker writes more
                process.kill()
                killed += 1
    assert driver.results[deadly].state == "failed"
    assert driver.results[deadly].why.startswith("its workers died while they trained it: ")  # loky may not know how
    assert (driver.results[other].state, killed) == ("done", 3)
