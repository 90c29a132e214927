"""The process of a worker: how it ends, and what it leaves."""

import os
import pickle
import signal

import pytest

from lxmls_rnn.sweep import local_worker

pytestmark = pytest.mark.process


def test_a_worker_whose_folder_is_gone_ends_with_its_parent_without_a_word(tmp_path):
    log = tmp_path / "log"
    running = local_worker.start({"temporary-directory": str(tmp_path / "gone")}, {}, dict(os.environ), log)
    running.stdin.close()
    assert running.wait(60) == 0
    assert log.read_text() == ""


@pytest.fixture
def folder(tmp_path):
    """A temporary directory of Dask with a file."""
    made = tmp_path / "dask"
    made.mkdir()
    (made / "file").write_text("")
    return made


def start(folder, code=None, monkeypatch=None):
    if code:
        monkeypatch.setattr(local_worker, "CODE", code)
    return local_worker.start({"temporary-directory": str(folder)}, {}, dict(os.environ), folder.parent / "log")


def test_a_worker_whose_client_is_gone_deletes_its_folder(folder):
    running = start(folder)
    running.stdin.close()
    assert running.wait(60) == 0
    assert not folder.exists()


def test_a_worker_that_got_half_of_its_configuration_ends_the_same_way(folder, monkeypatch):
    monkeypatch.setattr(pickle, "dumps", lambda given: b"")
    running = start(folder)
    running.stdin.close()
    assert running.wait(60) == 0
    assert not folder.exists()
    assert (folder.parent / "log").read_text() == ""


def test_a_worker_gets_configuration_options_and_environment_but_not_on_its_command_line(folder, monkeypatch):
    report = (
        "import os, pickle, sys; n = int.from_bytes(sys.stdin.buffer.read(8), 'big');"
        "print(pickle.loads(sys.stdin.buffer.read(n)), os.environ['NAME'], sys.argv)"
    )
    monkeypatch.setattr(local_worker, "CODE", report)
    running = local_worker.start({"temporary-directory": "d"}, {"key": "secret"}, {"NAME": "x"}, folder / "log")
    assert running.wait(60) == 0
    assert (folder / "log").read_text() == "({'temporary-directory': 'd'}, {'key': 'secret'}) x ['-c']\n"
    assert "secret" not in " ".join(running.args)


def test_ctrl_c_is_for_the_client_alone(folder, monkeypatch):
    """It is blocked while the process starts, and the client's own handling is as before."""
    code = "import signal, sys; print(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, []))"
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    running = start(folder, code, monkeypatch)
    running.wait(60)
    assert (folder.parent / "log").read_text() == "True\n"
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == before


def test_a_process_that_has_died_at_once_is_no_error(folder, monkeypatch):
    monkeypatch.setattr(pickle, "dumps", lambda given: b" " * 10_000_000)  # more than a pipe holds
    assert start(folder, "raise SystemExit(3)", monkeypatch).wait(60) == 3


def test_the_last_line_of_a_worker_that_fails_at_its_start_is_the_error(folder):
    running = start(folder)  # Dask's Worker needs an address
    assert running.wait(60) == 1
    running.stdin.close()
    assert (folder.parent / "log").read_text().splitlines()[-1].startswith("TypeError: ")
