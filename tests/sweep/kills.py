"""A sweep whose workers and whose scheduler and client are killed at random moments, compared with serial runs.

python tests/sweep/kills.py 100 [SEED]       kills so often, says how it went
"""

import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))
from sweep.small import BASE, of_sweep, serial, small_sweep

from lxmls_rnn.sweep import halving

CLIENT = """
import sys
from lxmls_rnn.sweep.driver import Driver
from lxmls_rnn.sweep.sweep import Sweep
if __name__ == "__main__":
    for result in Driver(Sweep.load("small", sys.argv[1]), workers=2, checkpoint_every=0.02).run():
        pass
"""
EPOCHS = 8  # that the trainings do, at most, from one kill to the next
OF_CLIENT = 0.08  # share of the kills that meet the process of client and scheduler


def workers_of(client):
    """The processes of a client's workers."""
    with suppress(psutil.NoSuchProcess):
        return [child for child in client.children() if any("spawn_main" in word for word in child.cmdline())]
    return []


def written(sweep):
    """How many epochs have been written down."""
    return sum(path.read_text().count("\n") for path in sweep.folder.glob("*/metrics.jsonl"))


def kill(root, kills, seed):
    """Train a sweep in `root` to its end; kill on the way. Returns the sweep and how often what was killed."""
    draw = random.Random(seed)
    base = replace(BASE, max_nr_sent=150, trainer=replace(BASE.trainer, epochs=12, batch_size=2, shuffle=True))
    sweep = small_sweep(
        root, "model=NumpyRNN,NumpyLSTM", "n_hidd=2,3,5", base=base, seeds=range(1, 3 + kills // 10)
    ).begin()
    script = root / "client.py"
    script.write_text(CLIENT)
    killed, then = Counter(), 1
    while any(result.state != "done" for result in halving.results(sweep)):
        client = psutil.Popen([sys.executable, script, root])
        while client.poll() is None:
            with suppress(psutil.TimeoutExpired, subprocess.TimeoutExpired):
                client.wait(draw.uniform(0, 0.05))
            if client.poll() is not None or written(sweep) < then or killed["worker"] + killed["client"] >= kills:
                continue
            working = workers_of(client)
            victim = client if draw.random() < OF_CLIENT else draw.choice(working) if working else None
            if victim is not None:
                with suppress(psutil.NoSuchProcess):
                    victim.kill()
                    killed["client" if victim is client else "worker"] += 1
                    then = written(sweep) + draw.randrange(0, EPOCHS)
        killed["clients started"] += 1
    return sweep, killed


def main():
    kills, seed = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        sweep, killed = kill(Path(folder), kills, seed)
        same, expected = of_sweep(sweep), serial(sweep, Path(folder) / "serial")
        differ = [name for name, numbers in expected.items() if same[name] != numbers]
    print(
        f"{killed['worker']} workers and {killed['client']} clients with their schedulers killed, seed {seed}: "
        f"{len(expected)} trainings, {len(expected) - len(differ)} the same as a serial run, digit for digit; "
        f"{time.monotonic() - begin:.0f} s"
    )
    sys.exit(bool(differ))


if __name__ == "__main__":
    main()
