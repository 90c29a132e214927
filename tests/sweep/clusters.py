"""A Dask cluster of processes on this machine, with TLS, as it would be on several; a line that can be cut; threads."""

import json
import os
import socket
import subprocess
import sys
import threading
from contextlib import closing, suppress
from pathlib import Path

import dask
import psutil
from distributed import Client, Scheduler, SpecCluster, Worker
from environment import wait_until

from lxmls_rnn.sweep import tls

DASK = Path(sys.executable).with_name("dask")
NOWHERE = ["--dashboard-address", "127.0.0.1:0"]


def certificate(folder):
    """Make a key and a certificate that is its own authority; return Dask's settings for them."""
    key, cert = folder / "key.pem", folder / "cert.pem"
    new = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=test"]
    subprocess.run(["openssl", "req", *new, "-keyout", key, "-out", cert], check=True, capture_output=True)
    of_roles = {f"{role}.{file.stem}": file for role in ("scheduler", "worker", "client") for file in (cert, key)}
    return {f"distributed.comm.tls.{name}": str(file) for name, file in {"ca-file": cert, **of_roles}.items()}


class Cluster:
    """A scheduler, and workers that are added; ended with `close`."""

    def __init__(self, folder):
        self.folder, self.processes = folder, []
        self.settings = certificate(folder)
        names = {key: key.upper().replace(".", "__").replace("-", "_") for key in self.settings}
        self.environ = {f"DASK_{name}": self.settings[key] for key, name in names.items()}
        self.environ |= {
            f"DASK_DISTRIBUTED__{role}__PRELOAD": tls.__name__ for role in ("SCHEDULER", "WORKER", "NANNY")
        }
        file = folder / "scheduler.json"
        self.scheduler = self._start("scheduler", "--host", "127.0.0.1", "--port", "0", "--protocol", "tls",
                                     "--scheduler-file", file, *NOWHERE)  # fmt: skip
        wait_until(lambda: file.exists() and file.read_text().endswith("}"))
        self.address = json.loads(file.read_text())["address"]

    def worker(self, name, address=None, threads=1, **environ):
        """Start a worker; `environ` has LXMLS_DATA and LXMLS_RUNS."""
        return self._start("worker", address or self.address, "--host", "127.0.0.1", "--name", name, "--nthreads",
                           str(threads), "--memory-limit", "0", "--local-directory", self.folder, *NOWHERE,
                           **environ)  # fmt: skip

    def wait_for_workers(self, count):
        """Wait until so many workers are there."""
        with dask.config.set(self.settings), Client(self.address, set_as_default=False) as client:
            client.wait_for_workers(count)

    def _start(self, *command, **environ):
        environ = {**os.environ, **self.environ, **{key: str(value) for key, value in environ.items()}}
        with open(self.folder / f"{len(self.processes)}.log", "w") as log:
            self.processes.append(subprocess.Popen([DASK, *command], env=environ, stdout=log, stderr=log))
        return self.processes[-1]

    def close(self):
        """End all processes."""
        for process in self.processes:
            with suppress(psutil.NoSuchProcess):
                for child in psutil.Process(process.pid).children(recursive=True):
                    child.kill()
            process.kill()
            process.wait()


class Line:
    """Passes connections on to an address, until it is cut: that end then hears the end, and the other one nothing."""

    def __init__(self, host, port):
        self.target, self.far = (host, port), []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self):
        """Cut all connections, and take no new ones."""
        self.listener.close()
        for end in self.far:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _accept(self):
        with suppress(OSError):
            while True:
                near, _ = self.listener.accept()
                far = socket.create_connection(self.target)
                self.far.append(far)
                threading.Thread(target=self._pass_on, args=(near, far), daemon=True).start()
                threading.Thread(target=self._pass_on, args=(far, near), daemon=True).start()

    def _pass_on(self, one, other):
        with suppress(OSError):
            while data := one.recv(1 << 16):
                other.sendall(data)
        if one not in self.far:
            with closing(one), closing(other):
                pass


class Clock:
    """Time that passes only while a sweep waits for workers, instead of the module `time`."""

    def __init__(self):
        self.now = 0.0

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


HERE = {"host": "127.0.0.1", "protocol": "tcp://", "dashboard_address": "127.0.0.1:0"}


def cluster_of(*threads):
    """A cluster in this process, with a worker for each number of threads."""
    workers = {
        f"w{number}": {"cls": Worker, "options": {**HERE, "nthreads": n, "memory_limit": 0}}
        for number, n in enumerate(threads)
    }
    scheduler = {"cls": Scheduler, "options": {**HERE, "port": 0, "dashboard": False}}
    return SpecCluster(workers=workers, scheduler=scheduler, silence_logs=50)
