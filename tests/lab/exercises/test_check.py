"""A check is shown typical mistakes, made by changing a line of the solution, and must name each."""

import json
import re

import numpy as np
import pytest

from lab import check
from lab.exercises import failed_cells, progress, solutions, verdict
from lab.exercises.difference import close
from lab.exercises.hints import EXERCISES, HINTS
from lxmls_rnn import paths
from lxmls_rnn.deep_learning.frameworks import FRAMEWORKS
from lxmls_rnn.deep_learning.numpy_rnn import NumpyRNN

pytestmark = pytest.mark.theano

NAMES = {
    "forward": "my_forward",
    "errors": "my_errors",
    "gradients": "my_gradients",
    "numeric": "my_numeric_gradient",
    "squares": "my_squares",
    "markov": "my_chain",
    "rnn": "MyRNN",
    "theano_gradients": "my_theano_gradients",
    "updates": "my_updates",
    "lstm_gates": "my_lstm_gates",
    "lstm_step": "my_lstm_step",
    "lstm": "MyLSTM",
    "torch_loop": "my_torch_loop",
    "torch_gradients": "my_torch_gradients",
    "torch_layer": "my_torch_layer",
    "jax_scan": "my_jax_scan",
    "jax_gradients": "my_jax_gradients",
    "unknown_words": "my_unknown_words",
    "early_stopping": "my_early_stopping",
    "pad_batch": "my_pad_batch",
    "clip": "my_clip",
    "forget_gate": "my_forget_gate",
}
IMPORTS = {
    "torch": "import torch\nfrom torch import nn",
    "jax": "import jax\nimport jax.numpy as jnp\nfrom jax import lax",
}
BEFORE = {
    "lstm_step": ["lstm_gates"],
    "lstm": ["lstm_gates", "lstm_step"],
    "torch_gradients": ["torch_loop"],
    "jax_gradients": ["jax_scan"],
}


def with_framework(exercise, *values):
    """A test's parameters, skipped where the framework of the exercise is missing."""
    framework = FRAMEWORKS.get(exercise.split("_")[0], FRAMEWORKS["numpy"])
    return pytest.param(exercise, *values, marks=pytest.mark.skipif(bool(framework.missing), reason=framework.missing))


RUNNABLE = list(map(with_framework, EXERCISES))


@pytest.fixture(autouse=True)
def nothing_passed_yet():
    check._passed.clear()


@pytest.fixture
def cell(tmp_path):
    """Run code as a notebook's cell does, from a file that tracebacks can quote; return what it defines."""
    space = {}

    def run_cell(code, name="cell"):
        file = tmp_path / f"{name}.py"
        file.write_text(code)
        exec(compile(code, str(file), "exec"), space)
        return space

    return run_cell


@pytest.fixture
def says(cell):
    """Return what the check of an exercise says of its solution with a piece of code replaced."""

    def check_solution(exercise, *replacements):
        code = solutions.code(exercise)
        for old, new in replacements:
            assert old in code
            code = code.replace(old, new)
        cell(IMPORTS.get(exercise.split("_")[0], ""), "imports")
        for before in BEFORE.get(exercise, ()):
            cell(solutions.code(before), before)
        return getattr(check, exercise)(cell(code)[NAMES[exercise]])

    return check_solution


FORWARD = [
    ("W_h @ h[:, t]", "W_h.T @ h[:, t]", "a at step 2", "W_h is transposed"),
    (" + W_h @ h[:, t]", "", "a at step 2", "W_h h_{t-1} is missing"),
    ("W_h @ h[:, t]", "W_h @ h[:, t + 1]", "a at step 2", "a column of h that is still zero"),
    ("W_h @ h[:, t]", "h[:, t]", "a at step 2", "W_h is missing"),
    ("W_x @ z[:, t] + ", "", "a at step 1", "W_x z_t is missing"),
    ("W_x @ z[:, t]", "W_x @ z[:, t] + 0.5", "a at step 1", "no biases"),
    ("    for t in", "    h[:, 0] = 0.5\n    for t in", "h_0", "expected zeros"),
    ("z = W_e[:, x]", "z = W_e[:, np.roll(x, 1)]", "z at step 1", "shifted by one step"),
    ("z = W_e[:, x]", "z = W_e[:, x].T.copy().T * 1j", "z should be an array of numbers", "(n_emb, L)"),
    ("logistic(a[:, t])", "np.tanh(a[:, t])", "h at step 1", "tanh"),
    ("logistic(a[:, t])", "a[:, t]", "h at step 1", "activation is missing"),
    ("W_y @ h[:, t + 1]", "W_y @ h[:, t]", "y at step 1", "shifted by one step"),
    ("W_y @ h[:, t + 1]", "W_y @ a[:, t]", "y at step 1", "before the activation"),
    (" / np.exp(y[:, t]).sum()", "", "p at step 1", "not normalised"),
    (" / np.exp(y[:, t]).sum()", " / 7", "p at step 1", "the sum is"),
    ("    return z", "    p = np.exp(y) / np.exp(y).sum(1, keepdims=True)\n    return z", "p at step 1", "wrong axis"),
    ("    return z", "    p = np.log(p)\n    return z", "p at step 1", "logarithms"),
    ("    return z", "    p = y\n    return z", "p at step 1", "softmax is missing"),
    (
        "    return z",
        "    p = p.T\n    return z",
        "p has shape (6, 3)",
        "transposed: (L, n_tags) instead of (n_tags, L)",
    ),
    ("    return z", "    h = h[:, 1:]\n    return z", "h has shape (5, 6)", "h_0 = 0 has a column too"),
    ("h[:, t + 1] = l", "h[:, t] = l", "h_0 = h[:, 0] is", "shifted by one step"),
    ("a = np.zeros((n_hidd, L))", "a = np.zeros((n_hidd, L), int)", "a has the dtype", "int64"),
    ("    return z", "    p = p.astype('float32')\n    return z", "p at step 1", "float32"),
    ("    return z", "    p[:, 2] = np.nan\n    return z", "p at step 3", "NaN"),
    ("    return z, a, h, y, p", "    return z, a, h, p", "Expected the results z, a, h, y, p", "got 4 values"),
    ("range(L)", "range(1, L)", "a at step 1", "is this step missing?"),
    ("logistic(a[:, t])", "logistic(a)", "It fails with ValueError", "is [:, t] missing"),
    ("W_h @ h[:, t]", "W_h * h[:, t]", "It fails with ValueError", "is * used instead of @?"),
    ("W_x @ z[:, t]", "W_x * z[:, t]", "It fails with ValueError", "* multiplies element by element"),
    ("W_y @ h[:, t + 1]", "-W_y @ h[:, t + 1]", "y at step 1", "The sign is wrong."),
    ("logistic(a[:, t])", "logistic(logistic(a[:, t]))", "h at step 1", "The activation is applied twice."),
    ("logistic(a[:, t])", "1 - logistic(a[:, t])", "h at step 1", "The activation has the wrong sign"),
    ("logistic(a[:, t])", "np.maximum(a[:, t], 0)", "h at step 1", "The activation is relu"),
    (
        "W_h @ h[:, t]",
        "W_h @ h[:, max(t - 1, 0)]",
        "Correct: step 1, z of step 2. First difference: a at step 2",
        "h_{t-2} is used",
    ),
    ("W_x @ z[:, t] + W_h", "W_x @ z[:, t] - W_h", "a at step 2", "W_h h_{t-1} is subtracted"),
    ("z = W_e[:, x]", "z = W_e[:, x[::-1]]", "z at step 1", "The sentence is read backwards."),
    ("z = W_e[:, x]", "z = W_e[:, np.append(x[1:], x[0])]", "z at step 1", "the embedding of the next word"),
    ("    return z", "    p = np.exp(y) / np.exp(y).sum()\n    return z", "p at step 1", "over all words and tags"),
    ("    return z", "    p = y / y.sum(0)\n    return z", "p at step 1", "divided by their sum, without exp"),
    ("    return z", "    p = logistic(y)\n    return z", "p at step 1", "the logistic function of the scores"),
    ("    return z", "    p = np.exp(p) / np.exp(p).sum(0)\n    return z", "p at step 1", "softmax is applied twice"),
    ("    return z", "    p = np.exp(-y) / np.exp(-y).sum(0)\n    return z", "p at step 1", "exp(y), not exp(-y)"),
]

