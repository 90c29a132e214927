"""Verdicts of checks; calls of student code that turn exceptions into a verdict instead of a traceback."""

import inspect
import linecache
import re
import traceback
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from html import escape
from types import FunctionType
from typing import Any

from lab.exercises import guard
from lab.exercises.source import is_students
from lab.widgets import limit

CHECKED_FILES: ContextVar[frozenset[str]] = ContextVar("CHECKED_FILES", default=frozenset())  # of the code under check
RIGHT, NOT_YET, NOT_RIGHT = "right", "not yet", "not right"
MARKS = {RIGHT: "✓", NOT_YET: "…", NOT_RIGHT: "✗"}
# background and border; the text is dark in both themes
VERDICT_COLOURS = {RIGHT: ("#d9f2dd", "#1b7f3b"), NOT_YET: ("#fff0cc", "#b26a00"), NOT_RIGHT: ("#fde0dc", "#b71c1c")}

_PLACEHOLDER = re.compile(r"(=|\breturn\b|^)\s*\.\.\.\s*(#.*)?$")

_IN_SCAN = r"(?s:.*)\bscan\("  # the line of the cell calls scan
_PRODUCT = r"^.*(core dimension|not aligned|shapes cannot be multiplied|size mismatch|dot_general)"
_SHAPE = r"^.*(mismatch|mis-match|broadcast|dimension|shape|size of tensor|Apply node that caused the error: Elemwise)"
_STRAIGHT = r"(?=.*[x,( ](\d+),?\)? and \(?\d+[x,] ?\1\))"  # two matrices with equally long rows, or a vector first
# pattern of an error message plus the line of the cell: advice for beginners; the first match wins
_ADVICE = [
    (re.compile(pattern, re.IGNORECASE), advice)
    for pattern, advice in (
        (r"(cost must be a scalar|wrt (must|should)|not part of the computational graph)(?s:.*)grad\(\s*(W|param)\b",
         "The arguments are swapped: T.grad(cost, W)."),
        (r"unsupported operand type\(s\) for -(?s:.*)'(function|method)'",
         "cost is a function: cost() calls it."),
        (r"'(builtin_function_or_)?(method|function)' object is not (subscriptable|iterable)",
         "A function or method is used without its parentheses, ()."),
        (r"inhomogeneous shape|setting an array element with a sequence",
         "Arrays of different shapes cannot be put into one: treat them one by one, such as (g**2).sum() for each."),
        (r"^.*(shapes cannot be multiplied|size mismatch)(?s:.*)torch\.cat\(",
         "torch.cat puts the states one after the other into one vector; torch.stack makes a row of each."),
        (r"must be real number, not TensorVariable|'TensorVariable' object cannot be interpreted",
         "It is a symbol without a value: math, NumPy and range cannot use it; T.tanh, T.exp, T.arange can."),
        (r"DisconnectedInput|Backtrace when that variable is created|not part of the computational graph",
         "T.grad finds no way from the cost to a parameter: are there numbers (get_value) instead of variables?"),
        (r"elements? must match the size|[Bb]oth dimensions|(broadcast|mis-?match|match the size)(?s:.*)/.*"
         r"\.(sum|max|mean)\((axis ?= ?|dim ?= ?)?-?[01]\)",
         "The sum has lost an axis: keepdims=True (keepdim=True in PyTorch) keeps it, so that the division fits."),
        (r"(shape\[0\] = 0\b|\(0,\))(?s:.*)\[",
         "A slice is empty: it begins where the array ends. Count the blocks: a has 4 H entries, b has 3 H."),
        (r"annot reshape input(?s:.*)\([34], H", "The shape does not fit. Count the blocks: a has 4, b has 3 (no g)."),
        (r"(mis-?match|broadcast|different length)(?s:.*)(?<!\w)_[ab]\[",
         "A slice has the wrong length: each gate has H entries, such as [H : 2 * H], with H the number of units."),
        (r"outputs_info(?s:.*)dtype float32|lax.scan(?s:.*)float32\[(?s:.*)float64|carry input(?s:.*)float32",
         "The first state has another dtype than the later ones, float32: give it that of W_h, self.dtype."),
        (r"for @: 'tuple'", "lax.scan returns a pair, the last state and what it collected: _, h = lax.scan(...)."),
        (r"dot_general(?s:.*)@ z\b", "z has all words; the step gets its own, z_t."),
        (r"weight_ih\w*\.copy_\(W_h|weight_hh\w*\.copy_\(W_x", "weight_ih, input to hidden, is W_x; weight_hh is W_h."),
        (r"tensor a \((15|20)\)(?s:.*)copy_\(", "The layer has blocks of rows, as an LSTM has: use nn.RNN."),
        (r"size of tensor(?s:.*)copy_\(",
         "The shapes do not match: is a matrix transposed, or the layer another one than nn.RNN(n_emb, n_hidd)?"),
        (r"leaf Variable that requires grad", "Copy the numbers inside of `with torch.no_grad():`."),
        (r"(dot_general|core dimension)(?s:.*)h @ W_y(?!\.T)\b",
         "The second matrix must be transposed, W_y.T: h has one row for each word."),
        (r"scan body output must be a pair|traced for scan returned a value of type <class 'ellipsis'>",
         "The step of lax.scan returns a pair: the next state, and what scan collects. Both are h_t here."),
        (r"scan body function carry input and carry output",
         "The first result of lax.scan's step is the next state: its shape and dtype are those of the first state."),
        (r"dot_general requires(?s:.*)W_[xh]\b|ndim at least 1(?s:.*)matmul|matmul(?s:.*)ndim at least 1",
         "The shapes do not match. Is a matrix transposed? lax.scan(step, h_0, z) calls step(h_tm1, z_t), the state "
         "first, and z has one row per word."),
        (r"must have the same dtype|input dtype \(torch|to have the same dtype|Float did not match Double",
         "PyTorch does not mix float32, its default, with float64, NumPy's: give dtype=, or W_h.new_zeros(...)."),
        (r"does not require grad and does not have a grad_fn|'float' object is not iterable(?s:.*)grad\(",
         "Autograd follows only tensors with requires_grad=True; .detach(), .item(), float() and tensor() stop it."),
        (r"only one element tensors|only integer tensors", "torch.tensor takes numbers: torch.stack(h) joins tensors."),
        (r"unexpected tracer", "The step is run once, with placeholders: let it return what scan is to collect."),
        (r"tracer value|conversion of traced",
         "Placeholders have no value when JAX runs the function: leave out if, float() and int(), use jnp.where."),
        (r"Expected a callable value", "jax.grad takes the function itself, not its value: jax.grad(cost)(param)."),
        (r"unhashable type: 'list'", "A sentence is a list, and cannot be counted: count the words of each sentence."),
        (r"broadcast(?s:.*)\bsum\(\w+ ?\*\* ?2 for",
         "Matrices of different shapes cannot be added: add the sums of their squares, (g**2).sum()."),
        (r"Can't call numpy\(\)|TracerArrayConversion|__array__\(\) was called on traced",
         "NumPy cannot follow gradients or traced values: use the functions of torch, or of jnp."),
        (r"grad can be implicitly created only for scalar|Gradient only defined for scalar.* shape: \(",
         "A gradient is that of one number, the cost: the mean over the words seems to be missing."),
        (r"needed for gradient computation has been modified",
         "Autograd still needs the old values: collect the states in a list and torch.stack them."),
        (r"cannot assign '.*' as parameter",
         "A layer keeps its own parameters: copy numbers into them, layer.weight_ih_l0.copy_(W)."),
        (r"\(`outputs_info` in scan nomenclature\)",
         "The step's result has a different shape from the first state in outputs_info: is the product a T.dot, is it "
         "the right sequence, and are the step's arguments in scan's order: elements of sequences, previous results, "
         "non_sequences?"),
        (r"return value of your scan lambda", "The step does not return a Theano variable."),
        (rf"(missing|takes) \d+ .*positional argument{_IN_SCAN}",
         "scan passes an element of each sequence, the previous result for each outputs_info that is not None, and the "
         "non_sequences, in this order. Compare their number with the step's arguments: are they as many?"),
        (r"No information about the number of steps", "Without a sequence, scan needs n_steps."),
        (r"OrderedUpdates", "scan returns a pair (results, updates): write _h, _ = theano.scan(...)."),
        (r"unsupported operand type\(s\) for @", "Theano variables do not support @: use T.dot(A, s)."),
        (r"Got TensorType\(\w+, 3D\)",
         "With two states, scan returns two results: (_h, _c), _ = theano.scan(...)."),
        (r"has no len\(\)", "A symbol has no value, so it has no len; its length is a symbol too: _y.shape[0]."),
        (rf"too many indices for array{_IN_SCAN}", "scan iterates over a sequence: T.arange(n), not the number n."),
        (r"cost must be a scalar",
         "T.grad(cost, W) takes a cost that is one number: is the mean over the words, T.mean, missing?"),
        (r"index (\d+) is out of bounds for axis \d+ with size \1\b(?s:.*)= .*e_[ah]\[:, ?t ?\+ ?1\]",
         "The last step has no t + 1: add the later step's error only if t + 1 < L."),
        (r"index (\d+) is out of bounds for axis \d+ with size \1\b(?s:.*)t ?\+ ?1\b",
         "Only h has a column more than there are words, its first one; all others have column t for the word t."),
        (r"could not broadcast input array from shape \(\d+, ?\d+\) into shape \(\d+,\)",
         "A whole matrix does not fit into one column: is [:, t] missing, or is * used instead of @?"),
        (r"(could not be broadcast|mis-match)(?s:.*)[\[(]?\b\w+\[:, t( \+ 1)?\](?s:.*)@ [zh]\b(?!\[)|"
         r"could not be broadcast(?s:.*)@ [zh]\b(?!\[)",
         "A whole matrix does not fit into one column: is [:, t] missing?"),
        (r"operands could not be broadcast(?s:.*)\bd?W_\w(\.T)? ?\* ?\w",
         "* multiplies element by element; the product of a matrix and a vector is W @ v, in Theano T.dot(W, v)."),
        (rf"{_STRAIGHT}{_PRODUCT}",
         "Transpose the second matrix, as in dot(h, W_y.T), or exchange a vector and its matrix."),
        (rf"{_SHAPE}{_IN_SCAN}|{_PRODUCT}{_IN_SCAN}",
         "The shapes do not match: is a matrix transposed, is it the right sequence, and are the step's arguments in "
         "scan's order: elements of sequences, previous results, non_sequences?"),
        (rf"{_PRODUCT}(?s:.*)@ h\.T", "h has a column more, h_0: h[:, :-1] begins with h_0, h[:, 1:] with h_1."),
        (_PRODUCT, "The shapes do not match: is a matrix transposed, or is it another one than meant?"),
        (r"could not broadcast input array",
         "The result has another size than the place for it: is it the right matrix, or only a part of the place, such "
         "as x[b, :n]?"),
        (_SHAPE, "Element by element, both must have the same shape: is one transposed, or is a product meant?"),
    )
]  # fmt: skip
_MAX_MESSAGE = 200  # characters; Theano's messages can fill a page


