"""The workers of a sweep on this machine: protected from other users, whatever the environment says of TLS."""

import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from distributed import Client, Scheduler, SpecCluster
from distributed.security import Security
from sweep import intruder
from sweep.kills import workers_of
from sweep.small import of_sweep, serial, small_sweep

from lxmls_rnn.sweep import local, local_worker
from lxmls_rnn.sweep.driver import Driver

pytestmark = pytest.mark.process

COMMAND = Path(sys.executable).with_name("lxmls-rnn")
# what docker-compose.yml sets for everyone, and worse
OF_A_CLUSTER = {
    "DASK_DISTRIBUTED__COMM__TLS__CA_FILE": "/nowhere/cert.pem",
    "DASK_DISTRIBUTED__COMM__TLS__CLIENT__CERT": "/nowhere/cert.pem",
    "DASK_DISTRIBUTED__COMM__TLS__CLIENT__KEY": "/nowhere/key.pem",
    "DASK_DISTRIBUTED__COMM__TLS__SCHEDULER__CERT": "/nowhere/cert.pem",
    "DASK_DISTRIBUTED__COMM__TLS__WORKER__CERT": "/nowhere/cert.pem",
    "DASK_DISTRIBUTED__COMM__TLS__CIPHERS": "none",
    "DASK_DISTRIBUTED__COMM__TLS__MIN_VERSION": "7",
    "DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION": "true",
    "DASK_DISTRIBUTED__SCHEDULER__DASHBOARD__TLS__CERT": "/nowhere/cert.pem",
    "DASK_SCHEDULER_ADDRESS": "tls://nowhere:8786",
}


