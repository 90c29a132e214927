"""What the hub of a class gives its containers, as its own spawner makes it of the settings, without Docker."""

import asyncio
import re
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip("dockerspawner", reason="the hub's packages are not installed: they are not in the image")
FOLDER = Path(__file__).parents[1] / "docker" / "jupyterhub"
SETTINGS = {
    "CLASS_CPUS": "1",
    "CLASS_GPUS": "",
    "CLASS_IMAGE": "lxmls-rnn-student",
    "CLASS_MEMORY": "2G",
    "CLASS_SERVERS": "",
    "CLASS_STUDENTS": "40",
    "CLASS_TEACHER": "teacher",
    "LAB_DATA": "/data",
    "LAB_DEVICE": "auto",
    "LAB_RUNTIME": "nvidia",
    "LAB_THEANO_FLAGS": "",
}


class Hub:
    """A hub's settings, and the engine that it would ask: which containers and volumes there are."""

    def __init__(self, monkeypatch, **settings):
        from traitlets.config import PyFileConfigLoader

        for name, value in (SETTINGS | settings).items():
            monkeypatch.setenv(name, value)
        self.config = PyFileConfigLoader(str(FOLDER / "jupyterhub_config.py")).load_config()
        self.containers, self.volumes = {}, []

    async def ask(self, method, filters):
        if method == "volumes":
            return {"Volumes": [{"Name": name} for name in self.volumes if re.search(filters["name"], name)]}
        return [{"Names": [f"/{name}"], "Labels": labels} for name, labels in self.containers.items() if labels]

    def spawner(self, name, admin=False):
        from dockerspawner import DockerSpawner
        from jupyterhub.objects import Hub

        user = SimpleNamespace(name=name, admin=admin, url=f"/user/{name}", settings={}, id=1)
        spawner = DockerSpawner(config=self.config, _mock=True, user=user, hub=Hub())
        spawner.docker = self.ask
        return spawner

    def start(self, spawner):
        """Start a container; return its environment."""
        asyncio.run(spawner.run_pre_spawn_hook())
        self.containers[spawner.object_name] = spawner.extra_create_kwargs.get("labels", {})
        return spawner.get_env()

    def stop(self, spawner):
        del self.containers[spawner.object_name]
        spawner.run_post_stop_hook()


def test_the_packages_are_those_of_the_hubs_image():
    dockerfile = (FOLDER / "Dockerfile").read_text()
    pinned = dict(re.findall(r"([\w-]+)==([\d.]+)", dockerfile))
    pinned["jupyterhub"] = re.search(r"ARG JUPYTERHUB=(\S+)", dockerfile).group(1)
    names = "jupyterhub", "dockerspawner", "jupyterhub-nativeauthenticator"
    assert {name: version(name) for name in names} == {name: pinned[name] for name in names}


def test_each_container_gets_the_gpu_that_the_fewest_have(monkeypatch):
    names = ["0", "1", "MIG-5c89852c-d268-c3f3-1b07-005d5ae1dc3f"]
    hub = Hub(monkeypatch, CLASS_GPUS=f"{names[0]}, {names[1]},{names[2]}")
    anna, ben, cai, dee = (hub.spawner(name) for name in ("anna", "ben", "cai", "dee"))
    given = [hub.start(spawner)["NVIDIA_VISIBLE_DEVICES"] for spawner in (anna, ben, cai)]
    assert given == names
    hub.stop(ben)
    assert hub.start(dee)["NVIDIA_VISIBLE_DEVICES"] == names[1]
    hub.stop(anna)
    assert hub.start(anna)["NVIDIA_VISIBLE_DEVICES"] == names[0]
    assert anna.get_env()["LXMLS_DEVICE"] == "auto"


def test_a_hub_that_was_restarted_knows_who_has_which_gpu(monkeypatch):
    hub = Hub(monkeypatch, CLASS_GPUS="0,1")
    hub.containers = {"lxmls-student-anna": {"lxmls.gpu": "0"}, "lxmls-student-eva": {}}
    assert hub.start(hub.spawner("ben"))["NVIDIA_VISIBLE_DEVICES"] == "1"


def test_without_gpus_to_choose_from_all_are_seen_as_ever(monkeypatch):
    assert "NVIDIA_VISIBLE_DEVICES" not in Hub(monkeypatch).start(Hub(monkeypatch).spawner("anna"))


def test_gpus_want_the_runtime_that_brings_them(monkeypatch):
    with pytest.raises(SystemExit, match="CLASS_GPUS names GPUs, but LAB_RUNTIME no runtime"):
        Hub(monkeypatch, CLASS_GPUS="0", LAB_RUNTIME="")


def test_the_teacher_alone_sees_the_runs_of_the_class(monkeypatch):
    hub = Hub(monkeypatch)
    hub.volumes = [f"lxmls-student-{name}" for name in ("anna-runs", "anna-notebooks", "b-2dx-runs", "teacher-runs")]
    teacher = hub.spawner("teacher", admin=True)
    assert hub.start(teacher)["LXMLS_CLASS"] == "/opt/lab/class"
    shown = {
        "lxmls-student-anna-runs": {"bind": "/opt/lab/class/anna/runs", "mode": "ro"},
        "lxmls-student-b-2dx-runs": {"bind": "/opt/lab/class/b-2dx/runs", "mode": "ro"},
    }
    binds = teacher.volume_binds
    assert {name: bind for name, bind in binds.items() if "/class/" in bind["bind"]} == shown
    hub.volumes.remove("lxmls-student-anna-runs")  # which a mount would make again
    hub.start(teacher)
    assert "lxmls-student-anna-runs" not in teacher.volume_binds
    anna = hub.spawner("anna")
    assert "LXMLS_CLASS" not in hub.start(anna)
    assert not any("/class/" in bind["bind"] for bind in anna.volume_binds.values())