class NotYet(Exception):
    """The exercise is not filled in."""


class Wrong(Exception):
    """The result is wrong: a description, and advice about the cause: the likely one, or a `certain` one.

    Advice is None if the cause is unknown; a `guess` may also be a question.
    """

    def __init__(self, what: str, advice: str | None = "", certain: bool = False, guess: bool = False):
        super().__init__(f"{what}\n{advice}" if advice else what)
        self.what, self.advice, self.certain, self.guess = what, advice, certain, guess

    @property
    def is_open(self) -> bool:
        """Whether the cause is unknown or a guess."""
        return not self.certain and (self.guess or self.advice is None or self.advice.endswith("?"))


class Unavailable(Exception):
    """The framework of the exercise is missing: the sentence that says how to install it."""


@dataclass(frozen=True)
class Verdict:
    """Result of a check; true if the student's code is right."""

    exercise: str  # its name
    state: str  # 'right', 'not yet' or 'not right'
    text: str  # what is right, or the first difference

    def __bool__(self) -> bool:
        return self.state == RIGHT

    def __repr__(self) -> str:
        return f"{MARKS[self.state]} {self.exercise}: {self.state}. {self.text}"

    def _repr_html_(self) -> str:
        background, edge = VERDICT_COLOURS[self.state]
        kind = self.state.replace(" ", "-")
        style = f"background:{background};color:#111;border-left:5px solid {edge};padding:6px 12px;white-space:pre-wrap"
        return (
            f'<div class="lab-check lab-check-{kind}" role="status" style="{style};max-width:75em">'
            f"<b>{MARKS[self.state]} {escape(self.exercise)}: {self.state}.</b> {escape(self.text)}</div>"
        )


