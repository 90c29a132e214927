"""The manifests of a cluster on Kubernetes are what its published schemas allow, and say what Compose's file says."""

from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

if find_spec("kubernetes_validate") is None:
    pytest.skip("kubernetes-validate is not installed: it is not in the image", allow_module_level=True)

ROOT = Path(__file__).parents[1]
MANIFESTS = list(yaml.safe_load_all((ROOT / "docker" / "kubernetes" / "cluster.yaml").read_text()))
SERVICES = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]


@pytest.mark.parametrize("version", ["1.30", "1.37"])
@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda it: f"{it['kind']}-{it['metadata']['name']}")
def test_a_manifest_is_valid(kubernetes_validate, manifest, version):
    kubernetes_validate.validate(manifest, version, strict=True)


def test_the_validator_finds_what_is_wrong(kubernetes_validate):
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(MANIFESTS[-1] | {"replicas": 3}, "1.37", strict=True)


@pytest.mark.parametrize("name", ["scheduler", "worker"])
def test_it_is_started_as_compose_does(name):
    (deployment,) = (it for it in MANIFESTS if (it["kind"], it["metadata"]["name"]) == ("Deployment", name))
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert container["args"] == SERVICES[name]["command"]
    (config,) = (it["data"] for it in MANIFESTS if it["kind"] == "ConfigMap")
    tls = {key: value for key, value in SERVICES[name]["environment"].items() if key.startswith("DASK")}
    assert {key: value for key, value in config.items() if key.startswith("DASK")} == tls
