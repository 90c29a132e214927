"""A worker of the benchmark with a fault: `request` lets the next workers be this module.

FAULT is the fault and the implementation that has it: "crash" or "hang", and "numpy" or another one.
"""

import os
import signal
import sys
from pathlib import Path

from lxmls_rnn.benchmark.measure import process, worker


def request(monkeypatch, fault):
    """Let workers of the other processes have a fault, such as "hang:numpy"."""
    monkeypatch.setattr(process, "WORKER", Path(__file__).stem)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)
    monkeypatch.setenv("FAULT", fault)


FAULTS = {
    "crash": lambda: os.kill(os.getpid(), signal.SIGSEGV),
    "hang": signal.pause,
}


def main():
    kind, implementation = os.environ["FAULT"].split(":")
    prepare = worker.Bench.prepare

    def faulty(bench, case):
        FAULTS[kind]()
        return prepare(bench, case)

    if sys.argv[1] == implementation:
        worker.Bench.prepare = faulty
    worker.main()


if __name__ == "__main__":
    main()
