"""Sweeps on the cluster that Compose starts: machines that die, are cut off and come back, or have another corpus."""

import json
import re
import shutil
import subprocess

import pytest
from container.machine import give_to
from sweep.small import numbers

from lxmls_rnn.runs import Run
from lxmls_rnn.sweep.sweep import Sweep

SWEEP = ["sweep", "sample", "--vary", "n_hidd=2,3,5", "--seeds", "2", "--max-nr-sent", "100", "--n-emb", "5"]
SERIAL = """
import sys; sys.path.insert(0, "tests")
from sweep.small import serial
from lxmls_rnn.sweep.sweep import Sweep
serial(Sweep.load("far"), "runs/serial")
"""


class Cluster:
    """The cluster of a lab, whose members soon notice that one does not answer."""

    def __init__(self, lab):
        self.lab, file = lab, lab.folder.parent / "soon.json"
        soon = {"environment": {"DASK_DISTRIBUTED__COMM__TIMEOUTS__TCP": "5s"}}
        file.write_text(json.dumps({"services": {"scheduler": soon, "worker": soon}}))
        self.files = ["-f", "docker-compose.yml", "-f", str(file), "--profile", "cluster"]

    def compose(self, *arguments, **options):
        return self.lab.compose(*self.files, *arguments, **options)

    def workers(self):
        return self.compose("ps", "--quiet", "worker").stdout.split()


@pytest.fixture(scope="module")
def cluster(lab):
    it = Cluster(lab)
    it.compose("up", "--detach", "--no-build", "--scale", "worker=2")
    yield it
    it.compose("rm", "--stop", "--force", "scheduler", "worker")


def test_the_key_is_the_users_alone_and_in_no_image(cluster):
    found = cluster.compose("exec", "-T", "scheduler", "sh", "-c", "cd tls && stat -c '%a %u %n' *").stdout
    assert found.splitlines() == [f"600 {cluster.lab.uid} cert.pem", f"600 {cluster.lab.uid} key.pem"]
    assert not cluster.lab.call("docker", "run", "--rm", "--entrypoint", "ls", cluster.lab.image, "-A", "tls").stdout


def test_nobody_takes_part_without_the_certificate(cluster):
    ask = "from distributed import Client; Client('tcp://scheduler:8786', timeout=5)"
    command = ["run", "--rm", "-T", "--env", "DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION=false", "lab", "python", "-c"]
    result = cluster.compose(*command, ask, check=False)
    assert result.returncode != 0
    assert "OSError" in result.stdout


def test_one_is_killed_one_cut_off_one_has_another_corpus_and_the_numbers_are_those_of_serial_runs(cluster, tmp_path):
    lab = cluster.lab
    one, other = cluster.workers()
    shutil.copytree(lab.folder / "data" / "sample", tmp_path / "sample")
    with open(tmp_path / "sample" / "dev.conll", "a") as file:
        file.write("\n")
    give_to(tmp_path, lab.uid)
    tmp_path.chmod(0o755)
    mounted = ["--volume", f"{tmp_path}/sample:/opt/lab/data/sample"]
    elsewhere = cluster.compose("run", "--detach", "--no-deps", *mounted, "worker").stdout.split()[-1]
    network = lab.call("docker", "inspect", "--format", "{{json .NetworkSettings.Networks}}", one).stdout
    (network,) = json.loads(network)
    command = ["docker", "compose", "exec", "-T", "lab", "lxmls-rnn", *SWEEP, "--epochs", "120", "--name", "far"]
    with subprocess.Popen(
        [*command, "--scheduler", "tls://scheduler:8786"],
        cwd=lab.folder, env=lab.environ, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as client:  # fmt: skip
        folder = lab.folder / "runs" / "far"

        def owners():
            """The runs that are being trained, and the claims on them."""
            return {file.name: file.read_text() for file in folder.glob(".*.owner")}

        lab.wait_for(lambda: len(owners()) == 2 and len(list(folder.glob("*/metrics.jsonl"))) == 2, 60, "two trainings")
        before = owners()
        lab.call("docker", "network", "disconnect", network, one)
        lab.wait_for(
            lambda: any(owners().get(name, claim) not in ("", claim) for name, claim in before.items()),
            60,
            "a new owner",
        )
        lab.call("docker", "network", "connect", network, one)
        lab.wait_for(
            lambda: len(lab.call("docker", "logs", one).stdout.split("Start worker at")) == 3, 60, "it is back"
        )
        lab.call("docker", "kill", other)
        output, _ = client.communicate(timeout=120)
    lab.call("docker", "rm", "--force", elsewhere)
    assert client.returncode == 0, output
    assert re.search(
        r"The worker \w+ does not train: its file /opt/lab/data/sample/dev.conll is not the client's", output
    )
    sweep = Sweep.load("far", lab.folder / "runs")
    lab.compose("exec", "-T", "--env", "OPENBLAS_NUM_THREADS=1", "lab", "python", "-c", SERIAL)
    for training in sweep.trainings():
        here, there = (Run.open(training.name, lab.folder / "runs" / name) for name in ("far", "serial"))
        assert numbers(here) == numbers(there)
        assert [row["epoch"] for row in here.metrics()] == list(range(1, 121))
