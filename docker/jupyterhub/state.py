"""Files that the hub keeps in its folder, a volume, besides JupyterHub's database."""

import hashlib
import re
from pathlib import Path

ROSTER = Path("students.txt")  # a name a line
PASSWORDS = "passwords.dbm"  # of students, as FirstUseAuthenticator stores them
TEACHERS_PASSWORD = Path("teacher.sha256")
NAME = re.compile(r"[^\s,/]{1,40}")  # part of the name of a container and of volumes


def digest(password):
    """Return what is stored of the teacher's password, which is long and random: a fast hash is enough."""
    return hashlib.sha256(password.encode()).hexdigest()


def names():
    """Return who may have an account besides the teacher, now."""
    return ROSTER.read_text(encoding="utf-8").splitlines() if ROSTER.exists() else []
