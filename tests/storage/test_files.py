"""Files that are whole or not there, folders that one process holds, or that only this user can write to."""

import errno
import grp
import gzip
import os
import pwd
import socket
import stat
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import filelock
import pytest

from lxmls_rnn.storage import files
from lxmls_rnn.storage.files import (
    MAX_LINE_BYTES,
    locked,
    make_atomically,
    make_private,
    naming,
    open_regular,
    read_lines,
    read_regular,
    write_atomically,
    write_output,
)
from lxmls_rnn.storage.messages import in_words

NOBODY = 65534  # the number of an account
needs_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can give files to another account")
HOLDER = """
import sys
from pathlib import Path
from lxmls_rnn.storage.files import locked
with locked(Path(sys.argv[1]), lambda: None):
    print("held", flush=True)
    sys.stdin.read()
"""


def fail(file):
    file.write(b"half")
    raise ValueError("no more")


def test_a_pipe_or_device_is_written_into_and_stays(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    write_output(tmp_path / "pipe", lambda file: file.write(b"some"))
    assert os.read(reader, 99) == b"some"
    os.close(reader)
    assert (tmp_path / "pipe").is_fifo()
    (tmp_path / "redirected").touch()
    (tmp_path / "stdout").symlink_to(tmp_path / "redirected")
    monkeypatch.setattr(files, "_DEVICES", tmp_path)
    write_output(tmp_path / "stdout", "other")
    assert ((tmp_path / "redirected").read_text(), (tmp_path / "stdout").is_symlink()) == ("other", True)


def test_what_fails_half_way_leaves_the_old_file_and_nothing_else(tmp_path):
    write_atomically(tmp_path / "new" / "file", "São")
    with pytest.raises(ValueError, match="no more"):
        write_atomically(tmp_path / "new" / "file", fail)
    assert [path.read_text(encoding="utf-8") for path in (tmp_path / "new").iterdir()] == ["São"]


def test_a_file_that_another_process_has_deleted_is_the_oldest(tmp_path):
    (tmp_path / "there").touch()
    assert files.modified(tmp_path / "there") == (tmp_path / "there").stat().st_mtime
    assert files.modified(tmp_path / "gone") == 0


def test_a_file_has_the_permissions_of_any_other(tmp_path):
    write_atomically(tmp_path / "one", lambda file: file.write(b""))
    (tmp_path / "other").touch()
    assert os.stat(tmp_path / "one").st_mode == os.stat(tmp_path / "other").st_mode


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


def test_a_lock_for_all_machines_is_on_a_file_open_for_writing(tmp_path, monkeypatch):
    """NFS refuses a lock on a file that is open for reading, and keeps one on a folder to this machine."""
    lock, seen = filelock.lock_descriptor, []

    def spy(descriptor, **options):
        seen.append((stat.S_ISREG(os.fstat(descriptor).st_mode), os.get_inheritable(descriptor)))
        os.write(descriptor, b"")  # an error, unless it is open for writing
        return lock(descriptor, **options)

    monkeypatch.setattr("filelock.lock_descriptor", spy)
    with locked(tmp_path, lambda: None, for_all_machines=True) as held:
        assert held
    assert seen == [(True, False)]


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_process_that_is_forked_meanwhile_keeps_no_lock(tmp_path):
    def busy():
        raise RuntimeError("another holds it")

    def fork():
        if child := os.fork():
            children.append(child)
        else:
            os.close(end)
            os.read(waiting, 1)
            os._exit(0)

    children, (waiting, end) = [], os.pipe()
    with locked(tmp_path, busy):
        fork()
    make_atomically(tmp_path / "run", lambda _: fork())
    for folder in (tmp_path, tmp_path / "run"):
        with locked(folder, busy) as held:
            assert held
    os.close(end)
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0]


class Full:
    """A disk that is full: it refuses what is to be written."""

    def __init__(self, number):
        self.number = number

    def __call__(self, file):
        raise OSError(self.number, os.strerror(self.number))


