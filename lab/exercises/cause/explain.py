"""Explain what is wrong with an answer: where, and why.

`compare.py` finds the first difference between the answer's arrays and the expected ones. The search for its cause has
five parts, in this order:

1. A rule for mistakes of any exercise has a repair that makes the answer right, or what it says is certain.
2. Statements of the solution replace statements of the answer. The line whose replacement helps is wrong.
3. The first mistake of the catalogue that gives the same numbers, or the same error, names the cause.
4. A small change of the wrong line may make the answer right, also for inputs that the search has not used.
5. Otherwise the error, the statements or the numbers may show something, and the formula of the line is shown.
"""

from __future__ import annotations

import ast
import copy
import functools
import inspect
import io
import linecache
import re
import textwrap
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lab.exercises import compare
from lab.exercises import run as harness
from lab.exercises.cause import rules
from lab.exercises.cause.change import KINDS, LIKELY, RARE, repaired
from lab.exercises.cause.source import Source, blocks, substitutions, targets
from lab.exercises.compare import Difference
from lab.exercises.exercise import EXERCISES, Exercise, Patch, answer_of
from lab.exercises.inputs import Case, cases
from lab.exercises.judge import is_students
from lab.exercises.run import Arrays
from lab.exercises.verdict import WHOLE
from lab.runtime import student_process
from lab.runtime.student_errors import SourceLine, failed_line, sentence
from lxmls_rnn.classroom.students import NOT_RIGHT, NOT_YET, RIGHT
from lxmls_rnn.deep_learning.frameworks import NUMPY, TORCH

MAX_MESSAGE = 100  # characters of an error's message that is more than twice as long
_VARIABLE = re.compile(r"0x[0-9a-f]+|\bline \d+|id=\d+|\bat 0x\w+")  # parts of messages that differ from run to run


@dataclass(frozen=True)
class Raised:
    """An exception of an answer: its type and message, the line that raised it, and the shapes of arrays there."""

    kind: str
    message: str
    line: SourceLine
    shapes: str

    def __str__(self) -> str:
        return f"fails with {self.kind}: {self.message}{_of_cell(self.line)}"

    @property
    def short(self) -> str:
        """The beginning of a message, if it is so long that it would hide what is said below it."""
        short = textwrap.shorten(self.message, MAX_MESSAGE, placeholder=" ...")
        return short if len(self.message) > 2 * MAX_MESSAGE else self.message

    @property
    def key(self) -> tuple[str, str, frozenset[str]]:
        """The properties that two answers with the same mistake share."""
        called = frozenset(re.findall(r"\bmy_\w+(?=\()", self.line.text))
        return self.kind, _VARIABLE.sub("", self.message.split("\n")[0]), called or _targets_of(self.line.text)


Outcome = Arrays | Raised | None  # of an answer for a case


def _targets_of(line: str) -> frozenset[str]:
    try:
        return targets(ast.parse(line.rstrip(":")).body[0])
    except (SyntaxError, IndexError):
        return frozenset({line.split("=")[0].split("(")[0].strip()})


def raised(error: BaseException, files: frozenset[str] = frozenset()) -> Raised:
    """Describe an exception in student code. `files` are those of the answer: Theano's message also names others."""
    shapes = re.findall(r"^Inputs shapes: .*", str(error), re.MULTILINE)[:1]  # of Theano's operation
    message = " ".join([sentence(error), *shapes]).strip()
    line = failed_line(error, lambda file: file in files or is_students(file), files) or SourceLine(0, "")
    return Raised(type(error).__name__, message, line, _shapes(error, line.text))


