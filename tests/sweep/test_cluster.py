"""A sweep on a cluster that is there: over TLS, on machines that differ, one of which is cut off and lives on."""

import shutil
import subprocess
import sys
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import dask
import psutil
import pytest
from sweep.clusters import Cluster, Line, certificate
from sweep.small import BASE, of_sweep, serial, small_sweep

from lxmls_rnn import paths
from lxmls_rnn.runs import Run
from lxmls_rnn.runs.folder import read_metrics
from lxmls_rnn.sweep import cluster as clusters
from lxmls_rnn.sweep import tasks
from lxmls_rnn.sweep.driver import Driver
from lxmls_rnn.sweep.sweep import Sweep

COMMAND = Path(sys.executable).with_name("lxmls-rnn")
NAMED = replace(BASE, corpus="sample", dev=None)


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """The shared folder of runs."""
    monkeypatch.setenv("LXMLS_RUNS", str(tmp_path / "runs"))
    (tmp_path / "runs").mkdir()
    return tmp_path / "runs"


@pytest.fixture
def cluster(tmp_path):
    """A cluster without workers, and the client's certificates."""
    (tmp_path / "cluster").mkdir()
    it = Cluster(tmp_path / "cluster")
    with dask.config.set(it.settings):
        yield it
    it.close()


def data(folder, more=""):
    """A machine's own folder of data, with more in a file of the corpus."""
    shutil.copytree(Path(BASE.corpus).parent, folder / "sample")
    with open(folder / "sample" / "dev.conll", "a") as file:
        file.write(more)
    return folder


@pytest.mark.daily("it starts a cluster of four processes, ten seconds")
def test_a_worker_with_another_corpus_is_named_and_the_others_train(cluster, runs, tmp_path):
    for name in ("ada", "bob"):
        cluster.worker(name, LXMLS_RUNS=runs, LXMLS_DATA=data(tmp_path / name))
    cluster.worker("eve", LXMLS_RUNS=runs, LXMLS_DATA=data(tmp_path / "eve", "\n"))
    cluster.worker("two", threads=2, LXMLS_RUNS=runs, LXMLS_DATA=tmp_path / "ada")
    cluster.wait_for_workers(4)
    command = [COMMAND, "sweep", "sample", "--vary", "n_hidd=2,3", "--seeds", "2", "--n-emb", "3", "--name", "far"]
    command += ["--max-nr-sent", "30", "--epochs", "20", "--scheduler", cluster.address]
    environ = {**cluster.environ, "LXMLS_RUNS": str(runs), "PATH": "/usr/bin:/bin"}
    said = subprocess.run(command, env=environ, capture_output=True, text=True)
    assert said.returncode == 0, said.stdout + said.stderr
    other = f"its file {tmp_path}/eve/sample/dev.conll is not the client's sample/dev.conll"
    assert said.stdout.count(f"The worker eve does not train: {other}.") == 1
    assert "The worker two does not train: it has 2 threads: start it with --nthreads 1." in said.stdout
    sweep = Sweep.load("far", runs)
    assert (sweep.base.corpus, sweep.base.dev) == (NAMED.corpus, NAMED.dev)
    assert of_sweep(sweep) == serial(sweep, tmp_path / "serial")


def has_open(process, run):
    """Whether a process, or one that it started, has the folder of a run or its lock open."""
    files = (Path("/proc", str(one.pid), "fd") for one in (process, *process.children(recursive=True)))
    return any(str(file.readlink()).startswith(str(run)) for folder in files for file in folder.iterdir())


