"""A run whose results are kept on disk as they come, and that can be gone on with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

from lxmls_rnn.benchmark.measure.cases import Case, groups, scan_last
from lxmls_rnn.benchmark.measure.machine import describe
from lxmls_rnn.benchmark.measure.results import Results, Row
from lxmls_rnn.benchmark.measure.runner import ROUNDS, STOPPED, Runner, peaks_as_dict


class Session:
    """Cases, the runner that measures them, and the file of their results, with its settings and the `command` line.

    Cases are measured group by group, where the runner's time is limited scan after all others, and the file is written
    whenever a group is done. With `resume` it keeps what it has measured; groups with a case that it lacks are measured
    anew, as one, because only what was measured side by side is compared. ValueError if that file comes from another
    machine, or another state of this one.
    """

    def __init__(
        self, cases: Sequence[Case], runner: Runner, path: Path, command: Sequence[str] = (), resume: bool = False
    ) -> None:
        self.cases, self.runner, self.path = cases, runner, path
        settings = {"threads": runner.threads, "seconds": runner.seconds, "limit": runner.limit, "rounds": ROUNDS}
        created = datetime.now().astimezone().isoformat(timespec="seconds")
        self.results = Results(created, list(command), settings, describe(runner.threads, runner.torch_python))
        self.kept: dict[Case, Row] = {}
        if resume and path.exists():
            before = Results.load(path)
            if before.machine != self.results.machine:
                raise ValueError(
                    f"{path} was measured on another machine, or with other versions or threads: choose another --out"
                )
            self.kept = {row.case: row for row in before.rows if row.status != "stopped"}
            self.results.peaks = before.peaks

    def run(self) -> Iterator[Row]:
        """Measure what is not there yet; yield each new row.

        However it ends, the file then has a row for every case.
        """
        cases = self.cases if self.runner.budget is None else scan_last(self.cases)
        todo = [group for group in groups(cases) if not all(case in self.kept for case in group)]
        new = {case for group in todo for case in group}
        done = {key: row for key, row in self.kept.items() if key not in new}
        last = {group[-1] for group in todo}
        try:
            for row in self.runner.run([case for group in todo for case in group]):
                done[row.case] = row
                if row.case in last and row.status != "stopped":
                    self._save(done)
                yield row
        finally:
            for case in self.cases:
                done.setdefault(case, Row(case, "stopped", STOPPED))
            self._save(done)

    def _save(self, done: dict[Case, Row]) -> None:
        self.results.rows = [done[case] for case in self.cases if case in done]
        self.results.peaks = {**self.results.peaks, **peaks_as_dict(self.runner.peaks)}
        self.results.save(self.path)
