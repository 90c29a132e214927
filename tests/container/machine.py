"""What the container tests do to a machine: run commands, copy the project, reach the package index as it does."""

import os
import secrets
import shutil
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
UID = os.getuid() or 1000  # the tests may run as root; the lab shall not
SECRET = secrets.token_hex(16)


def call(*command, timeout=60, check=True, **options):
    """Run a command and return what became of it, its output and errors together."""
    result = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout, **options
    )
    if check:
        assert result.returncode == 0, f"{' '.join(map(str, command))}:\n{result.stdout}"
    return result


def wait_for(condition, timeout, what):
    """Ask until `condition` gives something true, and return that."""
    deadline = time.monotonic() + timeout
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"{what} within {timeout} s"
        time.sleep(0.2)  # between two questions
    return answer


def copy_of_the_project(folder):
    """Copy what git tracks or would track, and give it to the user of the lab."""
    files = call("git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", cwd=ROOT).stdout.split("\0")
    for file in filter(None, files):
        if (ROOT / file).is_file():
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / file, folder / file)
    give_to(folder, UID)
    return folder


def give_to(folder, uid):
    """Give a folder and all in it to a user, if this one may."""
    if os.getuid() == 0:
        call("chown", "-R", f"{uid}:{uid}", folder)
    else:
        call("chmod", "-R", "a+rwX", folder)


def pip_configuration(folder):
    """Write the configuration of pip that this machine uses, with a word in it that is to be found nowhere else."""
    mine = os.environ.get("PIP_CONFIG_FILE", os.devnull)
    text = Path(mine).read_text() if mine != os.devnull else "[global]\nno-input = true\n"
    (folder / "pip.conf").write_text(f"{text}\n# {SECRET}\n")
    return folder / "pip.conf"