@dataclass(frozen=True)
class Note:
    """A text for a notebook, as HTML or plain text."""

    text: str
    html: str = ""  # by default a paragraph

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return self.html or f"<p>{escape(self.text)}</p>"


def attempt(
    function: Callable[..., Any], *arguments: Any, whole: bool = True, fixed: bool = True, seconds: float | None = None
) -> Any:
    """Call a student's function and return its result.

    Unless `whole`, parts of a returned tuple may be None or `...`. Unless `fixed`, it may change its arguments.
    `seconds` is another time limit than `limit.MAX_SECONDS`.

    Raises
    ------
    NotYet
        The function raises NotImplementedError, returns None or `...`, or fails and contains a `...`.
    Wrong
        The function fails (with the error message and the line of the student's code), lets the library's model do
        the work, or changes its arguments.
    """
    if function is None or function is ...:
        raise NotYet("There is no code yet.")
    if not callable(function):
        raise Wrong(f"Expected a function, got {type(function).__name__}.")
    before = guard.contents(arguments) if fixed else []
    try:
        with limit.timed(seconds), guard.library_calls() as called:
            result = function(*arguments)
    except (Exception, SystemExit) as error:
        placeholder, found = _placeholder(function), explain(error)
        if placeholder and isinstance(found, Wrong):
            found = NotYet(f"A line is not filled in: {placeholder}\n{found}")
        raise found from None
    if fixed and (message := guard.changed(function, arguments, before)):
        raise Wrong(message, certain=True)
    if called:
        raise Wrong(f"The library's `{called[0]}` did the work: the exercise is to write it yourself.", certain=True)
    if result is None or result is ...:
        raise NotYet("The function returns None or `...`.")
    if isinstance(result, (tuple, list)) and (any if whole else all)(part is None or part is ... for part in result):
        raise NotYet("A part of the result is still None or `...`.")
    return result


