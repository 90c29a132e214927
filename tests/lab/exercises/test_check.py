"""The checks in a notebook; test_catalogue.py has what they say of known mistakes."""

import json
import os
import re
import signal
import sys
import textwrap
import threading
import warnings
from contextlib import redirect_stdout
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from html_tables import tables
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from lab import check
from lab.exercises import progress
from lab.exercises.cause.errors import CUT_OFF
from lab.exercises.exercise import EXERCISES, answer_of, read
from lab.exercises.inputs import cases
from lab.runtime import python_warnings
from lxmls_rnn import paths
from lxmls_rnn.classroom.students import Attempts


def with_framework(exercise, *values):
    """A test's parameters, skipped where the framework of the exercise is missing."""
    framework = EXERCISES[exercise].kind.framework
    return pytest.param(exercise, *values, marks=pytest.mark.skipif(bool(framework.missing), reason=framework.missing))


RUNNABLE = list(map(with_framework, EXERCISES))


@pytest.fixture(autouse=True)
def nothing_passed_yet():
    check._passed.clear()


@pytest.fixture(autouse=True)
def timers(monkeypatch):
    """Timers whose time is up at once or never, however long the checks of a test take."""
    timers = SimpleNamespace(are_up=False, cancelled=0)

    class Timer:
        def __init__(self, seconds, call, arguments):
            self.call, self.arguments = call, arguments

        def start(self):
            if timers.are_up:
                self.call(*self.arguments)

        def cancel(self):
            timers.cancelled += 1

    monkeypatch.setattr(threading, "Timer", Timer)
    return timers


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
        code = EXERCISES[exercise].solution
        for old, new in replacements:
            assert old in code
            code = code.replace(old, new)
        cell(EXERCISES[exercise].before, "before")
        return getattr(check, exercise)(cell(code)[EXERCISES[exercise].function])

    return check_solution


@pytest.mark.parametrize("exercise", RUNNABLE)
def test_a_solution_is_right_and_says_what(says, exercise):
    verdict = says(exercise)
    assert verdict
    assert verdict.state == "right"
    assert len(verdict.text) > 20


def test_a_recursion_without_end_an_interrupt_and_an_exit_have_a_verdict(cell, says):
    code = "import sys\ndef f(*given):\n    sys.setrecursionlimit(10**7)\n    return f(*given)"
    said = check.forward(cell(code)["f"])
    assert said.state == "not right"
    assert "RecursionError" in said.text
    said = check.forward(cell("def f(*given):\n    raise KeyboardInterrupt")["f"])
    assert said.text.startswith("It fails with KeyboardInterrupt")
    said = says("errors", ("    L = ", "    if p.shape[1] != 15:\n        raise SystemExit(0)\n    L = "))
    assert said.state == "not right"
    assert said.text.startswith("It fails with SystemExit")


# as if the limit were over: its timer sends this signal
TIME_IS_UP = "__import__('signal').raise_signal(__import__('signal').SIGPROF)"


def test_a_loop_that_never_ends_is_stopped_and_its_line_shown(says):
    text = says(
        "forward", ("        a[:, t] =", f"        while True:\n            {TIME_IS_UP}\n        a[:, t] =")
    ).text
    assert text.startswith(
        "The function is still running after 5 s of computing: does a loop or a recursion never end?\nin line 1"
    )
    assert text.endswith(TIME_IS_UP)
    assert says("forward")  # and the next one is judged as ever


def huge(*given):
    return signal.setitimer(signal.ITIMER_PROF, 0.01) and (len(given) + 10) ** 10**9


@pytest.mark.parametrize("name", ["forward", "squares", "torch_loop"])
def test_code_that_never_leaves_C_has_a_verdict_with_its_line(name):
    if missing := EXERCISES[name].kind.framework.missing:
        pytest.skip(missing)
    said = getattr(check, name)(huge)
    assert said.state == "not right"
    assert said.text.startswith("The function is still running after")
    assert f"\nin line {huge.__code__.co_firstlineno + 1} of the cell:  return signal.setitimer" in said.text


PRINT_AND_WAIT = "print() or __import__('threading').Event().wait()"  # in one line: this one is shown


