"""Isolation of students' code on Linux, without root: namespaces of `unshare`, or a container.

The isolated process has no network and sees no other process. Of the files it sees only those of the system and of
Python; every other folder is covered by an empty, small one in memory, so that it can neither read nor change it.
"""

from __future__ import annotations

import ctypes
import os
import platform
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

NOBODY = "65534"  # user of the isolated process if root starts it
UNSHARE = ("unshare", "--user", "--map-root-user", "--mount", "--net", "--pid", "--ipc", "--fork", "--kill-child")
SYSTEM = (
    "bin",
    "dev",
    "etc",
    "lib",
    "lib32",
    "lib64",
    "libx32",
    "proc",
    "sbin",
    "sys",
    "usr",
)  # all that stays visible
COVERED = ("/dev/shm", "/dev/pts")  # besides the folders that are not of the system
SCRATCH, EMPTY = b"size=64m,mode=1777", b"size=1m,mode=1777"
IMAGE = "/opt/lab"  # the folder of the lab in its image; `.venv` and `lib` in it are Python's
IN_IMAGE = ("cache", "data", "docker", "docs", "lab", "lxmls_rnn", "scripts", "tests")
CONTAINER_LIMITS = ("--network=none", "--read-only", "--tmpfs=/tmp:exec,size=256m", "--cap-drop=ALL",
                    "--user=65534:65534", "--security-opt=no-new-privileges", "--pids-limit=256",
                    *(f"--tmpfs={IMAGE}/{name}:size=1m" for name in IN_IMAGE))  # fmt: skip
DROP_ROOT = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")

_AT_FDCWD, _AT_RECURSIVE, _MOUNT_ATTR_RDONLY, _MOUNT_SETATTR = -100, 0x8000, 1, 442  # <linux/mount.h>
_MS_BIND_RECURSIVE = 0x1000 | 0x4000
_PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 4, 38  # <linux/prctl.h>
_CAPSET = {"x86_64": 126}.get(platform.machine(), 91)
_CAPABILITY_VERSION_3 = 0x20080522


def prefix() -> list[str]:
    """Return the command before one that is to be isolated; raise RuntimeError, with the reason, if it cannot be."""
    command = [*(DROP_ROOT if os.geteuid() == 0 else ()), *UNSHARE]
    if not all(map(shutil.which, {command[0], UNSHARE[0]})):
        raise RuntimeError(f"{UNSHARE[0]} or {command[0]} (of util-linux) is not installed")
    source = f"{Path(__file__).read_text(encoding='utf-8')}\nenter([])"
    trial = [*command, sys.executable, "-I", "-c", source]
    done = subprocess.run(trial, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise RuntimeError((done.stderr.strip().splitlines() or ["unshare failed"])[-1])
    return command


def enter(hidden: Iterable[str]) -> None:
    """Isolate this process, which `UNSHARE` has started; `hidden` are folders of the system or of Python to cover.

    Only the system's own folders and Python stay readable. Raise RuntimeError outside of the namespaces of `UNSHARE`,
    where it would cover folders of the machine, and OSError if the kernel refuses a step.
    """
    if os.getpid() != 1:  # as the first process of a namespace is
        raise RuntimeError(f"only a process that {UNSHARE[0]} has started can be isolated")
    kept = {Path(path).resolve() for path in (sys.prefix, sys.base_prefix)}
    opened = {path: os.open(path, os.O_PATH) for path in sorted(kept)}
    attributes = struct.pack("QQQQ", _MOUNT_ATTR_RDONLY, 0, 0, 0)
    _call("syscall", _MOUNT_SETATTR, _AT_FDCWD, b"/", _AT_RECURSIVE, attributes, len(attributes))
    folders = [entry.path for entry in os.scandir("/") if entry.is_dir(follow_symlinks=False)]
    covered = [*(path for path in folders if path[1:] not in SYSTEM), *COVERED, str(Path.home()), *hidden]
    for folder in covered:
        _cover(folder)
    for path, descriptor in opened.items():
        if not path.exists():
            path.mkdir(parents=True)
            _call("mount", f"/proc/self/fd/{descriptor}".encode(), bytes(path), None, _MS_BIND_RECURSIVE, None)
        os.close(descriptor)
    for folder in hidden:  # in Python's own folder
        if not any(path.is_relative_to(folder) for path in kept):
            _cover(folder)
    try:
        _call("mount", b"proc", b"/proc", b"proc", 0, None)
    except OSError:  # inside a container
        _cover("/proc")
    close()
    _call("syscall", _CAPSET, struct.pack("Ii", _CAPABILITY_VERSION_3, 0), bytes(24))


def close() -> None:
    """Forbid new privileges, and that other processes read the memory and open files of this one."""
    _call("prctl", _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    _call("prctl", _PR_SET_DUMPABLE, 0, 0, 0, 0)


def _cover(folder: str) -> None:
    if os.path.isdir(folder):
        _call("mount", b"tmpfs", os.fsencode(folder), b"tmpfs", 0, SCRATCH if folder == "/tmp" else EMPTY)


def _call(name: str, *arguments: object) -> None:
    if getattr(ctypes.CDLL(None, use_errno=True), name)(*arguments) < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