ERRORS = [
    ("p[:, t] / L\n        e_y[gold[t], t] -= 1 / L", "p[:, t]\n        e_y[gold[t], t] -= 1", "e_y at step 6",
     "L times too large"),
    ("        e_h[:, t] = W", "        e_y[:, t] *= -1\n        e_h[:, t] = W", "e_y at step 6", "sign"),
    ("e_y[gold[t], t] -= 1 / L", "e_y[:, t] -= gold[t] / L", "e_y at step 6", "id of the gold tag is subtracted"),
    ("e_y[gold[t], t] -= 1 / L", "e_y[:, t] -= 1 / L", "e_y at step 6", "every tag's probability"),
    ("e_y[gold[t], t] -= 1 / L", "pass", "e_y at step 6", "gold tag is missing"),
    ("e_h[:, t] += W_h.T @ e_a[:, t + 1]", "pass", "e_h at step 5", "later step is missing"),
    ("if t + 1 < L:", "if True:", "It fails with IndexError", "The last step has no t + 1"),
    ("W_h.T @ e_a", "W_h @ e_a", "e_h at step 5", "not transposed"),
    ("W_h.T @ e_a[:, t + 1]", "W_h.T @ e_h[:, t + 1]", "e_h at step 5", "use e_a"),
    ("h[:, t + 1] * (1 - h[:, t + 1]) * ", "", "e_a at step 6", "derivative of the activation is missing"),
    ("h[:, t + 1] * (1 - h[:, t + 1])", "(1 - h[:, t + 1] ** 2)", "e_a at step 6", "tanh"),
    ("h[:, t + 1] * (1 - h[:, t + 1])", "h[:, t] * (1 - h[:, t])", "e_a at step 6", "shifted by one step"),
    ("h[:, t + 1] * (1 - h[:, t + 1])", "h[:, t + 1] * (1 - h[:, t])", "e_a at step 6", "to different steps"),
    ("e_h[:, t] += W_h", "e_h[:, t] = W_h", "e_h at step 5", "e_h is their sum"),
    ("p[:, t] / L\n", "p[:, t]\n", "e_y at step 6", "Only 1 is divided by L"),
    ("p[:, t] / L\n        e_y[gold[t], t] -= 1 / L", "p[:, t] - 1", "e_y at step 6", "1 is subtracted from every tag"),
    ("e_y[:, t] = p[:, t] / L\n", "e_y[gold[t], t] = p[gold[t], t] / L\n", "e_y at step 6", "Only the gold tag"),
    ("p[:, t] / L\n        e_y[gold[t], t] -= 1 / L", "p[:, t] / 3\n        e_y[gold[t], t] -= 1 / 3", "e_y at step 6",
     "the number of tags"),
    ("e_y[:, t] = p[:, t] / L\n        e_y[gold[t], t] -= 1 / L", "e_y[gold[t], t] = -1 / p[gold[t], t] / L",
     "e_y at step 6", "the error of p"),
    ("h[:, t + 1] * (1 - h[:, t + 1])", "1 / (1 + np.exp(-h[:, t + 1])) / (1 + np.exp(h[:, t + 1]))", "e_a at step 6",
     "applied to h_t again"),
    ("h[:, t + 1] * (1 - h[:, t + 1]) * ", "h[:, t + 1] * ", "e_a at step 6", "only half there"),
    ("h[:, t + 1] * (1 - h[:, t + 1]) * ", "(1 - h[:, t + 1]) * ", "e_a at step 6", "only half there"),
    ("h[:, t + 1] * (1 - h[:, t + 1])", "h[:, t] * (1 - h[:, t + 1])", "e_a at step 6", "to different steps"),
    ("W_h.T @ e_a[:, t + 1]", "e_a[:, t + 1]", "e_h at step 5", "without W_h^T"),
    ("e_y[gold[t], t] -= 1 / L", "e_y[gold[t], t] -= 1", "e_y at step 6", "after the division by L"),
    ("e_y[:, t] = p[:, t] / L\n        e_y[gold[t], t] -= 1 / L", "e_y[:, t] = p[:, t] - gold[t]", "e_y at step 6",
     "subtracted instead of 1, and the division by L is missing"),
    ("        e_h[:, t] = W", "        e_y[:, t] *= -L\n        e_h[:, t] = W", "e_y at step 6",
     "The sign is wrong, and the division by L is missing"),
    ("return e_y, e_h, e_a", "return e_y, e_a", "Expected the results e_y, e_h, e_a; got 2 values.", ""),
]  # fmt: skip

