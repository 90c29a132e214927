"""Worker process: build, check and time the cases of one implementation, device and dtype.

`python -m lxmls_rnn.benchmark.measure.worker IMPLEMENTATION DEVICE DTYPE THREADS` reads requests from standard input
and writes answers to standard output, one line of JSON each:

    (at its start)                          {} or {"unavailable": why}
    {"do": "prepare", "case": {...}}        {"device", "difference", "checked", "compile_s", ...}, see `Bench.prepare`
    {"do": "measure", "seconds": 0.1}       {"seconds": [...], "calls": n, "wall", "processor", "waited", ...}

A failed request is answered with {"error": why, "kind": "memory" | "unavailable" | "crashed"}.
"""

from __future__ import annotations

import gc
import json
import math
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from threading import get_native_id
from time import perf_counter, process_time, sleep
from typing import Any

import numpy as np

from lxmls_rnn import memory
from lxmls_rnn.benchmark.measure import contenders
from lxmls_rnn.benchmark.measure.cases import Case
from lxmls_rnn.benchmark.measure.contenders import NumpyContender
from lxmls_rnn.benchmark.measure.counting import checked_part
from lxmls_rnn.deep_learning.frameworks import FRAMEWORKS, THEANO, TORCH
from lxmls_rnn.teaching.comparison import TOLERANCE, relative_difference

CHECK_RATE = 1.0  # learning rate of the checked step: its change is as large as the gradient, so an error shows
TIMED_RATE = 1e-6  # learning rate of the timed steps: the parameters hardly change, however many steps are made
MIN_REPEAT_SECONDS = 0.002  # faster calls are timed several at a time
WARM_UP_SECONDS = 0.05  # work before each round on CUDA: an idle GPU lowers its clock
MAX_IDLE_WAIT_SECONDS = 1.0
IDLE_POLL_SECONDS = 0.002
MAX_BUILT_TAGGERS = 2  # one for single sentences and one for batches cover every shape of one hidden size


class Bench:
    """The state of a worker: the taggers that it has built and the call that it times."""

    def __init__(self, implementation: str, device: str, dtype: str) -> None:
        self.implementation, self.device, self.dtype = implementation, device, dtype
        self.built: dict[tuple[Any, ...], NumpyContender] = {}
        self.call: Callable[[], Any]
        self.tagger: NumpyContender
        self.calls = 0
        self.call_seconds = 0.0  # rough time of one call

    def prepare(self, case: Case) -> dict[str, Any]:
        """Build the tagger of a case, compare its results with the reference, and bind the call to time.

        Returns
        -------
        dict
            ``device`` that the parameters are on; ``difference``, the largest difference from the reference relative to
            the reference's largest number; ``tolerance``; ``checked``, numbers of sentences and words compared;
            ``compile_s``, seconds until the first result; ``compiled``, whether this case was compiled now (True) or
            reuses the functions of an earlier case (False).
        """
        gc.collect()
        memory.reset_peak()
        checked = checked_part(case)
        batch = contenders.draw_batch(case, *checked)
        start, key = perf_counter(), self._key(case)
        is_new = key not in self.built
        if is_new:
            while len(self.built) >= MAX_BUILT_TAGGERS:
                del self.built[next(iter(self.built))]
            self.built[key] = contenders.CLASSES[FRAMEWORKS[case.implementation]](case, contenders.draw_values(case))
        tagger = self.built[key]
        tagger.reset()  # the timed steps of an earlier case have changed the parameters a little
        returned = tagger.bind(batch, CHECK_RATE)()
        if is_new:
            tagger.compile_s = perf_counter() - start
        results = tagger.results(returned)
        expected = contenders.reference(case, tagger.values, batch, CHECK_RATE)
        difference = max(
            relative_difference(np.asarray(results[name]), right)[0]
            for name, right in expected.items()
            if case.peepholes or name != "W_c"
        )
        tagger.reset()
        del results, expected, returned
        self.tagger, self.calls = tagger, 0
        self.call = tagger.bind(contenders.draw_batch(case, case.batch, case.length), TIMED_RATE)
        return {
            "device": tagger.device(),
            "difference": difference if math.isfinite(difference) else None,
            "tolerance": TOLERANCE[case.dtype],
            "checked": checked,
            "compile_s": tagger.compile_s,
            "compiled": is_new,
        }

    @staticmethod
    def _key(case: Case) -> tuple[Any, ...]:
        return case.model, case.work, case.n_hidd, case.batch > 1, case.n_words, case.n_emb, case.n_tags

    def measure(self, seconds: float) -> dict[str, Any]:
        """Time the prepared call for about `seconds`, at least once.

        On CUDA the call first runs untimed for `WARM_UP_SECONDS`.

        Returns
        -------
        dict
            ``seconds`` per call of each repeat, of ``calls`` calls; of all repeats together the seconds of ``wall``
            time, the ``processor`` time of all threads, and the time that the thread that waited longest for a core has
            ``waited``; ``host_memory`` and ``device_memory`` in bytes, see `results.Row`.
        """
        call = self.call
        if self.device.startswith("cuda"):
            end = perf_counter() + WARM_UP_SECONDS
            while perf_counter() < end:
                call()
        if not self.calls:
            self.call_seconds = min(timed(call, 1), timed(call, 1))
            self.calls = max(1, math.ceil(MIN_REPEAT_SECONDS / self.call_seconds))
        if self.call_seconds < seconds:  # refill the caches that other workers used; a long call does not need it
            timed(call, self.calls)
        repeats: list[float] = []
        gc.disable()
        waited, processor, start = waits(), process_time(), perf_counter()
        end = start + seconds
        try:
            while not repeats or perf_counter() < end:
                repeats.append(timed(call, self.calls) / self.calls)
        finally:
            gc.enable()
        wall, processor = perf_counter() - start, process_time() - processor
        longest = max((after - waited.get(thread, 0.0) for thread, after in waits().items()), default=0.0)
        spent = {"wall": wall, "processor": processor, "waited": longest}
        peaks = {"host_memory": memory.peak(), "device_memory": self.tagger.device_memory()}
        return {"seconds": repeats, "calls": self.calls, **spent, **peaks}


