"""Mutation tests: change the code in one place at a time, run the tests that reach it, list the undetected changes.

1. The tests run once on the unchanged code. The lines that each test reaches and its time are recorded.
2. For each mutant a process is forked in a copy of the checkout. It runs the tests that reach the line, the fastest
   first, until one fails. Lines in other processes are not recorded; tests that start processes run if their file is
   named after the module.

The changes are those of mutmut, whose own runner skips tables, class bodies and decorated functions. Results are in
docs/reliability.md.
"""

import argparse
import atexit
import itertools
import json
import os
import shlex
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from mutants import Mutant, find
from plugins import Chosen, Recorder
from processes import Pool, copy_checkout, import_others

START_SECONDS, TIMES_SLOWER = 60.0, 8  # a mutant hangs if its tests take longer than START + TIMES * usual


def expand(names: list[str], pattern: str) -> list[str]:
    """Return the files among `names`, and those in their folders that match `pattern`."""
    paths = [Path(name) for name in names]
    return [str(file) for path in paths for file in (sorted(path.rglob(pattern)) if path.is_dir() else [path])]


def record(pool: Pool, tests: list[str], arguments: list[str]) -> tuple[dict[str, dict], list[str]]:
    """Run the tests on the unchanged code, a part in each copy; return the `Recorder`'s notes and modules."""
    files = expand(tests, "test_*.py")
    copies, noted, modules = list(pool.free), {}, {}
    for number, copy in enumerate(copies[: len(files)]):
        output = copy.with_suffix(".json")
        part = [*files[number :: len(copies)], *arguments]
        pool.start(copy, part, lambda copy=copy, output=output: Recorder(str(copy), output), 3600, lambda status: None)
    pool.wait_for_all()
    for copy in copies[: len(files)]:
        one = json.loads(copy.with_suffix(".json").read_text())
        noted |= one["tests"]
        modules |= dict.fromkeys(one["modules"])
    for test in noted.values():
        test["lines"] = {tuple(line) for line in test["lines"]}
    return noted, list(modules)


def tests_of(mutant: Mutant, tests: dict[str, dict], seconds_at_most: float) -> tuple[list[str], float]:
    """Return the tests that reach a mutant, the fastest first, and their total time in seconds."""
    lines = {(mutant.path, line) for line in range(mutant.first, mutant.last + 1)}
    passed = {name: test for name, test in tests.items() if test["passed"]}
    named = f"test_{Path(mutant.path).stem}.py::"
    reached = {name for name, test in passed.items() if mutant.in_function and not lines.isdisjoint(test["lines"])}
    if not reached:  # executed by an import, which is recorded for the first test only, or for none
        reached = {name for name, test in passed.items() if any(path == mutant.path for path, _ in test["lines"])}
        reached |= {name for name in passed if named in name}  # a test that reads a table reaches no line
    reached |= {name for name, test in passed.items() if test["apart"] and (named in name or not reached)}
    chosen, seconds = [], 0.0
    for name in sorted(reached, key=lambda name: passed[name]["seconds"]):
        if not chosen or seconds + passed[name]["seconds"] < seconds_at_most:
            chosen.append(name)
            seconds += passed[name]["seconds"]
    return chosen, seconds


class Runs:
    """Run mutants and write the verdict on each as a line of JSON."""

    def __init__(self, pool: Pool, tests: dict[str, dict], seconds: float, output: Path, number: int) -> None:
        self.pool, self.tests, self.seconds, self.output, self.number = pool, tests, seconds, output, number
        self.done = 0
        self._stamps = itertools.count(int(time.time()))

    def run(self, mutant: Mutant) -> None:
        """Start the tests of a mutant as soon as a copy is free."""
        names, seconds = tests_of(mutant, self.tests, self.seconds)
        if not names:
            self._note(mutant, "no test")
            return
        while not self.pool.free:
            self.pool.wait()
        copy = self.pool.free[0]
        file, failed = copy / mutant.path, copy.with_suffix(".failed")
        original = file.read_text()
        failed.unlink(missing_ok=True)

        def end(status: int | str) -> None:
            self._write(file, original)
            by = failed.read_text() if failed.exists() else str(status)
            self._note(mutant, "survived" if status == 0 else "killed", by)

        self._write(file, mutant.text)
        files = list(dict.fromkeys(name.partition("::")[0] for name in names))
        limit = START_SECONDS + TIMES_SLOWER * seconds
        self.pool.start(copy, ["-x", *files], lambda: Chosen(names, failed), limit, end)

    def _write(self, file: Path, text: str) -> None:
        file.write_text(text)
        when = next(self._stamps)
        os.utime(file, (when, when))  # Python identifies a compiled file by size and time in seconds

    def _note(self, mutant: Mutant, verdict: str, by: str = "") -> None:
        self.done += 1
        print(f"{self.done}/{self.number} {verdict} {mutant.path}:{mutant.first} {by}", flush=True)
        with self.output.open("a") as file:
            file.write(json.dumps({"change": mutant.change, "verdict": verdict, "by": by}) + "\n")