GRADIENTS = [
    ("dW_e[:, x[t]] += W", "dW_e[:, x[t]] = W", "gradient of W_e", "last occurrence of a repeated word"),
    ("dW_e[:, x[t]]", "dW_e[:, t]", "gradient of W_e", "the word's column is x[t]"),
    ("dW_x += np.outer", "dW_x = np.outer", "gradient of W_x", "Only the last step counts"),
    ("np.outer(e_a[:, t], h[:, t])", "np.outer(e_a[:, t], h[:, t + 1])", "gradient of W_h", "shifted by one step"),
    ("np.outer(e_a[:, t], h[:, t])", "np.outer(h[:, t], e_a[:, t])", "gradient of W_h", "transposed"),
    ("    return dW_e", "    dW_y = dW_y.T\n    return dW_e", "gradient of W_y has shape (5, 3)", "transposed"),
    (
        "    return dW_e",
        "    dW_x *= len(x)\n    return dW_e",
        "gradient of W_x",
        "the mean over the words, not the sum",
    ),
    ("    return dW_e", "    dW_x *= -1\n    return dW_e", "gradient of W_x", "sign is wrong"),
    ("    return dW_e", "    dW_y *= 3\n    return dW_e", "gradient of W_y", "3 times the correct one"),
    (", dW_y\n", "\n", "Expected 4 gradients", "got 3"),
    ("dW_e[:, x[t]] += W_x.T @ e_a[:, t]", "dW_e[:, x] += W_x.T @ e_a", "gradient of W_e", "adds to all words"),
    ("np.outer(e_a[:, t], h[:, t])", "np.outer(e_a[:, t], h[:, t - 1])", "gradient of W_h", "h[:, t - 1] is used"),
    ("np.outer(e_a[:, t], h[:, t])", "e_a[:, t] @ h[:, t]", "gradient of W_h", "is one number, a sum"),
    ("np.outer(e_a[:, t], h[:, t])", "e_a[:, t] * h[:, t]", "gradient of W_h", "use the outer product"),
    ("range(len(x))", "range(1, len(x))", "gradient of W_e", "The first step is missing"),
    ("range(len(x))", "range(len(x) - 1)", "gradient of W_e", "The last step is missing"),
    ("    return dW_e", "        return dW_e", "gradient of W_e", "a return inside the loop"),
    ("    return dW_e", "    dW_e *= 0\n    dW_x *= -1\n    return dW_e", "gradient of W_x", "The sign is wrong."),
    ("    return dW_e", "    dW_x /= len(x)\n    return dW_e", "gradient of W_x", "L = 6 times too small"),
    ("    return dW_e", "    dW_x /= -len(x)\n    return dW_e", "gradient of W_x", "and it is L = 6 times too small"),
    ("    return dW_e", "    dW_x[1] += 1\n    return dW_e", "most at row 1", "1 of 5 rows and 4 of 4 columns differ."),
    ("    return dW_e", "    dW_e[2, 5] += 1\n    return dW_e", "most at row 2, column 5 (a word)", "1 of 9 columns"),
    (
        "np.outer(e_y[:, t], h[:, t + 1])",
        "np.outer(e_y[:, t], h[:, t])",
        "gradient of W_y",
        "h is shifted by one step: h_{t-1} is used instead of h_t.",
    ),
]

NUMERIC = [
    ("2 * step", "step", "Largest difference", "is 2 steps"),
    ("(above - below)", "(below - above)", "Largest difference", "sign is wrong"),
    (" / (2 * step)", "", "Largest difference", "divide by the distance"),
    ("kept - step", "kept", "Largest difference", "divide by the distance"),
    ("            W[i, j] = kept\n", "", "W[0, 0] was", "restore each number"),
    ("step=1e-4", "step=0.1", "Largest difference", "with a small step"),
    ("return gradient", "return gradient[0]", "The gradient has shape (5,)", "one step only"),
    ("kept - step", "kept - 1.5 * step", "Largest difference", "It is 1.25 times the correct one everywhere"),
]

