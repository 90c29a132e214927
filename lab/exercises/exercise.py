"""The exercises, each read from one file of `catalogue`: facts, quantities, hints, solution, and known mistakes.

A file is Markdown, and its name is the exercise's place in the course and its name, such as 01-forward.md. Its first
heading is the title, lines `- name: value` are the facts, and the sections are

    ## Quantities   a table: what the answer computes, in order, with axes and formula
    ## Hints        a numbered paragraph each
    ## Solution     a block of code, the exercise's cell
    ## Mistakes     a cause, and changes of the solution that make this mistake, with a blank line between two

Everything that repeats these facts is derived from here.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from lxmls_rnn.deep_learning.frameworks import NUMPY, THEANO, TORCH, Framework

FOLDER = Path(__file__).parent / "catalogue"
_FACTS = (
    *("number", "kind", "function", "inputs", "arguments", "optional"),
    *("needs", "shares", "backwards", "right", "results", "tolerance"),
)
_NEEDED = ("number", "kind", "function", "inputs", "right")


class Kind(NamedTuple):
    """A kind of exercise: how an answer is run, and what it needs."""

    function: str  # that runs an answer, as file:name in this folder; `run.py` finds it when it needs it
    framework: Framework = NUMPY
    imports: str = "import numpy as np\n"  # of the notebook's cells before the exercise
    method: str = ""  # that is checked of a class; "" for a function


_WITH_THEANO = (
    THEANO,
    "import numpy as np\nimport theano\nimport theano.tensor as T\nfrom lxmls_rnn.deep_learning.rnn import LSTM, RNN\n",
)
_WITH_TORCH = TORCH, "import torch\nfrom torch import nn\n"
_OF_GUIDE = TORCH, "import torch\nfrom lxmls_rnn.deep_learning.pytorch_models.rnn import PytorchRNN\n"
KINDS = {
    "numpy": Kind("run:arrays"),
    "words": Kind("run:words"),
    "finite_differences": Kind("run:finite_differences"),
    "training_loop": Kind("run:training_loop"),
    "theano": Kind("run_theano:expressions", *_WITH_THEANO),
    "theano_gradients": Kind("run_theano:gradients", *_WITH_THEANO),
    "theano_updates": Kind("run_theano:updates", *_WITH_THEANO),
    "theano_model": Kind("run_theano:model", *_WITH_THEANO, "_forward"),
    "torch_loop": Kind("run_torch:loop", *_WITH_TORCH),
    "torch_gradients": Kind("run_torch:gradients", *_WITH_TORCH),
    "torch_step": Kind("run_torch:step", *_WITH_TORCH),
    "torch_layers": Kind("run_torch:layers", *_WITH_TORCH),
    "numpy_method": Kind("run:method", method="backpropagation"),
    "torch_method": Kind("run_torch:method", *_OF_GUIDE, "_log_forward"),
}


@dataclass(frozen=True)
class Quantity:
    """A named result of an answer: its axes and its formula."""

    name: str
    axes: tuple[str, ...]
    formula: str

    @property
    def step_axis(self) -> int | None:
        """The axis along which the steps or words go; None if the quantity has no steps, as in a batch of sentences."""
        if "B" in self.axes:
            return None
        return next((n for n, axis in enumerate(self.axes) if axis in ("L", "L + 1", "n")), None)

    @property
    def first(self) -> int:
        """The number of the first step: 0 if the array also holds the state before the first word."""
        return 0 if "L + 1" in self.axes else 1

    def steps(self, shape: tuple[int, ...]) -> Sequence[int | None]:
        """Return the numbers of the steps of an array of this shape; [None] if the quantity has no steps."""
        return [None] if (axis := self.step_axis) is None else range(self.first, self.first + shape[axis])


@dataclass(frozen=True)
class Patch:
    """A known mistake: its cause in words, and the solution's code with this mistake."""

    cause: str
    code: str
    line: int  # in the file, for messages of tests


@dataclass(frozen=True)
class Exercise:
    """An exercise; the module's docstring describes its file."""

    name: str
    number: str
    title: str
    optional: bool
    function: str  # the function or class that is checked
    kind: Kind
    arguments: tuple[str, ...]  # names, in order
    results: tuple[str, ...]  # names of what is returned, in order
    inputs: str  # of `lab.exercises.inputs`
    quantities: dict[str, Quantity]
    backwards: tuple[str, ...]  # names of quantities whose last word is computed first
    tolerance: float  # how much an entry may differ, relative to the largest one; 0 for rounding only
    needs: tuple[str, ...]  # exercises whose answers this one calls
    shares: str  # exercise whose mistakes give the same p as here; "" for none
    right: str  # what a verdict says of a right answer
    hints: tuple[str, ...]
    solution: str
    patches: tuple[Patch, ...]

    @property
    def before(self) -> str:
        """The code of the cells that the solution builds on."""
        return self.kind.imports + "\n".join(EXERCISES[name].solution for name in self.needs)


