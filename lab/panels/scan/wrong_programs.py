"""What goes wrong with scan: programs with a typical mistake, what mends them, and how to read the messages."""

from dataclasses import dataclass


@dataclass(frozen=True)
class WrongProgram:
    """A program with a mistake.

    Attributes
    ----------
    wrong, mended
        Programs that print; the first usually ends with an error.
    marks
        Regular expressions: the words of the error message that matter.
    reading
        HTML: how to read it and what mends it.
    """

    wrong: str
    mended: str
    marks: tuple[str, ...]
    reading: str


_LAYER = """\
import numpy as np

x, W = T.dmatrix("x"), T.dmatrix("W")
h_0 = T.zeros({shape}, dtype="float64")
h, _ = theano.scan(
    lambda x_t, h_prev, W:
        T.tanh(T.dot(W, x_t) + h_prev),
    sequences=x, outputs_info=h_0,
    non_sequences=W,
)
layer = theano.function([x, W], h)
# 5 steps; W maps 2 numbers to 4
X = np.ones((5, 2))
print(layer(X, np.ones((4, 2))).shape)
"""
_SUM = """\
import numpy as np

x = T.dvector("x")
zero = T.zeros((), dtype="{dtype}")
total, _ = theano.scan(
    lambda x_t, total: total + x_t,
    sequences=x, outputs_info=zero,{n_steps}
)
running_total = theano.function([x], total)
print(running_total(np.ones(5)))
"""
_STRICT = """\
import numpy as np

x = T.dmatrix("x")
h_0 = T.zeros((3,), dtype="float64")
W = theano.shared(np.eye(3), name="W")

def step({arguments}):
    return T.tanh(x_t + T.dot(W, h_prev))

h, _ = theano.scan(
    step, sequences=x, outputs_info=h_0,
    {more}strict=True,
)
layer = theano.function([x], h)
print(layer(np.ones((2, 3))))
"""
_ORDER = """\
import numpy as np

x, h_0 = T.dvector("x"), T.dvector("h_0")
W = T.dmatrix("W")
h, _ = theano.scan(
    lambda {arguments}:
        T.tanh(x_t + T.dot(W, h_prev)),
    sequences=x, outputs_info=h_0,
    non_sequences=W,
)
layer = theano.function([x, h_0, W], h)
print(layer(np.ones(2), np.zeros(3), np.eye(3)))
"""
_TWO = """\
import numpy as np

x, y = T.dvector("x"), T.dvector("y")
{check}products, _ = theano.scan(
    lambda x_t, y_t: x_t * y_t,
    sequences=[x, y],
)
multiply = theano.function([x, y], products)
print(multiply(np.arange(4.0), np.arange({n})))
"""
_CHECK = """\
same = T.eq(x.shape[0], y.shape[0])
x = T.opt.Assert("lengths differ")(x, same)
"""
_DOT = """\
import numpy as np

x, W = T.dmatrix("x"), T.dmatrix("W")
z, _ = theano.scan(
    lambda x_t, W: {dot},
    sequences=x, non_sequences=W,
)
project = theano.function([x, W], z)
X = np.ones((5, 2))  # 5 vectors of 2 numbers
print(project(X, np.ones((2, 3))).shape)
"""
_AXIS = """\
import numpy as np

x = T.dmatrix("x")
rows, _ = theano.scan(
    lambda x_t: x_t / x_t.sum(axis={axis}),
    sequences=x,
)
normalise = theano.function([x], rows)
print(normalise(np.array([[1., 3.], [2., 2.]])))
"""

