"""Create the teacher's account and print its first password, unless it exists; --new-password prints a new one."""

import logging
import os
import sys

from accounts import ClassAuthenticator
from jupyterhub.dbutil import upgrade_if_needed
from jupyterhub.orm import new_session_factory

logging.disable(logging.INFO)  # messages of the database
name = os.environ["CLASS_TEACHER"].lower()
upgrade_if_needed("sqlite:///jupyterhub.sqlite", log=logging.getLogger())  # of an earlier JupyterHub; a copy is kept
db = new_session_factory("sqlite:///jupyterhub.sqlite")()
accounts = ClassAuthenticator(db=db, teacher=name)
if accounts.user_exists(name) and sys.argv[1:] != ["--new-password"]:
    print(f"The teacher's account is {name}; its password is unchanged.")
    sys.exit()
password = accounts.give_first_password()
if not password:
    sys.exit(f"CLASS_TEACHER must be a name without spaces, commas and slashes, got {name!r}")
print(f"The teacher's account is {name}, its first password {password}")
print("It is not shown again. It opens only a page where you choose another password: log in with it.")
