"""Spawner hooks of a class: a GPU for each container, the students' runs for the teacher's container."""

from collections import Counter

GPU_LABEL = "lxmls.gpu"  # label of a container
CLASS_FOLDER = "/opt/lab/class"  # in the teacher's container, with a folder for each student


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


async def show_class(spawner):
    """Mount the runs of all students who have had a server in the teacher's container, read-only."""
    if not spawner.user.admin:
        return
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
