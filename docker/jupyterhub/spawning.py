"""Spawner hooks of a class: a closed network and a GPU for each container, the students' runs for the teacher's."""

import asyncio
import contextlib
import errno
import math
import socket
import time
from collections import Counter

from disk import BoundedSpawner
from requests.exceptions import RequestException
from tornado.web import HTTPError

PROGRESS_SECONDS = 1  # between two looks at a server that starts
SLOW_SECONDS = 15  # of a start that shares the machine with others
NETWORKS = "internet", "closed", "open"  # values of CLASS_NETWORK, which firewall.sh knows
VALID_SECONDS = 5  # of a look at the rules
RULES_SECONDS = 30  # until the rules are in force after a start of the machine

GPU_LABEL = "lxmls.gpu"  # label of a container
CLASS_FOLDER = "/opt/lab/class"  # in the teacher's container, with a folder for each student


class ClassSpawner(BoundedSpawner):
    """Spawner that shows on the waiting page how far a start has come."""

    async def progress(self):
        """Yield what the page shows while a server starts."""
        began, shown = time.monotonic(), None
        while True:
            seconds = int(time.monotonic() - began)
            container = None
            with contextlib.suppress(RequestException):  # a busy engine; the start itself reports what fails
                container = await self.get_object() if self.object_id else None
            if seconds >= SLOW_SECONDS:
                message = f"Still starting after {seconds // 5 * 5} s: several servers share this machine."
            elif container and container["State"]["Running"]:
                message = "The container runs. JupyterLab starts in it."
            else:
                message = "Docker makes a container of the lab."
            if message != shown:
                yield {"progress": min(95, 10 + 4 * seconds), "message": message}
                shown = message
            await asyncio.sleep(PROGRESS_SECONDS)


class Gpus:
    """Assign to each container the GPU, or the part of one, that the fewest containers have.

    `names` are values for NVIDIA_VISIBLE_DEVICES: numbers, or names of GPUs or of MIG instances.
    """

    def __init__(self, names):
        self.names = names
        self.taken = {}  # by container, from before its start until after its end

    async def give(self, spawner):
        """Assign a GPU to a container that is about to start."""
        # containers that were started before the hub
        for container in await spawner.docker("containers", filters={"label": GPU_LABEL}):
            self.taken.setdefault(container["Names"][0].lstrip("/"), container["Labels"][GPU_LABEL])
        self.taken.pop(spawner.object_name, None)
        users = Counter(self.taken.values())
        gpu = min(self.names, key=lambda name: users[name])
        self.taken[spawner.object_name] = gpu
        spawner.environment = {**spawner.environment, "NVIDIA_VISIBLE_DEVICES": gpu}
        spawner.extra_create_kwargs = {"labels": {GPU_LABEL: gpu}}

    def take_back(self, spawner):
        """Release the GPU of a container that has ended."""
        self.taken.pop(spawner.object_name, None)


def gateway():
    """Return the host's address in the network of the class, "" without a network."""
    with open("/proc/net/route") as routes:
        addresses = [fields[2] for fields in map(str.split, routes) if fields[1] == "00000000"]
    return socket.inet_ntoa(bytes.fromhex(addresses[0])[::-1]) if addresses else ""


def are_rules_in_force():
    """Whether firewall.sh's rules keep this container, which is in the students' network, from the host's ports."""
    try:
        socket.create_connection((gateway(), 9), timeout=8).close()
    except OSError as error:
        return error.errno == errno.EHOSTUNREACH  # a port without a server refuses in another way
    return False


def wait_for_rules():
    """Return whether the rules of the network are in force, or come into force soon."""
    end = time.monotonic() + RULES_SECONDS
    while not are_rules_in_force():
        if time.monotonic() > end:
            return False
        time.sleep(1)
    return True


class Rules:
    """The rules of the network, looked at before a server starts; once for all that start at the same time."""

    def __init__(self):
        self.seen, self.lock = -math.inf, asyncio.Lock()

    async def require(self):
        """Raise HTTPError 503 unless the rules are in force."""
        # the host answers no faster: a kernel limits how often it refuses the same address with a reason
        async with self.lock:
            if time.monotonic() - self.seen < VALID_SECONDS:
                return
            if not await asyncio.to_thread(are_rules_in_force):
                error = HTTPError(503, "The rules of the students' network are not in force. Tell the teacher.")
                error.jupyterhub_message = error.log_message
                raise error
            self.seen = time.monotonic()


async def show_class(spawner):
    """Mount the runs of all students who have had a server in this container, the teacher's, read-only."""
    found = await spawner.docker("volumes", filters={"name": "^lxmls-student-.*-runs$"})
    names = sorted(volume["Name"] for volume in found["Volumes"] or [])
    others = [name for name in names if name != f"lxmls-student-{spawner.escaped_name}-runs"]
    kept = {
        name: folder for name, folder in spawner.read_only_volumes.items() if not folder.startswith(f"{CLASS_FOLDER}/")
    }
    students = {
        name: f"{CLASS_FOLDER}/{name.removeprefix('lxmls-student-').removesuffix('-runs')}/runs" for name in others
    }
    spawner.read_only_volumes = {**kept, **students}
    spawner.environment = {**spawner.environment, "LXMLS_CLASS": CLASS_FOLDER}
