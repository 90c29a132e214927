"""Rules for mistakes of any exercise: each on an answer that has the mistake, and on others that have not."""

import ast

import pytest
from student_answers import explained

from lab.exercises.cause import rules
from lab.exercises.cause.change import moved
from lab.exercises.exercise import EXERCISES
from lxmls_rnn.deep_learning.frameworks import NUMPY

ONE_LINE = "    y = np.zeros((n_tags, L))  # scores\n    p = np.zeros((n_tags, L))  # probabilities\n"
PADDED = 'x, y = np.zeros((B, L), "int32"), np.zeros((B, L), "int32")'
LATER = [
    ("    for t in", "    later = np.zeros(len(W_h))\n    for t in"),
    ("        if t + 1 < L:\n            e_h[:, t] += W_h.T @ e_a[:, t + 1]\n", "        e_h[:, t] += W_h.T @ later\n"),
]
BY_HAND = "with torch.no_grad():\n        for W in param:\n            "


def on(name, *values):
    """A test's parameters, skipped where the framework of the exercise is missing."""
    missing = EXERCISES[name].kind.framework.missing
    return pytest.param(name, *values, marks=pytest.mark.skipif(bool(missing), reason=missing))


@pytest.mark.parametrize(
    ("exercise", "changes", "said"),
    [
        # two names for one array, or a name that gets another one
        on("forward", [(ONE_LINE, "    y = p = np.zeros((n_tags, L))\n")],
           "y and p are one array with two names, since line 10, y = p = np.zeros((n_tags, L))"),
        on("errors", [("np.zeros_like(p)", "p")], "`e_y = p` in line 6 makes no copy"),
        on("pad_batch", [(PADDED, 'x, y = [[0] * L] * B, np.zeros((B, L), "int32")'), ("x[b, :", "x[b][:"),
                         ("return x", 'return np.array(x, "int32")')], "write [[0] * L for _ in range(B)]."),
        on("torch_step", [("optimizer.step()", f"{BY_HAND}W = W - 0.5 * W.grad")],
           "names a new array, and the old one stays as it is: write W -= 0.5 * W.grad."),
        # what is computed and lost
        on("torch_step", [("optimizer.step()", "optimizer.step")], "write optimizer.step()."),
        on("torch_step", [("optimizer.step()", f"{BY_HAND}W.sub(0.5 * W.grad)")], "write W.sub_(0.5 * W.grad)."),
        on("torch_step", [("cost.item()", "cost.item")], "got the function or method item itself: () calls it"),
        on("forward", [("h[:, t + 1] = logistic", "logistic")], "Line 14, logistic(a[:, t]), keeps nothing"),
        on("forward", [("h[:, t + 1] =", "h[:, t + 1] ==")], "`==` in line 14 compares; = assigns."),
        on("torch_loop", [("        h.append(h_t)\n", "")], "at the end of each round, h.append(h_t)."),
        on("errors", LATER, "at the end of each round, later = e_a[:, t]."),
        on("pad_batch", [("        weights[b, :", "    weights[b, :")], "belongs into the loop: indent it."),
        # a return in a loop, or only in an if
        on("errors", [("    return e_y", "        return e_y")], "There is a return inside the loop, in line 16"),
        on("early_stopping", [("                break\n", "                return best\n")],
           "The return in line 11 also leaves out what comes after the loop: break ends only the loop."),
        on("clip", [("    return [f", "    if norm > max_norm:\n        return [f")],
           "The return in line 8 is only in an if or a loop"),
        # what scan passes
        on("markov", [("non_sequences=_A, ", "")], "at first _s0. It takes _s_tm1, _A. Nothing gives it _A."),
        on("rnn", [("[W_x, W_h])", "[W_h, W_x])")],
           "an element of _z; the last result, at first _h0; W_h; W_x. It takes _z_t, _h_tm1, W_x, W_h."),
        on("rnn", [("sequences=_z,", "sequences=[_z, W_x],"), ("[W_x, W_h])", "W_h)")], "Of W_x, a sequence"),
        on("lstm_step", [("_h_tm1, _c_tm1, W_x, W_h, W_c)\n    _c", "_h_tm1, W_x, W_h, W_c)\n    _c")],
           "takes (_z_t, _h_tm1, _c_tm1, W_x, W_h, W_c); line 2 gives it (_z_t, _h_tm1, W_x, W_h, W_c)."),
        on("torch_gradients", [("*param", "param")], "hand over the parts of the list, *param."),
        # a framework's kinds of values
        on("updates", [("return [(W, W - rate * T.grad(_cost, W)) for W in param]",
                        "[W.set_value(W - rate * T.grad(_cost, W)) for W in param]")], "set_value takes numbers"),
        on("clip", [("[factor * gradient for gradient in gradients]", "factor * gradients")], "A list cannot be added"),
        on("clip", [("[factor * gradient for gradient in gradients]", "(factor * gradient for gradient in gradients)")],
           "got a generator: [...] makes a list of it"),
        on("torch_gradients", [("torch.autograd.grad(cost, param)", "cost.backward()")],
           "cost.backward() returns None."),
        on("torch_gradients", [("torch.autograd.grad(cost, param)", "[W.grad for W in param]")],
           ".grad is None before backward()"),
        on("torch_step", [("    p = my", "    with torch.no_grad():\n        p = my")], "torch.no_grad(), .detach()"),
        # a name that is not there
        on("clip", [("norm > max_norm", "norm > limit / scale")],
           "Nothing is called `limit` here; this function has gradients, max_norm, factor, norm."),
        on("rnn", [("_z = W_e", "_z = self.W_e")], "`W_e` is a name of this function: write it alone."),
        # two mistakes
        on("forward", [("logistic(a[:, t])", "np.tanh(a[:, t])"), ("W_y @ h[:, t + 1]", "W_y @ h[:, t]")],
           "The activation is tanh; expected the logistic function.\nA second mistake, in y:\n  line 15:  "),
    ],
)  # fmt: skip
def test_a_rule_names_the_mistake(exercise, changes, said):
    assert said in explained(exercise, *changes)


