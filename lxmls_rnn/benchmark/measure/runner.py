"""Run cases: the workers of one group are prepared, then take turns, so that a machine that drifts favours none."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import inf
from time import monotonic
from typing import Any

import numpy as np

from lxmls_rnn.benchmark.measure.cases import Case, groups
from lxmls_rnn.benchmark.measure.counting import Peak, count, memory, share_of_bound
from lxmls_rnn.benchmark.measure.machine import cache_size
from lxmls_rnn.benchmark.measure.process import STARTING_LIMIT, STOPPED, Failed, Worker
from lxmls_rnn.benchmark.measure.results import Row
from lxmls_rnn.device.processor import cores
from lxmls_rnn.memory import check as check_memory

ROUNDS = 5
FEWEST_ROUNDS = 3  # of calls that take longer than all the time for a case
COMPILING = 4  # times the budget: how long compiling may take besides


class Runner:
    """Measures groups of cases with workers that it starts and ends.

    Parameters
    ----------
    threads
        Threads of BLAS, the fused layers and PyTorch in a worker; by default all cores.
    seconds
        To be timed for a case, in `ROUNDS` rounds.
    limit
        Seconds for a case altogether; compiling counts.
    budget
        Seconds for the whole run, without what workers need to start and to compile; that may take `COMPILING` times as
        long besides. Cases whose turn has not come by then become rows that say so. By default no limit.
    torch_python
        The interpreter of PyTorch's workers; by default the one that runs.
    worker
        Starts a worker: called as `Worker` is, gives what can be asked and closed as that can.
    """

    def __init__(
        self,
        threads: int | None = None,
        seconds: float = 0.5,
        limit: float = 120.0,
        budget: float | None = None,
        torch_python: str | None = None,
        worker: Callable[..., Worker] = Worker,
    ) -> None:
        for name, value in (("threads", threads), ("seconds", seconds), ("limit", limit), ("budget", budget)):
            if value is not None and not value > 0:
                raise ValueError(f"{name} must be positive, got {value}")
        self.threads = threads or cores()
        self.seconds, self.limit, self.budget = seconds, limit, budget
        self.torch_python = torch_python
        self.start_worker = worker
        self.compiling = 0.0  # seconds in this run
        self.peaks: dict[str, Peak] = {}
        self._workers: dict[tuple[str, str, str], Worker] = {}
        self._absent: dict[tuple[str, str, str], Failed] = {}
        self._peaks_of: set[tuple[str, str, str]] = set()
        self._stopping = threading.Event()

    def run(self, cases: Sequence[Case], stop: Callable[[], bool] = lambda: False) -> Iterator[Row]:
        """Measure cases, those of a group, which are compared, one after the other; yield a row for every case.

        `stop` is asked between two measurements whether to end here. Ctrl-C (`KeyboardInterrupt`) and the method `stop`
        end too; in any case what has been measured is yielded, and rows for the rest.
        """

        def stopping() -> bool:
            return self._stopping.is_set() or stop()

        start, self.compiling = monotonic(), 0.0
        stopped = ""
        try:
            for group in groups(cases):
                if self._stopping.is_set():
                    stopped = STOPPED
                if not stopped and self.budget is not None and monotonic() - start - self.compiling >= self.budget:
                    stopped = f"the time for the run, {self.budget:.0f} s, was used up"
                stopped = stopped or self._compiled_enough()
                if stopped:
                    yield from (finished(Turn(Row(case, "stopped", stopped))) for case in group)
                    continue
                turns = [Turn(Row(case)) for case in group]
                try:
                    self._measure(turns, stopping)
                    if stopping():
                        stopped = STOPPED
                except KeyboardInterrupt:
                    stopped = STOPPED
                yield from (self._with_share(finished(turn, stopped)) for turn in turns)
        finally:
            self.close()

    def stop(self) -> None:
        """End the run at once, from another thread, also in the middle of a compile; what has been measured is kept."""
        self._stopping.set()

    def close(self) -> None:
        """End the workers."""
        while self._workers:
            self._workers.popitem()[1].close()

    def _measure(self, turns: list[Turn], stop: Callable[[], bool]) -> None:
        for turn in turns:
            if stop():
                return
            self._attempt(turn, self._prepare)
        ready = [turn for turn in turns if turn.prepared]
        for number in range(ROUNDS):
            for turn in ready:
                if stop():
                    return
                enough = number >= FEWEST_ROUNDS and turn.timed > len(turn.repeats) * self.seconds
                # what a round takes is known from the one before
                too_long = bool(turn.repeats) and turn.spent + turn.last > self.limit
                if turn.row.status == "ok" and not enough and not too_long:
                    self._attempt(turn, self._time)

    def _attempt(self, turn: Turn, action: Callable[[Turn], None]) -> None:
        start = monotonic()
        try:
            action(turn)
        except Failed as failure:
            turn.row.why = str(failure)
            if failure.status != "stopped":
                turn.row.status = failure.status
            worker = self._workers.get(turn.row.case.lane)
            if worker is not None and not worker.alive:
                del self._workers[turn.row.case.lane]
        turn.last = monotonic() - start
        turn.spent += turn.last

    def _prepare(self, turn: Turn) -> None:
        case, row = turn.row.case, turn.row
        with self._compile_time():
            worker = self._worker(case.lane)
            self._find_peak(case)
        try:
            check_memory("its worker", memory(case))
        except MemoryError as error:
            raise Failed("memory", str(error)) from None
        start = monotonic()
        try:
            answer = worker.ask(min(self.limit, self._left_to_compile()), do="prepare", case=vars(case))
        except Failed as failure:
            self.compiling += monotonic() - start
            if failure.status == "limit" and self._compiled_enough():
                raise Failed("stopped", self._compiled_enough()) from None
            raise
        self.compiling += answer["compile_s"] if answer["compiled"] else 0
        row.device, row.device_name, row.compile_s = answer["device"], answer["device_name"], answer["compile_s"]
        row.difference, row.checked = answer["difference"], answer["checked"]
        if row.device != case.device:
            raise Failed("unavailable", f"its parameters are on the device {row.device}, not on {case.device}")
        if row.difference is None or row.difference > answer["tolerance"]:
            how = "are not finite" if row.difference is None else f"differ by {row.difference:.1e} of the largest"
            raise Failed("wrong", f"its numbers {how} from the reference's; {answer['tolerance']:.0e} is allowed")
        turn.prepared = True

    def _left_to_compile(self) -> float:
        return inf if self.budget is None else max(0.0, COMPILING * self.budget - self.compiling)

    def _compiled_enough(self) -> str:
        """Say that no time is left to compile in; nothing if there is."""
        if self.budget is None or self._left_to_compile() > 0:
            return ""
        return f"the time for compiling, {COMPILING * self.budget:.3g} s, was used up"

    @contextmanager
    def _compile_time(self) -> Iterator[None]:
        """Count what is done within as compiling; `Failed` if no time is left for it."""
        if self._compiled_enough():
            raise Failed("stopped", self._compiled_enough())
        start = monotonic()
        try:
            yield
        finally:
            self.compiling += monotonic() - start

    def _time(self, turn: Turn) -> None:
        worker = self._workers.get(turn.row.case.lane)
        if worker is None:
            raise Failed("crashed", "its process ended")
        answer = worker.ask(max(1.0, self.limit - turn.spent), do="measure", seconds=self.seconds / ROUNDS)
        turn.repeats += answer["seconds"]
        turn.row.calls = answer["calls"]
        turn.row.host_memory, turn.row.device_memory = answer["host_memory"], answer["device_memory"]

    def _worker(self, lane: tuple[str, str, str]) -> Worker:
        """Return the worker of a lane; start it, or anew after it has crashed."""
        if lane in self._absent:
            raise self._absent[lane]
        if lane not in self._workers:
            try:
                python = self.torch_python if lane[0].startswith("torch") else None
                self._workers[lane] = self.start_worker(
                    *lane, threads=self.threads, stop=self._stopping.is_set, python=python
                )
            except Failed as failure:
                if failure.status == "unavailable":
                    self._absent[lane] = failure
                raise
        return self._workers[lane]

    def _find_peak(self, case: Case) -> None:
        """Let each worker show once what the device can do; the best counts. Where none can, shares are not told."""
        if case.lane in self._peaks_of:
            return
        self._peaks_of.add(case.lane)
        try:
            answer = self._workers[case.lane].ask(STARTING_LIMIT, do="peak")
        except Failed:
            if not self._workers[case.lane].alive:
                raise
            return
        key = peak_key(case)
        before = self.peaks.get(key, Peak(0.0, 0.0))
        cache = cache_size() if case.device == "cpu" else 0
        self.peaks[key] = Peak(max(before.flops, answer["flops"]), max(before.bytes, answer["bytes"]), cache)

    def _with_share(self, row: Row) -> Row:
        peak = self.peaks.get(peak_key(row.case))
        if row.median is not None and peak is not None:
            row.share = share_of_bound(row.case, row.median, peak)
        return row


class Turn:
    """A case while its group is measured."""

    def __init__(self, row: Row) -> None:
        self.row = row
        self.prepared = False
        self.repeats: list[float] = []
        self.spent = self.last = 0.0

    @property
    def timed(self) -> float:
        """Return the seconds timed so far."""
        return sum(self.repeats) * self.row.calls


def finished(turn: Turn, stopped: str = "") -> Row:
    """Fill in the row of a case from its repeats and counts."""
    row, counted = turn.row, count(turn.row.case)
    row.flops, row.bytes = counted.flops, counted.bytes
    row.to_device, row.from_device = counted.to_device, counted.from_device
    if row.status == "ok" and not turn.repeats:
        row.status, row.why = "stopped", row.why or stopped
    if row.status == "ok":
        row.why = ""
        row.q1, row.median, row.q3 = (float(q) for q in np.percentile(turn.repeats, (25, 50, 75)))
        row.minimum, row.repeats = min(turn.repeats), len(turn.repeats)
    return row


def peak_key(case: Case) -> str:
    """Return under which name the peak of a case's device and dtype is kept."""
    return f"{case.device} {case.dtype}"


def peaks_as_dict(peaks: dict[str, Peak]) -> dict[str, Any]:
    """Return peaks as they are kept in a file."""
    return {key: vars(peak) for key, peak in peaks.items()}
