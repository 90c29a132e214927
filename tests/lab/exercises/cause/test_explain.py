"""Explanations of wrong answers; test_catalogue.py has the known mistakes, test_check.py whole verdicts."""

import pytest
from student_answers import explained

from lab.exercises.cause.explain import kept
from lab.exercises.exercise import EXERCISES
from lab.exercises.inputs import cases


def test_two_mistakes_the_first_one_is_told_with_its_line():
    text = explained("forward", ("W_h @ h", "W_h.T @ h"), (" / np.exp(y[:, t]).sum()", ""))
    assert "p at step 1" in text
    assert "line 16:" in text
    assert "The sum of the probabilities is 2.856, expected 1." in text


def test_a_change_that_is_right_only_for_some_inputs_is_no_repair():
    text = explained("clip", ("max_norm / norm if", "1.5 / norm if"))  # the first case has max_norm = 1.5
    assert "should be 1" not in text
    assert "max_norm" in text


def test_what_the_numbers_show_is_said():
    for changed, remark in (
        ("0.3 * p[:, t] / L", "It is 0.3 times the correct one everywhere."),
        ("0.3 * p[:, t]", "It is 1.8 times the correct one for this input."),
        ("np.log(p[:, t] * 0) / L", "It contains NaN"),
    ):
        gold = "-= 0.3 / L" if "/ L" in changed else "-= 0.3"
        assert remark in explained("errors", ("p[:, t] / L", changed), ("-= 1 / L", gold))


def test_another_mistake_with_the_same_first_step_is_no_cause():
    text = explained("forward", ("W_x @ z[:, t] + W_h", "2 * W_h"))
    assert text.endswith(
        "It is all zeros here: is this step missing, or what it is computed from?\n"
        "The formula: a_t = W_x z_t + W_h h_{t-1}."
    )


def test_where_only_a_name_is_returned_the_lines_that_compute_it_are_shown():
    old = "return [(W, W - rate * T.grad(_cost, W)) for W in param]"
    new = "pairs = []\n    for W in param:\n        pairs.append((W, W - T.grad(_cost, W)))\n    return pairs"
    text = explained("updates", (old, new))
    assert "pairs.append((W, W - T.grad(_cost, W)))" in text
    assert "return pairs" not in text


# e_h with a variable of one's own, around which the solution goes
LATER = [
    ("    for t in", "    later = np.zeros(len(W_h))\n    for t in"),
    ("e_h[:, t] = W_y.T @ e_y[:, t]\n", "e_h[:, t] = W_y.T @ e_y[:, t] + later\n"),
    ("        if t + 1 < L:\n            e_h[:, t] += W_h.T @ e_a[:, t + 1]\n", ""),
]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "later += W_h.T @ e_a[:, t]",
            "Wrong operation in line 15: later += W_h.T @ e_a[:, t] should be later = W_h.T @ e_a[:, t].",
        ),
        ("later = W_h.T @ e_a[:, t - 1]", "(Or it is still zero: the loop goes from the last word to the first.)"),
        (
            "later = np.clip(W_h.T @ e_a[:, t], -0.05, 0.05)",
            "Too much in line 15: np.clip(W_h.T @ e_a[:, t], -0.05, 0.05) should be W_h.T @ e_a[:, t].",
        ),
        (
            "later = np.sqrt(abs(W_h.T @ e_a[:, t]))",
            "the mistake is in one of these lines\n  line 9:  later = np.zeros(len(W_h))\n"
            "  line 15:  later = np.sqrt(abs(W_h.T @ e_a[:, t]))",
        ),
    ],
)
def test_a_mistake_in_a_variable_that_the_solution_lacks_is_found_there(line, said):
    end = "        e_a[:, t] = h[:, t + 1] * (1 - h[:, t + 1]) * e_h[:, t]\n"
    text = explained("errors", *LATER, (end, f"{end}        {line}\n"))
    assert said in text
    assert "only this is wrong" not in text


def test_a_cause_that_names_a_return_or_an_else_is_not_given_to_an_answer_without_one():
    renamed = ("            kept = W[i, j]", "            kept, saved = W[i, j], np.array(W)"), (
        "            W[i, j] = kept\n            gradient", "            W = saved\n            gradient")  # fmt: skip
    text = explained("numeric", *renamed)
    assert "`W = ...` gives the name to another array" in text
    assert "return inside the loop" not in text
    text = explained(
        "early_stopping",
        ("                break", "                model.set_values(best_values)\n                break"),
        ("    model.set_values(best_values)\n    return best", "    return best"),
    )
    assert "These are the parameters of the last epoch" in text
    assert "the loop's else" not in text


