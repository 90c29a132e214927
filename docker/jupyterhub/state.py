"""Files that the hub keeps in its folder, a volume, besides JupyterHub's database."""

import hashlib
import re
from pathlib import Path

ROSTER = Path("students.txt")  # a name a line
PASSWORDS = "passwords.dbm"  # of students, as FirstUseAuthenticator stores them
TEACHERS_PASSWORD = Path("teacher.sha256")
NAME = "at most 40 characters and 66 bytes, no spaces, commas, slashes, percent signs or control characters"


def is_name(text):
    """Return whether a text can be a user's name, which is part of the names of a container and of volumes."""
    fits = re.fullmatch(r"[^\s,/%]{1,40}", text) and len(text.encode(errors="replace")) <= 66
    return bool(fits) and text.isprintable() and text.strip(".") != ""


def digest(password):
    """Return what is stored of the teacher's password, which is long and random: a fast hash is enough."""
    return hashlib.sha256(password.encode()).hexdigest()


def names():
    """Return who may have an account besides the teacher, now."""
    return ROSTER.read_text(encoding="utf-8").splitlines() if ROSTER.exists() else []