SCAN = [
    ("squares", "_i**2", "2 * _i", "expected [0, 1, 4, 9, 16]", "doubles"),
    ("squares", "T.arange(_n)", "T.arange(1, _n + 1)", "expected [0, 1, 4, 9, 16]", "The first number is 1"),
    ("squares", "return _squares", "return _squares[-1]", "returns 16", "only the last step"),
    ("squares", "_squares, _ =", "_squares =", "returns scan's pair (results, updates)", "only the results"),
    ("squares", "_squares, _ = theano.scan(lambda _i: _i**2, sequences=T.arange(_n))", "_squares = T.arange(_n) ** 2",
     "the graph contains no scan", "squares are correct"),
    ("squares", "sequences=T.arange(_n)", "sequences=range(_n)", "cannot be interpreted", "T.arange can"),
    ("squares", "T.arange(_n)", "T.arange(_n - 1)", "expected [0, 1, 4, 9, 16]", "One number is missing"),
    ("squares", "sequences=T.arange(_n)", "sequences=_n", "It fails with IndexError", "not the number n"),
    ("markov", "n_steps=_n", "n_steps=4", "expected (n, states) = (1, 3)", "number of steps is fixed"),
    ("markov", "T.dot(_A, _s_tm1)", "_A * _s_tm1", "outputs_info", "is the product a T.dot"),
    ("markov", "T.dot(_A, _s_tm1)", "_A @ _s_tm1", "unsupported operand", "T.dot(A, s)"),
    ("markov", "non_sequences=_A, ", "", "missing 1 required positional argument", "Compare their number"),
    ("markov", "T.dot(_A, _s_tm1)", "T.dot(_A.T, _s_tm1)", "s at step 1", "It is A^T s"),
    ("markov", "T.dot(_A, _s_tm1)", "T.dot(_s_tm1, _A)", "s at step 1", "is it T.dot(s, A)"),
    ("markov", "step(_s_tm1, _A)", "step(_A, _s_tm1)", "s at step 1", "scan passes the previous state first"),
    ("markov", "return _s\n", "return _s[-1]\n", "has shape (3,)", "one step only"),
    ("markov", "return _s\n", "return T.concatenate([_s0.dimshuffle('x', 0), _s])\n", "has shape (5, 3)",
     "It contains s_0"),
    ("markov", "return T.dot(_A, _s_tm1)", "return _s_tm1", "s at step 1", "The state does not change."),
    ("markov", "T.dot(_A, _s_tm1)", "_A.diagonal() * _s_tm1", "s at step 1", "A is multiplied element by element"),
    ("markov", "return _s\n", "return _s.T\n", "has shape (3, 4)", "It is transposed: expected one row per step."),
    ("squares", "_i**2", "_i**3", "expected [0, 1, 4, 9, 16]", "These are the cubes."),
    ("squares", "_i**2", "_i", "expected [0, 1, 4, 9, 16]", "These are the numbers"),
    ("squares", "T.arange(_n)", "T.arange(_n + 1)", "expected [0, 1, 4, 9, 16]", "One number too many"),
    ("squares", "return _squares", "return T.cumsum(_squares)", "returns [0, 1, 5, 14, 30]", "sums of squares"),
    ("rnn", "T.dot(W_h, _h", "T.dot(W_h.T, _h", "p at step 2", "W_h is transposed"),
    ("rnn", " + T.dot(W_h, _h_tm1)", "", "p at step 2", "W_h h_{t-1} is missing"),
    ("rnn", "T.zeros(", "T.ones(", "p at step 1", "h_0 is not zero"),
    ("rnn", "T.nnet.softmax(T.dot(_h, W_y.T))", "T.nnet.softmax(T.dot(_h, W_y.T)).T", "(n_tags, L) = (3, 6)",
     "one row per step. The numbers are correct"),
    ("rnn", "sequences=_z,", "sequences=_x,", "It fails with", "scan iterates over the word ids"),
    ("rnn", "sequences=_z,", "sequences=W_x,", "has shape (5, 3)", "which has length 5; the sentence has 6 words"),
    ("rnn", "T.nnet.softmax(T.dot(_h, W_y.T))", "T.nnet.softmax(T.dot(_h, W_y.T).T).T", "p at step 1",
     "The probabilities of each word must sum to 1"),
    ("rnn", "T.nnet.softmax(T.dot(_h, W_y.T))", "T.exp(T.dot(_h, W_y.T))", "p at step 1", "not normalised"),
    ("rnn", "T.nnet.sigmoid", "T.tanh", "p at step 1", "tanh"),
    ("rnn", "_h, _ =", "_h =", "It fails with", "scan returns a pair"),
    ("rnn", "step(_z_t, _h_tm1,", "step(_h_tm1, _z_t,", "It fails with ValueError", "in scan's order"),
    ("rnn", "sequences=_z,", "sequences=_z.T,", "It fails with", "one row per word, not its transpose"),
    ("rnn", "sequences=_z,", "sequences=[W_x],", "has shape (5, 3)", "which has length 5; the sentence has 6 words"),
    ("squares", "return _squares", "return 3", "expected a Theano variable, got int.", ""),
    ("theano_gradients", "-T.mean(", "-T.sum(", "gradient of W_e", "L = 6 times too large"),
    ("theano_gradients", "-T.mean(", "-(", "cost must be a scalar", "is the mean over the words, T.mean, missing?"),
    ("theano_gradients", "-T.mean(", "T.mean(", "gradient of W_e", "sign is wrong"),
    ("theano_gradients", "T.log(_p)", "_p", "gradient of W_e", "logarithm is missing"),
    ("theano_gradients", "[T.arange(_y.shape[0]), _y]", "[:, _y]", "gradient of W_e", "every word with every gold tag"),
    ("theano_gradients", "[T.arange(_y.shape[0]), _y]", "[_y]", "gradient of W_e", "picked by tag id"),
    ("theano_gradients", "_y.shape[0]", "len(_y)", "It fails with TypeError", "_y.shape[0]"),
    ("theano_gradients", "in param]", "in param[1:]]", "Expected 4 gradients", "got 3"),
    ("updates", "W - rate", "W + rate", "new W_x", "subtract"),
    ("updates", "rate * ", "", "new W_x", "rate is missing"),
    ("updates", "rate * T.grad(_cost, W)", "T.grad(_cost, W) / rate", "new W_x", "divided by the rate"),
    ("updates", "W - rate * T.grad(_cost, W)", "-rate * T.grad(_cost, W)", "new W_x", "This is only the step"),
    ("updates", "W - rate * T.grad(_cost, W)", "T.grad(_cost, W)", "new W_x", "This is the gradient"),
    ("updates", "W - rate * T.grad(_cost, W)", "W + 0", "new W_x", "The parameter does not change."),
    ("updates", "in param]", "in param[:1]]", "a pair for each", "W_h has none"),
    ("updates", "(W, W - rate * T.grad(_cost, W))", "(W - rate * T.grad(_cost, W), W)", "are swapped",
     "(shared variable, its new value)"),
    ("updates", "for W in param", "for W in [param[0], param[0]]", "occurs twice", "expected one pair for each"),
    ("updates", "[(W, W", "[(W + 0, W", "must be a parameter", "(W, its new value)"),
    ("lstm_gates", " + _b[:H]", "", "First difference: i is", "input gate's peephole"),
    ("lstm_gates", "_b = T.dot(W_c, _c_tm1)", "_b = 0 * T.dot(W_c, _c_tm1)", "difference: i", "peepholes are missing"),
    ("lstm_gates", "_b[2 * H :]", "0", "Correct: i, f, g. First difference: o", "output gate's peephole"),
    ("lstm_gates", "_a[H : 2 * H]", "_a[2 * H : 3 * H]", "Correct: i. First difference: f", "The gates are mixed up"),
    ("lstm_gates", "return _i, _f, _g, _o", "return _f, _i, _g, _o", "First difference: i", "This is f."),
    ("lstm_gates", "return _i, _f, _g, _o", "return _i, _f, _o", "Expected the results i, f, g, o", "got 3 values"),
    ("lstm_gates", "_g = T.tanh", "_g = T.nnet.sigmoid", "Correct: i, f. First", "g uses the logistic function"),
    ("lstm_step", "_f * _c_tm1 + _i * _g", "_i * _c_tm1 + _f * _g", "c_t", "swapped"),
    ("lstm_step", "_f * _c_tm1", "T.dot(_f, _c_tm1)", "c_t", "T.dot(f, c) is one number"),
    ("lstm_step", "_i * _g", "T.dot(_i, _g)", "c_t", "T.dot(i, g) is one number"),
    ("lstm_step", "_f * _c_tm1 + _i * _g", "T.dot(_f, _c_tm1) + T.dot(_i, _g)",
     "c_t has shape (), expected (n_hidd,) = (5,)",
     "It is one number"),
    ("lstm_step", "_o * T.tanh(_c_t)", "T.dot(_o, T.tanh(_c_t))", "h_t has shape ()", "It is one number"),
    ("lstm_gates", "_f = T.nnet.sigmoid(", "_f = T.tanh(", "Correct: i. First", "The forget gate uses tanh"),
    ("lstm_gates", "_i = T.nnet.sigmoid(", "_i = T.tanh(", "First difference: i", "The input gate uses tanh"),
    ("lstm_gates", "_o = T.nnet.sigmoid(", "_o = T.tanh(", "Correct: i, f, g.", "The output gate uses tanh"),
    ("lstm_gates", "T.tanh(_a[2 * H : 3 * H])", "T.tanh(_a[2 * H : 3 * H] + _b[H : 2 * H])", "g", "g has the peephole"),
    ("lstm_step", "_f * _c_tm1 + _i * _g", "(1 - _f) * _c_tm1 + _i * _g", "c_t", "is inverted"),
    ("lstm_step", "_f * _c_tm1 + _i * _g", "_f * _c_tm1 + (1 - _f) * _g", "c_t", "1 - f is used"),
    ("lstm_step", "_i * _g", "_i + _g", "c_t", "i and g are added"),
    ("lstm_step", "_f * _c_tm1 + _i * _g", "T.tanh(_f * _c_tm1 + _i * _g)", "c_t", "tanh is applied to the cell"),
    ("lstm_step", "_o * T.tanh(_c_t)", "T.tanh(_o * _c_t)", "Correct: c_t. First", "not of o c_t"),
    ("lstm_step", "_o * T.tanh(_c_t)", "_o + T.tanh(_c_t)", "Correct: c_t. First", "o is added"),
    ("lstm_step", "T.tanh(_c_t)", "T.tanh(_c_tm1)", "Correct: c_t. First difference: h_t", "the old cell"),
    ("lstm", "sequences=_z,", "sequences=_z.T,", "It fails with", "one row per word, not its transpose"),
    ("lstm_step", "_f * _c_tm1 + ", "", "c_t", "The old cell is missing"),
    ("lstm_step", " + _i * _g", "", "c_t", "The new content i g is missing"),
    ("lstm_step", "_f * _c_tm1", "_c_tm1", "c_t", "The forget gate is missing"),
    ("lstm_step", "_i * _g", "_g", "c_t", "The input gate is missing"),
    ("lstm_step", "_o * T.tanh(_c_t)", "T.tanh(_c_t)", "Correct: c_t. First", "the output gate is missing"),
    ("lstm_step", "_o * T.tanh(_c_t)", "_o * T.nnet.sigmoid(_c_t)", "Correct: c_t. First",
     "the logistic function is used instead of tanh"),
    ("lstm", "T.dot(_h, W_y.T)", "T.dot(theano.gradient.grad_scale(_h, 2), W_y.T)", "gradient of W_e",
     "It is 2 times the correct one everywhere."),
    ("lstm_step", "return _h_t, _c_t", "return _h_t, _c_t[:2]", "c_t has shape (2,), expected (n_hidd,) = (5,).", ""),
    ("lstm_step", "_f, _g, _o = my", "_g, _f, _o = my", "c_t", ""),
    ("lstm_step", "T.tanh(_c_t)", "_c_t", "Correct: c_t. First difference: h_t", "the tanh is missing"),
    ("lstm_step", "return _h_t, _c_t", "return _c_t, _h_t", "wrong order", "return h_t, c_t"),
    ("lstm", "[_h0, _c0]", "[_h0, _c0 + 1]", "p at step 1", "c_0 is not zero"),
    ("lstm", "T.dot(_h, W_y", "T.dot(_c, W_y", "p at step 1", "computed from the cells"),
]  # fmt: skip
LOOP = "torch.tanh(W_x @ z_t + W_h @ h_t)"
RETURN = "torch.softmax(torch.stack(h) @ W_y.T, -1)"
FRAMEWORK = [
    ("torch_loop", LOOP, "torch.tanh(W_x @ z_t + W_h.T @ h_t)", "p at step 2", "W_h is transposed"),
    ("torch_loop", LOOP, "torch.tanh(W_x @ z_t + h_t @ W_h)", "p at step 2", "W_h is transposed"),
    ("torch_loop", LOOP, "W_x @ z_t + W_h @ h_t", "p at step 1", "The activation is missing: h_t = tanh(a_t)"),
    ("torch_loop", LOOP, "torch.sigmoid(W_x @ z_t + W_h @ h_t)", "p at step 1", "logistic function; expected tanh"),
    ("torch_loop", LOOP, "torch.relu(W_x @ z_t + W_h @ h_t)", "p at step 1", "The activation is relu"),
    ("torch_loop", LOOP, "torch.tanh(W_x @ z_t)", "p at step 2", "W_h h_{t-1} is missing"),
    ("torch_loop", ", -1)", ", 0)", "p at step 1", "over the wrong axis"),
    ("torch_loop", RETURN, "torch.stack(h) @ W_y.T", "p at step 1", "The softmax is missing"),
    ("torch_loop", RETURN, "torch.log_softmax(torch.stack(h) @ W_y.T, -1)", "p at step 1", "These are the logarithms"),
    ("torch_loop", "new_zeros", "new_ones", "p at step 1", "h_0 is not zero"),
    ("torch_loop", "h = []", "h = [h_t]", "p has 7 rows for 6 words", "h_0 is among the states"),
    ("torch_loop", "in z:", "in z.flip(0):", "p at step 1", "backwards"),
    ("torch_loop", RETURN, f"{RETURN}.T", "p has shape (3, 6)", "It is transposed"),
    ("torch_loop", RETURN, f"list({RETURN})", "expected torch.Tensor, got 6 values", "torch.stack"),
    ("torch_loop", RETURN, f"{RETURN}.float()", "p is float32", "its own dtype"),
    ("torch_loop", "W_h.new_zeros", "torch.zeros", "fails with RuntimeError", "does not mix float32"),
    ("torch_loop", "        h.append(h_t)", "        h.append(h_t)\n        h_t = h_t.detach()", "the gradient of W_e",
     "The gradient stops at each step: leave out .detach()"),
    ("torch_loop", "h.append(h_t)", "h.append(h_t.detach())", "no way back from it to W_e, W_x, W_h.",
     "Leave out .detach()"),
    ("torch_loop", RETURN, f"{RETURN}.detach()", "no way back from it to W_e, W_x, W_h, W_y.", "Leave out .detach()"),
    ("torch_loop", LOOP, "torch.tensor(np.tanh(W_x @ z_t))", "fails with NameError", ""),
    ("torch_loop", LOOP, "torch.tensor((W_x @ z_t).numpy())", "fails with RuntimeError",
     "NumPy cannot follow gradients"),
    ("torch_loop", LOOP, "torch.tanh(W_x.T @ z_t + W_h @ h_t)", "fails with RuntimeError", "is a matrix transposed"),
    ("torch_loop", "        h.append(h_t)", "        h.append(h_t)\n        h_t *= 1", "fails with RuntimeError",
     "Autograd still needs the old values"),
    ("torch_gradients", ", requires_grad=True", "", "fails with RuntimeError", "only tensors with requires_grad=True"),
    ("torch_gradients", "requires_grad=True", "requires_grad=True, dtype=torch.float32", "A gradient is float32",
     "its own dtype"),
    ("torch_gradients", "-torch.log", "torch.log", "the gradient of W_e", "The sign is wrong."),
    ("torch_gradients", "torch.log(p[range(len(y)), y])", "p[range(len(y)), y]", "of W_e", "The logarithm is missing"),
    ("torch_gradients", "torch.log(p[range(len(y)), y])", "torch.log(p)", "of W_e", "The mean is over all tags"),
    ("torch_gradients", "p[range(len(y)), y]", "p[:, y]", "of W_e", "p[:, y] is a matrix"),
    ("torch_gradients", ".mean()", ".sum()", "of W_e", "It is L = 6 times too large"),
    ("torch_gradients", ".mean()", "", "fails with RuntimeError", "is the mean over the words missing?"),
    ("torch_gradients", "(cost, param)", "(cost, param[:3])", "Expected the results four gradients", "got 3 values"),
    ("torch_layer", "bias=False, dtype=W_e.dtype)\n    output", "dtype=W_e.dtype)\n    output", "biases", "bias=False"),
    ("torch_layer", "bias=False, dtype=W_e.dtype)\n    output", "bias=False)\n    output",
     "layer.weight_ih_l0 is float32", ""),
    ("torch_layer", "bias=False, dtype=W_e.dtype)\n    output",
     "bias=False, dtype=W_e.dtype, nonlinearity='relu')\n    output", "p at step 1", "The activation is relu"),
    ("torch_layer", "embedding, layer, output", "layer, embedding, output", "Expected an nn.Embedding, got RNN.", ""),
    ("torch_layer", "copy_(W_h)", "copy_(W_h.T)", "layer.weight_hh_l0 is not W_h.", "It is transposed."),
    ("torch_layer", "copy_(W_x)", "copy_(W_x.T)", "fails with RuntimeError", "is a matrix transposed"),
    ("torch_layer", "copy_(W_e.T)", "copy_(W_e)", "fails with RuntimeError", "is a matrix transposed"),
    ("torch_layer", "        output.weight.copy_(W_y)\n", "", "output.weight is not W_y.", ""),
    ("torch_layer", "layer.weight_ih_l0.copy_(W_x)", "layer.weight_ih_l0 = W_x", "fails with TypeError",
     "copy numbers into them"),
    ("torch_layer", "embedding.weight.copy_(W_e.T)", "embedding = nn.Embedding.from_pretrained(W_e.T)",
     "embedding.weight does not require gradients", ""),
    ("jax_scan", "return h_t, h_t", "return h_t", "fails with TypeError", "returns a pair"),
    ("jax_scan", "return h_t, h_t", "return h_t, h_tm1", "p at step 1", "computed from h_{t-1}"),
    ("jax_scan", "return h_t, h_t", "return h_tm1, h_t", "p at step 2", "W_h h_{t-1} is missing"),
    ("jax_scan", "return h_t, h_t", "return h_t[:1], h_t", "fails with TypeError", "those of the first state"),
    ("jax_scan", "_, h = lax", "h, _ = lax", "p has one row only", "in this order"),
    ("jax_scan", "step(h_tm1, z_t)", "step(z_t, h_tm1)", "fails with TypeError", "the state first"),
    ("jax_scan", "(step, h_0, z)", "(step, z, h_0)", "fails with", "the state first"),
    ("jax_scan", "_, h = lax.scan(step, h_0, z)",
     "h = []\n    for z_t in z:\n        h_0, _ = step(h_0, z_t)\n        h.append(h_0)\n    h = jnp.stack(h)",
     "there is no scan", "unroll"),
    ("jax_scan", "h_0, z)", "h_0, z, reverse=True)", "p at step 1", "backwards"),
    ("jax_scan", "jnp.zeros(len(W_h), W_h.dtype)", "jnp.zeros(len(W_h), 'float32')", "fails with TypeError",
     "shape and dtype"),
    ("jax_scan", "jnp.tanh(", "(", "p at step 1", "The activation is missing"),
    ("jax_scan", "@ W_y.T)", "@ W_y.T, axis=0)", "p at step 1", "over the wrong axis"),
    ("jax_scan", "W_h @ h_tm1", "W_h.T @ h_tm1", "p at step 2", "W_h is transposed"),
    ("jax_scan", "jnp.tanh(W_x", "__import__('numpy').tanh(W_x", "fails with TracerArrayConversionError", "of jnp"),
    ("jax_gradients", "jax.grad(cost)(param)", "jax.grad(cost)", "This is a function", "when it is called"),
    ("jax_gradients", ".mean()", "", "fails with TypeError", "is the mean over the words missing?"),
    ("jax_gradients", ".mean()", ".sum()", "of W_e", "It is L = 6 times too large"),
    ("jax_gradients", "jnp.log(p[jnp.arange(len(y)), y])", "p[jnp.arange(len(y)), y]", "of W_e",
     "The logarithm is missing"),
    ("jax_gradients", "p[jnp.arange(len(y)), y]", "p[:, y]", "of W_e", "p[:, y] is a matrix"),
    ("jax_gradients", "jax.grad(cost)(param)", "jax.grad(lambda *W: cost(W))(*param)", "This is one array",
     "whole list"),
    ("jax_gradients", "p = my", "param = [W.astype('float32') for W in param]\n        p = my", "of W_e", ""),
]  # fmt: skip
another_gradient = pytest.mark.slow("compiles another gradient, a second")
SCAN_MARKED = [
    pytest.param(*case, marks=another_gradient if case[3] == "gradient of W_e" and "sign" not in case[4] else ())
    for case in SCAN
]


