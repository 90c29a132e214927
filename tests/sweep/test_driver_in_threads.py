"""The driver on a real cluster whose scheduler and workers are threads of this process: quick, and watched from within.

`test_driver` has workers that are processes, and kills them.
"""

from contextlib import closing
from dataclasses import replace

import pytest
from distributed import Client, Status, default_client, get_worker
from environment import wait_until
from sweep.clusters import Clock, cluster_of
from sweep.small import BASE, of_sweep, serial, small_sweep

from lxmls_rnn.runs import Run
from lxmls_rnn.storage.files import locked
from lxmls_rnn.sweep import cluster as clusters
from lxmls_rnn.sweep import report, tasks
from lxmls_rnn.sweep.driver import Driver
from lxmls_rnn.sweep.results import read_all
from lxmls_rnn.sweep.sweep import Sweep


@pytest.fixture(scope="module")
def address():
    """The address of a cluster with two workers that may train, and one that may not."""
    with cluster_of(1, 1, 2) as cluster:
        yield cluster.scheduler_address


def states(sweep):
    return {result.training.name: result.state for result in read_all(sweep)}


def test_it_trains_what_is_missing_and_tells_how_far_it_is(address, tmp_path):
    sweep = small_sweep(tmp_path, "n_hidd=2,3").begin()
    driver = Driver(sweep, scheduler=address)
    assert (driver.state, driver.seconds_left, driver.alive) == ("ready", None, 0)
    assert {result.state for result in driver.results.values()} == {"waiting"}
    said, seen, left = [driver.state], [], []
    for result in driver.run():
        if driver.state != said[-1]:
            said.append(driver.state)
        if result is not None:
            assert driver.results[result.training.name] == result
            seen.append(result)
            left.append(driver.seconds_left)
            assert left[-1] == report.seconds_left(driver.results.values(), driver.seconds, 2)
            assert (driver.alive, driver.count) == (2, 2)
            with pytest.raises(ValueError, match="No client"):  # one that Dask would take for others' work too
                default_client()
            assert driver.unfit == {"w2": "it has 2 threads: start it with --nthreads 1"}
    assert said == ["ready", "asking workers", "training"]
    assert {(result.training.name, result.state) for result in seen} == {(t.name, "done") for t in sweep.trainings()}
    assert [seconds > 0 for seconds in left] == [True, True, True, False]  # the time of the last one's rest is none
    assert set(driver.seconds) == set(driver.results)
    assert driver.state == "done"
    assert driver.alive == 0
    assert of_sweep(sweep) == serial(sweep, tmp_path / "serial")
    assert list(driver.run()) == []  # nothing is missing


def test_what_diverged_and_what_failed_is_kept_and_only_the_failed_is_tried_again(address, tmp_path):
    base = replace(BASE, activation="relu", trainer=replace(BASE.trainer, epochs=10))
    sweep = small_sweep(tmp_path, "n_hidd=2,3", "rate=0.1,1e300", base=base, seeds=[1]).begin()
    foreign = Run.create("n_hidd=3,rate=0.1,seed=1", base, sweep.folder)
    driver = Driver(sweep, scheduler=address)
    list(driver.run())
    found = {name: (result.state, result.why) for name, result in driver.results.items()}
    assert found["n_hidd=2,rate=0.1,seed=1"] == ("done", "")
    assert found[foreign.folder.name] == ("failed", f"the run {foreign.folder} has other settings than the sweep")
    for name in ("n_hidd=2,rate=1e+300,seed=1", "n_hidd=3,rate=1e+300,seed=1"):
        state, why = found[name]
        assert (state, why.startswith("diverged")) == ("diverged", False)
        assert "try a lower rate than 1e+300" in why
    saved = Sweep.load("small", tmp_path)
    assert saved.failed == driver.sweep.failed
    assert len(saved.failed) == 3
    assert set(driver.seconds) == {"n_hidd=2,rate=0.1,seed=1"}
    again = Driver(saved, scheduler=address)
    assert [r.training.name for r in again.run() if r is not None] == [foreign.folder.name]


def test_closed_it_stops_all_and_later_goes_on_to_the_same_numbers(address, tmp_path):
    base = replace(BASE, trainer=replace(BASE.trainer, epochs=100_000))
    sweep = small_sweep(tmp_path, "n_hidd=2,3", base=base, seeds=[1]).begin()
    driver = Driver(sweep, scheduler=address)
    with closing(driver.run()) as events:
        while len(list(sweep.folder.glob("*/checkpoint.npz"))) < 2:
            next(events)
    assert (driver.state, driver.alive) == ("stopping", 0)
    assert states(sweep) == {"n_hidd=2,seed=1": "begun", "n_hidd=3,seed=1": "begun"}
    runs = [Run.open(training.name, sweep.folder) for training in sweep.trainings()]
    for run in runs:
        with locked(run.folder, None, for_all_machines=True):  # no worker trains it now
            pass
    few = replace(sweep, base=sweep.base.changed(epochs=max(len(run.metrics()) for run in runs) + 1))
    list(Driver(few, scheduler=address).run())
    assert of_sweep(few) == serial(few, tmp_path / "serial")