def test_of_code_that_waits_the_line_is_shown_and_no_try_is_counted(says, nothing_comes):
    with redirect_stdout(nothing_comes):
        said = says("forward", ("    L, ", f"    {PRINT_AND_WAIT}\n    L, "))
    assert said.state == "not yet"
    assert said.text.startswith("Your code waits for something that does not come")
    assert said.text.endswith(PRINT_AND_WAIT)
    assert progress.FILE.read()["forward"].tries == 0


def test_who_interrupts_a_check_sees_where_the_code_was_and_no_traceback(cell, capsys, monkeypatch):
    answer = cell(f"def f(*given):\n    {PRINT_AND_WAIT}")["f"]
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(write=lambda _: signal.raise_signal(signal.SIGINT)))
    with pytest.raises(
        KeyboardInterrupt, match=re.escape(f"Stopped in line 2 of your code:  {PRINT_AND_WAIT}")
    ) as caught:
        check.forward(answer)
    monkeypatch.undo()
    InteractiveShell(config=Config(HistoryManager={"enabled": False})).showtraceback(caught._excinfo)
    assert capsys.readouterr().out == f"{caught.value}\n"


def test_a_check_that_takes_long_says_how_to_stop_it(says, capsys, timers):
    timers.are_up = True
    assert says("forward")
    assert "To stop it: Kernel > Interrupt Kernel" in capsys.readouterr().out
    assert timers.cancelled == 1


@pytest.mark.parametrize("then", ["pass", "raise ValueError('long ' * 200)"])  # whose whole message is folded, too
def test_what_theano_logs_of_an_answer_is_folded_under_the_verdict(says, capfd, then):
    failing = f"    try:\n        T.dot(T.ones((2, 3)), T.ones(4)).eval()\n    finally:\n        {then}\n    return"
    shown = says("squares", ("    return", failing))._repr_html_()
    assert shown.index("It fails with ValueError") < shown.index("<details>") < shown.index("TRACEBACK:")
    assert shown.count("TRACEBACK:") == shown.count("The whole message") == 1
    assert "TRACEBACK" not in "".join(capfd.readouterr())


@pytest.mark.parametrize("where", ["def f(*given):\n    np.exp = np.tanh", "np.exp = np.tanh\ndef f(*given): pass"])
def test_who_replaces_a_function_of_numpy_hears_so_and_gets_it_back(cell, where):
    before = np.exp
    said = check.forward(cell(f"import numpy as np\n{where}")["f"])
    assert said.state == "not right"
    assert said.text.startswith("Your code replaces np.exp for all code")
    assert np.exp is before


def test_a_difference_that_is_found_is_kept_when_the_search_for_its_cause_never_ends(says):
    calls = len(cases("forward"))  # those after them are of the search, which changes the answer
    endless = f"    calls.append(0)\n    if len(calls) > {calls}:\n        {TIME_IS_UP}\n    L, "
    replaced = ("    L, ", endless), ("def ", "calls = []\n\ndef "), ("W_x @", "2 * W_x @")
    said = says("forward", *replaced)
    assert said.state == "not right"
    assert "First difference: a at step 1" in said.text
    assert said.text.endswith(f"\n{CUT_OFF}")
    assert "in line" not in said.text
    assert says("forward", *replaced).text == said.text


def test_an_answer_changes_nothing_in_the_kernel_but_its_output_is_shown(says, capsys):
    spoil = "    print('mine')\n    import sys\n    sys.stdout = np.exp = None\n    L, "
    before = sys.stdout, np.exp
    assert says("forward", ("    L, ", spoil)).state == "not right"
    assert (sys.stdout, np.exp) == before
    assert capsys.readouterr().out == "mine\n"
    assert says("forward", ("    L, ", "    __import__('os')._exit(0)\n    L, ")).state == "not right"


def test_without_a_fork_an_interrupt_stops_a_check_and_puts_the_output_back(says, monkeypatch):
    monkeypatch.delattr(os, "fork")
    before, calls = sys.stdout, len(cases("forward"))
    searched = f"    calls.append(0)\n    if len(calls) > {calls}:\n        raise KeyboardInterrupt\n    L, "
    for code in ("    raise KeyboardInterrupt\n    L, ", searched):
        with pytest.raises(KeyboardInterrupt, match=r"Stopped in line \d+ of your code:  raise Key"):
            says("forward", ("    L, ", code), ("def ", "calls = []\n\ndef "), ("W_x @", "2 * W_x @"))
    assert sys.stdout is before
    assert says("forward")