@pytest.mark.parametrize(
    ("exercise", "old", "new", "where", "kind"),
    [("forward", *case) for case in FORWARD]
    + [("errors", *case) for case in ERRORS]
    + [("gradients", *case) for case in GRADIENTS]
    + [("numeric", *case) for case in NUMERIC]
    + SCAN_MARKED
    + [with_framework(*case) for case in FRAMEWORK],
)
def test_a_mistake_is_located_and_named(says, exercise, old, new, where, kind):
    found = says(exercise, (old, new))
    assert found.state == "not right"
    assert where in found.text
    assert kind in found.text
    assert not found


@pytest.mark.parametrize("exercise", RUNNABLE)
def test_a_solution_is_right_and_says_what(says, exercise):
    verdict = says(exercise)
    assert verdict
    assert verdict.state == "right"
    assert len(verdict.text) > 20


def test_a_shape_that_no_mistake_explains_has_no_advice(says):
    assert says("lstm_step", ("return _h_t, _c_t", "return _h_t, _c_t[:2]")).text.endswith("expected (n_hidd,) = (5,).")


def test_of_a_long_vector_the_first_four_numbers_are_shown(says):
    text = says("forward", ("logistic(a[:, t])", "a[:, t]")).text
    assert len(re.findall(r"\[(?:-?[0-9.]+, ){4}\.\.\.\]", text)) == 2  # got and expected
    text = says("forward", ("    return z", "    p = y\n    return z")).text
    assert len(re.findall(r"\[(?:-?[0-9.]+, ){2}-?[0-9.]+\]", text)) == 2


