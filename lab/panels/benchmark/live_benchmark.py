"""Benchmarks run by this kernel."""

from collections.abc import Iterator

from lab.runtime.live import Live, LiveList
from lxmls_rnn.benchmark.measure.results import Row
from lxmls_rnn.benchmark.measure.session import Session


class LiveBenchmark(Live):
    """A benchmark that this kernel runs."""

    def __init__(self, session: Session) -> None:
        super().__init__(session.path, self._measure, lambda row: None)
        self.session = session
        self.stopped = False  # by the user

    def _measure(self) -> Iterator[Row]:
        try:
            yield from self.session.run()
        finally:
            if all(row.status == "stopped" for row in self.session.results.rows):
                self.path.unlink(missing_ok=True)

    @property
    def n_measured(self) -> int:
        """Number of measured cases."""
        return sum(row.median is not None for row in self.session.results.rows)

    def stop(self) -> None:
        """Stop at once; keep the measured cases."""
        self.stopped = True
        self.session.runner.stop()


live_benchmarks = LiveList[LiveBenchmark]("benchmark")
