"""Whose a run is when two processes train it: of the one that has claimed it last, and the other writes no more."""

import os

import pytest
from sweep.small import BASE, numbers

from lxmls_rnn.deep_learning.training import BatchDone, EpochDone
from lxmls_rnn.runs import Run
from lxmls_rnn.sweep.owner import Claim, ClaimLost, is_owner


def test_the_last_claim_counts(tmp_path):
    one = Claim(tmp_path / "run")
    one.check()
    other = Claim(tmp_path / "run")
    assert (one.takes_over, other.takes_over) == (False, True)
    with pytest.raises(ClaimLost, match="another process has claimed"):
        one.check()
    one.release()
    other.check()
    other.release()
    assert not is_owner(tmp_path / "run", other.token)
    assert not list(tmp_path.iterdir())


def fill(file):
    with file.open("r+b") as claim:
        claim.truncate(1 << 40)  # more than memory; on the disk it has holes


def make_pipe(file):
    file.unlink()
    os.mkfifo(file)


@pytest.mark.parametrize(
    "damage", [fill, make_pipe, lambda file: file.write_bytes(b"\xff")], ids=["1 TB", "pipe", "bytes"]
)
def test_a_file_that_is_no_claim_is_not_ones_own(tmp_path, damage):
    claim = Claim(tmp_path / "run")
    (file,) = tmp_path.iterdir()
    damage(file)
    with pytest.raises(ClaimLost, match="another process has claimed"):
        claim.check()
    claim.release()
    assert file.exists()


@pytest.mark.parametrize("last", [BatchDone, EpochDone])
def test_who_has_lost_a_run_writes_no_more(tmp_path, last):
    run = Run.create("run", BASE, tmp_path)
    claim = Claim(run.folder)
    events = run.fit(may_write=claim.check, checkpoint_every=0.0)
    next(event for event in events if isinstance(event, last))
    Claim(run.folder)
    before = {file.name: file.read_bytes() for file in run.folder.iterdir()}
    with pytest.raises(ClaimLost):
        events.close()
    assert {file.name: file.read_bytes() for file in run.folder.iterdir()} == before
    for _ in Run.open("run", tmp_path).fit():  # it has let go, and the other goes on
        pass
    whole = Run.create("whole", BASE, tmp_path)
    for _ in whole.fit():
        pass
    assert numbers(Run.open("run", tmp_path)) == numbers(whole)


def test_who_has_lost_a_run_does_not_begin(tmp_path):
    run = Run.create("run", BASE, tmp_path)
    claim = Claim(run.folder)
    Claim(run.folder)
    with pytest.raises(ClaimLost):
        next(run.fit(may_write=claim.check))
    assert [file.name for file in run.folder.iterdir()] == ["config.json"]
