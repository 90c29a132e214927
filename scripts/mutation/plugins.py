"""Pytest plugins: `Recorder` records the lines that each test reaches, `Chosen` runs given tests in a given order."""

import json
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import CodeType

import pytest

SEPARATE_PROCESS_MARKS = "process", "notebook"  # tests whose code runs in other processes, where no line is recorded


class Recorder:
    """Write JSON with the tests (passed, seconds, lines, apart) and the modules that are imported at the end."""

    def __init__(self, checkout: str, output: Path) -> None:
        self._folder, self._output = f"{checkout}/", output
        self._tests: dict[str, dict] = {}
        self._fixtures: dict[tuple[str, str], set] = {}
        self._lines: set[tuple[str, int]] = set()
        sys.monitoring.use_tool_id(sys.monitoring.COVERAGE_ID, "mutation")
        line, start = sys.monitoring.events.LINE, sys.monitoring.events.PY_START
        sys.monitoring.register_callback(sys.monitoring.COVERAGE_ID, line, self._reached)
        sys.monitoring.register_callback(sys.monitoring.COVERAGE_ID, start, self._begun)
        sys.monitoring.set_events(sys.monitoring.COVERAGE_ID, line | start)

    def _reached(self, code: CodeType, line: int) -> object:
        if code.co_filename.startswith(self._folder):
            self._lines.add((code.co_filename[len(self._folder) :], line))
        return sys.monitoring.DISABLE  # until the events are restarted

    def _begun(self, code: CodeType, offset: int) -> object:
        """Record the first line of a function; a function or lambda of one line causes no line event."""
        return self._reached(code, code.co_firstlineno)

    @pytest.hookimpl(hookwrapper=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef) -> Iterator[None]:
        """Keep the lines of a fixture, which may serve several tests."""
        before, self._lines = self._lines, set()
        sys.monitoring.restart_events()
        yield
        self._fixtures.setdefault((fixturedef.argname, fixturedef.baseid), set()).update(self._lines)
        self._lines |= before

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Record the lines that a test and its fixtures reach."""
        self._lines = set()
        sys.monitoring.restart_events()
        test = self._tests[item.nodeid] = {"passed": True}
        start = time.perf_counter()
        yield
        used = [(one.argname, one.baseid) for same in item._fixtureinfo.name2fixturedefs.values() for one in same]
        test["lines"] = sorted(self._lines.union(*(self._fixtures.get(one, ()) for one in used)))
        test["seconds"] = time.perf_counter() - start
        test["apart"] = any(item.get_closest_marker(kind) for kind in SEPARATE_PROCESS_MARKS)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Record a test that fails or is skipped."""
        self._tests[report.nodeid]["passed"] &= report.passed

    def pytest_sessionfinish(self) -> None:
        """Write the records."""
        self._output.write_text(json.dumps({"tests": self._tests, "modules": list(sys.modules)}))


class Chosen:
    """Run these tests, in this order; write the name of a test that fails."""

    def __init__(self, names: Iterable[str], output: Path) -> None:
        self._order, self._output = {name: number for number, name in enumerate(names)}, output

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Deselect all other tests and sort."""
        chosen = [item for item in items if item.nodeid in self._order]
        items[:] = sorted(chosen, key=lambda item: self._order[item.nodeid])

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Write the name of a failed test."""
        if report.failed:
            self._output.write_text(report.nodeid)
