"""Make the teacher's account and print its first password, unless it is there; --new-password: print another one."""

import logging
import os
import secrets
import sys

from jupyterhub.orm import new_session_factory
from nativeauthenticator import NativeAuthenticator

logging.disable(logging.INFO)  # of the database
name, password = os.environ["CLASS_TEACHER"].lower(), secrets.token_urlsafe(12)
db = new_session_factory("sqlite:///jupyterhub.sqlite")()
accounts = NativeAuthenticator(db=db, admin_users={name})
account = accounts.get_user(name)
if account and sys.argv[1:] != ["--new-password"]:
    print(f"The teacher's account is {name}, with the password that it has.")
    sys.exit()
if account:
    accounts.change_password(name, password)
elif not accounts.create_user(name, password):
    sys.exit(f"CLASS_TEACHER must be a name without spaces, commas and slashes, got {name!r}")
db.commit()
print(f"The teacher's account is {name}, its first password {password}")
print("It is not shown again. Log in with it at /hub/change-password and take another.")
