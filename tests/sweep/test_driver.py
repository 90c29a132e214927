"""Workers that are processes go through a sweep, and are killed; test_driver_in_threads has what needs no process."""

import shutil
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from sweep.small import BASE, of_sweep, serial, small_sweep, workers_of

from lxmls_rnn.deep_learning.training import BatchDone
from lxmls_rnn.runs import Run
from lxmls_rnn.sweep.driver import Driver
from lxmls_rnn.sweep.results import read_all

pytestmark = pytest.mark.daily("trains sweeps in processes and kills some of them, half a minute")


def states(sweep):
    return {result.training.name: result.state for result in read_all(sweep)}


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A sweep whose first worker was killed."""
    root = tmp_path_factory.mktemp("runs")
    base = replace(BASE, trainer=replace(BASE.trainer, epochs=20))
    sweep = small_sweep(root, "n_hidd=2,3", base=base).begin()
    driver, killed = Driver(sweep, workers=2), []
    for result in driver.run():
        if not killed and any(sweep.folder.glob("*/metrics.jsonl")):
            killed = workers_of(psutil.Process())[:1]
            killed[0].kill()
        if result is not None:
            assert driver.results[result.training.name] == result
    assert killed
    return driver


def test_after_a_worker_was_killed_the_numbers_are_those_of_serial_runs(done, tmp_path):
    assert of_sweep(done.sweep) == serial(done.sweep, tmp_path)


def test_two_sweeps_and_a_sweep_with_a_train_keep_off_each_other(tmp_path):
    sweep = small_sweep(tmp_path, "n_hidd=2", seeds=[1]).begin()
    with sweep.locked(), pytest.raises(RuntimeError, match="another process trains the sweep small"):
        next(Driver(sweep).run())
    training = next(sweep.trainings())
    with closing(Run.create(training.name, training.settings, sweep.folder).fit()) as events:
        next(event for event in events if isinstance(event, BatchDone))
        driver = Driver(sweep)
        list(driver.run())
    result = driver.results[training.name]
    assert (result.state, "another process trains the run" in result.why) == ("failed", True)


def test_a_corpus_that_has_changed_is_noticed(tmp_path):
    file = tmp_path / "train.conll"
    shutil.copy(BASE.corpus, file)
    sweep = small_sweep(tmp_path, "n_hidd=2", base=replace(BASE, corpus=str(file))).begin()
    file.write_text(file.read_text() + "\n")
    with pytest.raises(ValueError, match=r"train\.conll has changed since the sweep small began"):
        next(Driver(sweep).run())


def test_a_corpus_that_changes_in_the_midst_is_not_trained_on(tmp_path):
    file = tmp_path / "train.conll"
    shutil.copy(BASE.corpus, file)
    sweep = small_sweep(tmp_path, "n_hidd=2", base=replace(BASE, corpus=str(file)), seeds=range(9)).begin()
    driver = Driver(sweep, workers=1)
    for result in driver.run():
        if result is not None:
            file.write_text("")
    ends = [(result.state, result.why) for result in driver.results.values()]
    assert (
        ends
        == [("done", "")] + [("failed", f"its worker does not fit: its file {file} is not the client's {file}")] * 8
    )


@pytest.mark.daily("it starts workers that compile")
def test_each_worker_uses_its_own_device_and_one_has_compiled_before_the_first_training(tmp_path, monkeypatch):
    monkeypatch.setenv("LXMLS_DEVICE", "cuda7")  # which is not there: Theano would say so
    sweep = small_sweep(tmp_path, "model=FastRNN").begin()
    driver, said = Driver(sweep, devices=["cpu", "cpu"]), []
    for _ in driver.run():
        if driver.state == "training" != said[-1]:
            loaded = [compiled_code(process) for process in workers_of(psutil.Process())]
        said.append(driver.state)
    assert list(dict.fromkeys(said)) == ["starting workers", "compiling", "training"]
    assert any(loaded)
    assert set(states(sweep).values()) == {"done"}, driver.sweep.failed


def compiled_code(process):
    """The files of Theano's cache whose code a process has loaded."""
    return {file.path for file in process.memory_maps() if "theano" in Path(file.path).parts and ".so" in file.path}
