"""Fields, switches and lists of choices."""

import ipywidgets as widgets
import pytest

from lab.widgets.controls import (
    checkbox,
    dropdown,
    integer,
    progress_bar,
    seed,
    set_options,
    shown_if,
    text,
    tooltip_class,
)


def test_the_first_of_a_list_is_chosen_unless_another_is_asked_for():
    assert dropdown("Tag", ["a", "b"], "a tag").value == "a"
    assert dropdown("Tag", ["a", "b"], "a tag", "b").value == "b"
    assert dropdown("Word", [("the", 3), ("dog", 4)], "a word").value == 3
    assert dropdown("Tag", [], "none there").value is None


@pytest.mark.parametrize(
    ("options", "asked", "value"),
    [
        (["b", "c"], None, "b"),
        (["c", "d"], None, "c"),
        (["c", "d"], "d", "d"),
        ([("x", "b")], None, "b"),
        ([], "b", None),
    ],
)
def test_other_options_keep_the_choice_where_it_is_among_them(options, asked, value):
    control = dropdown("Tag", ["a", "b"], "a tag", "b")
    set_options(control, options, asked)
    assert (list(control.options), control.value) == (options, value)


def test_a_control_carries_its_tooltip_into_the_page():
    what = "Words of <b>; 0: none"
    for control in (
        dropdown("Tag", ["a"], what),
        text("Words", "", what),
        integer("Epochs", 5, what, 10),
        checkbox("Shuffle", what),
    ):
        assert tooltip_class(what) in control._dom_classes
    assert tooltip_class(what) == "lab-tip-Words%20of%20%3Cb%3E%3B%200%3A%20none"  # a class has no spaces


def test_a_seed_may_be_0_and_the_largest_c_integer():
    field = seed(3, "draws")
    for value in (0, 2**31 - 1):
        field.value = value
        assert field.value == value


def test_a_progress_bar_is_full_at_1():
    bar = progress_bar("9em", description="Epoch", value=0.5)
    assert (bar.min, bar.value, bar.max, bar.description) == (0, 0.5, 1, "Epoch")


def test_what_a_toggle_shows_is_seen_while_it_is_on():
    button, part = widgets.ToggleButton(value=True), widgets.HTML()
    shown_if(part, button)
    assert part.layout.display is None
    button.value = False
    assert part.layout.display == "none"
    button.value = True
    assert part.layout.display is None
