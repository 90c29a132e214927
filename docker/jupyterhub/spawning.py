"""Servers of a class: a container for each account, in a network of its own with the hub."""

import asyncio
import socket
import sys
import threading
from ipaddress import ip_network

from accounts import MAX_NAMES, TEACHER, read
from docker.types import IPAMConfig, IPAMPool
from dockerspawner import DockerSpawner
from traitlets import Bool, default

import docker

HUB = socket.gethostname()  # the short id of its container
LABEL = "lxmls.class"  # of the networks
SUBNETS = [str(subnet) for subnet in ip_network("10.213.0.0/18").subnets(new_prefix=28)]  # one for each account
assert len(SUBNETS) > MAX_NAMES
LOCK = threading.Lock()  # two starts at once must not take one subnet
# volumes of an account
FOLDERS = {"notebooks": "/opt/lab/work", "runs": "/opt/lab/runs", "results": "/opt/lab/results"}
CLASS_FOLDER = "/opt/lab/class"  # in the teacher's container, with a folder for each student


def join(engine):
    """Connect the hub to the network of each server; return these networks."""
    networks = engine.networks.list(filters={"label": LABEL})
    joined = engine.containers.get(HUB).attrs["NetworkSettings"]["Networks"]
    for network in networks:
        if network.name not in joined:
            network.connect(HUB, aliases=["hub"])
    return networks


def make_network(name, closed):
    """Make the network of a server, unless it exists, and connect the hub to it.

    A closed network has no way out and no address of the host: a server in it reaches only the hub.
    """
    with LOCK:
        engine = docker.from_env()
        networks = join(engine)
        if name in [network.name for network in networks]:
            return
        used = [network.attrs["IPAM"]["Config"][0]["Subnet"] for network in networks]
        pool = IPAMPool(subnet=next(subnet for subnet in SUBNETS if subnet not in used))
        options = {"com.docker.network.bridge.inhibit_ipv4": "true"} if closed else {}
        ipam = IPAMConfig(pool_configs=[pool])
        engine.networks.create(name, ipam=ipam, internal=closed, options=options, labels={LABEL: ""})
        join(engine)


class ClassSpawner(DockerSpawner):
    """Spawner with a network for each server; the teacher's shows everybody's work, which it cannot change."""

    closed = Bool(True, config=True, help="Whether a server reaches nothing but the hub")

    @default("network_name")
    def _own_network(self):
        return self.object_name

    async def start(self):
        """Start the server in its network."""
        await asyncio.to_thread(make_network, self.network_name, self.closed)
        return await super().start()

    async def get_url(self):
        """Return the address of the container, which a hub that was killed during the start has not stored."""
        ip, port = await self.get_ip_and_port()
        return f"http://{ip}:{port}"

    @property
    def volume_binds(self):
        """The folders of the server; for the teacher also those of all accounts, also of students who come later."""
        binds = super().volume_binds
        for name in read() if self.user.name == TEACHER else ():
            for part in FOLDERS if name != TEACHER else ():
                folder = f"{CLASS_FOLDER}/{name}/{part}"
                binds[f"lxmls-student-{name}-{part}"] = {"bind": folder, "mode": "ro"}
        return binds

    def get_env(self):
        """Return the environment of the server; the teacher's names the folder of the class."""
        return super().get_env() | ({"LXMLS_CLASS": CLASS_FOLDER} if self.user.name == TEACHER else {})


if __name__ == "__main__":  # before the hub starts
    closed = sys.argv[1] != "open"
    for network in join(docker.from_env()):
        if network.attrs["Internal"] != closed:
            sys.exit("CLASS_NETWORK has changed, and networks are as before: make class-down, then make class.")
