"""Verdicts and notes, as text and as HTML."""

import pytest

from lab.exercises.verdict import STATE_SIGNS, WHOLE, Verdict


@pytest.mark.parametrize(("state", "is_right"), [("right", True), ("not yet", False), ("not right", False)])
def test_a_verdict_is_true_if_it_is_right_and_escapes_its_text(state, is_right):
    made = Verdict("forward", state, "a < b & c")
    assert bool(made) is is_right
    assert repr(made) == f"{STATE_SIGNS[state]} forward: {state}. a < b & c"
    shown = made._repr_html_()
    assert f'lab-check-{state.replace(" ", "-")}"' in shown
    assert "a &lt; b &amp; c" in shown


def test_the_whole_message_of_an_error_is_folded_below_the_lab_s_sentence():
    shown = Verdict("rnn", "not right", f"It fails.\nUse T.dot.{WHOLE}a < b")._repr_html_()
    assert "Use T.dot.<details><summary>The whole message</summary>a &lt; b</details>" in shown