def read(output: Path) -> dict[str, str]:
    """Return the last verdict on each change in a file."""
    lines = output.read_text().splitlines() if output.exists() else []
    return {one["change"]: one["verdict"] for one in map(json.loads, lines)}


def mirrored(path: str) -> str:
    """Return the path of the tests of a file or folder."""
    parts = Path(path).with_suffix("").parts
    parts = parts[1:] if parts[0] == "lxmls_rnn" else parts
    for n in range(len(parts), 0, -1):
        for place in (Path("tests", *parts[:n]), Path("tests", *parts[: n - 1], f"test_{parts[n - 1]}.py")):
            if place.exists():
                return str(place)
    raise SystemExit(f'no tests found for {path}: name them, ARGS="--tests tests/..."')


def main() -> None:
    """Run the mutants that the command line selects."""
    parser = argparse.ArgumentParser("make mutate", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("paths", nargs="+", help="files and folders to change")
    parser.add_argument("--tests", nargs="+", help="files and folders of tests (those that mirror the code)")
    parser.add_argument("--sample", type=int, default=200, help="number of random mutants (200)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the sample (0)")
    parser.add_argument(
        "--seconds", type=float, default=30, help="time of a mutant's tests; slower ones are skipped (30)"
    )
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="parallel processes (one per core)")
    parser.add_argument("--out", type=Path, default=Path("results/mutants.jsonl"), help="(results/mutants.jsonl)")
    parser.add_argument(
        "--again", action="store_true", help="skip mutants that are killed according to the output file"
    )
    parser.add_argument("--pytest", default="-m 'not slow'", help="more arguments of pytest (-m 'not slow')")
    given = parser.parse_args()

    files = expand(given.paths, "*.py")
    mutants, n_all = find(files, given.sample, given.seed)
    if not given.again:
        given.out.unlink(missing_ok=True)
    before = read(given.out)
    todo = [mutant for mutant in mutants if before.get(mutant.change) != "killed"]
    tests = given.tests or sorted({mirrored(path) for path in given.paths})
    with tempfile.TemporaryDirectory(prefix="mutation-", ignore_cleanup_errors=True) as folder:
        copies = [Path(folder, str(number)) for number in range(given.jobs)]
        for copy in copies:
            copy_checkout(copy)
        pool, start = Pool(copies), time.monotonic()
        atexit.register(pool.kill)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        noted, modules = record(pool, tests, shlex.split(given.pytest))
        failed = [name for name, test in noted.items() if not test["passed"]]
        print(f"{len(noted)} tests, {time.monotonic() - start:.0f} s; without {failed}, which do not pass", flush=True)
        import_others(modules, copies[0], files)
        start, runs = time.monotonic(), Runs(pool, noted, given.seconds, given.out, len(todo))
        for mutant in todo:
            runs.run(mutant)
        pool.wait_for_all()
        minutes = (time.monotonic() - start) / 60
    verdicts = read(given.out)
    for change, verdict in verdicts.items():
        if verdict != "killed":
            print(f"\n{verdict}: {change}")
    counts = Counter(verdicts.get(mutant.change) for mutant in mutants)
    print(f"\n{dict(counts)} of {n_all} mutants, seed {given.seed}; {len(todo) / minutes:.0f} a minute")


main()
