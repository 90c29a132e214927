"""After memory has run out, the next panel says so, once."""

import os
import tempfile

import ipywidgets as widgets
import pytest

from lab.runtime import out_of_memory
from lab.widgets.panel import Panel
from lxmls_rnn import memory


@pytest.fixture
def kills(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # where anybody can write
    count = [3]
    monkeypatch.setattr(memory, "kills", lambda: count[0])
    return count


def test_a_kill_is_told_once(kills):
    assert out_of_memory.notice() == ""
    kills[0] += 1
    assert "Memory ran out" in Panel(widgets.HTML()).message.value
    assert Panel(widgets.HTML()).message.value == ""


def test_a_container_that_is_started_anew_counts_from_0(kills):
    out_of_memory.notice()
    kills[0] = 0
    assert out_of_memory.notice() == ""
    for count in (1, 5, 2):  # the last is one of a container that was started anew
        kills[0] = count
        assert "Memory ran out" in out_of_memory.notice()


def test_the_count_is_kept_where_only_this_user_can_write(kills, tmp_path):
    out_of_memory.notice()
    assert list(tmp_path.glob("*memory*")) == []
    assert len(list((tmp_path / "runtime").iterdir())) == 1


@pytest.mark.parametrize(
    "put",
    [lambda path: path.write_text("nonsense"), lambda path: path.write_text("1" * 100), os.mkfifo],
    ids=["words", "a number too long", "a pipe"],
)
def test_a_damaged_count_is_no_kill_and_is_replaced(kills, tmp_path, put):
    out_of_memory.notice()
    (file,) = (tmp_path / "runtime").iterdir()
    file.unlink()
    put(file)
    assert out_of_memory.notice() == ""
    kills[0] += 1
    assert "Memory ran out" in out_of_memory.notice()


def test_a_link_is_replaced_and_its_target_is_not_written(kills, tmp_path):
    out_of_memory.notice()
    (file,) = (tmp_path / "runtime").iterdir()
    file.unlink()
    (tmp_path / "mine").write_text("1")
    file.symlink_to(tmp_path / "mine")
    assert "Memory ran out" in out_of_memory.notice()
    assert (tmp_path / "mine").read_text() == "1"