@pytest.mark.parametrize("forks", [True, False])
def test_warnings_of_an_answer_are_ignored_but_not_those_of_other_threads(says, monkeypatch, capsys, forks):
    python_warnings.install()
    monkeypatch.setattr(python_warnings, "_show_elsewhere", lambda warning, *place: print(warning, file=sys.stderr))
    if forks:
        warnings.simplefilter("error")  # as a user may have it
        others = "    warnings.simplefilter('always')\n    warnings.warn('again', stacklevel=1)\n"
    else:
        monkeypatch.delattr(os, "fork")
        others = f"    assert id(warnings.filters) == {id(warnings.filters)}\n"
    warn = f"    import warnings\n    warnings.warn('mine', stacklevel=1)\n{others}    L, "
    assert says("forward", ("    L, ", warn)).state == "right"
    assert capsys.readouterr().err == ""


def test_the_first_states_may_have_other_names_but_must_be_arguments(says):
    assert says("rnn", ("_h0", "_first")).state == "right"
    assert "no argument `_h0`" in says("rnn", (", _h0=None", ""), ("if _h0 is None:", "if True:")).text
    assert "no argument `_c0`" in says("lstm", (", _c0=None", ""), ("if _c0 is None:", "if True:")).text


def test_the_librarys_models_are_not_ones_own(cell):
    code = "from lxmls_rnn.deep_learning.rnn import RNN\n\nclass {}(RNN):\n    def {}(self, _x, _h0=None):\n        {}"
    said = check.rnn(cell(code.format("Mine", "_forward", "return super()._forward(_x, _h0)"))["Mine"]).text
    assert said == "The library's `_forward` did the work: the exercise is to write it yourself."
    said = check.rnn(cell(code.format("Other", "forward", "return 1"))["Other"]).text
    assert said.startswith("Other has no method `_forward` of its own")
    assert said.endswith("Rename its `forward` to `_forward`.")
    code = code.replace("rnn import RNN", "numpy_models.rnn import NumpyRNN as RNN").replace(
        "_x, _h0=None", "input, output"
    )
    own = code.format("Own", "backpropagation", "return super().backpropagation(input, output)")
    assert "`backpropagation` did the work" in check.backpropagation(cell(own)["Own"]).text


def test_without_a_known_cause_the_line_the_numbers_and_the_formula_are_shown(says):
    lines = says("forward", ("logistic(a[:, t])", "np.sin(a[:, t]) ** 2 / 3")).text.splitlines()
    assert re.search(r"h at step 1 .* of a sentence of 6 words is \[.*\], expected \[", lines[0])
    assert lines[1] == "The rest is right: only this is wrong"
    assert lines[2] == "  line 14:  h[:, t + 1] = np.sin(a[:, t]) ** 2 / 3"
    assert lines[3].startswith("The formula: h_t = logistic(a_t)")


A, H = "        a[:, t] = W_x @ z[:, t] + W_h @ h[:, t]\n", "        h[:, t + 1] = logistic(a[:, t])\n"
Y, P = "        y[:, t] = W_y @ h[:, t + 1]\n", "        p[:, t] = np.exp(y[:, t]) / np.exp(y[:, t]).sum()\n"
E_Y = "        e_y[:, t] = p[:, t] / L\n        e_y[gold[t], t] -= 1 / L\n"


@pytest.mark.parametrize(
    ("exercise", "replaced", "right", "untouched"),
    [
        ("forward", [(A + H + Y + P, "        pass\n")], "z", "a, h, y, p"),
        ("forward", [(Y, "")], "z, a, h, p", "y"),
        ("forward", [(A, A.replace("a[:, t]", "b")), (H, H.replace("a[:, t]", "b"))], "z, h, y, p", "a"),
        ("errors", [(E_Y, "")], "e_h, e_a", "e_y"),
        ("lstm_gates", [("= T.tanh(_a[2 * H : 3 * H])", "= ..."), ("_f = T.nnet", "_f = ... # ")], "i, o", "f, g"),
    ],
)
def test_what_is_untouched_is_not_yet_and_the_rest_keeps_its_tick(says, exercise, replaced, right, untouched):
    verdict = says(exercise, *replaced)
    assert verdict.state == "not yet"
    assert f"Fill in {untouched}: missing, or still all zeros." in verdict.text
    assert ("Correct so far" in verdict.text) == bool(right)
    assert f"{right}. Fill in" in verdict.text or not right
    assert progress.FILE.read()[exercise].tries == 0