def test_of_two_mistakes_in_a_row_the_steps_before_are_right(says):
    text = says("forward", ("        y[:, t] = W", "        h[:, t + 1] *= t != 3\n        y[:, t] = W")).text
    assert text.startswith("Correct: steps 1 to 3, z of step 4, a of step 4. First difference: h at step 4 (index 3 in")


def test_rounding_is_relative_to_the_largest_number():
    for scale in (1e-9, 1.0, 1e9):
        right = scale * np.array([1.0, 0.0])
        assert close(right + 1e-12 * scale, right)
        assert not close(right + 1e-6 * scale, right)
        assert close(right + 1e-6 * scale, right, "float32")
        assert not close(right + 1e-3 * scale, right, "float32")


def test_what_is_transposed_and_wrong_is_not_said_to_be_right(says):
    texts = [says("forward", ("    return z", f"    p = {new}\n    return z")).text for new in ("p.T", "2 * p.T")]
    assert ["The numbers are correct." in text for text in texts] == [True, False]


def test_gradients_that_are_untouched_are_named_with_those_that_are_right(says):
    assert "Fill in the gradient: still all zeros." in says("numeric", ("return gradient", "return 0 * gradient")).text
    verdict = says("gradients", ("    return dW_e", "    dW_e *= 0\n    dW_h *= 0\n    return dW_e"))
    expected = "Correct so far: the gradient of W_x, W_y. Fill in the gradient of W_e, W_h: still all zeros."
    assert expected in verdict.text


def test_what_is_right_before_the_first_difference_is_said(says):
    text = says("forward", ("W_h @ h[:, t]", "W_h.T @ h[:, t]")).text
    assert text.startswith("Correct: step 1, z of step 2. First difference: a at step 2 (index 1 in Python) is [")


def test_two_mistakes_the_first_one_is_told(says):
    text = says("forward", ("W_h @ h", "W_h.T @ h"), (" / np.exp(y[:, t]).sum()", "")).text
    assert "p at step 1" in text
    assert "not normalised" in text


def test_probabilities_alone_are_judged_but_are_not_all(says):
    verdict = says("forward", ("return z, a, h, y, p", "return p"))
    assert verdict.state == "not yet"
    assert "p is correct in every step. The next cells also need the other results" in verdict.text
    assert "W_h is transposed" in says("forward", ("return z, a, h, y, p", "return p"), ("W_h @", "W_h.T @")).text


