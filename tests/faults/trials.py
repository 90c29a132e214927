"""Trains, benchmarks and keeps exercises while shim.c kills the process, or lets the disk fail, at one call or another.

`python trials.py SCENARIO FOLDER TRIALS REPORT`, with the shim preloaded: tries so many of the calls, drawn at random.
Writes JSON: how many trials of how many calls, and what went wrong.
"""

import ctypes
import errno
import gc
import json
import os
import random
import shutil
import signal
import sys
import traceback
from pathlib import Path

from lab.exercises import progress
from lxmls_rnn.benchmark.measure.results import Results
from lxmls_rnn.classroom.students import Attempts
from lxmls_rnn.cli import app
from lxmls_rnn.datasets.corpora import corpus_files
from lxmls_rnn.runs import Run
from lxmls_rnn.storage.files import in_words

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


class Bench:
    """A benchmark of two cases."""

    def prepare(self, root):
        pass

    def options(self, root):
        sizes = ["--hidden", 2, "--batch", "1,2", "--length", 2, "--words", 5, "--work", "forward", "--model", "rnn"]
        return ["bench", *sizes, "--implementation", "numpy", "--device", "cpu", "--time", 0.001, "--no-plot"]

    def act(self, root):
        return command(*self.options(root), "--out", root / "results" / "a.json")

    def go_on(self, root):
        path = root / "results" / "a.json"
        if path.exists():
            Results.load(path)
        assert command(*self.options(root), "--out", path, "--resume") == 0
        return [[str(row.case), row.status] for row in Results.load(path).rows]


class Exercises:
    """The progress of the exercises: one more try."""

    def prepare(self, root):
        os.environ["LXMLS_RUNS"] = str(root)
        progress.update("forward", tries=1, state="right")

    def act(self, root):
        os.environ["LXMLS_RUNS"] = str(root)
        try:
            progress.update("lstm", tries=1)
        except OSError as error:
            print(f"Error: {in_words(error)}", file=sys.stderr)
            return 1
        return 0

    def go_on(self, root):
        os.environ["LXMLS_RUNS"] = str(root)
        tries = progress.FILE.read().get("lstm", Attempts()).tries
        assert tries in (0, 1)
        progress.update("lstm", tries=2 - tries)
        return [[entry.tries, entry.state] for _, entry in sorted(progress.FILE.read().items())]


SCENARIOS = {"train": Train, "resume": Resume, "bench": Bench, "exercises": Exercises}


def in_child(work, log):
    """Do work in a child of this process, its output in a file; return its wait status."""
    sys.stdout.flush()
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1]
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(output, 1)
    os.dup2(output, 2)
    try:
        status = work()
        gc.collect()  # what is closed late complains now
    except BaseException:
        traceback.print_exc()
        status = 99
    SHIM.fault_arm(b"", -1, 0, 0)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


class Attack:
    """One scenario, under attack in a folder."""

    def __init__(self, name, folder):
        self.name, self.scenario, self.folder = name, SCENARIOS[name](), folder
        self.template, self.log = folder / "template", folder / "log"
        self.root = folder / "root"
        self.root.mkdir(parents=True)
        self.scenario.prepare(self.root)
        shutil.copytree(self.root, self.template)
        # in this process, so that no child has to import and compile what it needs
        self.scenario.act(self.root)
        self.scenario.go_on(self.root)
        self.reset()
        assert self.do(self.counting) == 0, self.log.read_text()
        self.counts = json.loads((self.folder / "counts").read_text())
        self.expected = self.finish()

    def reset(self):
        shutil.rmtree(self.root)
        shutil.copytree(self.template, self.root)

    def do(self, work):
        return in_child(work, self.log)

    def counting(self):
        SHIM.fault_arm(os.fsencode(self.root), -1, 0, 0)
        status = self.scenario.act(self.root)
        (self.folder / "counts").write_text(json.dumps([SHIM.fault_count(kind) for kind in range(len(CALLS))]))
        return status

    def finish(self):
        """Go on as a user would; return what came of it, as JSON."""
        result = self.folder / "result"
        result.unlink(missing_ok=True)

        def work():
            result.write_text(json.dumps(self.scenario.go_on(self.root)))
            return 0

        status = self.do(work)
        if status != 0:
            raise AssertionError(f"could not go on: {self.log.read_text()}")
        left = [str(path) for path in self.root.rglob(".*")]
        assert not left, f"left behind: {left}"
        return result.read_text()

    def trial(self, call, n, action):
        """Strike at the n-th call; return what is wrong with what came of it, or nothing."""
        self.reset()

        def work():
            SHIM.fault_arm(os.fsencode(self.root), CALLS.index(call), n, action)
            return self.scenario.act(self.root)

        status = self.do(work)
        output = self.log.read_text(errors="replace")
        if action == KILL:
            wrong = "" if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL else "was not killed"
        else:
            status = os.waitstatus_to_exitcode(status)
            wrong = self.wrong_words(status, output)
            if action == SHORT and status:
                wrong = f"exit status {status}, though the disk would have taken the rest"
        try:
            if not wrong and self.finish() != self.expected:
                wrong = "went on to other numbers"
        except AssertionError as error:
            wrong = str(error)
        what = {KILL: "kill", SHORT: "half"}.get(action) or errno.errorcode[action]
        return f"{self.name}: {what} at {call} {n}: {wrong}\n{output[-3000:]}" if wrong else ""

    def wrong_words(self, status, output):
        """Say what is wrong with how a failure of the disk was told: one sentence, with the name of a file."""
        errors = [line for line in output.splitlines() if line.startswith("Error: ")]
        if "Traceback" in output or "Exception ignored" in output:
            return "a traceback"
        if status == 0 and not errors:
            return ""  # it could do without
        if status != 1 or len(errors) != 1:
            return f"exit status {status}, {len(errors)} errors"
        return "" if str(self.root) in errors[0] else "the error names no file"


def main():
    name, folder, trials, report = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])
    attack = Attack(name, folder)
    every = [
        (call, n, action)
        for call, count in zip(CALLS, attack.counts, strict=True)
        for action in ACTIONS[call]
        for n in range(1, count + 1)
    ]
    random.Random(0).shuffle(every)
    failures = [wrong for place in every[:trials] if (wrong := attack.trial(*place))]
    counts = dict(zip(CALLS, attack.counts, strict=True))
    report.write_text(json.dumps({"of": len(every), "counts": counts, "failures": failures}))


if __name__ == "__main__":
    main()
