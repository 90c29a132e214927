"""Inputs and verdicts for `lxmls-rnn class check`, in a process that never runs students' code.

The first line of standard input is JSON: the cells of the exercises as they were handed out, by exercise. The answer is
a line with an `Exercise` for each, with freshly drawn inputs. Then each line is a pair, the name of an exercise and a
line with what a student's process has said (`Said`), and its answer a line with the `Verdict`.
"""

import functools
import json
import secrets
import sys
from contextlib import suppress
from dataclasses import asdict, replace

import numpy as np

from lab.exercises.engine import expected, judge, share_of
from lab.exercises.exercise import EXERCISES, answer_of
from lab.exercises.inputs import cases
from lxmls_rnn.classroom import harness, notebook
from lxmls_rnn.classroom.tasks import AGAIN, NOT_CHECKED, NOT_RIGHT, NOT_YET, RIGHT, Exercise, Said, Verdict, to_json
from lxmls_rnn.deep_learning.frameworks import FRAMEWORKS
from lxmls_rnn.storage import records

MAX_SEED = 40_000_000
MAX_SKIPPED = 10  # cells of an exercise that are named as skipped


class Marking:
    """The exercises of a marking: their inputs, drawn with a seed of its own for each, and their handed-out cells."""

    def __init__(self, cells: dict[str, str]) -> None:
        self.cells = cells
        # the inputs of one exercise may be results of another one: with its own seed they are not those that it expects
        self.seeds = {name: 1 + secrets.randbelow(MAX_SEED) for name in EXERCISES}

    def exercise(self, name: str) -> Exercise:
        """Return what a student's process must know of an exercise."""
        one = EXERCISES[name]
        inputs = cases(name, self.seeds[name])
        if one.spec.kind in ("numpy", "words"):  # cases share quantities, which are expected of other exercises
            inputs = [{name: case[name] for name in one.spec.arguments if name in case} for case in inputs]
        lines = [harness.to_json(case) for case in inputs]
        return Exercise(**vars(one.spec), inputs=lines, code=notebook.digest(one.solution))

    def verdict(self, name: str, said: Said) -> Verdict:
        """Return the verdict on what a student's code has returned."""
        if said.state in (NOT_CHECKED, AGAIN):
            return Verdict(said.state, said.text)
        if advice := FRAMEWORKS[EXERCISES[name].framework].missing:
            return Verdict(NOT_CHECKED, f"{advice}.")
        state, text = NOT_YET if said.state == NOT_YET else NOT_RIGHT, said.text or "There is no result."
        n, results = len(cases(name, self.seeds[name])), []
        for line in said.results[:n]:
            try:
                results.append(_arrays(line))
            except Exception as error:  # the line may hold anything
                state, text = NOT_RIGHT, f"The result cannot be read: {error}"
                break
        try:
            failure = Verdict(state, text) if len(results) < n else None
            verdict = judge(name, results, self.seeds[name], failure)
        except Exception as error:  # arrays of forms that nobody has thought of
            return Verdict(NOT_RIGHT, f"The result cannot be compared: {error}")
        return replace(verdict, share=1.0 if verdict.state == RIGHT else self._credit(name, verdict.share))

    def _credit(self, name: str, share: float) -> float:
        """Return the share of the arrays that are right, without those that are right in the cell as handed out."""
        given = self._given(name)
        return max(0.0, (share - given) / (1 - given)) if given < 1 else 0.0

    @functools.cache  # noqa: B019  there is one object for the whole process
    def _given(self, name: str) -> float:
        results: list[harness.Arrays] = []
        with suppress(Exception):  # of an unfinished cell
            for case in cases(name, self.seeds[name]) if name in self.cells else ():
                results.append(harness.run(EXERCISES[name].spec, answer_of(name, self.cells[name]), case))
        return share_of(EXERCISES[name], expected(name, self.seeds[name]), results)


def _arrays(line: str) -> harness.Arrays:
    arrays = harness.from_json(line)
    if not isinstance(arrays, dict) or not all(isinstance(array, np.ndarray) for array in arrays.values()):
        raise ValueError("expected named arrays")
    return arrays


def main() -> None:
    """Answer the lines of standard input until it ends."""
    marking = Marking(json.loads(sys.stdin.readline()))
    print(json.dumps({name: asdict(marking.exercise(name)) for name in EXERCISES}), flush=True)
    for line in sys.stdin:
        name, said = json.loads(line)
        try:
            answer = records.parse(Said, said)
            verdict = replace(marking.verdict(name, answer), skipped=answer.skipped[:MAX_SKIPPED])
        except ValueError:
            verdict = Verdict(NOT_RIGHT, "The process of the code has written something else than a result.")
        print(to_json(verdict), flush=True)


if __name__ == "__main__":
    main()
