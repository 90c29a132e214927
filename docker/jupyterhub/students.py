"""Change who has an account of the class, in the hub's container.

students.py roster <students.txt    let these names log in, and no others
students.py reset NAME              forget the password and end the server and all sessions of a student
students.py remove NAME             the same for a student who left; ask whether to erase the work (--keep, --erase)
"""

import dbm
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from state import NAME, PASSWORDS, ROSTER, names

API = "http://127.0.0.1:8081/hub/api/users/"
RELEASE_SECONDS = 60  # until Docker has removed a stopped container, which the hub does not wait for


def read_roster(text):
    """Return the names of a roster, a line each; SystemExit names a line that is wrong."""
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        name = line.strip().lower()
        if name and not NAME.fullmatch(name):
            sys.exit(
                f"students.txt, line {number}: a name has at most 40 characters and no spaces, commas or slashes, "
                f"got {name!r}"
            )
        if name in found:
            sys.exit(f"students.txt, line {number}: {name} is there twice, and would be one account")
        found += [name] * bool(name)
    return found


def write_roster(found):
    """Write names where the hub reads them at each login."""
    new = ROSTER.with_suffix(".new")
    new.write_text("".join(f"{name}\n" for name in found), encoding="utf-8")
    new.replace(ROSTER)
    print(f"{len(found)} students can log in; those who are new choose a password at their first login.")


def reset(name):
    """Delete an account, which ends its server and sessions; return whether there was one, SystemExit on failure."""
    if name == os.environ["CLASS_TEACHER"].lower():
        sys.exit("A new password for the teacher: python /etc/teacher.py --new-password")
    token = Path(os.environ["CLASS_PROXY_TOKEN"]).read_text()
    request = urllib.request.Request(
        API + urllib.parse.quote(name, safe=""), method="DELETE", headers={"Authorization": f"token {token}"}
    )
    try:
        urllib.request.urlopen(request, timeout=120).close()
    except urllib.error.HTTPError as error:
        if error.code != 404:
            sys.exit(f"The account of {name} is unchanged: {error.read().decode()}")
    else:
        return True
    with dbm.open(PASSWORDS, "w") as passwords:  # the hub has it alone if it was killed at the first login
        return passwords.pop(name.encode(), None) is not None


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
    reset(name)
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
        case ["roster"]:
            write_roster(read_roster(sys.stdin.buffer.read().decode("utf-8-sig")))
        case ["reset", name]:
            if not reset(name.lower()):
                sys.exit(f"There is no account of {name.lower()}.")
            print(f"{name.lower()} chooses a new password at the next login.")
        case ["remove", name, *options] if options in ([], ["--keep"], ["--erase"]):
            remove(name.lower(), "".join(options))
        case _:
            sys.exit(__doc__)
