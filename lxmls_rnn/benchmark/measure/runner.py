"""Measurement of cases in groups: all workers of a group take turns, so that a drift of the machine favours none.

Each case is timed in `PROCESSES` processes, one after the other, because the places of its data in memory differ
between processes, and with them its times (https://pyperf.readthedocs.io/en/latest/run_benchmark.html). Uncertain rows
are then timed again in further processes, at most `MAX_PROCESSES` in all; if enough processes were undisturbed, a row
rests on these alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import chain
from statistics import median
from time import monotonic
from typing import Any

import numpy as np

from lxmls_rnn.benchmark.measure.cases import Case, groups
from lxmls_rnn.benchmark.measure.counting import flops, memory
from lxmls_rnn.benchmark.measure.process import STOPPED, Failed, Worker
from lxmls_rnn.benchmark.measure.results import MIN_REPEATS, PROCESSES, Row, is_disturbed
from lxmls_rnn.deep_learning.frameworks import FRAMEWORKS
from lxmls_rnn.device.processor import cores
from lxmls_rnn.memory import check as check_memory

SECONDS, LIMIT_SECONDS = 0.15, 120.0  # timed for a case; that a case may take: what command and panel begin with
MAX_PROCESSES = 5  # for rows that stay uncertain
ROUNDS = MIN_REPEATS // PROCESSES  # turns of a case in each process
GROUPS_AT_A_TIME = 12  # all their processes before the next groups begin, so that a stopped run has certain rows


class Runner:
    """Measure groups of cases with workers that it starts and ends.

    Parameters
    ----------
    threads
        Threads of BLAS, the fused layers and PyTorch in a worker, and processors of a worker on the CPU; by default
        all cores.
    seconds
        Time in seconds for the timed calls of a case, in `PROCESSES` processes with `ROUNDS` rounds each.
    limit
        Limit in seconds for a case in total, including compiling.

    Attributes
    ----------
    activity
        The present activity, such as 'timing numpy on cpu'; another thread can read it.
    stopping
        Whether `stop` was called.
    absent
        The implementations, devices and dtypes that are unavailable, with the reason; `run` asks for others once.
    """

    def __init__(
        self,
        threads: int | None = None,
        seconds: float = SECONDS,
        limit: float = LIMIT_SECONDS,
    ) -> None:
        for name, value in (("threads", threads), ("seconds", seconds), ("limit", limit)):
            if value is not None and not value > 0:
                raise ValueError(f"{name} must be positive, got {value}")
        self.threads = threads or cores()
        self.seconds, self.limit = seconds, limit
        self.activity, self.stopping = "starting", False
        self._workers: dict[tuple[str, str, str], Worker] = {}
        self.absent: dict[tuple[str, str, str], str] = {}

    def run(self, cases: Sequence[Case]) -> Iterator[list[Row]]:
        """Measure cases group by group; yield the rows of a group each time they have more repeats.

        A row for the first case of each unavailable implementation, device and dtype comes before; it stands for all.
        The run ends early on Ctrl-C (`KeyboardInterrupt`) and after `stop`. Rows keep the repeats that they have by
        then; those without any get the status "stopped".
        """
        self._stopped = ""
        first: dict[tuple[str, str, str], Case] = {}
        for case in cases:
            first.setdefault(case.lane, case)
        try:
            self._ask_for(first)
            yield [Row(case, "unavailable", self.absent[lane]) for lane, case in first.items() if lane in self.absent]
            available = [case for case in cases if case.lane not in self.absent]
            parts = [[Measurement(Row(case)) for case in group] for group in groups(available)]
            for start in range(0, len(parts), GROUPS_AT_A_TIME):
                yield from self._run_parts(parts[start : start + GROUPS_AT_A_TIME])
                if self._stopped:
                    return
        finally:
            self.close()

    def _run_parts(self, parts: list[list[Measurement]]) -> Iterator[list[Row]]:
        for number in range(MAX_PROCESSES):
            for part in parts:
                again = [measurement for measurement in part if number < PROCESSES or measurement.row.is_uncertain]
                if again:
                    self._measure_unless_stopped(again)
                    yield [self._finished(measurement) for measurement in again]
            self.close()  # the next processes are new ones
            if self._stopped:
                return

    def _ask_for(self, lanes: Iterable[tuple[str, str, str]]) -> None:
        """Start the workers that are not known to be absent."""
        try:
            for lane in lanes:
                if not self.stopping and lane not in self.absent:
                    with suppress(Failed):  # one that crashes is started again for its cases
                        self._worker(lane)
        except KeyboardInterrupt:
            self._stopped = STOPPED

    def _measure_unless_stopped(self, measurements: list[Measurement]) -> None:
        if not self._stopped:
            try:
                self._measure(measurements)
            except KeyboardInterrupt:
                self._stopped = STOPPED
        if self.stopping:
            self._stopped = STOPPED

    def stop(self) -> None:
        """End the run at once, even while a worker compiles; keep the measured rows.

        Call it from another thread or from the handler of a signal.
        """
        self.stopping = True

    def close(self) -> None:
        """End the workers."""
        while self._workers:
            self._workers.popitem()[1].close()

    def _measure(self, measurements: list[Measurement]) -> None:
        """Prepare and time the cases of a group in one process each; those that failed before are left out."""
        ready = []
        for measurement in measurements:
            if self.stopping:
                return
            if measurement.row.status == "ok" and not self._is_too_long(measurement):
                compiles = FRAMEWORKS[measurement.row.case.implementation].compile_time
                measurement.is_prepared = False
                measurement.processes.append([])
                self._attempt(measurement, self._prepare, "compiling and checking" if compiles else "checking")
                ready += [measurement] if measurement.is_prepared else []
        for measurement in ready * ROUNDS:
            if self.stopping:
                return
            if measurement.row.status == "ok" and not self._is_too_long(measurement):
                self._attempt(measurement, self._time, "timing")

    def _is_too_long(self, measurement: Measurement) -> bool:
        """Return whether the next round would exceed the limit of the case; the last one tells how long it takes."""
        return measurement.is_timed and measurement.spent + measurement.last > self.limit

    def _attempt(self, measurement: Measurement, action: Callable[[Measurement], None], activity: str) -> None:
        case, start = measurement.row.case, monotonic()
        self.activity = f"{activity} {case.implementation} on {case.device}"
        try:
            action(measurement)
        except Failed as failure:
            measurement.row.why = str(failure)
            # a case that is stopped, or reaches its limit, keeps the repeats that it has
            if failure.status != "stopped" and not (failure.status == "limit" and measurement.is_timed):
                measurement.row.status = failure.status
            worker = self._workers.get(case.lane)
            if worker is not None and not worker.alive:
                del self._workers[case.lane]
        measurement.last = monotonic() - start
        measurement.spent += measurement.last

    def _prepare(self, measurement: Measurement) -> None:
        case, row = measurement.row.case, measurement.row
        worker = self._worker(case.lane)
        try:
            check_memory("its worker", memory(case))
        except MemoryError as error:
            raise Failed("memory", str(error)) from None
        answer = worker.ask(self.limit, do="prepare", case=vars(case))
        row.device = answer["device"]
        row.compile_s = answer["compile_s"] if row.compile_s is None else row.compile_s
        row.difference, row.checked = answer["difference"], answer["checked"]
        if row.device != case.device:
            raise Failed("unavailable", f"its parameters are on the device {row.device}, not on {case.device}")
        if row.difference is None or row.difference > answer["tolerance"]:
            how = "are not finite" if row.difference is None else f"differ by {row.difference:.1e} of the largest"
            raise Failed("wrong", f"its numbers {how} from the reference's; {answer['tolerance']:.0e} is allowed")
        measurement.is_prepared = True

    def _time(self, measurement: Measurement) -> None:
        worker = self._workers.get(measurement.row.case.lane)
        if worker is None:
            raise Failed("crashed", "its process ended")
        seconds = self.seconds / (PROCESSES * ROUNDS)
        answer = worker.ask(max(1.0, self.limit - measurement.spent), do="measure", seconds=seconds)
        measurement.processes[-1].append(answer)
        measurement.row.calls = answer["calls"]
        measurement.row.host_memory, measurement.row.device_memory = answer["host_memory"], answer["device_memory"]

    def _worker(self, lane: tuple[str, str, str]) -> Worker:
        """Return the worker of a lane; start it if it does not run, also after a crash."""
        if lane not in self._workers:
            try:
                self._workers[lane] = Worker(*lane, threads=self.threads, stop=lambda: self.stopping, limit=self.limit)
            except Failed as failure:
                if failure.status == "unavailable":
                    self.absent[lane] = str(failure)
                raise
        return self._workers[lane]

    def _finished(self, measurement: Measurement) -> Row:
        """Fill in the row of a case from its repeats and counts; without any it was stopped."""
        row = measurement.row
        row.flops = flops(row.case)
        if row.status == "ok" and not measurement.is_timed:
            row.status, row.why = "stopped", row.why or self._stopped
        if row.status == "ok":
            row.why = ""
            timed = [rounds for rounds in measurement.processes if rounds]
            calm = [rounds for rounds in timed if not is_disturbed(row.case, *shares(rounds))]
            used = calm if len(calm) >= PROCESSES else timed
            of_process = [[seconds for answer in rounds for seconds in answer["seconds"]] for rounds in used]
            repeats = list(chain.from_iterable(of_process))
            row.q1, row.median, row.q3 = (float(q) for q in np.percentile(repeats, (25, 50, 75)))
            row.minimum, row.repeats = min(repeats), len(repeats)
            row.medians = [median(part) for part in of_process]
            row.processor, row.waited = shares(list(chain.from_iterable(used)))
        elif row.status != "stopped":  # a later process has failed
            row.q1 = row.median = row.q3 = row.minimum = None
        return row


class Measurement:
    """The state of a case while its group is measured."""

    def __init__(self, row: Row) -> None:
        self.row = row
        self.is_prepared = False  # in the present process
        self.processes: list[list[dict[str, Any]]] = []  # the worker's answer to each round in each process
        self.spent = self.last = 0.0  # seconds, in total and in the last round

    @property
    def is_timed(self) -> bool:
        """Whether a round has been timed."""
        return any(self.processes)


def shares(rounds: list[dict[str, Any]]) -> tuple[float, float]:
    """Return processor time and waiting as parts of the wall time of some rounds."""
    wall = sum(answer["wall"] for answer in rounds)
    processor, waited = (sum(answer[name] for answer in rounds) / wall for name in ("processor", "waited"))
    return processor, waited
