"""Benchmarks run by this kernel."""

from lab.runtime.job import JobList, SavedJob
from lxmls_rnn.benchmark.measure.session import Session


class BenchmarkJob(SavedJob):
    """A benchmark that this kernel runs."""

    def __init__(self, session: Session) -> None:
        super().__init__(session.path, session.run, lambda row: None)
        self.session = session

    @property
    def n_measured(self) -> int:
        """Number of measured cases."""
        return sum(row.median is not None for row in self.session.results.rows)

    def stop(self) -> None:
        """Stop at once; keep the measured cases."""
        self.session.runner.stop()


benchmark_jobs = JobList[BenchmarkJob]("benchmark")