def test_what_the_disk_refuses_has_the_name_of_the_file(tmp_path):
    with pytest.raises(OSError, match="No space left on device") as error:
        write_atomically(tmp_path / "file", Full(errno.ENOSPC))
    assert in_words(error.value) == f"{tmp_path / 'file'}: No space left on device"
    assert list(tmp_path.iterdir()) == []


def test_a_long_name_can_be_written_too(tmp_path):
    name = "n" * 255
    write_atomically(tmp_path / name, "a")
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_what_a_killed_writer_has_left_is_swept_up_and_what_a_living_one_writes_is_not(tmp_path):
    code = """
import os, signal, sys
from pathlib import Path
from lxmls_rnn.storage.files import write_atomically
def write(file):
    print("writes", flush=True)
    sys.stdin.readline()
    file.write(b"new")
write_atomically(Path(sys.argv[1]), write)
"""
    command = [sys.executable, "-c", code, str(tmp_path / "file")]
    killed, living = (subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(2))
    for process in (killed, living):
        assert process.stdout.readline() == b"writes\n"
    killed.kill()
    killed.communicate()
    assert len(list(tmp_path.iterdir())) == 2
    write_atomically(tmp_path / "file", "mine")
    assert len(list(tmp_path.iterdir())) == 2
    living.communicate(b"\n")
    assert living.returncode == 0
    assert [path.read_text() for path in tmp_path.iterdir()] == ["new"]


def test_writers_at_once_keep_their_files_where_the_disk_has_no_locks(tmp_path, monkeypatch):
    def refuse(descriptor, blocking):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("filelock.lock_descriptor", refuse)
    with locked(tmp_path, lambda: None) as held:
        assert held is False

    def write(file):
        write_atomically(tmp_path / "file", "of another")
        file.write(b"of this one")

    write_atomically(tmp_path / "file", write)
    assert (tmp_path / "file").read_text() == "of this one"


@pytest.mark.parametrize("when", ["opened", "locked"])
def test_a_temporary_folder_that_is_deleted_before_it_is_locked_is_made_again(tmp_path, monkeypatch, when):
    place = {"opened": "lxmls_rnn.storage.files._lock", "locked": "filelock.lock_descriptor"}[when]
    module, name = place.rsplit(".", 1)
    call, left = getattr(sys.modules[module], name), [tmp_path]

    def delete(*args, **options):
        for folder in left:
            left.clear()
            next(folder.glob(".run.*.tmp")).rmdir()
        return call(*args, **options)

    monkeypatch.setattr(place, delete)
    make_atomically(tmp_path / "run", lambda new: (new / "a").touch())
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["a"]


def test_a_folder_is_whole_or_not_there(tmp_path):
    with pytest.raises(ValueError, match="no more"):
        make_atomically(tmp_path / "folder", lambda new: fail((new / "a").open("wb")))
    assert list(tmp_path.iterdir()) == []
    make_atomically(tmp_path / "folder", lambda new: (new / "a").write_text("b"))
    assert (tmp_path / "folder" / "a").read_text() == "b"
    with pytest.raises(FileExistsError, match="folder"):
        make_atomically(tmp_path / "folder", lambda new: None)
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (os.mkdir, "a folder"),
        (os.mkfifo, "not a regular file"),
        (lambda path: socket.socket(socket.AF_UNIX).bind(str(path)), "not a regular file"),
        (lambda path: path.symlink_to("/dev/zero"), "not a regular file"),
    ],
    ids=["folder", "pipe", "socket", "device"],
)
def test_what_is_no_file_is_refused_without_waiting(tmp_path, monkeypatch, make, kind):
    monkeypatch.chdir(tmp_path)  # the name of a socket is short
    make(Path("a"))
    with pytest.raises(ValueError, match=f"a is {kind}, expected a file"):
        open_regular(Path("a"))


def test_a_file_is_read_up_to_a_size(tmp_path):
    (tmp_path / "a").write_bytes(b"1234")
    assert read_regular(tmp_path / "a", 4) == b"1234"
    with pytest.raises(ValueError, match="a: the file is larger than 3 bytes"):
        read_regular(tmp_path / "a", 3)