def is_from_student(error: BaseException) -> bool:
    """Return whether student code itself raised an exception."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    return bool(frames) and is_students(frames[-1].f_code.co_filename)


def line_of(error: student_process.Ended) -> str:
    """Return a phrase that names the line of the cell where an answer was when it was stopped."""
    return _of_cell(failed_line(error, is_students))


def _of_cell(line: SourceLine | None) -> str:
    return f"\nin line {line.number} of the cell:  {line.text}" if line and line.text else ""


def _shapes(error: BaseException, line: str) -> str:
    """Return the shapes of the arrays in the student's line that failed."""
    mine = [frame for frame, _ in traceback.walk_tb(error.__traceback__) if is_students(frame.f_code.co_filename)]
    try:
        tree = ast.parse(line + ("\n pass" if line.endswith(":") else "") if mine else "")
    except SyntaxError:
        return ""
    shown: dict[str, str] = {}
    inside: set[ast.AST] = set()
    for node in ast.walk(tree):  # outer expressions first
        if node in inside or not isinstance(node, (ast.Name, ast.Subscript, ast.Attribute)):
            continue
        if any(isinstance(part, (ast.Call, ast.Lambda)) for part in ast.walk(node)):
            continue
        try:
            value = eval(ast.unparse(node), mine[-1].f_globals, mine[-1].f_locals)
            shape = tuple(value.shape) if isinstance(getattr(value, "shape", None), tuple) else None
        except Exception:
            continue
        if shape is not None and all(isinstance(size, int) for size in shape):
            shown[ast.unparse(node)] = str(shape)
            inside.update(ast.walk(node))
    return ", ".join(f"{name} {shape}" for name, shape in shown.items())


CUT_OFF = "The search for the mistake was cut off: it takes too long, also if the check runs again."
_ONLY_THIS = "The rest is right: only this is wrong"
_ONE_OF_THESE = "The rest is right: the mistake is in one of these lines"


