"""The first difference of two results, and the mistake that explains it."""

import numpy as np
import pytest

from lab.exercises.difference import (
    as_numbers,
    close,
    column,
    compare_gradients,
    compare_steps,
    first_difference,
    recognise,
    shape_text,
    vector,
)
from lab.exercises.verdict import NotYet, Wrong


def test_arrays_are_close_relative_to_the_largest_number():
    b = np.array([1e6, 1.0])
    assert close(b + np.array([0, 1e-3]), b)
    assert not close(b + np.array([0, 1e-1]), b)
    assert close(b + np.array([0, 1e-1]), b, "float32")
    assert close(np.zeros(2), np.zeros(2))
    assert not close(np.array([np.nan, 1.0]), b)
    assert close(np.array([]), np.array([]))


def numbers(got, right=((1.0, 2.0, 3.0), (4.0, 5.0, 6.0)), axes=("rows", "L")):
    return as_numbers("a", got, axes, np.array(right))


def test_numbers_of_the_right_shape_are_taken_as_they_are():
    assert numbers([[1.0, 2, 3], [4, 5, 7]]).tolist() == [[1, 2, 3], [4, 5, 7]]
    given = np.ones((2, 3), "float32")
    assert numbers(given) is given


@pytest.mark.parametrize(
    ("got", "message"),
    [
        ("text", "a should be an array of numbers of shape (rows, L) = (2, 3), got str."),
        ([[1], [2, 3]], "a should be an array of numbers of shape (rows, L) = (2, 3), got list."),
        (np.ones((2, 3)) * 1j, "a should be an array of numbers of shape (rows, L) = (2, 3), got ndarray."),
        (np.ones((2, 3), int), "a has the dtype int64, which drops fractions; expected float64."),
        (np.ones((4, 4)), "a has shape (4, 4), expected (rows, L) = (2, 3)."),
        (
            np.ones((3, 2)),
            "a has shape (3, 2), expected (rows, L) = (2, 3).\nIt is transposed: (L, rows) instead of (rows, L); "
            "expected one column for each word.",
        ),
        (
            np.array([[1.0, 2, 3], [4, 5, 6]]).T,
            "a has shape (3, 2), expected (rows, L) = (2, 3).\nIt is transposed: (L, rows) instead of (rows, L); "
            "expected one column for each word. The numbers are correct.",
        ),
        (np.ones((2, 4)), "a has shape (2, 4), expected (rows, L) = (2, 3).\nOnly h has a column for step 0."),
        (np.ones(2), "a has shape (2,), expected (rows, L) = (2, 3).\nIt seems to be one step only: return all steps."),
    ],
)
def test_other_results_are_described(got, message):
    with pytest.raises(Wrong) as error:
        numbers(got)
    assert str(error.value) == message


def test_words_in_reverse_order_are_named_but_not_those_of_a_batch():
    reverse = [[3.0, 2, 1], [6, 5, 4]]
    with pytest.raises(Wrong, match=r"^a is in reverse order: the last word comes first\.$"):
        numbers(reverse)
    assert numbers(reverse, axes=("B", "L")).tolist() == reverse  # padding first looks the same


def test_the_shapes_of_h_and_of_a_vector_have_hints_of_their_own():
    with pytest.raises(Wrong, match=r"h_0 = 0 has a column too, the first one: L \+ 1 columns\.$"):
        numbers(np.ones((2, 2)), axes=("n_hidd", "L + 1"))
    with pytest.raises(Wrong, match=r"expected \(n_hidd,\) = \(2,\)\.\nIt is one number: T\.dot of two vectors"):
        numbers(1.0, (1.0, 2.0), ("n_hidd",))


def test_a_theano_variable_is_named():
    T = pytest.importorskip("theano.tensor")
    with pytest.raises(Wrong, match=r"got TensorVariable\. It is a Theano variable; this exercise uses NumPy\.$"):
        numbers(T.dmatrix())


def test_texts_are_short():
    assert vector(np.array([1, 2.5, 1 / 3, 1e-9])) == "[1, 2.5, 0.3333, 1e-09]"
    assert vector(np.arange(5.0)) == "[0, 1, 2, 3, ...]"
    assert vector(np.array(7.0)) == "[7]"
    assert shape_text(("n",), (3,)) == "(n,) = (3,)"


