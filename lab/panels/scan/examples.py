"""The examples of the scan panel: a loop in NumPy and the same with scan.

Programs are kept as text, so that what a student reads is what runs.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Example:
    """One computation, done twice: by two functions of the same arguments."""

    loop: str  # a program that defines `by_loop`
    scan: str  # and one that defines `by_scan`
    symbol: str  # name of the symbolic result in it
    about: str  # HTML: what to see


EXAMPLES = {
    "Squares": Example(
        """\
import numpy as np

def by_loop(x):
    y = np.zeros_like(x)
    for t in range(len(x)):
        y[t] = x[t] ** 2
    return y
""",
        """\
x = T.dvector("x")
y, updates = theano.scan(
    lambda x_t: x_t ** 2,  # one step
    sequences=x,           # x_t: x[0], x[1], ...
)
by_scan = theano.function([x], y, updates=updates)
""",
        "y",
        "No step needs the one before, so <code>scan</code> has a sequence and no state. Look at the optimised graph: "
        "Theano has seen that too, and there is no loop left.",
    ),
    "Powers": Example(
        """\
import numpy as np

def by_loop(A, k):
    powers, previous = [], np.ones_like(A)
    for _ in range(k):
        previous = previous * A
        powers.append(previous)
    return np.array(powers)
""",
        """\
A, k = T.dvector("A"), T.iscalar("k")
powers, updates = theano.scan(
    lambda previous, A: previous * A,
    outputs_info=T.ones_like(A),  # previous at first
    non_sequences=A,              # at every step
    n_steps=k,
)
by_scan = theano.function(
    [A, k], powers, updates=updates
)
""",
        "powers",
        "Each step multiplies what the step before returned, element by element: the result of the last step is "
        "A<sup>k</sup>. <code>outputs_info</code> is the state that the first step gets, so it has the shape that a "
        "step returns.",
    ),
    "Markov chain": Example(
        """\
import numpy as np

def by_loop(s_0, A, n_steps):
    s = [s_0]
    for t in range(n_steps):
        s.append(np.dot(A, s[t]))
    return np.array(s[1:])
""",
        """\
s_0, A = T.dvector("s_0"), T.dmatrix("A")
n_steps = T.iscalar("n_steps")
s, updates = theano.scan(
    lambda s_prev, A: T.dot(A, s_prev),
    outputs_info=s_0,
    non_sequences=A,
    n_steps=n_steps,
)
by_scan = theano.function(
    [s_0, A, n_steps], s, updates=updates
)
""",
        "s",
        "Column j of A says where the chain goes from state j, as in exercise 6.2. After many steps the start is "
        "forgotten, unless a state is never left or the chain swings between states: make the diagonal 0 with two "
        "states. The recurrent layer is this example with a sequence added and a nonlinearity around.",
    ),
}
