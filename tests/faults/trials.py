"""Trains and keeps exercises while shim.c kills the process, or lets the disk fail, at one call or another.

`python trials.py SCENARIO FOLDER TRIALS REPORT`, with the shim preloaded: tries so many of the calls, drawn at random.
Writes JSON: how many trials of how many calls, and what went wrong.
"""

import ctypes
import errno
import gc
import json
import os
import random
import re
import shutil
import signal
import sys
import traceback
from pathlib import Path

from lab.exercises import progress
from lxmls_rnn.classroom.students import Attempts
from lxmls_rnn.cli import app
from lxmls_rnn.datasets.corpora import corpus_files
from lxmls_rnn.runs import Run
from lxmls_rnn.storage.files import LOCK_FILE
from lxmls_rnn.storage.messages import in_words

SHIM = ctypes.CDLL(None)
CALLS = ("write", "fsync", "rename", "mkdir", "open", "unlink", "read")
KILL, SHORT = -1, -2  # as in shim.c
ACTIONS = {
    "write": (KILL, SHORT, errno.ENOSPC, errno.EIO),
    "fsync": (KILL, errno.ENOSPC, errno.EIO),
    "rename": (KILL, errno.EACCES, errno.EIO),
    "mkdir": (KILL, errno.ENOSPC, errno.EACCES),
    "open": (errno.EACCES, errno.EIO),
    "unlink": (errno.EACCES,),
    "read": (errno.EIO,),
}


def command(*arguments):
    """Do what the command line does; return its exit status."""
    try:
        app(list(map(str, arguments)))
    except SystemExit as error:
        return error.code or 0
    return 0


class Train:
    """A new run."""

    epochs = 2

    def prepare(self, root):
        train, dev, _ = corpus_files("sample")
        for name, file in (("train", train), ("dev", dev)):
            sentences = file.read_text(encoding="utf-8").split("\n\n")[:16]
            (root / f"{name}.conll").write_text("\n\n".join(sentences) + "\n\n", encoding="utf-8")

    def options(self, root):
        options = ["--dev", root / "dev.conll", "--n-emb", 3, "--n-hidd", 2, "--batch-size", 4, "--shuffle"]
        return ["train", root / "train.conll", *options, "--name", "a", "--root", root / "runs"]

    def act(self, root):
        return command(*self.options(root), "--epochs", self.epochs)

    def go_on(self, root):
        """Do what a user would do next; return what must be the same in the end."""
        try:
            run = Run.open("a", root / "runs")
            status = command("train", "--resume", "a", "--epochs", self.epochs, "--root", root / "runs")
        except FileNotFoundError:
            status = Train.act(self, root)
        assert status == 0, f"going on ended with {status}"
        run = Run.open("a", root / "runs")
        values = run.load()[0].model.get_values()
        rows = [[row.epoch, row.cost, row.dev_accuracy] for row in run.metrics()]
        return [rows, {name: value.tolist() for name, value in values.items()}]


class Resume(Train):
    """A run that goes on."""

    epochs = 3

    def prepare(self, root):
        super().prepare(root)
        assert command(*self.options(root), "--epochs", 1) == 0

    def act(self, root):
        return command("train", "--resume", "a", "--epochs", self.epochs, "--root", root / "runs")


class Exercises:
    """The progress of the exercises: one more try."""

    def prepare(self, root):
        os.environ["LXMLS_RUNS"] = str(root)
        progress.update("forward", tries=1, state="right")

    def act(self, root):
        try:
            progress.update("lstm", tries=1)
        except OSError as error:
            print(f"Error: {in_words(error)}", file=sys.stderr)
            return 1
        return 0

    def go_on(self, root):
        tries = progress.FILE.read().get("lstm", Attempts()).tries
        assert tries in (0, 1)
        progress.update("lstm", tries=2 - tries)
        return [[entry.tries, entry.state] for _, entry in sorted(progress.FILE.read().items())]


SCENARIOS = {"train": Train, "resume": Resume, "exercises": Exercises}


class Attack:
    """One scenario, under attack in a folder."""

    def __init__(self, name, folder):
        self.scenario, self.root, self.template = SCENARIOS[name](), folder / "root", folder / "template"
        self.log, self.result = folder / "log", folder / "result"
        self.root.mkdir(parents=True)
        self.scenario.prepare(self.root)
        shutil.copytree(self.root, self.template)
        # in this process, so that no child has to import and compile what it needs
        self.scenario.act(self.root)
        self.scenario.go_on(self.root)
        assert self.act() == 0, self.log.read_text()
        self.counts = json.loads(self.result.read_text())
        self.expected = self.finish()

    def in_child(self, work):
        """Do work in a child of this process, its output in a file; return its exit status."""
        sys.stdout.flush()
        child = os.fork()
        if child:
            return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        output = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(output, 1)
        os.dup2(output, 2)
        try:
            status, result = work()
            gc.collect()  # what is closed late complains now
            self.result.write_text(json.dumps(result))
        except BaseException:
            traceback.print_exc()
            status = 99
        SHIM.fault_arm(b"", -1, 0, 0)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)

    def act(self, which=-1, n=0, action=0):
        """Act once, struck at the n-th call of a kind; return the exit status. The result is the calls of each kind."""
        shutil.rmtree(self.root)
        shutil.copytree(self.template, self.root)

        def work():
            SHIM.fault_arm(os.fsencode(self.root), which, n, action)
            return self.scenario.act(self.root), [SHIM.fault_count(kind) for kind in range(len(CALLS))]

        return self.in_child(work)

    def finish(self):
        """Go on as a user would; return what came of it, as JSON."""
        status = self.in_child(lambda: (0, self.scenario.go_on(self.root)))
        assert status == 0, f"could not go on: {self.log.read_text()}"
        left = [str(path) for path in self.root.rglob(".*") if path.name != LOCK_FILE]
        assert not left, f"left behind: {left}"
        return self.result.read_text()

    def trial(self, call, n, action):
        """Strike at the n-th call; return what is wrong with what came of it, or nothing."""
        status = self.act(CALLS.index(call), n, action)
        output = self.log.read_text(errors="replace")
        try:
            self.check(status, output, action)
            assert self.finish() == self.expected, "went on to other numbers"
        except AssertionError as error:
            what = {KILL: "kill", SHORT: "half"}.get(action) or errno.errorcode[action]
            return f"{what} at {call} {n}: {error}\n{output[-3000:]}"
        return ""

    def check(self, status, output, action):
        """Raise AssertionError unless a failure of the disk was told in one sentence, with the name of a file."""
        if action == KILL:
            assert status == -signal.SIGKILL, "was not killed"
            return
        errors = re.findall("^Error: .*", output, re.MULTILINE)
        assert not re.search("Traceback|Exception ignored", output), "a traceback"
        if status or errors:  # else it could do without
            assert action != SHORT, f"exit status {status}, though the disk would have taken the rest"
            assert (status, len(errors)) == (1, 1), f"exit status {status}, {len(errors)} errors"
            assert str(self.root) in errors[0], "the error names no file"


def main():
    name, folder, trials, report = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])
    attack = Attack(name, folder)
    counts = dict(zip(CALLS, attack.counts, strict=True))
    every = [(call, n, action) for call in CALLS for action in ACTIONS[call] for n in range(1, counts[call] + 1)]
    random.Random(0).shuffle(every)
    failures = [wrong for place in every[:trials] if (wrong := attack.trial(*place))]
    report.write_text(json.dumps({"of": len(every), "counts": counts, "failures": failures}))


if __name__ == "__main__":
    main()