def test_a_mistake_in_half_filled_code_is_told(says):
    verdict = says("forward", ("W_h @ h[:, t]", "W_h.T @ h[:, t]"), (Y + P, ""))
    assert verdict.state == "not right"
    assert "W_h is transposed" in verdict.text
    assert "W_x z_t is missing" in says("forward", ("W_x @ z[:, t] + ", ""), (H + Y + P, H)).text


def _unfinished(*_):
    raise NotImplementedError("your code here")


def test_nothing_is_not_yet_and_counts_no_try():
    before = check.progress()._repr_html_()
    assert repr(check.forward()).startswith("… forward: not yet. Expected your function or class in check.forward(...)")
    assert check.progress()._repr_html_() == before
    for exercise, nothing in (("forward", None), ("forward", _unfinished), ("lstm_gates", lambda *_: ...)):
        verdict = getattr(check, exercise)(nothing)
        assert verdict.state == "not yet"
        assert nothing is _unfinished or f'check.hint("{exercise}")' in verdict.text


def test_a_function_that_is_filled_in_and_returns_nothing_hears_why(says):
    verdict = says("clip", ("    return [f", "    if norm > max_norm:\n        return [f"))
    assert verdict.state == "not right"
    assert "The return in line 8 is only in an if or a loop" in verdict.text


def test_a_placeholder_that_is_left_is_named(cell):
    code = EXERCISES["rnn"].solution.replace("return T.nnet.sigmoid(T.dot(W_x, _z_t) + T.dot(W_h, _h_tm1))",
                                         "return ...  # your code here")  # fmt: skip
    cell(EXERCISES["rnn"].before, "before")
    verdict = check.rnn(cell(code)["MyRNN"])
    assert verdict.state == "not yet"
    assert "A line is not filled in: return ...  # your code here" in verdict.text


ONE_OF_EACH_KIND = {exercise.kind: name for name, exercise in EXERCISES.items()}.values()


@pytest.mark.parametrize("exercise", list(map(with_framework, ONE_OF_EACH_KIND)))
def test_strange_things_are_not_right_but_no_error(exercise):
    assert "a subclass of RNN" in check.rnn(dict).text
    for strange in ("text", lambda *_: [[1], [2, 3], "x"], lambda *_: {1: 2}):
        assert getattr(check, exercise)(strange).state == "not right"


def test_an_exercise_without_its_framework_says_so_and_is_not_begun(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "torch", None)
    missing = "PyTorch is not installed: `make setup WITH=torch` installs it (2.5 GB, with CUDA)."
    assert repr(check.torch_loop(len)) == f"… torch_loop: not yet. {missing}"
    assert not check.installed("torch")
    assert capsys.readouterr().out == f"{missing}\n"
    assert progress.FILE.read() == {}


def test_one_hint_at_a_time_is_shown_and_the_solution_is_noted():
    first, second, third = EXERCISES["errors"].hints
    assert str(check.hint("errors")) == f"1. {first}\nThe next call shows hint 2 of 3."
    assert progress.FILE.read()["errors"].begun  # which a teacher sees
    shown = check.hint("errors")
    assert str(shown) == f"1. {first}\n2. {second}\nThe next call shows hint 3 of 3."
    assert shown._repr_html_().count("<li>") == 2
    for _ in range(2):
        assert third in (text := str(check.hint("errors")))
        assert 'check.solution("errors")' in text
    assert progress.FILE.read()["errors"].hints == 3
    assert str(check.solution("updates")) == EXERCISES["updates"].solution
    assert "T.grad" in check.solution("updates")._repr_html_()
    assert progress.FILE.read()["updates"].solution


def test_an_exercise_that_is_not_there_or_left_out_is_said(capsys):
    assert str(check.left_out(len)).startswith("No exercise 'left_out': expected one of forward, errors")
    assert not check.passed("forward", "left_out")
    assert capsys.readouterr().out.startswith("No exercise 'left_out'")
    for function in (check.hint, check.solution, check.reset):
        assert "No exercise 'forwards': expected one of forward, errors" in str(function("forwards"))


