"""What a sweep costs beside its trainings: the same trainings alone, one after the other, and by workers.

python tests/sweep/overhead.py MODEL TRAININGS WORKERS [SENTENCES [ROUNDS]]

Trainings alone are those of `train` in a process that has imported and compiled before. They are timed before and after
each sweep, as the machine is not equally fast all the time.
"""

import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from statistics import mean, median

import psutil
from threadpoolctl import threadpool_limits

sys.path.insert(0, str(Path(__file__).parents[1]))
from sweep.small import BASE, small_sweep

from lxmls_rnn.runs import Run
from lxmls_rnn.sweep import worker
from lxmls_rnn.sweep.driver import Driver

ALONE = 20  # trainings timed between two sweeps, at most


def memory():
    """Megabytes of this process: the client."""
    return psutil.Process().memory_info().rss / 1e6


def alone(base, trainings):
    """Seconds that one training takes, of some that follow each other in this process."""
    with tempfile.TemporaryDirectory() as folder, threadpool_limits(1):  # as in a worker
        sweep = small_sweep(Path(folder), base=base, seeds=range(min(trainings, ALONE)))
        begin = time.perf_counter()
        for training in sweep.trainings():
            for _ in Run.create(training.name, training.settings, Path(folder)).fit():
                pass
        return (time.perf_counter() - begin) / len(sweep.seeds)


def by_workers(base, trainings, workers):
    """The driver of a sweep that has been trained; seconds of start, trainings and all; memory after each fifth."""
    with tempfile.TemporaryDirectory() as folder:
        driver = Driver(small_sweep(Path(folder), base=base, seeds=range(trainings)).begin(), workers)
        begin, start_up, trained, seen, ended = time.perf_counter(), 0.0, 0.0, [], 0
        for result in driver.run():
            if driver.state != "training":
                start_up = time.perf_counter() - begin
            trained = time.perf_counter() - begin - start_up
            ended += result is not None
            if result is not None and ended % (trainings // 5 or 1) == 0:
                seen.append(f"{memory():.0f}")
        assert all(result.state == "done" for result in driver.results.values())
        return driver, (start_up, trained, time.perf_counter() - begin), seen


def main():
    model, trainings, workers = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    sentences = int(sys.argv[4]) if len(sys.argv) > 4 else 100_000
    rounds = int(sys.argv[5]) if len(sys.argv) > 5 else 1
    trainer = replace(BASE.trainer, epochs=20 if sentences > 1000 else 2)
    base = replace(BASE, model=model, max_nr_sent=sentences, n_emb=50, n_hidd=20, trainer=trainer)
    times = []
    with ProcessPoolExecutor(1, get_context("spawn")) as one:
        one.submit(worker.warm, base.to_dict()).result()
        one.submit(alone, base, 1).result()
        before = one.submit(alone, base, trainings).result()
        for _ in range(rounds):
            driver, (start_up, trained, whole), seen = by_workers(base, trainings, workers)
            after = one.submit(alone, base, trainings).result()
            ideal = mean((before, after)) * trainings / workers
            beside = (trained - sum(driver.seconds.values()) / workers) / trainings
            times.append(trained / ideal)
            print(f"one alone takes {before:.3f} s before and {after:.3f} s after; start-up {start_up:.1f} s")
            print(f"all trained in {trained:.1f} s, {times[-1]:.2f} times {ideal:.1f} s")
            print(f"beside the trainings {1e3 * beside:.1f} ms for each; with the end of the workers {whole:.1f} s")
            print(f"MB of the client on the way: {', '.join(seen)}", flush=True)
            before = after
    print(f"{trainings} trainings of {model}, {workers} workers, {rounds} times: median {median(times):.2f}", end="")
    print(f" ({min(times):.2f} to {max(times):.2f}) times the ideal")


if __name__ == "__main__":
    main()
