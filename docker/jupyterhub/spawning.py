"""Spawner hooks of a class: a GPU for each container, the students' folders for the teacher's."""

from collections import Counter

LABEL = "lxmls.gpu"  # of a container: its GPU
CLASS = "/opt/lab/class"  # in the teacher's container: a folder for each student


class Gpus:
    """Give each container the GPU, or the part of one, that the fewest have.

    `names` are as NVIDIA_VISIBLE_DEVICES takes them: numbers, or names of GPUs or of MIG's parts.
    """

    def __init__(self, names):
        self.names = names
        self.taken = {}  # by container; from before it is there until it has ended

    async def give(self, spawner):
        """Choose for a container that is about to start."""
        # those that run since before the hub's own start
        for container in await spawner.docker("containers", filters={"label": LABEL}):
            self.taken.setdefault(container["Names"][0].lstrip("/"), container["Labels"][LABEL])
        self.taken.pop(spawner.object_name, None)
        users = Counter(self.taken.values())
        gpu = min(self.names, key=lambda name: users[name])
        self.taken[spawner.object_name] = gpu
        spawner.environment = {**spawner.environment, "NVIDIA_VISIBLE_DEVICES": gpu}
        spawner.extra_create_kwargs = {"labels": {LABEL: gpu}}

    def take_back(self, spawner):
        """Forget a container that has ended."""
        self.taken.pop(spawner.object_name, None)


async def show_class(spawner):
    """Let the teacher see the runs of all students who have been there, read-only, and nobody else."""
    if not spawner.user.admin:
        return
    found = await spawner.docker("volumes", filters={"name": "^lxmls-student-.*-runs$"})
    names = sorted(volume["Name"] for volume in found["Volumes"] or [])
    others = [name for name in names if name != f"lxmls-student-{spawner.escaped_name}-runs"]
    kept = {name: folder for name, folder in spawner.read_only_volumes.items() if not folder.startswith(f"{CLASS}/")}
    students = {name: f"{CLASS}/{name.removeprefix('lxmls-student-').removesuffix('-runs')}/runs" for name in others}
    spawner.read_only_volumes = {**kept, **students}
    spawner.environment = {**spawner.environment, "LXMLS_CLASS": CLASS}
