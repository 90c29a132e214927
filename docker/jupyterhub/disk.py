"""Limit of a student's disk space: Docker has none for volumes, so the hub checks it and stops the server."""

import asyncio
import contextlib
import html
import math
import os

from docker.errors import NotFound
from dockerspawner import DockerSpawner
from tornado.web import HTTPError
from traitlets import Int, Unicode

INODE_BYTES = 16 << 10  # minimum that a file counts: ext4 has one inode for so many bytes
SLACK_BYTES = 10 << 20  # tolerated growth, such as saved notebooks while a student deletes files
STOP_SECONDS = 3  # for a stopped server, until it is killed


def gigabytes(size):
    """Return a size as text, in the unit of the settings."""
    return f"{size / (1 << 30):.1f} GB"


async def disk_usage(folders):
    """Return the bytes that folders take on the disk; small files count with their share of the inodes."""

    async def total(*options):
        # du handles hard links and folders of any depth
        command = ["du", "--summarize", "--total", *options, "--", *folders]
        pipe = asyncio.subprocess.PIPE
        du = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=asyncio.subprocess.DEVNULL)
        output, _ = await du.communicate()  # an error for a file that vanishes meanwhile is harmless
        return int(output.split()[-2])

    size, inodes = await asyncio.gather(total("--block-size=1"), total("--inodes"))
    return max(size, INODE_BYTES * inodes)


class BoundedSpawner(DockerSpawner):
    """Spawner that neither starts nor keeps a server that fills the disk."""

    disk_limit = Int(config=True, help="Maximum size of one server's volumes in bytes")
    disk_free = Int(config=True, help="Bytes to keep free: with less no server may grow, with half of it none may run")
    volumes_folder = Unicode(config=True, help="The Docker engine's folder of volumes, as the hub sees it")

    # sizes of this server's volumes: the minimum since its start, and the last one
    least = last = math.inf

    def objection(self, size, free):
        """Return why a running server must be stopped, None if it may continue; record the size."""
        least, last = self.least, self.last
        self.least, self.last = min(least, size), size
        if size > self.disk_limit and size > least + SLACK_BYTES:
            return self.too_large(size)
        if free < self.disk_free / 2 or (free < self.disk_free and size > last + SLACK_BYTES):
            return self.too_little(free)
        return None

    def too_large(self, size):
        """Return the message for a student with too many files."""
        return f"Your files take {gigabytes(size)}, and {gigabytes(self.disk_limit)} is the most."

    def too_little(self, free):
        """Return the message for a disk that is nearly full."""
        return f"The disk of this machine is nearly full: {gigabytes(free)} are free. Tell the teacher."

    async def size_and_free(self, names):
        """Return the size of those volumes that exist, and the free space of their disk."""
        folders = [f"{self.volumes_folder}/{name}/_data" for name in names]
        folders = [folder for folder in folders if os.path.isdir(folder)]
        disk = os.statvfs(self.volumes_folder)
        return await disk_usage(folders) if folders else 0, disk.f_bavail * disk.f_frsize

    def refusal(self, size, free):
        """Return why a server must not start, None if it may."""
        if free < self.disk_free / 2:
            return self.too_little(free)
        if size > 2 * self.disk_limit:
            return f"{self.too_large(size)} The teacher has to delete some of them."
        return None

    def warning(self, size, free):
        """Return a warning to show before a start, or None."""
        if free < self.disk_free:
            return self.too_little(free)
        if size > self.disk_limit:
            return f"{self.too_large(size)} Delete some of them: the server is stopped when they grow."
        return None

    async def before_start(self):
        """Return the size of the volumes that outlive a server, and the free space."""
        return await self.size_and_free(name for name, bind in self.volume_binds.items() if bind["mode"] == "rw")

    async def check_disk(self):
        """Return why the running server must be stopped, None if it may continue."""
        container = await self.get_object()
        if container is None:  # it has just ended
            return None
        names = [mount["Name"] for mount in container["Mounts"] if mount["Type"] == "volume" and mount["RW"]]
        return self.objection(*await self.size_and_free(names))

    async def get_options_form(self):
        """Return a warning for the page with the start button, if there is one."""
        found = await self.before_start()
        reason = self.refusal(*found) or self.warning(*found)
        return reason and f'<p class="alert alert-warning">{html.escape(reason)}</p>'

    async def start(self):
        """Start the server; TooMuch if the disk or the volumes are too full."""
        reason = self.refusal(*await self.before_start())
        if reason:
            raise TooMuch(reason)
        address = await super().start()
        self.least = self.last = math.inf
        await self.check_disk()  # before the student can write
        return address

    async def poll(self):
        """Return None if the server runs and may continue, else the status or the reason."""
        status = await super().poll()
        reason = await self.check_disk() if status is None else None
        if reason:
            self.log.warning("The server of %s is stopped: %s", self.user.name, reason)
            with contextlib.suppress(NotFound):  # it has ended itself
                await self.docker("stop", self.container_id, timeout=STOP_SECONDS)
            await self.remove_object()
        return reason or status


class TooMuch(HTTPError):
    """Refusal to start a server; the hub shows the reason on its page."""

    def __init__(self, reason):
        super().__init__(403, reason)
        self.jupyterhub_message = reason