A, H = "        a[:, t] = W_x @ z[:, t] + W_h @ h[:, t]\n", "        h[:, t + 1] = logistic(a[:, t])\n"
Y, P = "        y[:, t] = W_y @ h[:, t + 1]\n", "        p[:, t] = np.exp(y[:, t]) / np.exp(y[:, t]).sum()\n"
E_Y = "        e_y[:, t] = p[:, t] / L\n        e_y[gold[t], t] -= 1 / L\n"
E_A = "        e_a[:, t] = h[:, t + 1] * (1 - h[:, t + 1]) * e_h[:, t]\n"


@pytest.mark.parametrize(
    ("exercise", "replaced", "right", "untouched"),
    [
        ("forward", [(A + H + Y + P, "        pass\n")], "z", "a, h, y, p"),
        ("forward", [(H + Y + P, "")], "z", "h, y, p"),
        ("forward", [(Y + P, "")], "z, a, h", "y, p"),
        ("forward", [(P, "")], "z, a, h, y", "p"),
        ("forward", [(Y, "")], "z, a, h", "y"),
        ("forward", [(A, A.replace("a[:, t]", "b")), (H, H.replace("a[:, t]", "b"))], "z, h, y, p", "a"),
        ("errors", [(E_A, "")], "e_y", "e_a"),
        ("errors", [(E_Y, "")], "", "e_y, e_h, e_a"),
        ("gradients", [("dW_h += np", "0 * np")], "the gradient of W_e, W_x, W_y", "the gradient of W_h"),
    ],
)
def test_what_is_untouched_is_not_yet_and_the_rest_keeps_its_tick(says, exercise, replaced, right, untouched):
    verdict = says(exercise, *replaced)
    assert verdict.state == "not yet"
    assert f"Fill in {untouched}: still all zeros." in verdict.text
    assert ("Correct so far" in verdict.text) == bool(right)
    assert f"{right}. Fill in" in verdict.text or not right
    assert progress.get(exercise)["tries"] == 0


@pytest.mark.parametrize(
    ("exercise", "unfinished", "right", "missing"),
    [
        ("lstm_gates", ["_f", "_g", "_o"], "i", "f, g, o"),
        ("lstm_gates", ["_f"], "i, g, o", "f"),
        ("lstm_step", ["_h_t"], "c_t", "h_t"),
    ],
)
def test_the_parts_of_an_lstm_that_are_there_are_judged(says, exercise, unfinished, right, missing):
    code = solutions.code(exercise).splitlines()
    lines = [line for line in code if line.split("=")[0].strip() in unfinished]
    left = [(line, f"{line.split('=')[0]}= ...") for line in lines]
    verdict = says(exercise, *left)
    assert verdict.state == "not yet"
    assert f"Correct so far: {right}. Still missing: {missing}." in verdict.text


def test_a_wrong_gate_is_named_before_one_that_is_missing(says):
    text = says(
        "lstm_gates",
        ("_f = T.nnet.sigmoid", "_f = T.tanh"),
        ("_o = T.nnet.sigmoid(_a[3 * H :] + _b[2 * H :])", "_o = ..."),
    ).text
    assert "The forget gate uses tanh" in text


@pytest.mark.parametrize(
    ("exercise", "old", "new"),
    [
        ("numeric", "above = cost()", "above = cost(W)"),
        ("forward", "range(L)", "range(L + 1)"),
        ("theano_gradients", "[T.arange(_y.shape[0]), _y]", "[_y, T.arange(_y.shape[0])]"),
    ],
)
def test_no_advice_is_better_than_one_that_leads_astray(says, exercise, old, new):
    text = says(exercise, (old, new)).text
    assert "It fails with" in text
    assert len(text.splitlines()) == 2  # what fails, and where


def test_a_mistake_in_half_filled_code_is_told(says):
    verdict = says("forward", ("W_h @ h[:, t]", "W_h.T @ h[:, t]"), (Y + P, ""))
    assert verdict.state == "not right"
    assert "W_h is transposed" in verdict.text
    assert "W_x z_t is missing" in says("forward", ("W_x @ z[:, t] + ", ""), (H + Y + P, H)).text
    assert "is added in every step" in says("forward", ("W_x @ z[:, t]", "W_x @ z[:, t] + 0.5"), (Y + P, "")).text


def test_an_error_without_a_message_is_told(says):
    text = says("forward", ("        a[:, t] =", "        raise ValueError\n        a[:, t] =")).text
    assert text.startswith("It fails with ValueError: \nin line 13 of the cell:  raise ValueError")


@pytest.mark.parametrize(
    "caught", ["pass", "try:\n                1 / 0\n            except Exception:\n                pass"]
)
def test_a_loop_that_never_ends_is_stopped_and_its_line_shown(says, monkeypatch, caught):
    monkeypatch.setattr(verdict, "MAX_CPU_SECONDS", 0.2)
    text = says("forward", ("        a[:, t] =", f"        while True:\n            {caught}\n        a[:, t] =")).text
    assert text.startswith("The function is still running after 0.2 s: does a loop never end?\nin line 1")
    assert says("forward")  # and the next one is judged as ever


def test_a_model_of_ones_own_can_be_checked():
    class Mine(NumpyRNN):
        def forward(self, x):
            return super().forward(x).T

    assert check.forward(NumpyRNN)
    assert check.forward(NumpyRNN(9, 4, 5, 3))
    assert check.gradients(NumpyRNN)
    assert "transposed" in check.forward(Mine).text


def test_a_class_that_is_no_model_is_told_what_it_lacks():
    class Empty:
        pass

    assert check.forward(Empty).text == "Empty has no method `forward`."


def test_what_breaks_the_check_itself_is_said_of_its_exercise():
    verdict = check.updates(lambda cost, param, rate: [(W, object()) for W in param])
    assert repr(verdict).startswith("✗ updates: not right. The check cannot handle this result. It fails with ")


@pytest.mark.parametrize("nothing", [None, ..., lambda *_: None, lambda *_: ..., lambda *_: (None, None)])
@pytest.mark.parametrize("exercise", ["forward", "errors", "squares", "lstm_gates"])
def test_nothing_is_not_yet(exercise, nothing):
    verdict = getattr(check, exercise)(nothing)
    assert verdict.state == "not yet"
    assert f'check.hint("{exercise}")' in verdict.text


def test_not_implemented_is_not_yet(cell):
    def unfinished(*_):
        raise NotImplementedError("your code here")

    assert check.forward(unfinished).state == "not yet"


def test_a_placeholder_that_is_left_is_named(cell):
    code = solutions.code("rnn").replace("return T.nnet.sigmoid(T.dot(W_x, _z_t) + T.dot(W_h, _h_tm1))",
                                         "return ...  # your code here")  # fmt: skip
    verdict = check.rnn(cell(code)["MyRNN"])
    assert verdict.state == "not yet"
    assert "A line is not filled in: return ...  # your code here" in verdict.text


def test_an_exception_is_its_last_line_and_the_students_line(says):
    text = says("forward", ("W_x @ z[:, t]", "W_x.T @ z[:, t]")).text
    assert text.startswith("It fails with ValueError: matmul: ")
    assert "in line 13 of the cell:  a[:, t] = W_x.T @ z[:, t] + W_h @ h[:, t]" in text
    assert "Traceback" not in text
    assert text.splitlines()[2:] == ["The shapes do not match: is a matrix transposed, or are two of them swapped?"]


