"""One image and one running lab for all container tests, in a copy of the project; nothing of the real one is touched.

They need a Docker engine and fail without one. The base is BASE_IMAGE, else the default one where it can be had, else
Debian 12 from its packages (docker/offline-base.sh).
"""

import json
import os
import re
import secrets
import socket
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from container.machine import ROOT, SECRET, UID, call, copy_of_the_project, emulate, image, pip_configuration, wait_for

IMAGE = "lxmls-rnn-lab:test"


@dataclass
class Lab:
    """A copy of the project with its compose file, and what to ask of it."""

    folder: Path
    environ: dict[str, str]
    secret: str
    image: str = IMAGE
    uid: int = UID
    build_log: str = ""
    figures: dict[str, str] = field(default_factory=dict)

    call = staticmethod(call)
    wait_for = staticmethod(wait_for)

    def compose(self, *arguments, check=True, input=None, **environ):
        """Call docker compose, with settings of `environ` as a user would export them."""
        options = {"check": check, "cwd": self.folder, "env": self.environ | environ}
        return call("docker", "compose", *arguments, **options, **({} if input is None else {"input": input}))

    def run(self, *command, mounts=None, check=True, **environ):
        """Run a command in a fresh container; `mounts` puts other volumes in the place of the compose file's."""
        files = ["-f", "docker-compose.yml"]
        if mounts:
            override = self.folder.parent / "mounts.json"  # JSON is YAML
            override.write_text(json.dumps({"services": {"lab": {"volumes": mounts}}}))
            files += ["-f", str(override)]
        return self.compose(*files, "run", "--rm", "-T", "lab", *command, check=check, **environ)

    def up(self, *options):
        """Start the lab and wait until it is healthy."""
        self.compose("up", "--detach", "--wait", *options)

    def container(self, *options):
        """Return the id of the running lab."""
        return self.compose("ps", "--quiet", *options, "lab").stdout.strip()

    def log(self):
        """Return what the running lab has printed."""
        return call("docker", "logs", self.container()).stdout

    def address(self):
        """Return the last address printed, of the server and with its token."""
        found = re.findall(r"(http://[\d.:]+)\S*\?token=(\w+)", self.log())
        return found[-1]

    def get(self, path, token=None):
        """Ask the server for a page; return the status and the text."""
        server, _ = self.address()
        request = urllib.request.Request(server + path, headers={"Authorization": f"token {token}"} if token else {})
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()


def write_settings(folder, **settings):
    """Write .env with these settings, a project's name and a free port; return all of them."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings |= {"COMPOSE_PROJECT_NAME": f"lxmls-rnn-test-{secrets.token_hex(4)}", "LAB_PORT": str(port)}
    (folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    return settings


@pytest.fixture(scope="session")
def base(engine):
    """The base image, and how it came here."""
    asked = os.environ.get("BASE_IMAGE")
    if asked:
        return asked
    default = re.search(r"BASE_IMAGE=(\S+)", (ROOT / "docker" / "Dockerfile").read_text()).group(1)
    return image(default, "lxmls-rnn-base:debian12", "bookworm")


@pytest.fixture(scope="session")
def engine():
    """The Docker engine's version."""
    result = call("docker", "version", "--format", "{{.Server.Version}}", check=False)
    if result.returncode != 0:
        pytest.exit(f"The container tests need a Docker engine that runs: {result.stdout}", returncode=1)
    return result.stdout.strip()


@pytest.fixture(scope="session")
def figures(request):
    """Names and values of what the tests ran on, to be printed at the end."""
    return request.config.stash.setdefault(FIGURES, {})


@pytest.fixture(scope="session")
def lab(engine, base, figures, tmp_path_factory):
    """The lab, built and healthy."""
    with built_lab(tmp_path_factory.mktemp("lab"), IMAGE, {"BASE_IMAGE": base}, figures) as it:
        it.figures |= {"base image": base, "Docker engine": engine}
        yield it


@pytest.fixture(scope="session")
def gpu(lab, tmp_path_factory):
    """The settings that give a service of a compose file the emulated GPU."""
    return emulate(lab.image, tmp_path_factory.mktemp("gpu"))


@contextmanager
def built_lab(folder, image, settings, figures, arguments=None, **environ):
    """Build and start a lab in a folder, with settings of .env and arguments of the build; remove it at the end."""
    copy_of_the_project(folder).chmod(0o755)
    folder.parent.chmod(0o755)
    settings = write_settings(folder, LAB_TAG=image.partition(":")[2], LAB_UID=str(UID), LAB_GID=str(UID), **settings)
    mine = {key: value for key, value in os.environ.items() if key not in settings and not key.startswith("LAB_")}
    it = Lab(folder, mine | environ, secret=SECRET, image=image, figures=figures)
    try:
        start = time.monotonic()
        secret = {"PIP_CONFIG_FILE": str(pip_configuration(folder.parent))}
        given = [f"--build-arg={name}={value}" for name, value in (arguments or {}).items()]
        it.build_log = it.compose("build", "--progress", "plain", *given, **secret).stdout
        cached = len(re.findall("CACHED", it.build_log))
        it.figures["build"] = f"{time.monotonic() - start:.0f} s, {cached} steps from the cache"
        size = call("docker", "image", "inspect", "--format", "{{.Size}}", image).stdout
        it.figures["image"] = f"{int(size) / 1e9:.2f} GB"
        start = time.monotonic()
        it.up()
        it.figures["from up to healthy"] = f"{time.monotonic() - start:.1f} s"
        yield it
    finally:
        it.compose("down", "--volumes", "--remove-orphans", "--rmi", "local", "--timeout", "0", check=False)


FIGURES = pytest.StashKey[dict[str, str]]()


def pytest_terminal_summary(terminalreporter, config):
    """Say what was tested on what."""
    for name, value in config.stash.get(FIGURES, {}).items():
        terminalreporter.write_line(f"{name}: {value}")
