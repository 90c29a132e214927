"""A bound to what a student's server takes of the disk: Docker has none for volumes, so the hub looks and stops it."""

import asyncio
import contextlib
import html
import math
import os

from docker.errors import NotFound
from dockerspawner import DockerSpawner
from tornado.web import HTTPError
from traitlets import Int, Unicode

INODE = 16 << 10  # bytes that a file counts at least: ext4 has one inode for so many
SLACK = 10 << 20  # bytes of growth that are no matter: saved notebooks, while somebody makes room
GRACE = 3  # seconds to end in, for a server that is stopped


def gigabytes(size):
    """Return a size in words, in the unit of the settings."""
    return f"{size / (1 << 30):.1f} GB"


async def taken(folders):
    """Return how many bytes of the disk folders take; small files count as what their inodes keep from others."""

    async def total(*options):
        # du, as it knows of hard links and comes to the end of any depth
        command = ["du", "--summarize", "--total", *options, "--", *folders]
        pipe = asyncio.subprocess.PIPE
        du = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=asyncio.subprocess.DEVNULL)
        output, _ = await du.communicate()  # a file that vanishes meanwhile is an error, and does no harm
        return int(output.split()[-2])

    size, inodes = await asyncio.gather(total("--block-size=1"), total("--inodes"))
    return max(size, INODE * inodes)


class BoundedSpawner(DockerSpawner):
    """Starts no server, and lets none go on, that fills the disk."""

    disk_limit = Int(config=True, help="Bytes that one server's volumes may take")
    disk_free = Int(config=True, help="Bytes that stay free: below it no server grows, below half of it none runs")
    volumes_folder = Unicode(config=True, help="The Docker engine's folder of volumes, as the hub sees it")

    # of this server's volumes: the least that they have taken since it started, and what they took at the last look
    least = last = math.inf

    def objection(self, size, free):
        """Return why a running server is to be stopped, None if it may go on; remember the size."""
        least, last = self.least, self.last
        self.least, self.last = min(least, size), size
        if size > self.disk_limit and size > least + SLACK:
            return self.too_large(size)
        if free < self.disk_free / 2 or (free < self.disk_free and size > last + SLACK):
            return self.too_little(free)
        return None

    def too_large(self, size):
        """Say that a student has too much."""
        return f"Your files take {gigabytes(size)}, and {gigabytes(self.disk_limit)} is the most."

    def too_little(self, free):
        """Say that the machine has not enough."""
        return f"The disk of this machine is nearly full: {gigabytes(free)} are free. Tell the teacher."

    async def size_and_free(self, names):
        """Return what volumes take, those that are there, and what is free beside them."""
        folders = [f"{self.volumes_folder}/{name}/_data" for name in names]
        folders = [folder for folder in folders if os.path.isdir(folder)]
        disk = os.statvfs(self.volumes_folder)
        return await taken(folders) if folders else 0, disk.f_bavail * disk.f_frsize

    def refusal(self, size, free):
        """Return why a server is not to start, None if it may."""
        if free < self.disk_free / 2:
            return self.too_little(free)
        if size > 2 * self.disk_limit:
            return f"{self.too_large(size)} The teacher has to delete some of them."
        return None

    def warning(self, size, free):
        """Return what is to be said before a start, None if there is nothing."""
        if free < self.disk_free:
            return self.too_little(free)
        if size > self.disk_limit:
            return f"{self.too_large(size)} Delete some of them: the server is stopped when they grow."
        return None

    async def before_start(self):
        """Return what the volumes take that stay from one server to the next, and what is free."""
        return await self.size_and_free(name for name, bind in self.volume_binds.items() if bind["mode"] == "rw")

    async def look(self):
        """Return why the server that runs is to be stopped, None if it may go on."""
        container = await self.get_object()
        if container is None:  # it has just ended
            return None
        names = [mount["Name"] for mount in container["Mounts"] if mount["Type"] == "volume" and mount["RW"]]
        return self.objection(*await self.size_and_free(names))

    async def get_options_form(self):
        """Tell a student what is wrong, if something is, on the page that then has the button to start."""
        found = await self.before_start()
        reason = self.refusal(*found) or self.warning(*found)
        return reason and f'<p class="alert alert-warning">{html.escape(reason)}</p>'

    async def start(self):
        """Start the server unless too much is on the disk."""
        reason = self.refusal(*await self.before_start())
        if reason:
            raise TooMuch(reason)
        address = await super().start()
        self.least = self.last = math.inf
        await self.look()  # before the student can write
        return address

    async def poll(self):
        """Return None if the server runs and may go on, else why not."""
        status = await super().poll()
        reason = await self.look() if status is None else None
        if reason:
            self.log.warning("The server of %s is stopped: %s", self.user.name, reason)
            with contextlib.suppress(NotFound):  # it has ended by itself
                await self.docker("stop", self.container_id, timeout=GRACE)
            await self.remove_object()
        return reason or status


class TooMuch(HTTPError):
    """Why there is no server; the hub shows it on its page."""

    def __init__(self, reason):
        super().__init__(403, reason)
        self.jupyterhub_message = reason