def test_progress_is_kept_on_disk(says):
    check.forward(None)
    assert progress.FILE.read()["forward"] == Attempts()
    says("forward", ("W_h @ h", "W_h.T @ h"))
    entry = progress.FILE.read()["forward"]
    assert (entry.state, bool(entry.begun)) == ("not right", True)
    assert entry.cause == "W_h is transposed: W_h.T is used instead of W_h."
    says("forward")
    check.forward(None)  # what was right once stays done
    kept = json.loads((paths.runs() / "exercises.json").read_text())["entries"]
    assert kept["forward"]["state"] == "right"
    assert kept["forward"]["tries"] == 2
    assert "cause" not in kept["forward"]
    check.hint("forward")
    optional = next(name for name in EXERCISES if EXERCISES[name].optional)
    progress.update(optional, state="right")
    assert "1 of 12 done, 1 of 13 optional. Next: 6.1, errors. " in str(check.progress())
    check.reset(optional)
    shown = check.progress()
    ((_, forward, *others),) = tables(shown._repr_html_())
    assert forward[3:] == ["done", "2", f"1 of {len(EXERCISES['forward'].hints)}", ""]
    assert {state for *_, state, _, _, _ in others} == {"optional", "not yet"}


def test_progress_shows_required_exercises_first_wherever_a_teacher_puts_them(monkeypatch):
    monkeypatch.setattr(check, "EXERCISES", dict(reversed(EXERCISES.items())))
    ((_, first, *_, last),) = tables(check.progress()._repr_html_())
    assert (first[1], last[1]) == ("lstm", "torch_loop")
    assert "Next: 6.4, lstm. " in str(check.progress())


def test_reset_forgets_one_or_all(says):
    says("forward")
    says("updates")
    check.reset("forward")
    assert "1 of 12 done, 0 of 13 optional" in str(check.progress())
    assert check.passed("updates")
    check.reset()
    assert "0 of 12 done, 0 of 13 optional" in str(check.progress())
    assert not check.passed("updates")
    assert str(check.reset("forward")) == "Reset: forward."  # though there was nothing


def test_what_needs_a_check_waits_for_it_and_after_a_restart_for_another(says, capsys):
    assert not check.passed("forward", "updates")
    says_not = "This cell runs only after check.forward and check.updates say that your code is right.\n"
    assert capsys.readouterr().out == says_not
    says("forward")
    assert check.passed("forward")
    check.forward(None)
    assert not check.passed("forward")
    says("forward")
    check._passed.clear()  # as in a new kernel
    assert not check.passed("forward")
    printed = capsys.readouterr().out
    assert printed.endswith("This kernel is new: run the cells of forward and its check again.\n")
    says("updates")
    check._passed.clear()
    assert not check.passed("forward", "updates")
    assert capsys.readouterr().out.endswith("run the cells of forward and updates and their checks again.\n")
    check.reset("updates")
    check._passed.add("forward")
    assert not check.passed("forward", "updates")
    assert capsys.readouterr().out.endswith("only after check.updates says that your code is right.\n")


@pytest.mark.parametrize("exercise", [with_framework("torch_gradients"), with_framework("torch_step")])
def test_tags_are_int64_as_the_losses_of_pytorch_want_them(says, exercise):
    loss = "nn.functional.nll_loss(torch.log(p), y)"
    assert says(exercise, ("-torch.log(p[range(len(y)), y]).mean()", loss)).state == "right"


@pytest.mark.skipif(bool(EXERCISES["torch_step"].kind.framework.missing), reason="PyTorch is missing")
def test_a_cost_that_still_has_its_graph_is_not_right(says):
    assert says("torch_step", ("return cost.item()", "return cost")).text.endswith("return cost.item().")


