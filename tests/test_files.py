"""Files that are whole or not there, folders that one process holds."""

import os
import subprocess
import sys

import pytest

from lxmls_rnn.files import locked, write_atomically

HOLDER = """
import sys
from pathlib import Path
from lxmls_rnn.files import locked
with locked(Path(sys.argv[1]), lambda: None):
    print("held", flush=True)
    sys.stdin.read()
"""


def fail(file):
    file.write(b"half")
    raise ValueError("no more")


def test_what_fails_half_way_leaves_the_old_file_and_nothing_else(tmp_path):
    write_atomically(tmp_path / "new" / "file", "São")
    with pytest.raises(ValueError, match="no more"):
        write_atomically(tmp_path / "new" / "file", fail)
    assert [path.read_text(encoding="utf-8") for path in (tmp_path / "new").iterdir()] == ["São"]


def test_a_file_has_the_permissions_of_any_other(tmp_path):
    write_atomically(tmp_path / "one", lambda file: file.write(b""))
    (tmp_path / "other").touch()
    assert os.stat(tmp_path / "one").st_mode == os.stat(tmp_path / "other").st_mode


@pytest.mark.process
def test_a_folder_is_held_by_one_process(tmp_path):
    def busy():
        raise RuntimeError("another holds it")

    with locked(tmp_path, busy) as held:
        assert held
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(RuntimeError, match="another holds it"), locked(tmp_path, busy):
            pass
        with locked(tmp_path, holder.stdin.close) as held:  # waits
            assert held