class Explanation:
    """The explanation of one answer to an exercise."""

    def __init__(self, exercise: Exercise, answer: Any, tell: Callable[[str], None], seconds: float) -> None:
        """Let the search for a cause take so many seconds of the processor.

        `tell` is called with what is wrong before the search begins, which may be killed.
        """
        self.exercise, self.answer, self.tell = exercise, answer, tell
        self.cases, self.right = cases(exercise.name), compare.expected(exercise.name)
        self.end = time.thread_time() + seconds
        self.is_repaired = False  # a change is found with which all of the answer is right
        self.source = Source(answer, exercise.kind.method)
        self.accepted: dict[str, Any] = {}  # functions of earlier exercises that this answer calls, by name

    def verdict(self, got: Sequence[Arrays], failure: BaseException | None = None) -> tuple[str, str]:
        """Return the state of an answer and the text of its verdict.

        `got` are its arrays, one dictionary for each case, up to the case that raised `failure`.
        """
        if isinstance(failure, harness.Unfinished):
            is_open = self.source.placeholder or not self.source.lines
            cause = "" if is_open else self._rule(None) or rules.of_return(self.source.tree)
            last = cause or f'A hint: check.hint("{self.exercise.name}")'
            return NOT_RIGHT if cause else NOT_YET, f"{failure}\n{last}"
        if failure is None and (unfilled := self._unfilled(got)):
            state, text = unfilled
        elif not (difference := compare.first_difference(self.exercise, self.right[: len(got)], got)) and not failure:
            return RIGHT, self.exercise.right
        else:
            state, text = NOT_RIGHT, self._of_earlier()
            if not text and difference:
                text = self.of_difference(difference, got)
            elif not text and failure:
                text = self.of_error(len(got), failure)
        if state == NOT_RIGHT and self.source.placeholder:
            return NOT_YET, f"A line is not filled in: {self.source.placeholder}\n{text}"
        return state, text

    def _of_earlier(self) -> str:
        """Return a verdict if the answer calls a function of an earlier exercise that fails its own check, else "".

        The answer itself is then judged with the solution's function.
        """
        names = {node.id for node in ast.walk(self.source.tree) if isinstance(node, ast.Name)}
        for earlier in [EXERCISES[name] for name in self.exercise.needs if EXERCISES[name].function in names]:
            mine = (self.source.function.__globals__ | self.source.space).get(earlier.function)
            if self.source.placeholder or mine is None:
                continue
            if _is_right(earlier, mine):
                self.accepted[earlier.function] = mine
                continue
            self.source.space[earlier.function] = answer_of(earlier.name)
            first = f"Finish exercise {earlier.name} first: check.{earlier.name}({earlier.function})."
            new, error = self._run_again(self.source.tree)
            if error is None and compare.first_difference(self.exercise, self.right, new) is None:
                return f"With the lab's `{earlier.function}` this answer is right, but not with yours. {first}"
            return f"Your `{earlier.function}` is not right yet. {first}\nWith the lab's: {self.verdict(new, error)[1]}"
        return ""

    def _run_again(self, tree: ast.AST, cases: Sequence[Case] | None = None) -> tuple[list[Arrays], Exception | None]:
        """Return the arrays of a changed answer for some cases, by default for all, up to an exception."""
        got: list[Arrays] = []
        try:
            answer = self.source.compiled(tree)
            for case in self.cases if cases is None else cases:
                got.append(_quiet_run(self.exercise, answer, case))
        except Exception as error:
            return got, error
        return got, None

    def _unfilled(self, got: Sequence[Arrays]) -> tuple[str, str] | None:
        """Return a verdict if quantities are not filled in: missing, or zeros that no line of a loop writes to.

        The rest is judged in a copy of the answer that computes them as in the solution.
        """
        names = []
        for name in compare.unfilled(self.exercise, self.right, got):
            is_there = any(name in arrays for arrays in got)
            if self._is_untouched(name) if is_there else name in self.exercise.results:
                names.append(name)
        if not names:
            return None
        unfilled = f"Fill in {', '.join(names)}: missing, or still all zeros."
        self.tell(unfilled)
        filled = self._filled(names)
        fine = [name for name in self.exercise.quantities if name not in names
                and all(name in a and name in b and compare.same(self.exercise, a[name], b[name])
                        for a, b in zip(self.right, filled or got, strict=True) if name in a)]  # fmt: skip
        lead = f"Correct so far: {', '.join(fine)}. " if fine else ""
        if cause := self._rule(None) or self._seen():
            return NOT_RIGHT, f"{unfilled}\n{cause}"
        if change := self._repaired(self.source.lines_of("return"), only=("variable",)):
            return NOT_YET, f"{unfilled}\n{change}"
        rest = filled and compare.first_difference(self.exercise, self.right, filled)
        if rest and rest.quantity not in names:
            text = self.of_difference(rest, filled or got)
            return NOT_RIGHT, text if self.is_repaired else f"{text}\nThen fill in {', '.join(names)}."
        return NOT_YET, f'{lead}{unfilled}\nA hint: check.hint("{self.exercise.name}")'

    def _is_untouched(self, name: str) -> bool:
        """Return whether no line below the first assignment writes to a quantity."""
        has_loop = any("loop" in path for path, _ in blocks(self.source.tree))
        is_written_once = len(self.source.lines_of(name)) == 1 and has_loop
        return is_written_once or not self.source.lines or bool(self.source.placeholder)

    def _filled(self, names: Sequence[str]) -> list[Arrays] | None:
        """Return the arrays of the answer with these quantities computed as in the solution; None if that fails.

        The answer so changed takes the place of the student's.
        """
        if not self.source.lines:
            return None
        tree: ast.AST = self.source.tree
        for name in names:
            for replaced, _, changed in substitutions(tree, _solution_tree(self.exercise)):
                if replaced == {name}:
                    tree = changed
        filled, error = self._run_again(tree)
        if error is None:
            self.answer = self.source.compiled(tree)
        return None if error else filled

    def of_error(self, n: int, error: BaseException) -> str:
        """Explain an exception that the answer raised for case `n`."""
        if isinstance(error, harness.BadResult):
            cause = self._rule(None) or self._seen() or self._repaired(self.source.lines_of("return"))
            return f"{error}\n{cause}".strip()
        called = self._cut(error)
        failure = raised(error, frozenset({self.source.file}))
        short = replace(failure, message=failure.short)
        lead = f"It {short}\n({failure.shapes})" if failure.shapes else f"It {short}"
        usual = called or rules.of_error(f"{failure.kind}: {failure.message}", error, self.source)
        self.tell("\n".join(filter(None, (lead, usual))))
        text = self._of_failure(n, failure, lead, usual)
        return f"{text}{WHOLE}{failure.message}" if short != failure else text

    def _of_failure(self, n: int, failure: Raised, lead: str, usual: str) -> str:
        """Return `lead` and the cause of a failure for case `n`, or else `usual`, what such a failure usually means."""
        if cause := self._rule(None):
            return f"{lead}\n{cause}"
        mine, alike = {*self.source.lines.values()}, []
        for patch in self._patches(_targets_of(failure.line.text)):
            outcome = None if self._is_late() else _outcome(self.exercise.name, patch, n, False)
            if isinstance(outcome, Raised) and outcome.key == failure.key:
                lines_of_patch = _changed_lines(self.exercise.name, patch)
                if lines_of_patch and lines_of_patch <= mine:  # the same error, of the same line
                    return f"{lead}\n{patch.cause}"
                alike.append(patch.cause)
        lines, title, _ = self._located(None, self.source.step_of(failure.line.number))
        if change := self._repaired(lines or ([failure.line.number] if failure.line.text else []), is_wide=not title):
            return f"{lead}\n{change}"
        if lines and failure.line.number not in lines:
            lead = f"{lead}\n{title}\n{self._quoted(lines)}"
        if len(set(alike)) == 1 and "scan(" not in failure.line.text:
            return f"{lead}\n{alike[0]}"
        if cause := self._seen():
            return f"{lead}\n{cause}"
        formula = self._formula(_targets_of(failure.line.text))
        return "\n".join(filter(None, (lead, usual, formula, CUT_OFF * self._is_late())))

    def _cut(self, error: BaseException) -> str:
        """Let a traceback end where an accepted function of an earlier exercise is called; return what it takes."""
        codes = {inspect.unwrap(function).__code__: function for function in self.accepted.values()}
        trace = error.__traceback__
        while trace and trace.tb_next:
            if function := codes.get(trace.tb_next.tb_frame.f_code):
                trace.tb_next = None
                takes = inspect.signature(function)
                return f"`{function.__name__}` itself is right, but not what this line gives it: it takes {takes}."
            trace = trace.tb_next
        return ""

    def of_difference(self, difference: Difference, got: Sequence[Arrays]) -> str:
        """Explain the first difference between the answer's arrays and the expected ones."""
        self.tell(difference.text)
        if cause := self._rule(difference, got):
            return f"{difference.text}\n{cause}"
        if not difference.is_of_numbers:
            is_right = "The numbers are correct." in difference.advice
            cause = "" if is_right else self._repaired(self.source.lines_of("return"), only=("variable",))
            if not cause and difference.advice and difference.quantity in self.exercise.quantities:
                cause = self._cause(difference, got)[0]
            if cause or difference.advice:
                return f"{difference.text}\n{cause or difference.advice}"
        lines, title, changed = self._located(difference)
        cause, is_all = self._cause(difference, got)
        cause = cause or self._seen()
        own = self.source.lines_of(difference.quantity, innermost=True)
        if not cause and (change := self._repaired(lines or own, is_wide=not title)):
            return f"{difference.text}\n{change}"
        formula = self._formula(frozenset({difference.quantity}))
        hints = [cause] if cause else [self._remark(difference, got), formula, CUT_OFF * self._is_late()]
        where = self._where(lines, title, difference.quantity, own)
        second = self._second(*changed) if cause and changed and not is_all else ""
        return "\n".join(filter(None, (difference.text, where, *hints, second)))

    def _second(self, tree: Any, difference: Difference) -> str:
        """Return the mistake with whose repair a changed answer, in which one mistake is repaired already, is right."""
        other = copy.copy(self)
        other.source, other.answer = copy.copy(self.source), self.source.compiled(tree)
        other.source.tree = tree
        other.__dict__.pop("_elsewhere", None)
        got, error = self._run_again(tree)
        lines, title, _ = other._located(difference)
        if error or not title:
            return ""
        cause, is_all = other._cause(difference, got)
        cause = cause * is_all or other._repaired(lines)
        return cause and f"A second mistake, in {difference.quantity}:\n{other._quoted(lines)}\n{cause}"

    # --- where ----------------------------------------------------------------------------------------------------

    def _located(
        self, difference: Difference | None, step: str = ""
    ) -> tuple[list[int], str, tuple[ast.AST, Difference] | None]:
        """Return the wrong lines, if any are found, and a sentence if the rest of the answer is right.

        The third result is the answer with these lines as in the solution, and its first difference.

        If `step`, a function inside the answer, fails, replacements that remove it are left out: they say nothing about
        its lines.
        """
        solution = _solution_tree(self.exercise)
        better: list[tuple[tuple[int, int], list[int], tuple[ast.AST, Difference] | None]] = [((-1, -1), [], None)]
        for replaced, lines, tree in substitutions(self.source.tree, solution):
            if self._is_late():
                break
            if step and not any(isinstance(node, ast.Name) and node.id == step for node in ast.walk(tree)):
                continue
            try:
                remaining = self._first_difference(self.source.compiled(tree), difference)
            except Exception:
                continue
            if remaining is None:
                behind = _behind(self.source, lines, solution)
                return behind, _ONE_OF_THESE if set(behind) > set(lines) else _ONLY_THIS, None
            if (
                difference
                and difference.quantity in replaced
                and (rank := self._rank(remaining)) > self._rank(difference)
            ):
                better.append((rank, lines, (tree, remaining)))
        _, lines, changed = max(better, key=lambda one: one[:2])
        return lines, "", changed

    def _rank(self, difference: Difference) -> tuple[int, int]:
        order = compare.places(self.exercise, self.right[difference.case])
        place = (difference.step, difference.quantity)
        return difference.case, order.index(place) if place in order else -1

    def _first_difference(self, answer: Any, likely: Difference | None = None, seed: int = 0) -> Difference | None:
        """Return the first difference of a changed answer, or raise its exception.

        The case of a `likely` difference is tried first, without gradients through a model if it is not in a gradient.
        """
        if likely is not None:
            case, n = self.cases[likely.case], likely.case
            if "through" in case and likely.quantity in list(self.exercise.quantities)[:1]:
                case = case | {"through": False}
            if first := self._first_of(n, _quiet_run(self.exercise, answer, case)):
                return first
        expected = compare.expected(self.exercise.name, seed)
        for n, case in enumerate(cases(self.exercise.name, seed)):
            got = _quiet_run(self.exercise, answer, case)
            if first := compare.difference(self.exercise, n, expected[n], got, seed):
                return first
        return None

    def _where(self, lines: list[int], title: str, name: str, own: list[int]) -> str:
        if title and not lines:
            is_missing = name in self.exercise.quantities and name.isidentifier() and not own
            return f"The line for {name} is missing; the rest is right." if is_missing else ""
        lines = lines or (own if len(own) == 1 else [])
        return f"{title or f'{name} is computed here'}\n{self._quoted(lines)}" if lines else ""

    def _quoted(self, lines: list[int]) -> str:
        return "\n".join(f"  line {number}:  {self.source.lines[number]}" for number in lines[:3])

    # --- why ------------------------------------------------------------------------------------------------------

    def _cause(self, difference: Difference, got: Sequence[Arrays]) -> tuple[str, bool]:
        """Return the cause of a mistake in the catalogue that gives the same numbers for all inputs, and if in all.

        Best is a mistake that gives the same numbers in all quantities, then one that gives them in the quantity that
        differs.
        """
        name, best = difference.quantity, ""
        for patch in self._patches(frozenset({name})):
            if self._is_late():
                break
            if self._gives(patch, difference, got, [name]):
                if self._gives(patch, difference, got, [*self.exercise.quantities]):
                    if self._agrees_elsewhere(patch, [*self.exercise.quantities]):
                        return patch.cause, True
                elif self._is_telling(name) and self._agrees_elsewhere(patch, [name]):
                    best = best or patch.cause
        if best or not self.exercise.shares or name != "p":
            return best, False
        for patch in EXERCISES[self.exercise.shares].patches:
            wrong = [_shared_outcome(self.exercise.name, patch, n) for n in range(len(got))]
            if all(self._alike([name], n, arrays, got[n]) for n, arrays in enumerate(wrong)):
                return patch.cause, True
        return "", False

    def _patches(self, names: frozenset[str]) -> list[Patch]:
        """Return the mistakes of the catalogue, those in lines that compute `names` first.

        Code in a cause is left out if the answer does not have its names.
        """
        own = {getattr(node, "id", "") or getattr(node, "arg", "") for node in ast.walk(self.source.tree)}
        patches = [replace(patch, cause=_without_code_of(patch.cause, own)) for patch in self.exercise.patches]
        return sorted(patches, key=lambda patch: not names & _changed(self.exercise.name, patch))

    def _gives(self, patch: Patch, difference: Difference, got: Sequence[Arrays], names: Sequence[str]) -> bool:
        """Return whether a mistake has the same first difference, and the same numbers in these quantities."""
        exercise, name, n = self.exercise.name, difference.quantity, difference.case
        wrong = _outcome(exercise, patch, n, False)
        if isinstance(wrong, dict) and name not in wrong:
            first = self._first_of(n, wrong)
            if first is None or self._rank(first) > self._rank(difference):
                wrong = _outcome(exercise, patch, n, True)  # with the gradients through a model
        if not isinstance(wrong, dict) or name not in wrong or name not in got[n]:
            return False
        first = self._first_of(n, wrong)
        if first is None or (first.quantity, first.step) != (name, difference.step):
            return False
        return all(
            self._alike(names, m, wrong if m == n else _outcome(exercise, patch, m, False), arrays)
            for m, arrays in enumerate(got)
        )

    def _is_telling(self, name: str) -> bool:
        """Return whether two mistakes can hardly give the same by accident: it is a text or has several numbers."""
        return any(a[name].dtype.kind == "U" or (a[name].dtype.kind in "iuf" and a[name].size > 2)
                   for a in self.right if name in a)  # fmt: skip

    def _agrees_elsewhere(self, patch: Patch, names: Sequence[str]) -> bool:
        """Return whether a mistake gives the same for other inputs too; where code is compiled, they are not tried."""
        if self.exercise.kind.framework is not NUMPY:
            return True
        whole = compare.expected(self.exercise.name, 1)
        for n, mine in enumerate(self._elsewhere):
            wrong = _outcome(self.exercise.name, patch, n, seed=1)
            if (isinstance(mine, dict) or isinstance(wrong, dict)) and not self._alike(names, n, wrong, mine, whole):
                return False
        return True

    @functools.cached_property
    def _elsewhere(self) -> list[Outcome]:
        """Return what the answer gives for other inputs."""
        return [_tried(self.exercise, self.answer, case) for case in cases(self.exercise.name, 1)]

    def _first_of(self, n: int, wrong: Arrays) -> Difference | None:
        """Return the first difference of a wrong answer for case `n` in the quantities that it has."""
        right = {name: value for name, value in self.right[n].items() if name in wrong}
        return compare.difference(self.exercise, n, right, wrong)

    def _alike(
        self, names: Sequence[str], n: int, wrong: Outcome, got: Outcome, whole: Sequence[Arrays] | None = None
    ) -> bool:
        """Return whether two wrong answers agree, up to rounding, in those of the quantities `names` that both have."""
        if not isinstance(wrong, dict) or not isinstance(got, dict):
            return False
        return all(
            wrong[name].shape == got[name].shape
            and compare.is_close(self.exercise, (whole or self.right)[n][name], wrong[name], got[name])
            for name in names
            if name in wrong and name in got
        )

    def _remark(self, difference: Difference, got: Sequence[Arrays]) -> str:
        """Return what the numbers show: NaN, zeros, a factor, or probabilities whose sum is not 1."""
        name, n = difference.quantity, difference.case
        if not difference.is_of_numbers or got[n][name].dtype.kind not in "iuf":
            return ""
        right, mine, quantity = self.right[n][name], got[n][name].astype(float), self.exercise.quantities[name]
        a, b = (compare.at(quantity, array, difference.step) for array in (right, mine))
        if not np.isfinite(mine).all():
            return "It contains NaN or infinity: is there a division by zero, or a logarithm of zero?"
        if np.any(a) and not np.any(b):
            question = " here: is this step missing, or what it is computed from?"
            return f"It is all zeros{question if difference.step else '.'}"
        if right.size > 1 and (factor := self._factor(right, mine)):
            others = [self._factor(self.right[m][name], arrays[name].astype(float)) for m, arrays in enumerate(got)
                      if self.right[m][name].shape == arrays[name].shape and np.any(self.right[m][name])]  # fmt: skip
            is_one = all(np.isclose(other, factor) for other in others)
            return f"It is {factor:.4g} times the correct one{' everywhere' if is_one else ' for this input'}."
        if name == "p" and b.ndim == 1 and not np.isclose(b.sum(), 1):
            return f"The sum of the probabilities is {b.sum():.4g}, expected 1. Is exp(y) divided by its sum?"
        return ""

    def _factor(self, right: np.ndarray, mine: np.ndarray) -> float:
        """Return the factor between two arrays, or 0 if there is none."""
        factor = float((mine * right).sum()) / (float((right**2).sum()) or 1)
        return factor if compare.same(self.exercise, factor * right, mine) else 0.0

    def _rule(self, difference: Difference | None, got: Sequence[Arrays] = ()) -> str:
        """Return the sentence of a rule whose change makes the answer right, or that surely names the mistake."""

        def accepts(answer: Any) -> bool:
            return not any(self._first_difference(answer, difference, seed) for seed in (0, 1))

        if difference and (said := rules.one_array(self.source.tree, got, [*self.exercise.results])):
            return said
        candidates = functools.partial(rules.changes, framework=self.exercise.kind.framework, functions=self.accepted)
        said = repaired(self.source, self.source.lines, accepts, self._is_late, rules=candidates)
        self.is_repaired = bool(said)
        return said or rules.scan_arguments(self.source.tree, self.accepted)

    def _seen(self) -> str:
        arrays = [name for name, quantity in self.exercise.quantities.items() if quantity.axes]
        return rules.seen(self.source, _solution_tree(self.exercise), arrays)

    def _repaired(self, lines: Sequence[int], is_wide: bool = False, only: tuple[str, ...] = ()) -> str:
        """Return a sentence about a small change that makes the answer right, or an empty string.

        It is in one of these lines or, if `is_wide`, in any line. If `only` has kinds, no others are tried.
        """
        calls = [node for node in ast.walk(_solution_tree(self.exercise)) if isinstance(node, ast.Call)]
        functions = dict.fromkeys(ast.unparse(call.func) for call in calls if len(call.args) == 1 and not call.keywords)
        search = functools.partial(
            repaired,
            self.source,
            accepts=lambda answer: not any(self._first_difference(answer, seed=seed) for seed in (0, 1)),
            is_late=self._is_late,
            functions=[*functions],
        )
        if self.exercise.kind.framework is NUMPY:
            kinds = others = tuple(KINDS)
        else:  # building and running a graph takes some 50 ms
            lines = () if only else lines
            kinds, others = tuple(kind for kind in KINDS if kind not in RARE), LIKELY
        change = search(lines, kinds=only or kinds)
        if not change and not only:
            change = search((), rules=rules.moved)
        if not change and is_wide:
            change = search(self.source.lines, kinds=others)
        self.is_repaired = bool(change)
        return change

    def _formula(self, names: frozenset[str]) -> str:
        """Return the formula of the quantity that a line computes."""
        quantities = self.exercise.quantities
        known = [quantities[name] for name in names if name in quantities]
        if len(self.exercise.results) == 1:
            known += quantities.values()
        return f"The formula: {known[0].formula}." if known else f'A hint: check.hint("{self.exercise.name}")'

    def _is_late(self) -> bool:
        return time.thread_time() >= self.end