@pytest.mark.parametrize("pack", [bytes, lambda content: gzip.compress(content, 1)])
def test_a_line_has_a_greatest_length_and_its_number(tmp_path, pack):
    whole = b"a" * (MAX_LINE_BYTES - 1) + b"\n"
    (tmp_path / "a").write_bytes(pack(whole + b"b"))
    assert list(read_lines(tmp_path / "a")) == [(1, whole), (2, b"b")]
    (tmp_path / "a").write_bytes(pack(b"b\n" + b"a" + whole))
    with pytest.raises(ValueError, match="a, line 2: the line is longer than 1,048,576 bytes"):
        list(read_lines(tmp_path / "a"))


@pytest.mark.parametrize("make", [write_atomically, make_atomically])
def test_a_file_where_a_folder_is_expected_is_named(tmp_path, make):
    (tmp_path / "runs").touch()
    with pytest.raises(NotADirectoryError) as error:
        make(tmp_path / "runs" / "a", lambda new: None)
    assert in_words(error.value) == f"{tmp_path / 'runs'}: is a file, expected a folder"
    assert error.value.errno == errno.ENOTDIR


def test_an_error_keeps_what_the_system_has_said_about_it(tmp_path):
    with pytest.raises(OSError, match="the quota is used up") as error, naming(tmp_path):
        raise OSError(errno.EDQUOT, "the quota is used up")
    assert in_words(error.value) == f"{tmp_path}: the quota is used up"


@pytest.mark.parametrize("make", [write_atomically, make_atomically])
def test_where_nothing_can_be_made_the_name_is_that_asked_for(make):
    with pytest.raises(OSError, match="/proc/a'") as error:  # in /proc nobody can make a file
        make(Path("/proc/a"), lambda new: None)
    assert in_words(error.value).startswith("/proc/a: ")


def test_the_folders_that_are_made_are_this_users_alone_whatever_the_umask(tmp_path):
    folder = tmp_path / "a/b/c"
    before = os.umask(0)
    try:
        assert make_private(folder) == ""
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o777 for path in (folder, *folder.parents[:2])} == {0o700}
    folder.chmod(0o755)
    assert make_private(folder) == ""
    assert folder.stat().st_mode & 0o777 == 0o700


def of_nobody(path):
    os.chown(path, NOBODY, NOBODY, follow_symlinks=False)


@pytest.mark.parametrize(
    ("place", "change", "why"),
    [
        ("link/a/b", lambda path: path.chmod(0o777), "can be written by other users"),
        ("link/a/b", lambda path: path.chmod(0o1777), "can be written by other users"),
        ("link/a", lambda path: path.chmod(0o777), "can be written by other users"),
        ("target", lambda path: path.chmod(0o777), "can be written by other users"),
        pytest.param("link/a/b", of_nobody, "belongs to another user", marks=needs_root),
        pytest.param("target", of_nobody, "belongs to another user", marks=needs_root),
        pytest.param("link", of_nobody, "belongs to another user", marks=needs_root),
    ],
)
def test_a_folder_that_other_users_can_change_is_refused(tmp_path, monkeypatch, place, change, why):
    (tmp_path / "target/cache").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "target/cache")
    folder = tmp_path / "link/a/b"
    assert make_private(folder) == ""
    change(tmp_path / place)
    found = make_private(folder)
    assert found.startswith(f"{tmp_path}/")
    assert why in found
    monkeypatch.delattr(os, "getuid")  # Windows, where modes say nothing
    assert make_private(folder) == ""


def test_a_folder_below_a_sticky_one_or_one_of_the_users_own_group_is_private(tmp_path, monkeypatch):
    folder = tmp_path / "sticky/a/b"
    folder.mkdir(parents=True)
    (tmp_path / "sticky").chmod(0o1777)
    assert make_private(folder) == ""
    folder.parent.chmod(0o775)
    user = SimpleNamespace(pw_gid=folder.stat().st_gid, pw_name="anna")
    monkeypatch.setattr(pwd, "getpwuid", lambda number: user)
    for members, is_private in ([], True), (["anna"], True), (["ben"], False):
        monkeypatch.setattr(
            grp, "getgrgid", lambda number, members=members: SimpleNamespace(gr_name="anna", gr_mem=members)
        )
        assert (make_private(folder) == "") is is_private
