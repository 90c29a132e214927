"""The pod that KubeSpawner makes of the values for Zero to JupyterHub is what Kubernetes allows, and is the lab's.

No cluster is asked: how the chart hands its values to KubeSpawner is written down here from its documentation.
"""

import asyncio
import copy
import os
import re
import subprocess
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

import pytest
import yaml

if find_spec("kubernetes_validate") is None or find_spec("kubespawner") is None:
    pytest.skip("kubernetes-validate or the hub's packages are absent: not in the image", allow_module_level=True)

ROOT = Path(__file__).parents[1]
VALUES = yaml.safe_load((ROOT / "docker" / "kubernetes" / "values.yaml").read_text())
IMAGE = "registry.example.org/lxmls-rnn-student:1"
VERSIONS = ["1.30", "1.37"]


def settings_of(values):
    """Return KubeSpawner's settings as the chart makes them of its values, each of which must be known here."""
    single, hub = copy.deepcopy(values["singleuser"]), values["hub"]["config"]["KubeSpawner"]
    storage = single.pop("storage")
    names, home = storage.pop("dynamic"), storage.pop("homeMountPath")
    claim, volume = names["pvcNameTemplate"], names["volumeNameTemplate"]
    settings = {
        "image": "{name}:{tag}".format(**single.pop("image")),
        "environment": single.pop("extraEnv"),
        "storage_pvc_ensure": True,
        "pvc_name_template": claim,
        "storage_access_modes": ["ReadWriteOnce"],
        "storage_capacity": storage.pop("capacity"),
        "volumes": [{"name": volume, "persistentVolumeClaim": {"claimName": claim}}],
        "volume_mounts": [{"name": volume, "mountPath": home}, *storage.pop("extraVolumeMounts")],
    }
    for what, short in (("memory", "mem"), ("cpu", "cpu")):
        settings |= {f"{short}_{kind}": amount for kind, amount in single.pop(what).items()}
    for name in ("cmd", "defaultUrl", "fsGid", "initContainers", "profileList", "startTimeout", "uid"):
        settings[re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", name)] = single.pop(name)
    assert (single, storage) == ({}, {})
    return settings | hub


def made(profile):
    """Return a student's pod and claim as KubeSpawner sends them."""
    from jupyterhub.objects import Hub, Server
    from kubernetes_asyncio.client import ApiClient
    from kubespawner import KubeSpawner
    from traitlets.config import Config

    async def make():
        user = SimpleNamespace(name="anna", url="/user/anna/", settings={}, id=1, server=Server())
        config = Config({"KubeSpawner": settings_of(VALUES)})
        with patch("kubespawner.spawner.load_config"):  # of a cluster, which there is none of
            spawner = KubeSpawner(config=config, _mock=True, user=user, hub=Hub())
        spawner.user_options = {"profile": profile}
        await spawner.load_user_options()
        async with ApiClient() as client:
            plain = client.sanitize_for_serialization
            return plain(await spawner.get_pod_manifest()), plain(spawner.get_pvc_manifest())

    return asyncio.run(make())


@pytest.fixture(scope="module", params=["cpu", "gpu"])
def pod(request):
    return made(request.param)[0]


@pytest.mark.parametrize("version", VERSIONS)
def test_the_pod_is_valid(kubernetes_validate, pod, version):
    kubernetes_validate.validate(pod, version, strict=True)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_claim_is_valid(kubernetes_validate, version):
    claim = made("cpu")[1]
    kubernetes_validate.validate(claim, version, strict=True)
    assert claim["spec"]["resources"]["requests"] == {"storage": "2Gi"}


def test_the_validator_finds_what_is_wrong(kubernetes_validate, pod):
    wrong = copy.deepcopy(pod)
    wrong["spec"]["containers"][0]["volumeMounts"][0]["mountpath"] = "/home"
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, VERSIONS[-1], strict=True)


def test_it_starts_the_lab_as_the_student(pod):
    (container,) = pod["spec"]["containers"]
    assert (container["image"], container["args"], container.get("command")) == (IMAGE, ["jupyterhub-singleuser"], None)
    may = container["securityContext"]
    assert (may["runAsUser"], may["runAsGroup"], may["capabilities"]) == (1000, 1000, {"drop": ["ALL"]})
    assert may["allowPrivilegeEscalation"] is False
    assert pod["spec"]["securityContext"]["fsGroup"] == 1000
    assert pod["spec"]["automountServiceAccountToken"] is False
    assert container["resources"]["limits"]["memory"] == 2 << 30


def test_what_a_student_makes_is_on_their_volume(pod):
    (volume,) = pod["spec"]["volumes"]
    assert volume["persistentVolumeClaim"]["claimName"] == made("cpu")[1]["metadata"]["name"]
    (container,) = pod["spec"]["containers"]
    mounts = {mount["mountPath"]: (mount["name"], mount.get("subPath")) for mount in container["volumeMounts"]}
    assert mounts == {
        "/home/lab": (volume["name"], None),
        "/opt/lab/lab/notebooks": (volume["name"], "notebooks"),
        "/opt/lab/runs": (volume["name"], "runs"),
        "/opt/lab/results": (volume["name"], "results"),
    }


def test_before_it_a_container_lays_the_notebooks_there(pod, tmp_path):
    (before,) = pod["spec"]["initContainers"]
    assert before["image"] == IMAGE
    (mount,) = before["volumeMounts"]
    assert (mount["name"], mount["mountPath"]) == (pod["spec"]["volumes"][0]["name"], "/home/lab")
    # its command, with folders of this machine in the place of the container's
    (script,) = before["args"]
    script = script.replace("/home/lab", str(tmp_path)).replace("docker/notebooks", "lab/notebooks")
    path = f"{ROOT / '.venv' / 'bin'}:{os.environ['PATH']}"
    subprocess.run([*before["command"], script], cwd=ROOT, check=True, env=os.environ | {"PATH": path})
    assert {folder.name for folder in tmp_path.iterdir()} == {"notebooks", "runs", "results"}
    assert (tmp_path / "notebooks" / "00-welcome.ipynb").is_file()


@pytest.mark.parametrize(("profile", "gpus", "device"), [("cpu", None, "auto"), ("gpu", "1", "cuda")])
def test_a_gpu_is_there_for_who_chooses_it(profile, gpus, device):
    (container,) = made(profile)[0]["spec"]["containers"]
    assert container["resources"]["limits"].get("nvidia.com/gpu") == gpus
    assert [it["value"] for it in container["env"] if it["name"] == "LXMLS_DEVICE"] == [device]