def files_of(*students: object) -> frozenset[str]:
    """Return the files of functions, and of the methods of classes."""
    functions = [f for student in students for f in (student, *getattr(student, "__dict__", {}).values())]
    return frozenset(f.__code__.co_filename for f in functions if isinstance(f, FunctionType))


def _placeholder(function: Callable[..., Any]) -> str:
    """Return the first line of a function that is still a placeholder, or an empty string."""
    try:
        lines = [line.strip() for line in inspect.getsource(function).splitlines()]
    except (OSError, TypeError):
        return ""
    return next((line for line in lines if _PLACEHOLDER.search(line)), "")


def too_long(error: limit.TimeUp) -> Wrong:
    """Turn a time limit that was reached into `Wrong`."""
    advice = "does a loop never end, or does it wait for something?"
    if not error.stopped:
        advice += " It could not be stopped: if the notebook becomes slow, restart the kernel."
    return Wrong(f"The function is still running after {error.seconds:g} s: {advice}{_place(error.stack, '')}")


def explain(error: BaseException) -> NotYet | Wrong:
    """Turn an exception in student code into `NotYet` or `Wrong`."""
    frames = traceback.extract_tb(error.__traceback__)
    if isinstance(error, NotImplementedError) and frames and is_students(frames[-1].filename):
        return NotYet("The cell is not filled in yet.")
    lines = [line.strip() for line in str(error).splitlines()]
    if type(error).__name__ == "DisconnectedInputError":  # the message begins with the creation of the variable
        lines = [line for line in lines if "not part of" in line] or lines
    message = next(filter(None, lines), "")
    where = _place(frames, str(error))
    shapes = "".join(re.findall(r"\nInputs shapes: .*", str(error))[:1])
    advice = next((advice for pattern, advice in _ADVICE if pattern.search(f"{message}{shapes}{where}")), None)
    message = message if len(message) <= _MAX_MESSAGE else f"{message[:_MAX_MESSAGE]} ..."
    return Wrong(f"It fails with {type(error).__name__}: {message}{where}", advice)


def _place(frames: traceback.StackSummary, message: str) -> str:
    """Return the student's line that failed, or the one where Theano's message says a variable was created."""
    mine = [(frame.filename, frame.lineno or 0) for frame in frames if is_students(frame.filename)]
    if not mine:  # Theano failed while the compiled function ran
        made = [(name, int(number)) for name, number in re.findall(r'File "(.+?)", line (\d+)', message)]
        mine = [place for place in made if is_students(place[0])]
        # Theano's constants are shared, and remember lines of other cells that used them
        mine = [place for place in mine if place[0] in CHECKED_FILES.get()] or mine
    line = linecache.getline(*mine[-1]).strip() if mine else ""
    return f"\nin line {mine[-1][1]} of the cell:  {line}" if line else ""