def timed(call: Callable[[], object], calls: int) -> float:
    """Return the seconds that `calls` calls take together."""
    start = perf_counter()
    for _ in range(calls):
        call()
    return perf_counter() - start


def waits() -> dict[str, float]:
    """Return the seconds that each thread of this process has waited for a core; nothing where the system keeps none.

    Source: https://docs.kernel.org/scheduler/sched-stats.html, the second number of /proc/PID/task/THREAD/schedstat.
    """
    waited = {}
    for file in Path("/proc/self/task").glob("*/schedstat"):
        with suppress(OSError):  # the thread has ended
            waited[file.parent.name] = 1e-9 * int(file.read_text().split()[1])
    return waited


def start(implementation: str, threads: int) -> dict[str, str]:
    """Import what the implementation needs; return why it is unavailable, or nothing."""
    framework = FRAMEWORKS[implementation]
    if framework.missing:
        return {"unavailable": framework.missing}
    try:
        if framework is TORCH:
            import torch

            from lxmls_rnn.deep_learning import torch_rnn

            torch_rnn.device()  # raises an error if it lacks the device, which LXMLS_DEVICE names
            torch.set_num_threads(threads)
        elif framework is THEANO:
            import theano  # noqa: F401  raises an error if it lacks the device
    except Exception as error:
        return {"unavailable": str(error).strip().splitlines()[0] if str(error) else repr(error)}
    return {}


def answer(bench: Bench, request: dict[str, Any]) -> dict[str, Any]:
    """Carry out a request and return the answer; an error becomes an answer too."""
    try:
        if request["do"] == "measure":
            return bench.measure(request["seconds"])
        return bench.prepare(Case(**request["case"]))
    except MemoryError as error:
        return {"error": f"not enough memory: {error}", "kind": "memory"}
    except NotImplementedError as error:
        return {"error": str(error), "kind": "unavailable"}
    except Exception as error:
        text = str(error).strip().splitlines()
        message = f"{type(error).__name__}: {text[0] if text else ''}"
        return {"error": message, "kind": "memory" if "out of memory" in str(error).lower() else "crashed"}


def running_threads() -> list[int]:
    """Return the ids of the other threads of this process that run, or would if a processor were free."""
    running = []
    for task in Path("/proc/self/task").iterdir():
        with suppress(OSError):  # it has ended
            state = (task / "stat").read_text().rpartition(")")[2].split()[0]
            running += [int(task.name)] if state == "R" else []
    return [thread for thread in running if thread != get_native_id()]


def wait_until_idle() -> None:
    """Wait until the other threads of this process sleep, at most `MAX_IDLE_WAIT_SECONDS`.

    The threads of OpenMP (PyTorch) and OpenBLAS (NumPy) wait actively for 10 to 40 ms after a call, and would slow down
    the worker whose turn is next.
    """
    end = perf_counter() + MAX_IDLE_WAIT_SECONDS
    while running_threads() and perf_counter() < end:
        sleep(IDLE_POLL_SECONDS)


def main() -> None:
    """Answer requests until standard input ends."""
    implementation, device, dtype, threads = sys.argv[1:]
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints goes to standard error

    def reply(content: Mapping[str, Any]) -> None:
        replies.write(json.dumps(content) + "\n")
        replies.flush()

    reply(start(implementation, int(threads)))
    bench = Bench(implementation, device, dtype)
    for line in sys.stdin:
        content = answer(bench, json.loads(line))
        wait_until_idle()
        reply(content)


if __name__ == "__main__":
    main()