def _without_code_of(cause: str, own: set[str]) -> str:
    """Return a cause without code in parentheses that has other names of arrays, or t, than an answer's own."""

    def shown(code: re.Match[str]) -> str:
        return code[0] if own >= set(re.findall(r"\w+(?=\[)|(?<=[\[, ])t\b", code[1])) else ""

    return re.sub(r" \(([^()]*\[[^()]*)\)", shown, cause)


def _behind(source: Source, lines: list[int], solution: ast.AST) -> list[int]:
    """Return the lines that may hold the mistake: `lines`, and before them the lines that they depend on.

    A line depends on the simple statements that assign its names, if the solution has no such names, and these depend
    on others; two steps back are followed. A line that only returns such a name is left out.
    """
    known = {node.id for node in ast.walk(solution) if isinstance(node, ast.Name)}
    suspects = list(lines)
    newest = set(lines)
    for _ in range(2):
        own = set[str]()
        for node in ast.walk(source.tree):
            if isinstance(node, ast.stmt) and node.lineno in newest:
                header = [child for child in ast.iter_child_nodes(node) if not isinstance(child, ast.stmt)]
                names = [name for child in header for name in ast.walk(child) if isinstance(name, ast.Name)]
                own |= {name.id for name in names} - known
                if isinstance(node, ast.Return) and isinstance(node.value, ast.Name) and node.value.id in own:
                    suspects.remove(node.lineno)
        newest = {line for name in own for line in source.lines_of(name)} - set(suspects)
        suspects = [*sorted(newest), *suspects]
    return suspects or lines


