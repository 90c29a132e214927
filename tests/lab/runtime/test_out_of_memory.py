"""After memory has run out in a kernel, the next one of the same notebook says so, once."""

import atexit
import os
import sys

import ipywidgets as widgets
import pytest

from lab import check
from lab.runtime import out_of_memory
from lab.widgets.panel import Panel
from lxmls_rnn import memory


class Machine:
    """A machine whose kernels use the lab, end and are started again."""

    kills = 3

    def __init__(self, folder):
        self.folder = folder
        self.notebook(1)

    def notebook(self, n):
        """Let this process be the kernel of a notebook."""
        self.file = self.folder / f"kernel-{n}.json"
        self.ends = []
        out_of_memory._kept.clear()

    def register(self, end, **options):
        self.ends.append(lambda: end(**options))


@pytest.fixture
def machine(tmp_path, monkeypatch):
    machine = Machine(tmp_path)
    monkeypatch.setattr(memory, "kills", lambda: machine.kills)
    monkeypatch.setattr(atexit, "register", machine.register)
    monkeypatch.setattr(out_of_memory, "_connection_file", lambda: str(machine.file))
    return machine


def shown():
    return Panel(widgets.HTML()).message.value


def test_only_the_kernel_that_follows_a_killed_one_says_so_once(machine):
    assert shown() == ""
    machine.kills += 1  # of another process, or of this kernel
    machine.notebook(2)
    assert shown() == ""
    machine.notebook(1)
    assert "probably this kernel" in shown()
    assert shown() == ""
    machine.notebook(1)  # it crashed
    assert shown() == ""


def test_a_kernel_that_ends_and_one_that_lives_on_were_not_killed(machine):
    assert shown() == ""
    machine.kills += 1
    (end,) = machine.ends
    end()
    machine.notebook(1)
    assert shown() == ""
    machine.kills += 1  # of the child of a check
    assert "lack of memory" not in check.forward(None).text
    machine.notebook(1)  # it crashed later
    assert shown() == ""


def test_a_check_says_so_too(machine):
    assert "lack of memory" not in check.forward(None).text
    machine.kills += 1
    machine.notebook(1)
    assert "lack of memory" in check.forward(None).text


@pytest.mark.parametrize(
    "put",
    [lambda path: path.write_text("nonsense"), lambda path: path.write_text("1" * 100), os.mkfifo],
    ids=["words", "a number too long", "a pipe"],
)
def test_a_damaged_count_is_no_kill_and_is_replaced(machine, put):
    put(machine.file.with_suffix(".memory-kills"))
    assert shown() == ""
    machine.kills += 1
    machine.notebook(1)
    assert shown()


def test_outside_a_kernel_nothing_is_said_or_kept(tmp_path, monkeypatch):
    monkeypatch.delitem(sys.modules, "ipykernel.kernelapp", raising=False)
    assert shown() == ""
    assert not list(tmp_path.rglob("*kills*"))
    assert "ipykernel.kernelapp" not in sys.modules  # it would take over the widgets' messages
