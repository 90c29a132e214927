"""Rows of results, and the JSON file that stores them.

The file is one JSON object with these fields:

    format      "lxmls-rnn benchmark"
    version     2
    created     time of the run, ISO 8601 with the offset from UTC
    command     the command line
    settings    threads, seconds timed for a case, limit in seconds for a case, rounds
    machine     see `machine.describe`
    doubt       a sentence on what may have slowed down the machine, such as other work; empty if nothing is known
    rows        one for each requested case: the fields of `Row`, with the fields of the case under "case"; the first
                case of an unavailable implementation, device and dtype stands for all of them; without the fields that
                have their default, so that `records.read` can read `MAX_CASES`
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, field, fields
from datetime import datetime
from pathlib import Path
from secrets import token_hex
from typing import Annotated, Any

from lxmls_rnn.benchmark.measure.cases import Case
from lxmls_rnn.storage import records
from lxmls_rnn.storage.files import write_output
from lxmls_rnn.storage.records import Between, Count

RESULTS = records.Format("lxmls-rnn benchmark", 2)

MAX_CASES = 5700  # in a file
# a row with fewer of these two, or beyond the three limits below, is uncertain: marked, measured again, never used
PROCESSES = 3  # one after the other, for each implementation, device and dtype
MIN_REPEATS = 6
MAX_SPREAD = 0.3  # interquartile range divided by the median
MAX_WAITED = 0.05  # part of the time
MIN_PROCESSOR = 0.9  # part of the time, on the CPU

Amount = Annotated[float, Between(0, 1e300)]


@dataclass
class Row:
    """The result of one case.

    Attributes
    ----------
    status, why
        "ok", or one of these with a sentence why: "wrong", its results differ from the reference, so it was not timed;
        "unavailable", device or library is missing; "crashed"; "memory", the machine has too little; "limit", the case
        took too long; "stopped", the run was stopped.
    median, q1, q3, minimum
        Seconds per call: median, quartiles and minimum of the repeats.
    repeats, calls
        Number of repeats, and calls timed together in each.
    medians
        Median of each process that the repeats come from: where a process has its data in memory changes its times.
    processor
        Processor time of all threads divided by the wall time of the repeats: 1 for one thread with a core to itself.
    waited
        Part of the wall time that a thread, the one that waited longest, waited for a core; 0 if the system keeps none.
    compile_s
        Seconds from building the tagger to its first result in the first process, with the contents that Theano's
        compile cache had then. Shapes of the same hidden size share this value.
    difference, checked
        Largest difference from the reference, relative to the reference's largest number; numbers of sentences and of
        words in each that were compared.
    device
        The device that the parameters were on.
    host_memory
        Peak of the worker's memory in bytes, including libraries and the comparison with the reference.
    device_memory
        Bytes of GPU memory in use; None on the CPU.
    flops
        Arithmetic operations of one call, see `counting`.
    """

    case: Case
    status: str = "ok"
    why: str = ""
    median: Amount | None = None
    q1: Amount | None = None
    q3: Amount | None = None
    minimum: Amount | None = None
    repeats: Count = 0
    calls: Count = 0
    medians: list[Amount] | None = None
    processor: Amount = 0.0
    waited: Amount = 0.0
    compile_s: Amount | None = None
    difference: Amount | None = None
    checked: list[Count] | None = None
    device: str | None = None
    host_memory: Count | None = None
    device_memory: Count | None = None
    flops: Count = 0

    def __post_init__(self) -> None:
        if self.median is not None and (self.q1 is None or self.q3 is None):
            raise ValueError("a row with a median needs its quartiles q1 and q3")

    @property
    def group(self) -> tuple[Any, ...]:
        """The group of its case."""
        return self.case.group

    @property
    def processes(self) -> int:
        """The number of processes that the repeats come from."""
        return len(self.medians or ())

    @property
    def gflops(self) -> float | None:
        """Return 10^9 operations per second."""
        return self.flops / self.median / 1e9 if self.median else None

    @property
    def spread(self) -> float | None:
        """Return the interquartile range divided by the median."""
        if self.median is None or self.q1 is None or self.q3 is None:
            return None
        return (self.q3 - self.q1) / self.median

    @property
    def is_uncertain(self) -> bool:
        """Whether the row has too few repeats or processes, was disturbed, or has too large a spread.

        No verdict uses such a row.
        """
        if self.spread is None:
            return False
        is_short = self.processes < PROCESSES or self.repeats < MIN_REPEATS
        return is_short or is_disturbed(self.case, self.processor, self.waited) or self.spread > MAX_SPREAD

    @property
    def words_per_second(self) -> float | None:
        """Return the words that go through the model in a second; for the work "copy", the words copied in a second."""
        return self.case.batch * self.case.length / self.median if self.median else None


def is_disturbed(case: Case, processor: float, waited: float) -> bool:
    """Return whether a case waited for a core, or on the CPU computed too little, however narrow its quartiles are."""
    return waited > MAX_WAITED or (case.device == "cpu" and processor < MIN_PROCESSOR)


@dataclass
class Results:
    """The contents of a results file."""

    created: str
    command: list[str]
    settings: dict[str, Any]
    machine: dict[str, Any]
    doubt: str = ""
    rows: list[Row] = field(default_factory=list)

    @property
    def has_gpu(self) -> bool:
        """Whether a GPU was measured."""
        return any(row.median and row.case.device.startswith("cuda") for row in self.rows)

    def save(self, path: Path) -> None:
        """Write the file atomically: a killed process leaves either the old file or the new file."""
        content = {**RESULTS._asdict(), **vars(self), "rows": [_without_defaults(row) for row in self.rows]}
        write_output(path, json.dumps(content, indent=1, allow_nan=False))

    @classmethod
    def load(cls, path: Path) -> Results:
        """Read a file.

        FileNotFoundError if it does not exist, OSError if it cannot be read, ValueError if it has another format or an
        invalid field. All messages name the file, the last one also the field.
        """
        try:
            results = records.read(cls, path, RESULTS)
            records.check(KnownOfMachine, results.machine, "machine")
            return results
        except FileNotFoundError:
            raise FileNotFoundError(f"no results file {path}") from None
        except ValueError as error:
            why = str(error).removeprefix(f"{path}: ")
            raise ValueError(f"{path} is not a results file of `lxmls-rnn bench`: {why}") from error


def _without_defaults(record: Row | Case) -> dict[str, Any]:
    found = {one.name: getattr(record, one.name) for one in fields(record) if getattr(record, one.name) != one.default}
    return found | ({"case": _without_defaults(record.case)} if isinstance(record, Row) else {})


@dataclass
class KnownOfMachine:
    """The fields of `Results.machine` that reports show; see `machine.describe`."""

    threads: Count
    processor: str
    gpus: list[str]


def new_path(folder: Path) -> Path:
    """Return the name of a new results file: the time, and random letters in case two start in the same second."""
    return folder / f"bench-{datetime.now():%Y%m%d-%H%M%S}-{token_hex(3)}.json"


def saved(folder: Path) -> list[Path]:
    """Return the results files of a folder, newest first."""
    files = []
    for path in folder.glob("[!.]*.json"):
        with suppress(FileNotFoundError):  # removed since the folder was listed
            files.append((path.stat().st_mtime, path))
    return [path for _, path in sorted(files, reverse=True)]
