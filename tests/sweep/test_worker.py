"""A worker reads a corpus once for trainings that follow each other, and comes to the numbers of serial runs."""

import shutil
from dataclasses import replace

from sweep.small import BASE, of_sweep, serial, small_sweep

from lxmls_rnn.sweep import worker
from lxmls_rnn.sweep.owner import Claim


def train(sweep):
    """Train a sweep as a worker would, in this process; returns how each training ended."""
    claim = Claim(sweep.folder)
    client = worker.Client(claim.token, str(sweep.folder.absolute()), worker.version(), sweep.checksums)
    ended = [worker.train(t.name, t.settings.to_dict(), client, 3, 60.0) for t in sweep.trainings()]
    claim.release()
    return [(one["state"], one["why"]) for one in ended]


def test_trainings_with_one_corpus_and_with_another_are_those_of_serial_runs(tmp_path):
    sweep = small_sweep(tmp_path, "n_hidd=2,3", "min_count=2,3").begin()
    assert train(sweep) == [("done", "")] * 8
    assert of_sweep(sweep) == serial(sweep, tmp_path / "serial")


def test_a_corpus_that_has_changed_is_read_again(tmp_path):
    file = tmp_path / "train.conll"
    shutil.copy(BASE.train, file)
    base = replace(BASE, train=str(file), max_nr_sent=None, max_sent_len=8)
    train(small_sweep(tmp_path, "n_hidd=2", base=base, name="before").begin())
    shutil.copy(BASE.dev, file)
    sweep = small_sweep(tmp_path, "n_hidd=2", base=base, name="after").begin()
    assert train(sweep) == [("done", "")] * 2
    assert of_sweep(sweep) == serial(sweep, tmp_path / "serial")
