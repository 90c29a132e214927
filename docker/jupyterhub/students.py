"""Change who has an account of the class, in the hub's container.

students.py check <students.txt     say what is wrong with a list of names
students.py roster <students.txt    let these names log in, and no others
students.py reset NAME              forget the password and end the server and all sessions of a student
students.py remove NAME             the same for a student who left; ask whether to erase the work (--keep, --erase)
"""

import codecs
import dbm
import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from contextlib import suppress
from pathlib import Path

from state import NAME, PASSWORDS, ROSTER, is_name, names

API = "http://127.0.0.1:8081/hub/api/users/"
RELEASE_SECONDS = 60  # until Docker has removed a stopped container, which the hub does not wait for
STOP_SECONDS = 120  # until a server has stopped


def read_roster(content):
    """Return the names of a roster in UTF-8, a line each; SystemExit names a line that is wrong."""
    found = []
    for number, line in enumerate(content.removeprefix(codecs.BOM_UTF8).splitlines(), start=1):
        try:
            name = line.decode().strip().lower()
        except UnicodeDecodeError:
            sys.exit(f"students.txt, line {number}: save the file in UTF-8, got {line!r}")
        if name and not is_name(name):
            sys.exit(f"students.txt, line {number}: a name has {NAME}, got {name!r}")
        if name and name == os.environ.get("CLASS_TEACHER", "").lower():
            sys.exit(f"students.txt, line {number}: {name} is the teacher, who has an account: delete the line")
        if name in found:
            sys.exit(f"students.txt, line {number}: {name} is there twice, and would be one account")
        found += [name] * bool(name)
    if not found:
        sys.exit("students.txt has no names: write those of your students into it, one a line")
    return found


def write_roster(found):
    """Write names where the hub reads them at each login."""
    new = ROSTER.with_suffix(".new")
    new.write_text("".join(f"{name}\n" for name in found), encoding="utf-8")
    new.replace(ROSTER)
    print(f"{len(found)} students can log in; those who are new choose a password at their first login.")


def delete(what):
    """Delete a user, or with `/server` a user's server, in the hub; return the status, SystemExit on failure."""
    token = Path(os.environ["CLASS_PROXY_TOKEN"]).read_text()
    request = urllib.request.Request(API + what, method="DELETE", headers={"Authorization": f"token {token}"})
    try:
        with urllib.request.urlopen(request, timeout=STOP_SECONDS) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return 404
        said = error.read()
        with suppress(ValueError, KeyError):
            said = json.loads(said)["message"]
        sys.exit(f"Nothing is changed: {said}")


def reset(name):
    """End the server of an account, then delete it; return whether there was one, SystemExit on failure."""
    if name == os.environ["CLASS_TEACHER"].lower():
        sys.exit("A new password for the teacher: python /etc/teacher.py --new-password")
    user = urllib.parse.quote(name, safe="")
    end = time.monotonic() + STOP_SECONDS
    # the hub forgets the password first and then refuses the rest while a server starts or stops
    while delete(f"{user}/server") == 202:
        if time.monotonic() > end:
            sys.exit(f"Nothing is changed: the server of {name} does not stop")
        time.sleep(0.5)  # between two questions
    if delete(user) != 404:
        return True
    with dbm.open(PASSWORDS, "w") as passwords:  # the hub has it alone if it was killed at the first login
        is_there = name.encode() in passwords
        if is_there:
            del passwords[name.encode()]  # not every kind of dbm has `pop`
        return is_there


def erase(engine, volume):
    """Delete a volume; wait until Docker has removed stopped containers. APIError if a running one mounts it."""
    from docker.errors import APIError

    end = time.monotonic() + RELEASE_SECONDS
    while True:
        try:
            volume.remove()
            return
        except APIError as error:
            running = engine.containers.list(filters={"volume": volume.name}, sparse=True)
            if error.status_code != 409 or running or time.monotonic() > end:
                raise
        time.sleep(0.2)  # between two tries


def remove(name, answer):
    """Delete an account, and its volumes if the answer is --erase; ask if it is empty."""
    if name in names():
        sys.exit(f"{name} is still in students.txt: delete the line, run make class-students, then try again")
    from dockerspawner import DockerSpawner

    import docker

    escaped = DockerSpawner._escape(name)
    pattern = f"^lxmls-(student-{escaped}-(notebooks|runs|results)|kernels-{escaped})$"
    engine = docker.from_env(timeout=300)
    volumes = engine.volumes.list(filters={"name": pattern})
    print("\n".join([f"Volumes of {name}:", *(volume.name for volume in volumes)]))
    if volumes and not answer:
        try:
            answer = input(f"Erase them? Otherwise the next {name} gets them. [yes/no] ")
        except EOFError:
            sys.exit("Nothing is changed: call docker exec with -it, or end the command with --keep or --erase")
    if not reset(name) and not volumes:
        sys.exit(f"There is no account and no volume of {name}.")
    if answer not in ("yes", "--erase"):
        print(f"The account of {name} is deleted; the volumes are kept.")
        return
    for volume in volumes:
        try:
            erase(engine, volume)
        except docker.errors.APIError as error:
            sys.exit(f"{volume.name} is left: stop your own server, which shows it, then try again ({error})")
    print(f"The account and the volumes of {name} are erased.")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["check"]:
            read_roster(sys.stdin.buffer.read())
        case ["roster"]:
            write_roster(read_roster(sys.stdin.buffer.read()))
        case ["reset", name]:
            if not reset(name.lower()):
                sys.exit(f"There is no account of {name.lower()}.")
            print(f"{name.lower()} chooses a new password at the next login.")
        case ["remove", name, *options] if options in ([], ["--keep"], ["--erase"]):
            remove(name.lower(), "".join(options))
        case _:
            sys.exit(__doc__)