def test_h_has_a_column_more_than_the_others():
    array = np.arange(4.0)[None]
    assert (column("h", array, 1), column("a", array, 1)) == ([1.0], [0.0])


def test_the_first_variant_that_equals_the_result_is_recognised():
    right, got = np.ones(2), np.full(2, 3.0)
    variants = [("same", right), ("shape", np.full(3, 3.0)), ("twice", 2 * right), ("yes", 3 * right), ("too", got)]
    assert recognise(got, right, variants) == "yes"
    assert recognise(5 * right, right, variants) == ""
    assert recognise(right, right, variants) == ""  # a variant that changes nothing explains nothing


def test_a_first_difference_names_what_was_right_before():
    wrong = first_difference("a at step 2", np.ones(1), np.zeros(1), "It is 1.", ["step 1", "z of step 2"])
    assert str(wrong) == ("Correct: step 1, z of step 2. First difference: a at step 2 is [1], expected [0].\nIt is 1.")
    assert str(first_difference("a", np.ones(1), np.zeros(1), "", [])) == "First difference: a is [1], expected [0]."


X = np.array([[1.0, 2.0, 3.0]])


def compute(factor=1.0, shift=0.0, skip=()):
    """Two quantities: a is x, multiplied; b is 2 a + 1, shifted."""
    a = X * factor * ("a" not in skip)
    return {"a": a, "b": (2 * a + 1 + shift) * ("b" not in skip)}


SLIPS = [("a is doubled.", {"factor": 2.0}), ("b is shifted.", {"shift": 0.5})]


def steps(a, b, **options):
    compare_steps({"a": np.array([a]), "b": np.array([b])}, compute, SLIPS, (1, 2, 3), **options)


def test_equal_results_pass():
    steps([1.0, 2, 3], [3.0, 5, 7])


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        ([2.0, 4, 6], [5.0, 9, 13],
         "First difference: a at step 1 (index 0 in Python) is [2], expected [1].\na is doubled."),
        ([1.0, 2, 3], [3.5, 5.5, 7.5],
         "Correct: a of step 1. First difference: b at step 1 (index 0 in Python) is [3.5], expected [3].\n"
         "b is shifted."),
        ([1.0, 2, 9], [3.0, 5, 7],
         "Correct: steps 1 to 2. First difference: a at step 3 (index 2 in Python) is [9], expected [3]."),
        ([1.0, -2, 3], [3.0, 5, 7],
         "Correct: step 1. First difference: a at step 2 (index 1 in Python) is [-2], expected [2].\n"
         "The sign is wrong."),
        ([1.0, np.inf, 3], [3.0, 5, 7],
         "Correct: step 1. First difference: a at step 2 (index 1 in Python) is [inf], expected [2].\n"
         "It contains NaN or infinity: is there a division by zero, or a logarithm of zero?"),
        ([1.0, 0, 3], [3.0, 0, 7],
         "Correct: step 1. First difference: a at step 2 (index 1 in Python) is [0], expected [2].\n"
         "It is all zeros: is this step missing?"),
        ([1.0 + 1e-6, 2, 3], [3.0, 5, 7],
         "First difference: a at step 1 (index 0 in Python) is [1], expected [1].\n"
         "It is correct only in float32 precision: use float64, NumPy's default."),
    ],
)  # fmt: skip
def test_the_first_difference_in_the_order_of_computation_is_reported(a, b, message):
    with pytest.raises(Wrong) as error:
        steps(a, b)
    assert str(error.value) == message


def test_a_mistake_that_would_show_earlier_is_not_the_reason():
    with pytest.raises(Wrong) as error:
        steps([1.0, 4, 6], [3.0, 9, 13])  # doubled from the second step on
    assert "doubled" not in str(error.value)


def test_float32_is_enough_where_that_is_the_dtype():
    steps([1.0 + 1e-6, 2, 3], [3.0, 5, 7], dtype="float32")