def test_a_length_of_ones_own_that_is_wrong_is_found_where_it_is_computed():
    weights = "        weights[b, : len(words)] = 1 / (B * len(words))"
    own = "        n = len(x[b])\n        weights[b, : len(words)] = 1 / (B * n)"
    text = explained("pad_batch", (weights, own))
    assert "the mistake is in one of these lines\n  line 11:  n = len(x[b])\n" in text
    assert "It is divided by the length of the longest sentence, padding included" in text


def test_a_line_is_missing_only_where_nothing_computes_it():
    text = explained("errors", ("        e_a[:, t] = h[:, t + 1] * (1 - h[:, t + 1]) * e_h[:, t]\n", ""))
    assert "The line for e_a is missing" not in text  # e_a = np.zeros(...) is there
    text = explained("forward", ("        h[:, t + 1] = logistic(a[:, t])\n", ""))
    assert "is missing; the rest is right" not in text


def test_what_is_no_variable_has_no_missing_line():
    gain = "best, best_values, without_gain = accuracy, model.get_values(), 0"
    own = "best_values, without_gain = model.get_values(), 0\n            best = best or accuracy"
    text = explained("early_stopping", (gain, own))
    assert "epochs trained is 8, expected 6" in text
    assert "is missing" not in text


def test_where_one_change_fills_in_the_rest_nothing_is_left_to_fill_in():
    text = explained("both_ways", ("b[:, t] = logistic", "h[:, t] = logistic"))
    assert text.endswith("Wrong variable in line 13: h[:, t] should be b[:, t].")


def test_a_number_is_no_array_that_a_loop_replaces():
    twice = 2 * "        best = max(best, accuracy)\n"
    text = explained("early_stopping", ("accuracy = dev_accuracy()\n", f"accuracy = dev_accuracy()\n{twice}"))
    assert "None is used as a value" in text
    assert "replaces the whole array" not in text


def test_a_change_in_another_line_than_the_one_that_fails_is_found():
    text = explained("early_stopping", ("accuracy > best", "accuracy < best"))
    assert "in line 12 of the cell:  model.set_values(best_values)" in text
    assert text.endswith("Wrong comparison in line 6: accuracy < best should be accuracy > best.")


def test_a_number_of_columns_is_named_as_such():
    assert "Wrong axis in line 5: len(p) should be p.shape[1]." in explained("errors", ("L = len(gold)", "L = len(p)"))


def test_code_of_a_cause_is_shown_only_to_an_answer_that_has_its_names():
    said = "The scores are computed from h_{t-1}; they need h_t, the state after word t"
    assert explained("forward", ("W_y @ h[:, t + 1]", "W_y @ h[:, t]")).endswith(f"{said} (h[:, t + 1]).")
    code = EXERCISES["forward"].solution
    loop = code[code.index("    for t") : code.index("    return")]
    own = (
        "    for word, z_t in enumerate(z.T):\n        a[:, word] = W_x @ z_t + W_h @ h[:, word]\n"
        "        h[:, word + 1] = logistic(a[:, word])\n    y = W_y @ h[:, :-1]\n    p = np.exp(y) / np.exp(y).sum(0)\n"
    )
    assert explained("forward", (loop, own)).endswith(f"{said}.")


def test_in_an_if_the_wrong_line_is_shown():
    text = explained("errors", ("e_h[:, t] += W_h.T", "e_h[:, t] += W_h"))
    assert "only this is wrong\n  line 14:  e_h[:, t] += W_h @ e_a[:, t + 1]\nW_h is not transposed" in text
    line = "a[:, t] = W_x @ z[:, t] + W_h @ h[:, t"
    own = f"if t > 0:\n            {line} - 1]\n        else:\n            a[:, t] = W_x @ z[:, t]"
    text = explained("forward", (f"{line}]", own))
    assert "only this is wrong\n  line 14:  a[:, t] = W_x @ z[:, t] + W_h @ h[:, t - 1]\n" in text


