"""Folders that only this user can write to."""

import grp
import os
import pwd
from types import SimpleNamespace

import pytest

from lxmls_rnn.storage.private import make_private

NOBODY = 65534  # the number of an account
needs_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can give files to another account")


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
