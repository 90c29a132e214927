"""Fields, switches and lists of choices."""

import ipywidgets as widgets
import pytest

from lab.widgets.controls import (
    checkbox,
    dropdown,
    field,
    integer,
    set_options,
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


@pytest.mark.parametrize("kind", [widgets.Text, widgets.Combobox, widgets.Textarea])
def test_a_field_for_text_is_sent_as_a_whole(kind):
    assert not field(kind, "Words", "", "some words").continuous_update  # or a press overtakes the last keys