def start(tmp_path, *options):
    """A sweep of two workers that goes on until it is killed, whose umask gives everything to everyone."""
    (tmp_path / "tmp").mkdir()
    environ = {**os.environ, **OF_A_CLUSTER, "TMPDIR": str(tmp_path / "tmp"), "LXMLS_RUNS": str(tmp_path / "runs")}
    command = [COMMAND, "sweep", "sample", "--name", "long", "--seeds", "2", "--epochs", "100000", "--workers", "2"]
    command += ["--n-emb", "3", "--n-hidd", "3", "--max-nr-sent", "30", *options]
    return psutil.Popen(command, env=environ, cwd=tmp_path, umask=0, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


@pytest.fixture
def sweep(tmp_path):
    """The processes of a sweep whose two workers train: the client, which has the scheduler, and the workers."""
    client = start(tmp_path)
    while len(list((tmp_path / "runs" / "long").glob("*/metrics.jsonl"))) < 2:
        with suppress(psutil.TimeoutExpired):
            pytest.fail(f"it ended: {client.wait(0.1)}, {client.stdout.read()}")
    processes = [client, *client.children(recursive=True)]
    yield processes
    client.terminate()
    client.communicate(timeout=60)


def listening(processes):
    """The addresses that processes listen at: host and port."""
    return [c.laddr for p in processes for c in p.net_connections() if c.status == psutil.CONN_LISTEN]


def intrusions(addresses, credentials):
    """What another user of the machine can do at these addresses, with credentials of his own."""
    fields = {name: value for name in Security.__slots__ if "\n" in str(value := getattr(credentials, name))}
    asked = {"addresses": [f"{host}:{port}" for host, port in addresses], "credentials": fields}
    done = subprocess.run(
        [sys.executable, intruder.__file__], input=json.dumps(asked), capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.slow("it starts workers, and tries every port of theirs in several ways")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")
def test_no_port_of_a_sweep_lets_another_user_in(sweep):
    addresses = listening(sweep)
    assert len(addresses) == 6  # of scheduler and two workers, one for Dask and one for HTTP each
    assert {host for host, _ in addresses} == {"127.0.0.1"}
    found = intrusions(addresses, Security.temporary())
    assert {(by, what) for _, by, what in found} == {("http", "sitemap.json")}  # an empty list of pages


@pytest.mark.slow("it starts two schedulers and the process of an intruder")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")
@pytest.mark.parametrize("protocol", ["tcp", "tls"])
def test_the_intruder_succeeds_where_nothing_protects(protocol):
    known = Security.temporary()
    options = {"host": "127.0.0.1", "port": 0, "protocol": protocol, "dashboard_address": "127.0.0.1:0"}
    security = known if protocol == "tls" else Security()
    spec = {"cls": Scheduler, "options": {**options, "security": security}}
    with SpecCluster(scheduler=spec, security=security) as cluster:
        host, port = cluster.scheduler_address.removeprefix(f"{protocol}://").split(":")
        found = intrusions([(host, port)], known)
    assert {what for _, by, what in found if by == protocol} == {"identity", "run_function", "client"}


@pytest.mark.slow("it starts workers")
def test_credentials_and_folders_are_for_the_owner_alone(sweep, tmp_path):
    for process in sweep:
        assert "PRIVATE KEY" not in " ".join(process.cmdline())
        assert "PRIVATE KEY" not in " ".join(process.environ().values())
    made = list((tmp_path / "tmp").iterdir())
    assert made  # Dask's folders
    for folder in made:
        assert folder.stat().st_mode & 0o077 == 0
        for file in folder.rglob("*"):
            assert file.is_dir() or b"PRIVATE KEY" not in file.read_bytes()


@pytest.mark.slow("it starts workers")
def test_workers_of_a_killed_client_end_and_delete_the_folder(sweep, tmp_path):
    client, *workers = sweep
    client.kill()
    assert psutil.wait_procs(workers, timeout=60)[1] == []
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_sweep_is_trained_by_a_process_with_one_thread_and_its_device(tmp_path, monkeypatch):
    ask = Client._update_scheduler_info

    async def ask_and_forget(self, n_workers=0):
        await ask(self, n_workers)
        await ask(self)  # the client does this every two seconds, for information without the workers

    monkeypatch.setattr(Client, "_update_scheduler_info", ask_and_forget)
    monkeypatch.setenv("THEANO_FLAGS", "device=cuda7,warn_float64=ignore")
    with local.Local(1, ["cpu"], dashboard=False) as workers:
        assert (workers.alive, workers.link, workers.unfit) == (0, "", {})
        while not workers.alive:
            workers.wait(0.1)
            workers.update()
        assert list(workers.present) == [worker.address for worker in workers.client.cluster.scheduler.workers.values()]
        names = ["LXMLS_DEVICE", "THEANO_FLAGS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"]
        environ = workers.client.gather(workers.client.map(os.getenv, names))
    assert environ == ["cpu", "device=cuda7,warn_float64=ignore,device=cpu", "1", "1", "1"]


def test_a_sweep_on_this_machine_says_what_it_does_and_comes_to_the_numbers_of_serial_runs(tmp_path):
    sweep = small_sweep(tmp_path, "n_hidd=2", seeds=[1]).begin()
    driver, said = Driver(sweep, workers=1), []
    for result in driver.run():
        said.append((driver.state, driver.alive))
        assert result is None or driver.results == {result.training.name: result}
    assert [state for state, _ in dict.fromkeys(said)] == ["starting workers", "starting workers", "training"]
    assert said[-1] == ("training", 1)
    assert (driver.state, driver.alive, driver.link, driver.unfit) == ("done", 0, "", {})
    assert of_sweep(sweep) == serial(sweep, tmp_path / "serial")


def failing(device):
    """The code of a worker that fails at its start on a device."""
    return f"import os\nif os.environ['LXMLS_DEVICE'] == '{device}': raise ValueError('it is broken')\n"


@pytest.mark.slow("it starts workers")
def test_a_worker_that_never_starts_is_given_up_and_the_others_train(monkeypatch):
    monkeypatch.setattr(local_worker, "CODE", failing("bad") + local_worker.CODE)
    with local.Local(2, ["bad", "good"], dashboard=False) as workers:
        while not (workers.unfit and workers.alive):
            workers.wait(0.1)
            workers.update()
        assert workers.client.submit(os.getenv, "LXMLS_DEVICE").result() == "good"
        assert workers.unfit == {"0": "it died 10 times in a row while it started: 'ValueError: it is broken'"}


@pytest.mark.slow("it starts workers ten times")
def test_where_no_worker_starts_the_sweep_ends_with_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(local_worker, "CODE", "raise ValueError('it is broken')")
    driver = Driver(small_sweep(tmp_path, "n_hidd=2", seeds=[1]).begin(), workers=1)
    message = "no worker starts: worker 0, it died 10 times in a row while it started: 'ValueError: it is broken'"
    with pytest.raises(RuntimeError, match=message):
        list(driver.run())


@pytest.mark.slow("it starts workers and kills the first ones")
def test_another_worker_takes_the_place_of_one_killed_while_it_starts(tmp_path):
    sweep, killed = small_sweep(tmp_path, "n_hidd=2", seeds=[1]).begin(), []
    for _ in Driver(sweep, workers=1).run():
        if len(killed) < 3 and (starting := workers_of(psutil.Process())):
            assert not list(sweep.folder.glob("*/metrics.jsonl"))
            killed += starting
            starting[0].kill()
    assert len(killed) == 3
    assert of_sweep(sweep) == serial(sweep, tmp_path / "serial")
