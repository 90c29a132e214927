"""Kill `lxmls-rnn train` at random moments, from its start to its end, and compare with an uninterrupted training.

python tests/faults/kills.py 1000 --seed 1
XDG_CACHE_HOME=/tmp/cache python tests/faults/kills.py 50 --model FastRNN       the compile cache is attacked too

Each command is killed with SIGKILL at a moment drawn from the seconds that a whole training takes, and resumed until
the training is done; then the next training begins. No command may end by itself with an error, print a traceback or
leave half-written files, and each training must come to the numbers of the uninterrupted one.
"""

import argparse
import math
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from sweep.small import DEV, TRAIN, numbers

from lxmls_rnn.runs import Run

COMMAND = [str(Path(sys.executable).with_name("lxmls-rnn")), "train"]
SETTINGS = [
    "--max-nr-sent",
    "150",
    "--n-emb",
    "3",
    "--n-hidd",
    "3",
    "--epochs",
    "12",
    "--shuffle",
]


class Attack:
    """Trainings in a folder of runs, and what was found."""

    def __init__(self, runs, seed, model="NumpyRNN"):
        self.runs, self.draw, self.model = Path(runs), random.Random(seed), model
        self.kills = self.kills_at_start = self.trainings = 0
        self.seconds = math.inf  # that a whole training takes
        self.problems = []

    def go(self, kills):
        """Kill so many times; the last training is completed. Return self."""
        assert self.command("whole", None) == 0, self.problems
        expected = numbers(Run.open("whole", self.runs))
        while self.kills < kills:
            name = f"killed-{self.trainings}"
            while self.command(name, self.draw.uniform(0, self.seconds) if self.kills < kills else None) != 0:
                pass
            self.trainings += 1
            if numbers(Run.open(name, self.runs)) != expected:
                self.problems.append(f"{name} has other numbers than the uninterrupted training")
            if left := [path for path in self.runs.rglob(".*") if name in str(path)]:
                self.problems.append(f"{name} left {left}")
        return self

    def command(self, name, seconds):
        """Train or resume, and kill after so many seconds; return the exit status."""
        exists = (self.runs / name).exists()
        how = ["--resume", name] if exists else [TRAIN, "--dev", DEV, *SETTINGS, "--model", self.model, "--name", name]
        begin = time.monotonic()
        process = subprocess.Popen(
            [*COMMAND, *how, "--root", str(self.runs)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        try:
            said, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            said, _ = process.communicate()
        if process.returncode == -9:
            self.kills += 1
            self.kills_at_start += not exists and not (self.runs / name).exists()
        elif process.returncode != 0 or "Traceback" in said:
            self.problems.append(f"{name} ended with {process.returncode}: {said}")
            raise SystemExit("\n".join(self.problems))
        elif not exists:  # a whole training: the machine may have been busier before
            self.seconds = min(self.seconds, time.monotonic() - begin)
        return process.returncode


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kills", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model", default="NumpyRNN")
    given = parser.parse_args()
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        attack = Attack(folder, given.seed, given.model).go(given.kills)
    print("\n".join(attack.problems))
    print(
        f"{attack.kills} kills, {attack.kills_at_start} of them before the run was made; {attack.trainings} trainings, "
        f"{len(attack.problems)} problems; seed {given.seed}, {time.monotonic() - begin:.0f} s"
    )
    sys.exit(bool(attack.problems))


if __name__ == "__main__":
    main()
