"""Resumable benchmark sessions, whose results are saved after each group."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

from lxmls_rnn.benchmark.measure.cases import Case, groups
from lxmls_rnn.benchmark.measure.machine import describe, doubt
from lxmls_rnn.benchmark.measure.results import PROCESSES, Results, Row
from lxmls_rnn.benchmark.measure.runner import ROUNDS, STOPPED, Runner
from lxmls_rnn.storage.files import try_to_write
from lxmls_rnn.storage.messages import counted


class Session:
    """Measure cases with a runner, and save the results to a file with the settings and the `command` line.

    The cases are measured group by group, in `PROCESSES` processes one after the other, and the file is written after
    each group. With `resume` the rows that are already in the file are kept. A group with a missing or uncertain case
    is measured again as a whole, because only cases that were measured in turns are compared. ValueError if the file to
    resume comes from another machine, or from other versions or threads on this one, or has other cases.

    Attributes
    ----------
    saved
        Whether the file was written; it is not if all cases were stopped or are unavailable.
    """

    def __init__(
        self, cases: Sequence[Case], runner: Runner, path: Path, command: Sequence[str] = (), resume: bool = False
    ) -> None:
        self.asked, self.runner, self.path = cases, runner, path
        settings = {"threads": runner.threads, "seconds": runner.seconds, "limit": runner.limit}
        settings |= {"processes": PROCESSES, "rounds": ROUNDS}
        created = datetime.now().astimezone().isoformat(timespec="seconds")
        self.results = Results(created, list(command), settings, describe(runner.threads))
        self.earlier: dict[Case, Row] = {}
        self.n_turns = 0  # turns of all cases so far
        self.saved = False
        if resume and path.exists():
            before = Results.load(path)
            if before.machine != self.results.machine:
                raise ValueError(
                    f"{path} was measured on another machine, or with other versions or threads: choose another --out"
                )
            asked = set(cases)
            others = [row.case for row in before.rows if row.case not in asked]
            if others:
                raise ValueError(
                    f"{path} has {counted(len(others), 'case')} that this run does not measure, the first {others[0]}: "
                    "choose the cases that it was made with, or another --out"
                )
            runner.absent |= {row.case.lane: row.why for row in before.rows if row.status == "unavailable"}
            self.earlier = {row.case: row for row in before.rows if row.status != "stopped"}
            self.results.doubt = before.doubt
        known = {case for case, row in self.earlier.items() if not row.is_uncertain}
        known |= {case for case in cases if case.lane in runner.absent}
        self.todo = [group for group in groups(cases) if not known.issuperset(group)]
        if self.todo:
            self.results.doubt = doubt() or self.results.doubt

    @property
    def cases(self) -> list[Case]:
        """The cases that were asked for, without those that are known to be unavailable."""
        return [case for case in self.asked if case.lane not in self.runner.absent]

    @property
    def share(self) -> float:
        """The part of the planned turns that is done, from 0 to 1; turns that repeat a case count too."""
        planned = PROCESSES * sum(case.lane not in self.runner.absent for group in self.todo for case in group)
        return min(1.0, self.n_turns / planned) if planned else 1.0

    def run(self) -> Iterator[Row]:
        """Measure the missing cases; yield a row whenever one has more repeats.

        At the end, also after an error, there is a row for every case; earlier rows are replaced once their group is
        measured again. Raise OSError before anything is measured if the file cannot be written.
        """
        done = dict(self.earlier)
        try:
            if self.path.is_dir():
                raise IsADirectoryError(errno.EISDIR, "is a folder, expected a file for the results", str(self.path))
            try_to_write(self.path.parent)
            for rows in self.runner.run([case for group in self.todo for case in group]):
                self.n_turns += sum(row.case.lane not in self.runner.absent for row in rows)
                is_new = any(row.status != "stopped" for row in rows)
                done |= {row.case: row for row in rows if is_new or row.case not in done}
                if is_new:
                    self._save(done)
                yield from rows
        finally:
            for case in self.cases:
                done.setdefault(case, Row(case, "stopped", STOPPED))
            self._save(done)

    def _save(self, done: dict[Case, Row]) -> None:
        self.results.rows = [done[case] for case in self.asked if case in done]
        self.saved = any(row.status not in ("stopped", "unavailable") for row in self.results.rows)
        if self.saved:
            self.results.save(self.path)