def _solution_tree(exercise: Exercise) -> ast.Module:
    """Return the solution's function, or its method, as a tree."""
    tree = ast.parse(exercise.solution)
    names = (exercise.function, exercise.kind.method)
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name in names]
    return ast.Module([functions[-1]], [])


def _is_right(exercise: Exercise, answer: Any) -> bool:
    """Return whether an answer passes the check of an exercise."""
    got = [_tried(exercise, answer, case) for case in cases(exercise.name)]
    arrays = [part for part in got if isinstance(part, dict)]
    return len(arrays) == len(got) and not compare.first_difference(exercise, compare.expected(exercise.name), arrays)


def _quiet_run(exercise: Exercise, answer: Any, case: Case) -> Arrays:
    with np.errstate(all="ignore"), redirect_stdout(io.StringIO()):
        try:
            return harness.run(exercise, answer, case)
        except Exception:
            raise
        except student_process.ERRORS as error:  # a changed answer still raises it: the search goes on
            raise RuntimeError(type(error).__name__) from error


@functools.cache
def _changed(name: str, patch: Patch) -> frozenset[str]:
    """Return the names that are assigned in the lines in which a mistake differs from the solution."""
    return frozenset().union(*map(_targets_of, _changed_lines(name, patch)))


@functools.cache
def _changed_lines(name: str, patch: Patch) -> frozenset[str]:
    """Return the lines in which a mistake differs from the solution."""
    known = EXERCISES[name].solution.splitlines()
    return frozenset(line.strip() for line in patch.code.splitlines() if line not in known)


