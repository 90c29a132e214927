"""Accounts of a class, with passwords that are made here: 60 random bits, so that nobody can guess one.

python -m accounts add <NAMES     make an account for each new line, and one for the teacher; print their passwords
python -m accounts reset NAME     make a new password; end the server and all sessions of the account
python -m accounts remove NAME    delete the account and end its server and sessions; the work is kept
"""

import json
import os
import re
import secrets
import sys
import time
import unicodedata
import urllib.error
import urllib.request
from pathlib import Path

from jupyterhub.auth import Authenticator
from jupyterhub.utils import compare_token, hash_token

# In the hub's folder, a volume: the hash of each account's password, and the word by which the hub knows this program.
ACCOUNTS, TOKEN = Path("accounts.json"), Path("accounts.token")
API = "http://127.0.0.1:8081/hub/api/users/"
LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"  # 32 that nobody confuses
NOBODY = hash_token(secrets.token_hex())
TEACHER = "teacher"
MAX_NAMES = 1000
ANSWER_SECONDS = 120  # limit of an answer of the hub, which stops a server first


def read():
    """Return the hashes by name."""
    return json.loads(ACCOUNTS.read_text()) if ACCOUNTS.exists() else {}


def write(file, text):
    """Replace a file that no other user may read."""
    new = file.with_suffix(".new")
    new.touch(0o600)
    new.write_text(text)
    new.replace(file)


class ClassAuthenticator(Authenticator):
    """Let those log in who have an account."""

    async def authenticate(self, handler, data):
        """Return the name, or None; a name without an account takes as long."""
        name = self.normalize_username(data.get("username", ""))
        typed = re.sub(r"[\s-]", "", data.get("password", "")).lower()
        return name if compare_token(read().get(name, NOBODY), typed) else None


def names(content):
    """Return {account: line} for a list of people; SystemExit tells the first line without a valid one."""
    found = {}
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        sys.exit("The list of names is not in UTF-8: save it as text in UTF-8.")
    for number, line in enumerate(map(str.strip, lines), start=1):
        # in this form accents are no letters, and dropped; another letter stays, and is refused
        name = "".join(filter(str.isalnum, unicodedata.normalize("NFKD", line.casefold())))
        if not line:
            continue
        if not re.fullmatch("[a-z0-9]{1,32}", name):
            sys.exit(f"Line {number}, {line!r}: write this name with 1 to 32 letters a-z and digits.")
        if name in (TEACHER, *found):
            sys.exit(f"Line {number}, {line!r}: the account {name} is yours or of a line above: write another name.")
        found[name] = line
    if not 0 < len(found) <= MAX_NAMES:
        sys.exit(f"The list has {len(found)} names: write 1 to {MAX_NAMES}, one a line.")
    return found


def give(people):
    """Give each account a new password; return a sheet to print and to cut into a slip for each account."""
    address, accounts, sheet = os.environ["CLASS_ADDRESS"], read(), []
    for name, line in people.items():
        password = "".join(secrets.choice(LETTERS) for _ in range(12))
        accounts[name] = hash_token(password)
        typed = "-".join(re.findall("....", password))
        sheet += [line, f"    {address}    name: {name}    password: {typed}", "- " * 45]
    write(ACCOUNTS, json.dumps(accounts))
    return "\n".join(sheet)


def delete(what):
    """Delete a user, or with `/server` a user's server; return the status."""
    try:
        headers = {"Authorization": f"token {TOKEN.read_text()}"}
        request = urllib.request.Request(API + what, method="DELETE", headers=headers)
        return urllib.request.urlopen(request, timeout=ANSWER_SECONDS).status
    except urllib.error.HTTPError as error:
        if error.code in (400, 404):
            return error.code
        raise
    except OSError as error:
        sys.exit(f"The hub does not answer, and nothing has changed: run this again when it does. {error}")


def end(name):
    """End the server and the sessions of an account, by deleting the hub's user of this name."""
    # it stops, or a session has started it again
    while delete(f"{name}/server") == 202 or delete(name) == 400:
        time.sleep(0.5)  # between two questions


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["add"]:
            wanted, known = names(sys.stdin.buffer.read(1 << 20)), read()
            new = {name: line for name, line in {TEACHER: "The teacher", **wanted}.items() if name not in known}
            print(give(new), end="\n" * bool(new))
            print(f"{len(wanted)} names, {len(wanted.keys() & new.keys())} of them new.", file=sys.stderr)
        case ["reset" | "remove", name] if name not in read():
            sys.exit(f"There is no account {name}.")
        case ["reset" | "remove" as command, name]:
            end(name)  # or there is no hub, before anything changes
            if command == "reset":
                print(give({name: name}))
            else:
                write(ACCOUNTS, json.dumps({each: stored for each, stored in read().items() if each != name}))
            end(name)  # whoever has logged in meanwhile
        case _:
            sys.exit(__doc__)