def test_what_is_no_function_or_model_is_said():
    assert "Expected a function, got int" in check.forward(3).text
    assert "a subclass of RNN" in check.rnn(NumpyRNN).text


@pytest.mark.parametrize("exercise", RUNNABLE)
@pytest.mark.parametrize("strange", ["text", object(), lambda *_: [[1], [2, 3], "x"], lambda *_: {1: 2}, NAMES])
def test_strange_things_are_not_right_but_no_error(exercise, strange):
    assert getattr(check, exercise)(strange).state == "not right"


def test_a_check_leaves_the_students_arrays_alone(cell):
    kept = []

    def spoil(x, *param):
        kept.append([np.array(W) for W in param])
        for W in param:
            W[...] = 0

    check.forward(spoil)
    check.forward(spoil)
    assert all(np.array_equal(a, b) for a, b in zip(*kept, strict=True))


def test_a_verdict_shows_as_html_and_as_text(says):
    verdict = says("forward", ("W_h @ h[:, t]", "W_h.T @ h[:, t]"))
    assert repr(verdict).startswith("✗ forward: not right. ")
    assert "lab-check-not-right" in verdict._repr_html_()
    assert "lab-check-right" in says("forward")._repr_html_()
    assert "lab-check-not-yet" in check.forward(None)._repr_html_()
    assert "<script>" not in check.Verdict("forward", "not right", "<script>")._repr_html_()


def test_hints_come_one_after_another():
    assert [str(check.hint("forward")).count("\n") > 0 for _ in HINTS["forward"]] == [True] * 3
    text = str(check.hint("forward"))
    assert all(hint in text for hint in HINTS["forward"])
    assert 'check.solution("forward")' in text
    assert progress.get("forward")["hints"] == len(HINTS["forward"])


def test_one_hint_at_a_time_is_shown_and_how_many_there_are():
    first, second, _ = HINTS["errors"]
    assert str(check.hint("errors")) == f"1. {first}\nThe next call shows hint 2 of 3."
    assert progress.get("errors")["begun"]  # which a teacher sees
    assert str(check.hint("errors")) == f"1. {first}\n2. {second}\nThe next call shows hint 3 of 3."


@pytest.mark.parametrize("exercise", EXERCISES)
def test_every_exercise_has_hints_in_levels(exercise):
    assert len(HINTS[exercise]) == 3


def test_the_solution_is_shown_and_noted():
    assert str(check.solution("updates")) == solutions.code("updates")
    assert "T.grad" in check.solution("updates")._repr_html_()
    assert progress.get("updates")["solution"]


def test_an_exercise_that_is_not_there_is_said():
    for function in (check.hint, check.solution, check.reset):
        assert "No exercise 'forwards': expected one of forward, errors" in str(function("forwards"))


def test_progress_is_kept_on_disk(says):
    check.forward(None)
    assert progress.get("forward") == {"state": "not yet", "tries": 0, "hints": 0, "solution": False}
    says("forward", ("W_h @ h", "W_h.T @ h"))
    assert progress.get("forward")["state"] == "not right"
    assert progress.get("forward")["begun"]
    says("forward")
    check.forward(None)  # what was right once stays done
    kept = json.loads((paths.runs() / "exercises.json").read_text())
    assert kept["forward"]["state"] == "right"
    assert kept["forward"]["tries"] == 2
    assert "1 of 12 done, 0 of 10 optional" in str(check.progress())
    assert "<table>" in check.progress()._repr_html_()


def test_reset_forgets_one_or_all(says):
    says("forward")
    says("updates")
    check.reset("forward")
    assert "1 of 12 done, 0 of 10 optional" in str(check.progress())
    check.reset()
    assert "0 of 12 done, 0 of 10 optional" in str(check.progress())
    assert not check.passed("updates")
    assert str(check.reset("forward")) == "Reset: forward."  # though there was nothing


def test_a_damaged_file_is_put_aside(says):
    progress.path().write_text("{")
    assert "0 of 12 done, 0 of 10 optional" in str(check.progress())
    assert progress.path().with_name("exercises.json.damaged").read_text() == "{"
    assert says("forward")


def test_a_folder_that_cannot_be_written_does_not_stop_a_check(says, runs_folder, monkeypatch):
    monkeypatch.setenv("LXMLS_RUNS", str(runs_folder / "file" / "below"))
    (runs_folder / "file").write_text("")
    verdict = says("forward")
    assert verdict
    assert "Progress is not saved" in verdict.text


def test_what_needs_a_check_waits_for_it(says, capsys):
    assert not check.passed("forward", "updates")
    says_not = "This cell runs only after check.forward and check.updates say that your code is right.\n"
    assert capsys.readouterr().out == says_not
    says("forward")
    assert check.passed("forward")
    check.forward(None)
    assert not check.passed("forward")


def test_what_was_done_before_a_restart_is_to_be_run_again(says, capsys):
    says("forward")
    check._passed.clear()  # as in a new kernel
    assert not check.passed("forward")
    printed = capsys.readouterr().out
    assert printed == "This kernel is new: run the cells of forward and its check again.\n"
    says("updates")
    check._passed.clear()
    assert not check.passed("forward", "updates")
    assert capsys.readouterr().out.endswith("run the cells of forward and updates and their checks again.\n")
    check.reset("updates")
    check._passed.add("forward")
    assert not check.passed("forward", "updates")
    assert capsys.readouterr().out.endswith("only after check.updates says that your code is right.\n")


@pytest.fixture
def shell():
    """An IPython of the test's own, whose cells are followed."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    made = InteractiveShell(config=Config(HistoryManager={"enabled": False}))
    failed_cells.watch(made)
    yield made
    failed_cells._stale.clear()


DEFINED = solutions.code("forward")


@pytest.mark.parametrize(
    ("cell", "error"),
    [
        (DEFINED.replace("return", "return ("), "SyntaxError"),
        (f"1 / 0\n{DEFINED}", "ZeroDivisionError: division by zero"),
    ],
)
def test_a_check_says_that_the_cell_failed_and_it_judges_the_function_from_before(shell, cell, error):
    shell.run_cell(DEFINED)
    shell.run_cell(cell)
    before = shell.user_ns["my_forward"]
    verdict = check.forward(before)
    assert "The cell that defines my_forward failed" in verdict.text
    assert error in verdict.text
    assert verdict.state == "right"
    shell.run_cell(DEFINED)
    assert "failed" not in check.forward(shell.user_ns["my_forward"]).text
    assert "failed" not in check.forward(before).text


def test_a_check_says_nothing_of_cells_that_failed_elsewhere(shell):
    shell.run_cell(DEFINED)
    for cell in ("def other(:", "1 / 0", "my_forward(", f"{DEFINED}\n1 / 0"):
        shell.run_cell(cell)
        assert "failed" not in check.forward(shell.user_ns["my_forward"]).text


def test_outside_ipython_no_cells_are_followed():
    failed_cells.watch(None)
    assert failed_cells.stale(len) == ""
