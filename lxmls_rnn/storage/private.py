"""Folders that only this user can write to, for files that this user's processes run or believe."""

import os
import stat
from pathlib import Path


def make_private(folder: Path) -> str:
    """Make a folder that only this user can write to; return a sentence that says why not, or an empty string.

    Folders that are made are for this user only. No other user may write to the folder, or replace it or a folder or
    link that leads to it. Windows keeps other users out of a user's folders itself.
    """
    try:
        if not folder.is_absolute():  # a user without a name and without HOME
            raise FileNotFoundError
        for path in (*reversed(folder.parents), folder):
            if not path.exists():
                path.mkdir(mode=0o700, exist_ok=True)
        if not hasattr(os, "getuid"):
            return ""
        real = folder.resolve()
        for path in (*reversed(real.parents), real, *reversed(folder.parents), folder):
            if why := _why_untrusted(path, is_sticky_enough=path not in (folder, real)):
                return f"{path} {why}"
        if os.access(folder, os.R_OK | os.W_OK | os.X_OK):
            folder.chmod(0o700)
            return ""
    except OSError:
        pass
    return f"{folder} cannot be written"


def _why_untrusted(path: Path, is_sticky_enough: bool) -> str:
    """Return how other users can change or replace what is in a folder, or the target of a link; empty if they cannot.

    In a folder with the sticky bit they can add files, but not replace those of this user.
    """
    status = path.lstat()
    # in a user namespace root's files have another owner, the one of the root folder
    if status.st_uid not in (0, os.getuid(), os.stat("/").st_uid):
        return "belongs to another user"
    if stat.S_ISLNK(status.st_mode) or (is_sticky_enough and status.st_mode & stat.S_ISVTX):
        return ""
    if status.st_mode & (stat.S_IWOTH if _is_private_group(status.st_gid) else stat.S_IWOTH | stat.S_IWGRP):
        return "can be written by other users, who can put code there (`chmod go-w` it, and delete code in it)"
    return ""


def _is_private_group(number: int) -> bool:
    """Whether a group has this user as its only member, as on systems that make a group for each user."""
    try:
        import grp
        import pwd

        user, group = pwd.getpwuid(os.getuid()), grp.getgrgid(number)
    except (ImportError, KeyError):
        return False
    return number == user.pw_gid and group.gr_name == user.pw_name and set(group.gr_mem) <= {user.pw_name}
