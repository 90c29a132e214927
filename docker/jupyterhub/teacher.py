"""Give the teacher a password and print it, unless there is one; --new-password prints a new one."""

import dbm
import os
import secrets
import sys

from state import NAME, PASSWORDS, TEACHERS_PASSWORD, digest, is_name

name = os.environ["CLASS_TEACHER"].lower()
if not is_name(name):
    sys.exit(f"CLASS_TEACHER must have {NAME}, got {name!r}")
dbm.open(PASSWORDS, "c", 0o600).close()
if dbm.whichdb(PASSWORDS) != "dbm.sqlite3":
    sys.exit(
        f"Passwords must be in a SQLite file, which survives a hub that is killed; this Python makes {PASSWORDS} with "
        f"{dbm.whichdb(PASSWORDS)}. Python 3.13 and newer have dbm.sqlite3: take HUB_BASE=debian:13"
    )
if TEACHERS_PASSWORD.exists() and sys.argv[1:] != ["--new-password"]:
    print(f"The teacher's account is {name}; its password is unchanged.")
    sys.exit()
password = secrets.token_hex(10)
new = TEACHERS_PASSWORD.with_suffix(".new")
new.touch(0o600)
new.write_text(digest(password))
new.replace(TEACHERS_PASSWORD)
print(f"The teacher's account is {name}, the password {password}")
print("It is not shown again: keep it as safe as the machine.")
