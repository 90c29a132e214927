"""Exceptions of an answer, described in sentences: which line failed, and what such a failure usually means."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from lab.exercises.cause.source import Source, blocks, nodes, targets, targets_of
from lab.exercises.judge import is_students
from lab.runtime import student_process
from lab.runtime.student_errors import SourceLine, failed_line, sentence
from lxmls_rnn.classroom.students import NOT_RIGHT, NOT_YET

CUT_OFF = "The search for the mistake was cut off: it takes too long, also if the check runs again."
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
        return self.kind, _VARIABLE.sub("", self.message.split("\n")[0]), called or targets_of(self.line.text)


def raised(error: BaseException, files: frozenset[str] = frozenset()) -> Raised:
    """Return an exception of student code in words; `files` are the answer's, as Theano's messages name others too."""
    shapes = re.findall(r"^Inputs shapes: .*", str(error), re.MULTILINE)[:1]  # of Theano's operation
    message = " ".join([sentence(error), *shapes]).strip()
    line = failed_line(error, lambda file: file in files or is_students(file), files) or SourceLine(0, "")
    return Raised(type(error).__name__, message, line, _shapes(error, line.text))


def of_ended(error: student_process.Ended) -> tuple[str, str]:
    """Return the state of an answer that was stopped, and the text of its verdict."""
    if error.known:
        return NOT_RIGHT, f"{error.known}\n{CUT_OFF}"
    state = NOT_YET if isinstance(error, student_process.Waits) else NOT_RIGHT
    return state, f"{error}{_of_cell(failed_line(error, is_students))}"


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
        is_place = isinstance(node, (ast.Name, ast.Subscript, ast.Attribute)) and node not in inside
        if not is_place or nodes(node, ast.Call, ast.Lambda):
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


# --- what they usually mean -------------------------------------------------------------------------------------------

# a pattern of an error's type and sentence, in upper or lower case, and what it usually means; the first one counts
ERRORS = {
    r"(method|function)'? object (is not (subscriptable|iterable)|has no attr)|operand .*'\w*(function|method)'"
    r"|context manager|__enter__": "A function or method is used without its parentheses, ().",
    r"TensorVariable|TensorType|no len\\(\\)|symbolic|__array__|not supported for the input types|argument 'out'": (
        "A symbol has no value while the graph is built: Python's if, range, len, float and functions of NumPy or math "
        "cannot use it; those of T can."
    ),
    r"truth value|boolean operations": (
        "`if`, `and`, `or`, max(a, b) and a < b < c need one truth value, not an array's: use maximum, where or any."
    ),
    r"unsupported operand type\(s\) for @: '(list|tuple)'|must be (a )?(tensor|tuple of tensors), not (list|tensor)|"
    r"'list' object has no attr|list indices must be integers or slices, not tuple": (
        "A list of arrays is no array: torch.stack(h), or np.array(h), makes an array with a row for each."
    ),
    r"unsupported operand .*'(list|tuple)'|multiply sequence by": (
        "A list cannot be added to or multiplied with numbers: do it for each element, [a * part for part in parts]."
    ),
    r"'(generator|zip|map|reversed|enumerate)'": "It can be gone through only once: [...] or list(...) makes a list.",
    r"scalar outputs|cost must be a scalar": (
        "The cost is not one number, but one for each word or entry: take their mean."
    ),
    r"does not require grad|DisconnectedInput|part of the computational graph|been used in the graph": (
        "No way leads from the cost back to a parameter. In PyTorch the tensors need requires_grad=True, and "
        "torch.no_grad(), .detach(), .data, .item(), .numpy() and torch.tensor(...) on the way to the cost cut it."
    ),
    r"'int' object is not iterable": "A number cannot be gone through: range(n) can.",
    r"inplace operation": "Autograd still needs the old values: collect the states in a list and torch.stack them.",
    r"leaf variable": "Parameters may be changed in place only inside of `with torch.no_grad():`.",
    r"numpy\(\) on tensor that requires": "NumPy cannot follow gradients: use the functions of torch.",
    r"found a variable": "set_value takes numbers; a symbol has none yet: return it as an update.",
    r"second time": "backward() and grad() use up the graph: compute p and the cost anew, or call them once.",
    r"must be (of )?integer|as an integer|only integer|slice ind|valid ind|length-1 arrays|used as indices": (
        "An index, size or number of rounds is a whole number: / and np.zeros make floats."
    ),
    r"too many indices": (
        "Something has fewer axes than expected: is it a vector or one number, or has a sum or [t] taken an axis away?"
    ),
    r"core dimension|not aligned|be multiplied|size mismatch|shape mismatch: [xab]|matmul|dot product": (
        "The shapes of a product do not fit: is a matrix transposed, is it another one than meant, or is a vector on "
        "the wrong side?"
    ),
    r"could not broadcast input array|copying sequence of size": (
        "The result has another size than the place for it: is it the right matrix, is a part such as [:, t] missing, "
        "or is * used instead of @?"
    ),
    r"broadcast|mis-?match|same shape|must match the size|elemwise|different length|incompatible shapes": (
        "Element by element, both must have the same shape: is one transposed, has a sum lost an axis, or is a product "
        "of matrices meant?"
    ),
    r"inhomogeneous|array element with a sequence": (
        "Parts of different sizes cannot be the rows of one array, nor fit in the place of one number."
    ),
    r"out of bounds|out of range": (
        "An index goes past the end: look at the range, and at which quantity has a column more than there are words."
    ),
    r"positional argument": "The number of arguments does not fit: compare it with the function's first line.",
    r"dtype|float32|did not match double|expected scalar type": (
        "Numbers of different dtypes meet: the weights are float64 (in Theano self.dtype); give new arrays that dtype."
    ),
    r"UnboundLocalError": "It is assigned later, or only inside an if or a loop that has not run yet.",
    r"NoneType": (
        "None is used as a value: has a variable still its first value, or does a function return nothing, as append, "
        "backward and set_value do? .grad is None before backward(), and always of what is computed from tensors."
    ),
    r"not callable": (
        "What is called is no function: is * or a comma missing, are [...] meant, or is a result, f(x), handed over "
        "where the function itself, f, is wanted?"
    ),
    r"not subscriptable": "[...] stands behind something that has no parts: is it another variable than meant?",
    r"unpack|not iterable|'tuple'|not tuple": (
        "The number of values does not fit, or a pair is used as one value: scan returns results and updates, "
        "nn.RNN the states of all words and the last one."
    ),
}


def usual_meaning(failure: Raised, error: BaseException, source: Source) -> str:
    """Return what an exception usually means, or an empty string."""
    own = [node.arg for node in nodes(source.tree, ast.arg)]
    assigned = {name for _, body in blocks(source.tree) for node in body for name in targets(node)}
    own += sorted(assigned - {*own, "return"})
    if isinstance(error, NameError) and not isinstance(error, UnboundLocalError):
        return f"Nothing is called `{error.name}` here; this function has {', '.join(filter(str.isidentifier, own))}."
    if isinstance(error, AttributeError) and error.name in own:
        return f"`{error.name}` is a name of this function: write it alone."
    if isinstance(error, AttributeError) and (near := get_close_matches(error.name or "", dir(error.obj), 1)):
        return f"Is `{near[0]}` meant?"
    said = f"{failure.kind}: {failure.message}"
    return next((text for pattern, text in ERRORS.items() if re.search(pattern, said, re.IGNORECASE)), "")


def misused(error: BaseException, accepted: Iterable[Callable[..., Any]]) -> str:
    """Let a traceback end where an accepted function of an earlier exercise is called; return what it takes."""
    codes = {inspect.unwrap(function).__code__: function for function in accepted}
    trace = error.__traceback__
    while trace and trace.tb_next:
        if function := codes.get(trace.tb_next.tb_frame.f_code):
            trace.tb_next = None
            takes = inspect.signature(function)
            return f"`{function.__name__}` itself is right, but not what this line gives it: it takes {takes}."
        trace = trace.tb_next
    return ""
