"""A worker of the benchmark with a fault: `request` lets the next workers be this module.

FAULT is the fault and the implementation that has it: "wrong", "crash", "killed", "hang" or "memory", and "numpy" or
another one.
"""

import os
import signal
import sys
from pathlib import Path

from lxmls_rnn.benchmark.measure import contenders, process, worker


def request(monkeypatch, fault):
    """Let workers of the other processes have a fault, such as "hang:numpy"."""
    monkeypatch.setattr(process, "WORKER", Path(__file__).stem)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)
    monkeypatch.setenv("FAULT", fault)


def run_out_of_memory():
    raise MemoryError("asked for")


FAULTS = {
    "crash": lambda: os.kill(os.getpid(), signal.SIGSEGV),
    "killed": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "hang": signal.pause,
    "memory": run_out_of_memory,
}


def main():
    kind, implementation = os.environ["FAULT"].split(":")
    prepare, reference = worker.Bench.prepare, contenders.reference

    def faulty(bench, case):
        FAULTS[kind]()
        return prepare(bench, case)

    if sys.argv[1] != implementation:
        pass
    elif kind == "wrong":
        contenders.reference = lambda *of: {name: 1.01 * right for name, right in reference(*of).items()}
    else:
        worker.Bench.prepare = faulty
    worker.main()


if __name__ == "__main__":
    main()
