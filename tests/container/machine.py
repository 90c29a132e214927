"""What the container tests do to a machine: run commands, copy the project, reach the package index as it does."""

import json
import os
import secrets
import shutil
import subprocess
import time
from pathlib import Path

from environment import HANG_SECONDS

ROOT = Path(__file__).parents[2]
UID = os.getuid() or 1000  # the tests may run as root; the lab shall not
SECRET = secrets.token_hex(16)

RUNC_FAULT = "waiting for init preliminary setup"  # seen once in some thousand starts, before a container runs anything


def call(*command, check=True, **options):
    """Run a command and return what became of it, its output and errors together."""
    for _ in range(2):
        result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
        if result.returncode == 0 or RUNC_FAULT not in result.stdout:
            break
        print(f"{' '.join(map(str, command))}: once more, as runc said {RUNC_FAULT!r}")
    if check:
        assert result.returncode == 0, f"{' '.join(map(str, command))}:\n{result.stdout}"
    return result


def wait_for(condition, what):
    """Ask until `condition` gives something true, and return that."""
    deadline = time.monotonic() + HANG_SECONDS
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"{what} within {HANG_SECONDS} s"
        time.sleep(0.2)  # between two questions
    return answer


def started(command, then=""):
    """Return a script for `bash -ec` that starts a lab, runs the line `then` when it answers, and ends the lab."""
    return f"{command} &\nuntil python docker/healthcheck.py; do kill -0 $!; sleep 0.5; done\n{then}\nkill $!"


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


def build(lab, folder, image, target="", check=True, **settings):
    """Build as a user does, with settings of .env, as far as a stage of the Dockerfile.

    As a project of its own: compose names the image after the project too, and the lab's is to stay what it is.
    """
    override = folder / "target.json"  # JSON is YAML
    override.write_text(json.dumps({"services": {"lab": {"build": {"target": target}}}}))
    settings |= {
        "COMPOSE_PROJECT_NAME": "lxmls-rnn-test-other",
        "LAB_TAG": image.partition(":")[2],
        "PIP_CONFIG_FILE": str(pip_configuration(folder)),
    }
    done = lab.compose("-f", "docker-compose.yml", "-f", str(override), "build", check=check, **settings)
    call("docker", "image", "rm", "lxmls-rnn-test-other-lab", check=False)  # the tag keeps it
    return done


def emulate(image, folder):
    """Build the driver of the emulated GPU in an image; return what a service of a compose file says that has it."""
    folder.chmod(0o755)
    build = "packages/cuda_emulator/build.sh /out/libcuda.so.1 && ln -s libcuda.so.1 /out/libcublas.so"
    call("docker", "run", "--rm", "--user", "0", "--volume", f"{folder}:/out", image, "bash", "-c", build)
    return {
        "volumes": [f"{folder}:/emulated:ro"],
        "environment": {
            "LXMLS_NVRTC": "/emulated/libcuda.so.1",
            "EMULATED_CC": "120",
            "LXMLS_DEVICE": "cuda",
            "LD_LIBRARY_PATH": "/emulated:/opt/lab/lib",  # before the real cuBLAS
        },
    }


class Machine:
    """A running container, its user and its root."""

    def __init__(self, name):
        self.name = name

    def run(self, command, check=True, user="student", folder="/home/student/lab"):
        """Run a line of shell."""
        where = ["--user", user, "--workdir", folder]
        return call("docker", "exec", *where, self.name, "bash", "-ec", command, check=check)

    def install(self, line):
        """Run a line of apt-get as root."""
        self.run(f"apt-get update && DEBIAN_FRONTEND=noninteractive {line}", user="root", folder="/")


def image(name, offline, suite):
    """Return an image of Debian or on it: `name` where it is here or can be pulled, else one of Debian's packages."""
    have = call("docker", "image", "inspect", name, check=False).returncode == 0
    if have or call("docker", "pull", "-q", name, check=False).returncode == 0:
        return name
    call(ROOT / "docker" / "offline-base.sh", offline, suite)
    return offline


def make_base(suite):
    """Make a distribution from its packages and return its image."""
    base, ubuntu = f"lxmls-rnn-base:{suite}", suite in ("jammy", "noble")
    mirror = {"DEBIAN_MIRROR": "http://archive.ubuntu.com/ubuntu", "DEBIAN_COMPONENTS": "main,universe"}
    call(ROOT / "docker" / "offline-base.sh", base, suite, env=os.environ | (mirror if ubuntu else {}))
    return base
