"""What a sweep costs beside its trainings: the same trainings alone, one after the other, and by workers.

python tests/sweep/overhead.py MODEL TRAININGS WORKERS [SENTENCES]
"""

import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import psutil
from threadpoolctl import threadpool_limits

sys.path.insert(0, str(Path(__file__).parents[1]))
from sweep.small import BASE, small_sweep

from lxmls_rnn.runs import Run
from lxmls_rnn.sweep import worker
from lxmls_rnn.sweep.driver import Driver


def memory():
    """Megabytes of this process: client and scheduler."""
    return psutil.Process().memory_info().rss / 1e6


def main():
    model, trainings, workers = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    sentences = int(sys.argv[4]) if len(sys.argv) > 4 else 100_000
    trainer = replace(BASE.trainer, epochs=20 if sentences > 1000 else 2)
    base = replace(BASE, model=model, max_nr_sent=sentences, n_emb=50, n_hidd=20, trainer=trainer)
    with tempfile.TemporaryDirectory() as folder:
        sweep = small_sweep(Path(folder), base=base, seeds=range(trainings))
        worker.warm(base.to_dict())
        alone = []
        with threadpool_limits(1):  # as in a worker
            for training in list(sweep.trainings())[:40]:
                begin = time.perf_counter()
                for _ in Run.create(training.name, training.settings, Path(folder) / "alone").fit():
                    pass
                alone.append(time.perf_counter() - begin)
        driver = Driver(sweep.begin(), workers)
        begin, seen, ended = time.perf_counter(), [], 0
        for result in driver.run():
            ended += result is not None
            if result is not None and ended % (trainings // 5 or 1) == 0:
                seen.append(f"{memory():.0f}")
        whole = time.perf_counter() - begin
        assert all(result.state == "done" for result in driver.results.values())
    one, trained = sum(alone) / len(alone), driver.trained
    ideal = one * trainings / workers
    beside = (trained - sum(driver.seconds.values()) / workers) / trainings
    print(f"{trainings} trainings of {model}, {workers} workers; one alone takes {one:.2f} s")
    print(
        f"start-up {driver.start_up:.1f} s; all trained in {trained:.1f} s, {trained / ideal:.2f} times {ideal:.1f} s"
    )
    print(f"beside the trainings {1e3 * beside:.1f} ms for each; whole, with the end of the workers, {whole:.1f} s")
    print(f"MB of client and scheduler on the way: {', '.join(seen)}")


if __name__ == "__main__":
    main()