@pytest.mark.parametrize(
    ("exercise", "returned", "other", "said"),
    [
        ("numeric", "return gradient", "return above", "Wrong variable in line 15: above should be gradient."),
        ("pad_batch", "return x, y, weights", "return x, y, y", "(x, y, y) should be (x, y, weights)."),
    ],
)
def test_a_wrong_variable_that_is_returned_is_named(exercise, returned, other, said):
    text = explained(exercise, (returned, other))
    assert text.endswith(said)


def test_the_cause_of_another_mistake_that_the_check_alone_cannot_tell_apart_is_not_named():
    """For the accuracies of the check, the best epoch and the one before are the same here."""
    text = explained("early_stopping", ("without_gain += 1", "without_gain = 1"))
    assert text.endswith("Wrong operation in line 9: without_gain = 1 should be without_gain += 1.")


def test_what_is_said_of_other_points_of_a_formula_is_true():
    richardson = (
        "            gradient[i, j] = (above - below) / (2 * step)",
        "            rough = (above - below) / (2 * step)\n"
        "            W[i, j] = kept + step / 2\n            above = cost()\n"
        "            W[i, j] = kept - step / 2\n            below = cost()\n            W[i, j] = kept\n"
        "            gradient[i, j] = (4 * (above - below) / step - rough) / 3",
    )
    text = explained("numeric", richardson)
    assert text.endswith("no point is nearer than W[i, j] + step and W[i, j] - step, with the argument step.")


GATES = "return _i, _f, _g, _o", "return _i, _f, _g, _i"


def test_an_earlier_function_that_is_wrong_is_named_and_the_rest_is_judged_without_it():
    first = "Finish exercise lstm_gates first: check.lstm_gates(my_lstm_gates)."
    assert explained("lstm_step", before=GATES).endswith(
        f"With the lab's `my_lstm_gates` this answer is right, but not with yours. {first}"
    )
    assert first in explained("lstm_step", before=("return _i, _f, _g, _o", "return _i, _f, ..., _o"))
    text = explained("lstm_step", ("_o * T.tanh(_c_t)", "_o * _c_t"), before=GATES)
    assert text.startswith(f"Your `my_lstm_gates` is not right yet. {first}\nWith the lab's: Correct: c_t.")
    assert text.endswith("the tanh is missing.")
    assert "my_lstm_gates" not in explained("lstm_step", ("_o * T.tanh(_c_t)", "_o * _c_t")).splitlines()[0]


@pytest.mark.parametrize(
    ("exercise", "own", "call", "said"),
    [
        ("both_ways_gradients", ("np.zeros_like(p)", "0 * p"), ("W_h, W_y[:, :n]", "W_h, W_y"), "its own columns"),
        ("both_ways_gradients", ("np.zeros_like(p)", "0 * p"), ("gold, h, p, W_h, W_y[:, :n]", "gold, h, z, W_h, W_y"),
         "`my_errors` itself is right, but not what this line gives it: it takes (gold, h, p, W_h, W_y)."),
        ("lstm_step", ("4 H,", "4H,"), ("W_x, W_h, W_c)\n    _c", "W_h, W_x, W_c)\n    _c"), "line 16 gives it (_z"),
    ],
)  # fmt: skip
def test_an_earlier_function_that_its_own_check_accepts_is_not_accused(exercise, own, call, said):
    text = explained(exercise, call, before=own)
    assert "not right yet" not in text
    assert said in text
    assert call[1].splitlines()[0] in text  # the line that calls it, not one of the function


def test_numpy_s_errors_are_explained_without_scan():
    helper = "def product(A, b):\n    return A @ b\n\n\ndef my_forward"
    text = explained("forward", ("W_y @ h[:, t + 1]", "product(W_y)"), ("def my_forward", helper))
    assert "The number of arguments does not fit" in text
    assert "scan" not in text


def test_a_repair_is_tried_on_sentences_of_other_lengths():
    """The sentences that the search knows have 1, 2, 6 and 12 words."""
    for n, (known, new) in enumerate(zip(cases("forward"), cases("forward", 1), strict=True)):
        assert len(known["x"]) != len(new["x"]), n


def test_a_return_in_a_loop_and_an_array_that_is_replaced_are_seen():
    text = explained("errors", ("    return e_y", "        if t < 9:\n            pass\n        return e_y"))
    assert "There is a return inside the loop" in text
    text = explained("gradients", ("dW_x += np.outer(e_a[:, t], z[:, t])", "dW_x = 2 * np.outer(e_a[:, t], z[:, t])"))
    assert "replaces the whole array in each round of the loop" in text