def read(file: Path) -> Exercise:
    """Read an exercise; raise ValueError, with the file and the place, if it is not of the form described above."""
    text = file.read_text(encoding="utf-8")
    head, *parts = re.split(r"^## (\w+)\n", text, flags=re.MULTILINE)
    sections = dict(zip(parts[::2], parts[1::2], strict=True))
    if missing := [name for name in ("Quantities", "Hints", "Solution", "Mistakes") if name not in sections]:
        raise ValueError(f"{file}: the section ## {missing[0]} is missing")
    facts = dict(re.findall(r"^- (\w+): (.*)$", head, re.MULTILINE))
    if unknown := [name for name in facts if name not in _FACTS]:
        raise ValueError(f"{file}: unknown fact {unknown[0]!r}, expected one of {', '.join(_FACTS)}")
    if missing := [name for name in _NEEDED if name not in facts]:
        raise ValueError(f"{file}: the fact {missing[0]!r} is missing: - {missing[0]}: ...")
    if facts["kind"] not in KINDS:
        raise ValueError(f"{file}: unknown kind {facts['kind']!r}, expected one of {', '.join(KINDS)}")
    title = re.match("# (.+)\n", head)
    if title is None:
        raise ValueError(f"{file}: the first line should be the title, # TITLE")

    def names(fact: str) -> tuple[str, ...]:
        return tuple(name.strip() for name in facts.get(fact, "").split(",") if name.strip())

    rows = re.findall(r"^\| `(.+?)` \|(.*?)\| (.*?) \|$", sections["Quantities"], re.MULTILINE)
    quantities = {name: Quantity(name, tuple(a.strip() for a in axes.split(",") if a.strip()), formula.replace("`", ""))
                  for name, axes, formula in rows}  # fmt: skip
    solution = re.findall(r"^```python\n(.*?)^```$", sections["Solution"], re.MULTILINE | re.DOTALL)[0]
    before_mistakes = text[: text.index("## Mistakes\n")].count("\n") + 1
    return Exercise(
        name=file.stem.partition("-")[2],
        number=facts["number"],
        title=title[1],
        optional="optional" in facts,
        function=facts["function"],
        kind=KINDS[facts["kind"]],
        arguments=names("arguments"),
        results=names("results") or tuple(quantities),
        inputs=facts["inputs"],
        quantities=quantities,
        backwards=names("backwards"),
        tolerance=float(facts.get("tolerance", 0)),
        needs=names("needs"),
        shares=facts.get("shares", ""),
        right=facts["right"],
        hints=tuple(
            re.sub(r"^   ", "", hint, flags=re.MULTILINE).strip()
            for hint in re.split(r"^\d+\. ", sections["Hints"], flags=re.MULTILINE)[1:]
        ),
        solution=solution,
        patches=tuple(_patches(file, solution, sections["Mistakes"], before_mistakes)),
    )


def _patches(file: Path, solution: str, section: str, line: int) -> list[Patch]:
    patches, cause = [], ""
    for match in re.finditer(r"^```(\w+)\n(.*?)^```$|^(?!```)(\S[^\n]*)", section, re.MULTILINE | re.DOTALL):
        if match[1] is None:
            cause = match[3]
            continue
        begin = line + section[: match.start()].count("\n") + 2
        if match[1] == "python":
            patches.append(Patch(cause, match[2], begin))
            continue
        for part in re.finditer(r"(?:^[-+] .*\n)+", match[2], re.MULTILINE):  # a blank line is between two
            at = begin + match[2][: part.start()].count("\n")
            patches.append(Patch(cause, _patched(solution, part[0], f"{file}, line {at}"), at))
    return patches


def _patched(code: str, diff: str, place: str) -> str:
    """Return a code with the lines of a diff that begin with "- " replaced by those that begin with "+ "."""
    for old, new in re.findall(r"((?:^- .*\n)+)((?:^\+ .*\n)*)", diff, re.MULTILINE):
        before, after = ("\n".join(line[2:] for line in part.splitlines()) for part in (old, new))
        if before not in code:
            raise ValueError(f"{place}: the solution has no {before!r}")
        code = code.replace(before, after)
    return code


# in the order of the course
EXERCISES = {exercise.name: exercise for exercise in map(read, sorted(FOLDER.glob("*.md")))}
COURSE = {name: exercise.optional for name, exercise in EXERCISES.items()}  # as `lxmls_rnn.classroom` is told of it


@functools.cache
def answer_of(name: str, code: str = "", file: str = "") -> object:
    """Run code, by default the solution, after the cells that it builds on; return the exercise's function or class.

    `file` is the name of the code in tracebacks.
    """
    exercise = EXERCISES[name]
    space: dict[str, object] = {"__name__": "__main__"}
    exec(compile(exercise.before, f"<before {name}>", "exec"), space)
    exec(compile(code or exercise.solution, file or f"<solution of {name}>", "exec"), space)
    return space[exercise.function]