@functools.cache
def _outcome(name: str, patch: Patch, n: int, through: bool = True, seed: int = 0) -> Outcome:
    """Return what the solution with a mistake gives for a case; gradients through a model only if `through`."""
    case = cases(name, seed)[n]
    return _run_patch(name, patch, case if through or "through" not in case else case | {"through": False})


def _run_patch(name: str, patch: Patch, case: Case) -> Outcome:
    file = f"<mistake in line {patch.line} of {name}>"
    linecache.cache[file] = len(patch.code), None, patch.code.splitlines(keepends=True), file
    return _tried(EXERCISES[name], answer_of(name, patch.code, file), case, frozenset({file}))


def _tried(exercise: Exercise, answer: Any, case: Case, files: frozenset[str] = frozenset()) -> Outcome:
    """Return the arrays or the error of an answer in these files; None if it returns something else."""
    try:
        return _quiet_run(exercise, answer, case)
    except (harness.BadResult, harness.Unfinished):
        return None
    except Exception as error:
        return raised(error, files)


@functools.cache
def _shared_outcome(name: str, patch: Patch, n: int) -> Arrays | None:
    """Return p, (L, n_tags), that a mistake in the NumPy exercise `shares` gives for a case of this exercise."""
    exercise = EXERCISES[name]
    code = patch.code
    if exercise.kind.framework is TORCH:  # its network has tanh
        code = code.replace("from scipy.special import expit as logistic", "from numpy import tanh as logistic")
    outcome = _run_patch(exercise.shares, Patch(patch.cause, code, patch.line), cases(name)[n])
    if not isinstance(outcome, dict) or "p" not in outcome:
        return None
    return {"p": outcome["p"].T.astype(compare.expected(name)[n]["p"].dtype)}
