"""Sweeps on the cluster that Compose starts: machines that die, are cut off and come back, or have another corpus."""

import json
import shutil
import subprocess

import pytest
from container.machine import call, wait_for
from documentation import HOST, blocks_of
from sweep.small import numbers

from lxmls_rnn.runs import Run
from lxmls_rnn.sweep.sweep import Sweep

LONG = 6000  # epochs of the training that is taken from one worker to the other: it must take a minute and more
SWEEP = f"sweep sample --vary epochs={LONG},10,11,12 --max-nr-sent 100 --n-emb 5 --name far".split()
SERIAL = """
import sys; sys.path.insert(0, "tests")
from sweep.small import serial
from lxmls_rnn.sweep.sweep import Sweep
serial(Sweep.load("far"), "runs/serial")
"""


class Cluster:
    """The cluster of a lab."""

    def __init__(self, lab):
        self.lab = lab

    def compose(self, *arguments, **options):
        return self.lab.compose("--profile", "cluster", *arguments, **options)

    def workers(self):
        return self.compose("ps", "--quiet", "worker").stdout.split()


@pytest.fixture(scope="module")
def cluster(lab):
    it = Cluster(lab)
    it.compose("up", "--detach", "--wait", "--no-build", "--scale", "worker=2")
    yield it
    it.compose("kill", "scheduler", "worker", check=False)
    it.compose("rm", "--force", "scheduler", "worker")


def test_the_key_is_the_users_alone_and_in_no_image(cluster):
    found = cluster.compose("exec", "-T", "scheduler", "sh", "-c", "cd tls && stat -c '%a %u %n' *").stdout
    assert found.splitlines() == [f"600 {cluster.lab.uid} cert.pem", f"600 {cluster.lab.uid} key.pem"]
    assert not cluster.lab.call("docker", "run", "--rm", "--entrypoint", "ls", cluster.lab.image, "-A", "tls").stdout


def test_each_part_says_whether_it_is_well_and_fills_neither_memory_nor_disk(cluster):
    form = "{{.State.Health.Status}} {{.HostConfig.PidsLimit}} {{.HostConfig.Memory}} {{.HostConfig.LogConfig.Type}}"
    parts = cluster.compose("ps", "--quiet", "scheduler", "worker").stdout.split()
    found = cluster.lab.call("docker", "inspect", "--format", form, *parts).stdout.splitlines()
    assert found == [f"healthy 4096 {2 << 30} local"] * 3
    (worker, *_) = cluster.workers()
    refused = cluster.lab.call("docker", "exec", worker, "python", "docker/healthcheck.py", "8700", check=False)
    assert (refused.returncode, "Dask does not answer" in refused.stdout) == (1, True)


def test_nobody_takes_part_with_another_certificate(cluster):
    own = (
        "openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=lxmls-cluster -keyout /tmp/key -out /tmp/cert 2>/dev/null"
    )
    ask = "python -c 'from lxmls_rnn.sweep.cluster import Cluster; Cluster.connect(\"tls://scheduler:8786\")'"
    tls = "export DASK_DISTRIBUTED__COMM__TLS__CLIENT"
    script = f"{ask} && {own} && {tls}__CERT=/tmp/cert {tls.split()[1]}__KEY=/tmp/key && echo now && {ask}"
    result = cluster.lab.compose("exec", "-T", "lab", "sh", "-c", script, check=False)
    assert result.returncode != 0
    assert "now\nTraceback" in result.stdout
    assert "it refuses this machine's certificate" in result.stdout
    wait_for(lambda: "CERTIFICATE_VERIFY_FAILED" in cluster.compose("logs", "scheduler").stdout, "its log says so")


@pytest.mark.nightly("five minutes: it waits until a worker is missed and another is back, and trains all again")
def test_one_is_cut_off_one_is_killed_one_has_another_corpus_and_the_numbers_are_those_of_serial_runs(
    cluster, tmp_path
):
    lab, folder = cluster.lab, cluster.lab.folder / "runs" / "far"
    run = folder / f"epochs={LONG},seed=1234"

    def has_it(worker):
        """Whether a process of a container has the folder of the long run open."""
        return run.name in lab.call("docker", "exec", worker, "sh", "-c", "ls -l /proc/[0-9]*/fd", check=False).stdout

    def owner():
        """The container that trains the long run."""
        return next(filter(has_it, workers), None)

    def starts(worker):
        return lab.call("docker", "logs", worker).stdout.count("Start worker at")

    workers = cluster.workers()
    shutil.copytree(lab.folder / "data" / "sample", tmp_path / "sample")
    with open(tmp_path / "sample" / "dev.conll", "a") as file:
        file.write("\n")
    tmp_path.chmod(0o755)
    mounted = ["--volume", f"{tmp_path}/sample:/opt/lab/data/sample"]
    elsewhere = cluster.compose("run", "--detach", "--no-deps", *mounted, "worker").stdout.split()[-1]
    (network,) = json.loads(
        lab.call("docker", "inspect", "--format", "{{json .NetworkSettings.Networks}}", elsewhere).stdout
    )
    lab.wait_for(lambda: all(map(starts, [*workers, elsewhere])), "three workers")
    with subprocess.Popen(
        ["docker", "compose", "exec", "-T", "lab", "lxmls-rnn", *SWEEP, "--scheduler", "tls://scheduler:8786"],
        cwd=lab.folder, env=lab.environ, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as client:  # fmt: skip
        one = lab.wait_for(owner, "an owner")
        lab.wait_for((run / "checkpoint.npz").exists, "a checkpoint")
        lab.call("docker", "network", "disconnect", network, one)
        other = lab.wait_for(lambda: owner() not in (None, one) and owner(), "a new owner")
        lab.call("docker", "network", "connect", network, one)
        lab.wait_for(lambda: starts(one) == 2, "it is back")
        lab.call("docker", "kill", other)
        lab.wait_for(lambda: owner() == one, "the first owner again")
        output, _ = client.communicate()
    lab.call("docker", "rm", "--force", elsewhere)
    assert client.returncode == 0, output
    file = "/opt/lab/data/sample/dev.conll is not the client's sample/dev.conll"
    assert f"The worker {elsewhere[:12]} does not train: its file {file}." in output
    lab.compose("exec", "-T", "--env", "OPENBLAS_NUM_THREADS=1", "lab", "python", "-c", SERIAL)
    sweep = Sweep.load("far", lab.folder / "runs")
    for training in sweep.trainings():
        here, there = (Run.open(training.name, lab.folder / "runs" / name) for name in ("far", "serial"))
        assert numbers(here) == numbers(there)
        assert len(here.metrics()) == training.settings.trainer.epochs


@pytest.mark.parametrize("found", blocks_of(HOST))
def test_the_commands_of_a_page_run(cluster, found):
    for block in found:
        call("bash", "-c", block.script, cwd=cluster.lab.folder, env=cluster.lab.environ)