def test_a_class_of_the_2026_edition_is_checked_as_a_class_and_as_an_instance():
    known = answer_of("backpropagation")
    sizes = {"input_size": 3, "embedding_size": 2, "hidden_size": 2, "output_size": 2, "learning_rate": 0.1}

    code = EXERCISES["backpropagation"].solution.replace("(p_y - onehot) / nr_steps", "onehot - p_y")
    results = "[gradient_W_e, gradient_W_x, gradient_W_h, gradient_W_y]"
    assert results in code
    chapter = answer_of("backpropagation", code.replace(results, f"[-1 / nr_steps * g for g in {results}]"))

    class Negative(known):
        def backpropagation(self, input, output):
            return [-gradient for gradient in known.backpropagation(self, input, output)]

    class Keeping(known):
        def backpropagation(self, input, output):
            self.calls = getattr(self, "calls", 0) + 1
            return [gradient * self.calls for gradient in known.backpropagation(self, input, output)]

    for right in (known, known(**sizes), chapter, chapter(**sizes)):
        assert check.backpropagation(right).state == "right"
    for cause, wrong in (("sign is wrong: the guide's chapter", Negative), ("twice too large", Keeping)):
        for answer in (wrong, wrong(**sizes)):
            verdict = check.backpropagation(answer)
            assert (verdict.state, cause in verdict.text) == ("not right", True), verdict
    for other in (known.__base__, 3):
        assert "a method `backpropagation` of its own" in check.backpropagation(other).text


def test_the_exercise_that_the_page_for_teachers_adds_is_checked(tmp_path, monkeypatch):
    page = (Path(__file__).parents[3] / "docs/exercises.md").read_text(encoding="utf-8")
    file = tmp_path / "28-cost.md"
    file.write_text(textwrap.dedent(re.search(r" *````markdown\n(.*?) *````", page, re.DOTALL)[1]), encoding="utf-8")
    monkeypatch.setitem(EXERCISES, "cost", read(file))
    assert check._checked("cost", answer_of("cost")).state == "right"
    (sum_of_words,) = EXERCISES["cost"].patches
    verdict = check._checked("cost", answer_of("cost", sum_of_words.code, "<cell>"))
    assert sum_of_words.cause in verdict.text


# --- functions that are older than the code in their cell ---------------------------------------------------------


@pytest.fixture
def shell():
    """An IPython of the test's own, whose cells are watched."""
    made = InteractiveShell(config=Config(HistoryManager={"enabled": False}))
    check._watch(made)
    yield made
    check._stale.clear()


@pytest.fixture
def run(shell):
    """Run cells; return what they define."""

    def run_cells(*cells):
        for cell in cells:
            shell.run_cell(cell)
        return shell.user_ns

    return run_cells


def test_a_check_says_that_the_cell_failed_and_judges_what_was_defined_before(run):
    solution = EXERCISES["forward"].solution
    before = run(solution, f"1 / 0\n{solution}")["my_forward"]
    verdict = check.forward(before)
    assert verdict.state == "right"
    assert verdict.text.startswith(
        "The cell that defines my_forward failed (ZeroDivisionError: division by zero): this verdict is about the "
        "previous my_forward.\n"
    )
    assert "failed" not in check.forward(run(solution)["my_forward"]).text


def test_an_error_has_its_public_name_and_several_are_reported_together(run):
    f = run("def f(): return 1", "def f(:\n    pass")["f"]
    assert check._stale_among(f).startswith("The cell that defines f failed (SyntaxError: invalid syntax")
    assert check._stale_among() == check._stale_among(len) == ""
    private = "class _Private(KeyError): pass\nraise _Private('x')\n"
    space = run("class A: pass", "def f(): pass", f"{private}class A: pass\ndef f(): pass")
    text = check._stale_among(space["f"], space["A"])
    assert text.startswith("The cell that defines A failed (KeyError: 'x')")
    assert [word in text for word in ("the previous A.", "the previous f.")] == [True, True]
    assert "the previous f." not in check._stale_among(space["A"])


@pytest.mark.parametrize("cells", [["1 / 0\ndef f(): return 2", "def f(): return 3"], ["def f(): return 2\n1 / 0"]])
def test_a_cell_that_works_again_or_failed_after_the_definition_makes_it_fresh(run, cells):
    old = run("def f(): return 1")["f"]
    new = run(*cells)["f"]
    assert new is not old
    assert (check._stale_among(old), check._stale_among(new)) == ("", "")


def test_methods_and_functions_that_are_new_are_not_stale(run):
    space = run("def f(): return 1", "1 / 0\nclass B:\n    def f(self): pass")
    assert check._stale_among(space["f"]) == ""
    assert check._stale_among(run("1 / 0\ndef g(): pass").get("g")) == ""