def test_probabilities_that_do_not_sum_to_1_are_reported():
    right = np.array([[0.5], [0.5]])
    for p, kind in (([[0.5], [0.75]], "It is not normalised: the sum is 1.25, expected 1."), ([[0.25], [0.75]], None)):
        with pytest.raises(Wrong) as error:
            compare_steps({"p": np.array(p)}, lambda: {"p": right}, [], [1])
        assert error.value.is_open
        assert (error.value.advice or "None").startswith(str(kind))


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        ([0.0] * 3, [0.0] * 3, "Fill in a, b: still all zeros."),
        ([1.0, 2, 3], [0.0] * 3, "Correct so far, in every step: a. Fill in b: still all zeros."),
        ([0.0] * 3, [1.0] * 3, "Fill in a: still all zeros."),  # b follows from the zeros
        ([0.0] * 3, [3.0, 5, 7], "Correct so far, in every step: b. Fill in a: still all zeros."),
    ],
)
def test_what_is_all_zeros_is_not_filled_in(a, b, message):
    with pytest.raises(NotYet) as error:
        steps(a, b)
    assert str(error.value) == message


def test_a_difference_goes_before_what_is_not_filled_in():
    with pytest.raises(Wrong, match=r"a at step 1 .*\na is doubled\."):
        steps([2.0, 4, 6], [0.0] * 3)


V = {"V": np.array([[1.0, 2.0], [3.0, 4.5]]), "W": np.array([[5.0, -1.0], [2.0, 0.5]])}


def gradients(V_=V["V"], W_=V["W"], wrong=None):
    compare_gradients([V_, W_], V, 4, wrong)


def test_equal_gradients_pass():
    gradients()


@pytest.mark.parametrize(
    ("W", "kind"),
    [
        (4 * V["W"], "It is L = 4 times too large: the cost is the mean over the words, not the sum."),
        (V["W"] / 4, "It is L = 4 times too small: it is divided by L twice."),
        (-V["W"], "The sign is wrong."),
        (-4 * V["W"], "The sign is wrong, and it is L = 4 times too large: the mean is missing."),
        (-V["W"] / 4, "The sign is wrong, and it is L = 4 times too small."),
        (V["W"].T, "It is transposed: e_a h^T, not h e_a^T."),
        (V["V"], "This is the gradient of V."),
        (V["W"] * np.array([[np.nan, 1], [1, 1]]),
         "It contains NaN or infinity: is there a division by zero, or a logarithm of zero?"),
        (V["W"] + 7, "a known mistake"),
    ],
)  # fmt: skip
def test_the_kind_of_a_wrong_gradient_is_reported(W, kind):
    with pytest.raises(Wrong) as error:
        gradients(W_=W, wrong={"W": [("a known mistake", V["W"] + 7)]})
    first, second = str(error.value).splitlines()
    assert first.startswith("Correct: the gradient of V. First difference: the gradient of W, most at row ")
    assert second == kind


@pytest.mark.parametrize(
    ("W", "extent"),
    [
        (3 * V["W"], "It is 3 times the correct one everywhere."),
        (V["W"] + np.array([[0, 0], [1, 1]]), "1 of 2 rows and 2 of 2 columns differ."),
    ],
)
def test_the_extent_of_a_difference_is_no_cause(W, extent):
    with pytest.raises(Wrong) as error:
        gradients(W_=W)
    assert str(error.value).endswith(extent)
    assert error.value.is_open


def test_the_entry_that_differs_most_is_reported_and_columns_of_W_e_are_words():
    right = {"W_e": np.array([[1.0, 2.0], [3.0, 4.0]])}
    with pytest.raises(Wrong, match=r"the gradient of W_e, most at row 1, column 0 \(a word\): 9, expected 3\."):
        compare_gradients([np.array([[1.0, 2.5], [9.0, 4.0]])], right, 3)


def test_shapes_and_numbers_of_gradients_are_reported():
    with pytest.raises(Wrong, match=r"^Expected 2 gradients, of V, W; got 1\.$"):
        compare_gradients([V["V"]], V, 4)
    with pytest.raises(Wrong, match=r"^Correct: the gradient of V\. The gradient of W has shape \(2,\), expected "):
        gradients(W_=np.ones(2))


def test_a_gradient_of_zeros_is_not_filled_in_after_the_others():
    with pytest.raises(NotYet, match=r"^Correct so far: the gradient of W\. Fill in the gradient of V: still all"):
        gradients(V_=np.zeros((2, 2)))
    with pytest.raises(NotYet, match=r"^Fill in the gradient of V, W: still all zeros\.$"):
        gradients(np.zeros((2, 2)), np.zeros((2, 2)))
    with pytest.raises(Wrong, match=r"the gradient of W.*\nThe sign is wrong"):
        gradients(np.zeros((2, 2)), -V["W"])