@pytest.mark.nightly(
    "test_tasks has a training that is no longer wanted, and test_local kills: here both, on a cluster"
)
def test_a_worker_that_is_cut_off_and_lives_loses_its_run_to_another(cluster, runs, tmp_path):
    to_scheduler = urlsplit(cluster.address)
    line = Line(to_scheduler.hostname, to_scheduler.port)
    ada = psutil.Process(cluster.worker("ada", f"tls://127.0.0.1:{line.port}", LXMLS_RUNS=runs).pid)
    long = replace(NAMED, trainer=replace(NAMED.trainer, epochs=100_000))
    sweep = small_sweep(runs, "n_hidd=2", base=long, seeds=[1]).begin()
    run = sweep.folder / next(sweep.trainings()).name
    bob, lost = None, False
    with closing(Driver(sweep, scheduler=cluster.address).run()) as events:
        while not lost:
            next(events)
            with suppress(FileNotFoundError):  # a file that is closed meanwhile
                if bob is None and len(read_metrics(run)) > 5:
                    bob = psutil.Process(cluster.worker("bob", LXMLS_RUNS=runs).pid)
                    line.cut()
                lost = bob is not None and has_open(bob, run) and not has_open(ada, run)  # though ada lives
    few = replace(sweep, base=sweep.base.changed(epochs=len(read_metrics(run)) + 1))
    list(Driver(few, scheduler=cluster.address).run())
    rows = Run.open(run.name, sweep.folder).metrics()
    assert [row.epoch for row in rows] == list(range(1, len(rows) + 1))
    assert of_sweep(few) == serial(few, tmp_path / "serial")


def test_in_what_a_worker_differs_is_said(runs, tmp_path, monkeypatch):
    monkeypatch.setenv("LXMLS_DATA", str(data(tmp_path / "data")))
    sweep = small_sweep(runs, "n_hidd=2", base=NAMED).begin()
    client = tasks.Identity("token", "small", tasks.version(), sweep.all_checksums())

    def why(threads=1, **changes):
        return clusters._reason_unfit(
            replace(client, **changes), SimpleNamespace(state=SimpleNamespace(nthreads=threads))
        )

    other_folder = f"its folder of runs, {runs}, is not the client's, or has no locks that both see"
    assert why() == other_folder  # the client does not hold it
    assert why(folder="nothing") == other_folder
    with sweep.locked():
        assert why() == ""
        assert why(threads=2) == "it has 2 threads: start it with --nthreads 1"
        assert why(version="9") == f"its lxmls-rnn is {tasks.version()}, and the client's 9"
        Path(paths.data() / "sample/dev.conll").write_text("")
        assert why() == f"its file {tmp_path}/data/sample/dev.conll is not the client's sample/dev.conll"
        Path(paths.data() / "sample/dev.conll").unlink()
        assert why() == f"it has no file {tmp_path}/data/sample/dev.conll"


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("host", "must be an address such as tls://host:8786, got 'host'"),
        ("http://host:80", "must be an address"),
        ("tcp://10.0.0.1:8786", "must be tls:// with certificates"),
        ("tls://cluster:8786", "needs files for TLS, and DASK_DISTRIBUTED__COMM__TLS__CA_FILE is not set"),
    ],
)
def test_a_bad_address_is_said_before_anything_is_made(tmp_path, address, message):
    no_files = dask.config.set({"distributed.comm.tls.ca-file": None})  # the image's service has them
    with no_files, pytest.raises(ValueError, match=message):
        Driver(small_sweep(tmp_path, "n_hidd=2"), scheduler=address)


@pytest.mark.daily("it starts a scheduler")
def test_a_refused_certificate_is_named(cluster, tmp_path):
    (tmp_path / "other").mkdir()
    other = certificate(tmp_path / "other")
    with (
        dask.config.set({**other, "distributed.comm.tls.ca-file": cluster.settings["distributed.comm.tls.ca-file"]}),
        pytest.raises(ConnectionError, match=r"refuses this machine's certificate, DASK_\w*__CLIENT__CERT$"),
    ):
        clusters.Cluster.connect(cluster.address)
    with dask.config.set(other), pytest.raises(ConnectionError, match=r"its certificate is not one of the authority"):
        clusters.Cluster.connect(cluster.address)
    with dask.config.set(cluster.settings):
        clusters.Cluster.connect(cluster.address).close()


def test_a_file_that_is_not_there_is_named_with_its_setting(tmp_path):
    with (
        dask.config.set({"distributed.comm.tls.ca-file": "/nowhere.pem"}),
        pytest.raises(ValueError, match=r"TLS__CA_FILE is /nowhere.pem, which is not a file"),
    ):
        Driver(small_sweep(tmp_path, "n_hidd=2"), scheduler="tls://cluster:8786")