def test_a_training_is_wanted_while_its_worker_is_connected_and_its_client_there(address, monkeypatch):
    def train(*arguments):
        worker, is_wanted = get_worker(), arguments[3]
        for status in (Status.paused, Status.closing, Status.running):
            worker._status = status
            asked.append(is_wanted())
        task = worker.state.tasks[worker.get_current_task()]
        wait_until(lambda: task.state != "executing")
        asked.append(is_wanted())

    asked = []
    monkeypatch.setattr(tasks, "train", train)
    with Client(address, set_as_default=False) as client:
        future = client.submit(clusters._train, "name", {}, None, pure=False)  # noqa: F841  it would be forgotten
        wait_until(lambda: len(asked) == 3)
    wait_until(lambda: len(asked) == 4)
    assert asked == [True, False, True, False]


@pytest.fixture
def deadly(monkeypatch):
    """Let trainings end their workers, with n_hidd=2 each one, others the first; the names of these workers."""
    ended, begun, train = [], set(), tasks.train

    def end_worker(name, *arguments):
        if name.startswith("n_hidd=2") or name not in begun:
            begun.add(name)
            worker = get_worker()
            ended.append(worker.name)
            worker.loop.add_callback(worker.close, nanny=False)
            wait_until(lambda: not arguments[2]())
        return train(name, *arguments)

    monkeypatch.setattr(tasks, "train", end_worker)
    return ended


def test_a_training_that_loses_three_workers_fails_and_one_that_loses_one_does_not(deadly, tmp_path):
    sweep = small_sweep(tmp_path, "n_hidd=2,3", seeds=[1]).begin()
    with cluster_of(1, 1, 1, 1, 1) as cluster:
        driver = Driver(sweep, scheduler=cluster.scheduler_address)
        list(driver.run())
    assert len(deadly) == len(set(deadly)) == 4
    failed, done = driver.results.values()
    assert (failed.state, failed.why) == (
        "failed", "its workers died while they trained it: the last one has disappeared"
    )  # fmt: skip
    assert done.state == "done"


def test_a_cluster_on_which_none_may_train_stops_the_sweep(tmp_path, monkeypatch):
    monkeypatch.setattr(clusters, "time", clock := Clock())
    sweep = small_sweep(tmp_path, "n_hidd=2").begin()
    said = "no worker is fit to train for this sweep; worker w0: it has 2 threads: start it with --nthreads 1"
    with cluster_of(2) as cluster, pytest.raises(RuntimeError, match=said):
        list(Driver(sweep, scheduler=cluster.scheduler_address).run())
    assert clock.now > clusters.MAX_UNFIT_SECONDS
    assert states(sweep) == dict.fromkeys(states(sweep), "waiting")


def test_workers_are_waited_for_where_there_is_none(tmp_path, monkeypatch):
    monkeypatch.setattr(clusters, "time", clock := Clock())
    sweep = small_sweep(tmp_path, "n_hidd=2").begin()
    with cluster_of() as cluster, closing(Driver(sweep, scheduler=cluster.scheduler_address).run()) as events:
        while clock.now <= 2 * clusters.MAX_UNFIT_SECONDS:
            next(events)


def test_a_worker_that_has_not_answered_is_asked_again(address, tmp_path, monkeypatch):
    def reason_unfit(identity):
        asked.append(identity)
        if len(asked) == 1:
            raise ConnectionError
        return reason(identity)

    asked, reason = [], tasks.reason_unfit
    monkeypatch.setattr(tasks, "reason_unfit", reason_unfit)
    driver = Driver(small_sweep(tmp_path, "n_hidd=2").begin(), scheduler=address)
    with closing(driver.run()) as events:
        while driver.alive < 2:
            next(events)
    assert list(driver.unfit) == ["w2"]


def test_a_scheduler_that_is_gone_is_named_with_the_command_that_goes_on(tmp_path):
    sweep = small_sweep(tmp_path, "n_hidd=2").begin()
    with cluster_of() as cluster:
        address = cluster.scheduler_address
        again = f"`lxmls-rnn sweep --resume {tmp_path}/small --scheduler {address}`"
        driver = Driver(sweep, scheduler=address)
        with pytest.raises(ConnectionError, match=f"the scheduler {address} has disappeared: .* {again}"):  # noqa: PT012
            for _ in driver.run():
                if driver.state == "training":
                    cluster.close()
