"""The process of a worker: how it ends, and what it leaves."""

import os

import pytest

from lxmls_rnn.sweep import local_worker

pytestmark = pytest.mark.process


def test_a_worker_whose_folder_is_gone_ends_with_its_parent_without_a_word(tmp_path):
    log = tmp_path / "log"
    running = local_worker.start({"temporary-directory": str(tmp_path / "gone")}, {}, dict(os.environ), log)
    running.stdin.close()
    assert running.wait(60) == 0
    assert log.read_text() == ""