WRONG_PROGRAMS = {
    "The first state has another length than a step returns": WrongProgram(
        _LAYER.format(shape="(3,)"),
        _LAYER.format(shape="(4,)"),
        (r"Shape mismatch[^\n]*", r"Inputs shapes[^\n]*"),
        "It comes when the function <b>runs</b>: only then lengths are known. Read the <b>first line</b>: what does "
        "not fit. Then <b>Inputs shapes</b> of the first paragraph, in the order of the inputs in the line 'Apply "
        "node': a vector of 3, the old state, is to be added to a (4, 2) matrix times a vector of 2, which gives 4. "
        "The second paragraph is the scan around it. Mend <code>h_0</code>: as long as W has rows.",
    ),
    "The first state has another number of dimensions": WrongProgram(
        _LAYER.format(shape="()"),
        _LAYER.format(shape="(4,)"),
        (r"has \d+ dimension\(s\)", r"it should be one less than the initial state", r"\(argument number \d+\)"),
        "It comes when scan is <b>built</b>. Scan keeps all states in one array, with time as its first dimension, so "
        "its message counts one more: 'initial state has 1 dimension' is your scalar, 'has 1 dimension, it should be "
        "one less' is the vector that your step returns. <code>outputs_info</code> must be like one step's result: a "
        "vector.",
    ),
    "The first state has another dtype": WrongProgram(
        _SUM.format(dtype="float32", n_steps=""),
        _SUM.format(dtype="float64", n_steps=""),
        (r"has dtype \w+", r"\(`outputs_info` in scan nomenclature\)", r"upcast or downcast"),
        "It comes when scan is <b>built</b>. float32 + float64 is float64 (an upcast), so the step returns another "
        "type than the state it was given, and the next step could not take it. Look at the two words after 'dtype' "
        "and make them equal: here the state; elsewhere cast what the step returns: <code>T.cast(..., "
        "'float32')</code>. On a GPU everything is best float32, <code>theano.config.floatX</code>.",
    ),
    "A step uses what strict=True must be told": WrongProgram(
        _STRICT.format(arguments="x_t, h_prev", more=""),
        _STRICT.format(arguments="x_t, h_prev, W", more="non_sequences=[W], "),
        (r"missing an input: \w+",),
        "Without <code>strict</code> scan finds the shared variables that a step uses. With it you promise to name "
        "them, and the message names the one you forgot. Add it to the list of <code>non_sequences</code>, and to the "
        "arguments of the step, at their end.",
    ),
    "The arguments of a step in another order": WrongProgram(
        _ORDER.format(arguments="h_prev, x_t, W"),
        _ORDER.format(arguments="x_t, h_prev, W"),
        (r"has \d+ dimension\(s\)", r"\(argument number \d+\)"),
        "Scan does not look at names. It gives first an element of each <b>sequence</b>, then the <b>states</b>, then "
        "the <b>non_sequences</b>. Here x_t got the state and h_prev a scalar, an element of x; what does not fit is "
        "seen only at the result, as dimensions. Where a message about dimensions makes no sense, check the order.",
    ),
    "More steps than the sequence has elements": WrongProgram(
        _SUM.format(dtype="float64", n_steps="\n    n_steps=6,"),
        _SUM.format(dtype="float64", n_steps=""),
        (r"Sequence is shorter[^\n]*", r"Inputs shapes[^\n]*", r"Inputs values[^\n]*"),
        "It comes when the function <b>runs</b>. Leave out <code>n_steps</code>: scan takes as many steps as the "
        "sequence has elements. Give it only where there is no sequence, or to take fewer.",
    ),
    "Two sequences of different length": WrongProgram(
        _TWO.format(check="", n="6.0"),
        _TWO.format(check=_CHECK, n="4.0"),
        (),
        "<b>No error</b>: scan stops with the shortest sequence, and two numbers of y are never used. Silent mistakes "
        "are the worst ones: compare the shape of the result with what you expect. The mended program asks for equal "
        "lengths with <code>Assert</code>, and gets them.",
    ),
    "A matrix that does not fit the vector": WrongProgram(
        _DOT.format(dot="T.dot(W, x_t)"),
        _DOT.format(dot="T.dot(x_t, W)"),
        (r"Shape mismatch[^\n]*", r"Inputs shapes[^\n]*"),
        "It comes when the function <b>runs</b>. In <b>Inputs shapes</b> of the first paragraph find the matrix and "
        "the vector: (2, 3) times (2,) wants 3. Gemv is BLAS's name of matrix times vector. Either the factors are "
        "swapped, as here, or W must be transposed.",
    ),
    "A sum over an axis that is not there": WrongProgram(
        _AXIS.format(axis=1),
        _AXIS.format(axis=0),
        (r"Not enough dimensions on \S+", r"axis \d+"),
        "x is a matrix, but inside a step <code>x_t</code> is one row of it, a vector: scan has taken the first axis "
        "away, so axis 1 of x is axis 0 of x_t. The name x[t] in the message tells that it is about the inside of "
        "scan.",
    ),
}
