"""Examples of the scan panel: a loop in NumPy, and the same with scan.

Programs are stored as text, so that students read exactly the code that runs.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Example:
    """A computation by two functions of the same arguments."""

    loop: str  # a program that defines `by_loop`
    step: str  # a program that defines `step`, which students can edit
    scan: str  # a program that defines `by_scan`, with `step`
    symbol: str  # name of the symbolic result in `scan`
    first: Callable[..., list[Any]]  # the arguments of the first step, from those of both functions
    about: str  # HTML: what to observe


EXAMPLES = {
    "Squares": Example(
        """\
import numpy as np

def by_loop(x):
    y = np.zeros_like(x)
    for t in range(len(x)):  # sequences
        y[t] = x[t] ** 2
    return y
""",
        """\
def step(x_t):
    return x_t ** 2
""",
        """\
x = T.dvector("x")
y, updates = theano.scan(
    step,
    sequences=x,  # x_t: x[0], x[1], ...
)
by_scan = theano.function([x], y, updates=updates)
""",
        "y",
        lambda x: [x[0]],
        "No step depends on the previous one. Look at the optimised graph: Theano detects this and removes the loop.",
    ),
    "Powers": Example(
        """\
import numpy as np

def by_loop(A, k):  # A: non_sequences
    powers, previous = [], np.ones_like(A)  # outputs_info
    for _ in range(k):
        previous = previous * A
        powers.append(previous)
    return np.array(powers)
""",
        """\
def step(previous, A):
    return previous * A
""",
        """\
A, k = T.dvector("A"), T.iscalar("k")
powers, updates = theano.scan(
    step,
    outputs_info=T.ones_like(A),  # first previous
    non_sequences=A,              # same at every step
    n_steps=k,
)
by_scan = theano.function(
    [A, k], powers, updates=updates
)
""",
        "powers",
        lambda A, k: [np.ones_like(A), A],
        "Each step multiplies the result of the previous step by A, element by element: the last result is "
        "A<sup>k</sup>. The state that the first step gets has the shape of a step's result.",
    ),
    "Markov chain": Example(
        """\
import numpy as np

def by_loop(s_0, A, n_steps):  # A: non_sequences
    s = [s_0]  # outputs_info
    for t in range(n_steps):
        s.append(np.dot(A, s[t]))
    return np.array(s[1:])
""",
        """\
def step(s_prev, A):
    return T.dot(A, s_prev)
""",
        """\
s_0, A = T.dvector("s_0"), T.dmatrix("A")
n_steps = T.iscalar("n_steps")
s, updates = theano.scan(
    step,
    outputs_info=s_0,
    non_sequences=A,
    n_steps=n_steps,
)
by_scan = theano.function(
    [s_0, A, n_steps], s, updates=updates
)
""",
        "s",
        lambda s_0, A, n_steps: [s_0, A],
        "Column j of A holds the probabilities of the next state after state j, as in exercise 6.2. After many steps "
        "the start has no effect, unless a state is never left or the chain alternates between states: set the "
        "diagonal to 0 with two states. The recurrent layer is this example with a sequence and a nonlinearity.",
    ),
}
