"""A sweep that is struck at random moments, from its start to its end, ends with the numbers of serial runs.

kill-client     SIGKILL to the client
kill-worker     SIGKILL to a worker, half of them while they start
interrupt       one to three SIGINT to all processes, as a terminal sends it, or to the client alone
terminate       SIGTERM to the client

The command is started again until its sweep is done, then the next sweep begins. No command may print a traceback, end
with an unexpected status, leave a process or, unless it was killed, a temporary folder.
"""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from secrets import token_hex

import psutil
import pytest
from environment import wait_until
from sweep.small import BASE, DEV, TRAIN, of_sweep, serial, small_sweep, workers_of

from lxmls_rnn.sweep import halving
from lxmls_rnn.sweep.sweep import Sweep

COMMAND = [str(Path(sys.executable).with_name("lxmls-rnn")), "sweep"]
SETTINGS = {"max_nr_sent": 150, "n_emb": 3, "n_hidd": 3}
TRAINER = {"epochs": 12, "batch_size": 2}
VARY = ["model=NumpyRNN,NumpyLSTM", "n_hidd=2,3,5"]
KINDS = ("kill-client", "kill-worker", "interrupt", "terminate")
EPOCHS = 8  # that the trainings do, at most, from one strike at a worker to the next


class Attack:
    """Sweeps below a folder, the strikes that are left, and what was found."""

    def __init__(self, root, counts, seed):
        self.root, self.draw, self.mark = Path(root), random.Random(seed), token_hex(8)
        self.left = [kind for kind, count in counts.items() for _ in range(count)]
        self.draw.shuffle(self.left)
        self.done, self.problems = Counter(), []
        self.temporary = self.root / "tmp"
        self.temporary.mkdir()
        self.environ = {**os.environ, "LXMLS_ATTACK": self.mark, "TMPDIR": str(self.temporary)}
        self.sweeps = 0
        self.epochs_at_strike = 0
        self.known = set()  # workers that were there at the last look
        self.start_seconds = 1.0  # from the start of a command to its first epoch

    @property
    def runs(self):
        return self.root / "runs"

    @property
    def name(self):
        return f"sweep-{self.sweeps}"

    def go(self):
        """Strike until no strike is left and the last sweep is done."""
        trainer = replace(BASE.trainer, **TRAINER, shuffle=True)
        expected = small_sweep(self.root, *VARY, base=replace(BASE, **SETTINGS, trainer=trainer), seeds=[1])
        numbers = serial(expected, self.root / "serial")
        while self.left or not self.sweeps:
            self.sweeps += 1
            while not self.is_done():
                self.command()
            if of_sweep(Sweep.load(self.name, self.runs)) != numbers:
                self.problems.append(f"{self.name} has other numbers than serial runs")
        return self

    def is_done(self):
        with suppress(FileNotFoundError):
            return all(result.state == "done" for result in halving.results(Sweep.load(self.name, self.runs)))
        return False

    def command(self):
        """Run the command once, to its end or until it is struck down."""
        if (self.runs / self.name / "sweep.json").is_file():
            options = ["--resume", self.name]
        else:
            given = {**SETTINGS, **TRAINER, "seed": 1, "seeds": 1, "name": self.name, "dev": DEV}
            options = [TRAIN, "--shuffle", *(word for text in VARY for word in ("--vary", text))]
            options += [word for key, value in given.items() for word in (f"--{key.replace('_', '-')}", str(value))]
        command = [*COMMAND, *options, "--workers", "2", "--root", str(self.runs)]
        self.known, begin, struck, before = set(), time.monotonic(), "", self.written()
        with open(self.root / "output", "w+b") as output:
            client = psutil.Popen(
                command, env=self.environ, stdout=output, stderr=output, cwd=self.root, start_new_session=True
            )
            wait_until(lambda: client.poll() is not None or is_ready(client))
            while self.left and client.poll() is None and struck in ("", "kill-worker"):
                struck = self.strike(client, begin) or struck
                if not struck and self.written() > before:
                    self.start_seconds = time.monotonic() - begin
            status = client.wait()
            output.seek(0)
            said = output.read().decode(errors="replace")
        self.done["commands"] += 1
        self.judge(struck, status, said)

    def strike(self, client, begin):
        """Wait for a random moment, then strike; the kind of strike, or nothing if the client ended before."""
        kind = self.left[-1]
        at_start = self.draw.random() < 0.5
        if kind == "kill-worker":
            if at_start:  # a worker that was not there before
                wait_until(lambda: client.poll() is not None or set(workers_of(client)) - self.known)
                victims = set(workers_of(client)) - self.known
                rest(client, self.draw.uniform(0, self.start_seconds))
            else:
                epochs = self.written() + self.draw.randrange(EPOCHS)
                wait_until(lambda: client.poll() is not None or (self.written() >= epochs and workers_of(client)))
                victims = set(workers_of(client))
            self.known |= victims
            victims = sorted(victims, key=lambda process: process.pid)
            victim = self.draw.choice(victims) if victims else None
            with suppress(psutil.NoSuchProcess):
                if victim is None or not victim.is_running() or client.poll() is not None:
                    return ""
                victim.kill()
                self.count(kind)
                return kind
            return ""
        seconds = self.draw.uniform(0, self.start_seconds) if at_start else self.draw.uniform(0, 3 * self.start_seconds)
        rest(client, begin + seconds - time.monotonic())
        if client.poll() is not None:
            return ""
        if kind == "kill-client":
            client.kill()
        elif kind == "terminate":
            client.terminate()
        else:
            send = self.draw.choice([os.kill, os.killpg])
            for _ in range(self.draw.choice([1, 1, 2, 2, 3])):
                with suppress(ProcessLookupError):
                    send(client.pid, signal.SIGINT)
                rest(client, self.draw.uniform(0, 0.3))
        self.count(kind)
        return kind

    def count(self, kind):
        self.left.pop()
        self.done[kind] += 1

    def judge(self, struck, status, said):
        """Note what is wrong with a command that has ended."""
        # SIGTERM that comes while Python ends kills the process; a shell reports 143 for that too
        allowed = {"kill-client": {-9, 0}, "interrupt": {130, 0}, "terminate": {143, -15, 0}}.get(struck, {0})
        problems = [] if status in allowed else [f"status {status}"]
        if struck == "kill-client":  # then loky warns that it removes semaphores, mostly after this look
            said = "\n".join(line for line in said.splitlines() if "resource_tracker" not in line)
        problems += [word for word in ("Traceback", "Error", "Exception", "Warning") if word in said]
        processes = [process for process in psutil.process_iter() if self.is_ours(process)]
        psutil.wait_procs(processes)
        left = list(self.temporary.iterdir())
        if left and struck != "kill-client":
            problems.append(f"left {left}")
        for folder in left:
            subprocess.run(["rm", "-rf", folder], check=True)
        if problems:
            self.problems.append(f"{self.name} after {struck or 'nothing'}: {', '.join(problems)}\n{said}")

    def is_ours(self, process):
        with suppress(psutil.Error):
            return process.environ().get("LXMLS_ATTACK") == self.mark
        return False

    def written(self):
        """How many epochs of the present sweep have been written down."""
        return sum(path.read_text().count("\n") for path in (self.runs / self.name).glob("*/metrics.jsonl"))


def is_ready(client):
    """Whether the command minds signals; before, Python itself answers them, with its traceback."""
    with suppress(OSError):
        status = Path(f"/proc/{client.pid}/status").read_text()
        caught = next((line.split()[1] for line in status.splitlines() if line.startswith("SigCgt")), "0")
        return bool(int(caught, 16) >> (signal.SIGTERM - 1) & 1)
    return True


def rest(client, seconds):
    """Let some time pass, or less if the client ends."""
    with suppress(psutil.TimeoutExpired):
        client.wait(max(0.0, seconds))


@pytest.mark.nightly("the same as strikes at chosen moments in test_local and tests/cli, at random ones")
def test_struck_at_random_moments_it_ends_with_the_numbers_of_serial_runs(tmp_path):
    attack = Attack(tmp_path, dict.fromkeys(KINDS, 3), seed=5).go()
    assert not attack.problems, "\n".join(attack.problems)
    assert {kind: attack.done[kind] for kind in KINDS} == dict.fromkeys(KINDS, 3)