STEP = """def step(_i):
        return squared(_i)

    _squares, _ = theano.scan(step,"""


def test_in_a_step_its_line_is_named_and_no_other():
    helper = "def squared(_i, _n):\n    return _i**_n\n\n\ndef my_squares"
    text = explained("squares", ("_squares, _ = theano.scan(lambda _i: _i**2,", STEP), ("def my_squares", helper))
    assert "in line 7 of the cell:  return squared(_i)" in text
    assert "only this is wrong" not in text
    assert "The number of arguments does not fit" in text
    text = explained("markov", ("T.dot(_A, _s", "T.dot(_A[:, :1], _s"), seconds=0)
    assert "Inputs shapes: [(3, 1), (3,)]\nin line 3 of the cell:  return T.dot(_A[:, :1], _s_tm1)" in text


def test_a_mistake_that_is_known_in_numpy_alone_is_named_in_theano_too():
    text = explained("rnn", ("T.nnet.softmax(T.dot", "T.nnet.sigmoid(T.dot"), seconds=0)
    said = "This is the logistic function of the scores; expected their softmax."
    assert text.endswith(said)
    assert kept(EXERCISES["rnn"], text) == said


def test_a_step_without_a_return_is_named():
    text = explained("markov", ("return T.dot(_A, _s_tm1)", "T.dot(_A, _s_tm1)"))
    assert "`step` in line 2 returns nothing: its last line needs a return." in text


def test_a_message_too_long_to_read_is_below_the_lab_s_sentence():
    text = explained("markov", ("return T.dot(_A, _s_tm1)", "return T.dot(_A, _s_tm1), 1"))
    first, *_, last = text.splitlines()
    assert first.endswith("only be made of lists, tuples, or ...")
    assert last.startswith("The whole message: The return value of your scan lambda expression")


def test_an_error_has_the_line_the_shapes_and_the_whole_sentence():
    text = explained("forward", ("W_y @ h[:, t + 1]", "np.vstack([W_y, W_x]) @ h[:, t + 1]"))
    lines = text.splitlines()
    assert lines[0].startswith(
        "It fails with ValueError: all the input array dimensions except for the concatenation axis"
    )
    assert lines[1] == "in line 15 of the cell:  y[:, t] = np.vstack([W_y, W_x]) @ h[:, t + 1]"
    assert "W_y (3, 5)" in lines[2]
    assert "h[:, t + 1] (5,)" in lines[2]
    assert lines[-1] == "The formula: y_t = W_y h_t."
    change = "Wrongly transposed in line 13: W_x.T @ z[:, t] should be W_x @ z[:, t]."
    assert explained("forward", ("W_x @ z[:, t]", "W_x.T @ z[:, t]")).endswith(change)


def test_where_no_time_is_left_the_difference_is_said_without_a_search():
    text = explained("forward", ("W_h @ h", "2 * W_h @ h"), seconds=0)
    assert "a at step 2" in text
    assert "should be" not in text
    assert "The formula: a_t = W_x z_t + W_h h_{t-1}" in text
    assert text.endswith("it takes too long, also if the check runs again.")
    text = explained("forward", ("logistic(a[:, t])", "logistic(a[:, t]) * (t != 2)"), seconds=0)
    assert "It is all zeros here: is this step missing, or what it is computed from?" in text


def test_what_an_error_usually_means_is_told_before_the_search_that_may_be_cut_off():
    told = []
    explained("forward", ("W_y @ h[:, t + 1]", "W_y @ h[:, t + 1](0)"), tell=told.append)
    assert "What is called is no function" in told[0]


@pytest.mark.parametrize(
    ("name", "change", "cause"),
    [
        ("forward", ("    z = ", '    raise KeyError("secret")\n    z = '), "another mistake"),
        ("forward", ("W_x @ z[:, t] + W_h", "2 * W_h"), "another mistake"),
        ("clip", ("max_norm / norm if", "1.5 / norm if"), "Wrong index or number"),
        ("numeric", ("    return", "        return"), "There is a return inside the loop"),
        (
            *("gradients", ("[:, x[t]]", "[:, t]")),
            "It is added to column t, the position in the sentence; the column is the word's id.",
        ),
    ],
)
def test_what_is_kept_of_a_verdict_is_a_sentence_of_the_lab_without_code_or_values(name, change, cause):
    assert kept(EXERCISES[name], explained(name, change)) == cause