@pytest.mark.parametrize(
    ("exercise", "changes", "accusation"),
    [
        on("forward", [("    return z", "    p = y\n    return z")], "one array"),  # no line writes to it later
        on("squares", [("lambda _i: _i**2", "lambda k: k**3")], "scan, in line"),  # names of one's own
        # a lambda, but not of the function that is called
        on("squares", [("_i: _i**2", "_n: _n**2"), ("    return", "    print(_squares.eval())\n    return")],
           "takes ("),
        on("pad_batch", [("enumerate(sentences)", "enumerate(sorted(sentences, key=lambda s: len(s[0])))")], "takes ("),
        on("gradients", [("dW_y += np.outer(e_y[:, t], h[:, t + 1])", "dW_y += e_y @ h[:, 1:].T")], "belongs below"),
        on("errors", [("p[:, t] / L", "(p / L)[:, t] * 2")], "makes no copy"),
        on("torch_step", [("    optimizer", f"    {BY_HAND}W -= optimizer.defaults['lr'] * W.grad\n    optimizer")],
           "under all its names"),  # a new name has no effect: it is the second step that is wrong
    ],
)  # fmt: skip
def test_a_rule_says_nothing_of_other_mistakes(exercise, changes, accusation):
    assert accusation not in explained(exercise, *changes)


def test_no_repair_makes_a_loop_endless():
    code = "def f(x):\n    t = x\n    for t in x:\n        pass\n    while t > 0:\n        x += t\n        t -= 1\n"
    endless = "    while True:\n        if x:\n            return x\n"
    tree = ast.parse(code + endless)
    repairs = [*rules.changes(tree, NUMPY, {}), *moved(tree)]
    assert {change.line for change in repairs if change.line > 3} == {6}  # x += t, and neither t -= 1 nor the returns
