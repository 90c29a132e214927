"""Fields, switches, lists of choices; controls from descriptions, and the code of what is chosen in them."""

import re
from dataclasses import dataclass, replace
from dataclasses import field as of_class
from urllib.parse import quote

import ipywidgets as widgets
import pytest

from lab.panels.play.network import Knobs, Network
from lab.widgets.controls import (
    Checkboxes,
    Controls,
    dropdown,
    field,
    set_options,
    settings_code,
)
from lxmls_rnn.benchmark.measure.benchmark_settings import BenchmarkSettings
from lxmls_rnn.distance import DistanceSettings, measure
from lxmls_rnn.settings import setting, settings_of
from lxmls_rnn.teaching.model_check import ModelCheck


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


@pytest.mark.parametrize("kind", [widgets.Text, widgets.Combobox, widgets.Textarea])
def test_a_field_for_text_is_sent_as_a_whole(kind):
    assert not field(kind, "Words", "", "some words").continuous_update  # or a press overtakes the last keys


def test_of_several_things_at_least_one_is_chosen():
    several = Checkboxes("PanelJob", {"forward": "one way", "step": "both"}, ["step"])
    assert several.value == ["step"]
    assert several.heading.value == "<b>PanelJob</b>"
    assert several.children[1:] == tuple(several.boxes.values())
    several.boxes["step"].value = False
    with pytest.raises(ValueError, match="PanelJob: choose at least one of forward, step"):
        _ = several.value


@dataclass(frozen=True)
class Cup:
    size: int = setting(2, "Size", "In dl", least=1, most=9)
    lid: bool = setting(False, "Lid", "Whether it is closed")


@dataclass(frozen=True)
class Tea:
    leaf: str = setting(..., "Leaf", "Of tea", choices=("green", "black"))
    warmth: float = setting(0.5, "Warmth", "Of the tea", least=-2, most=2, step=0.25)
    grams: float = setting(3.0, "Grams", "Of leaf", is_positive=True)
    minutes: int | None = setting(None, "Minutes", "In the pot", least=2, none="until it is cold")
    water: float | None = setting(20.0, "Water", "In ml", is_positive=True, none="a potful")
    herbs: tuple[str, ...] = setting(("sage",), "Herbs", "In the pot", choices={"mint": "Fresh", "sage": "Dried"})
    steeps: tuple[int, ...] = setting((2, 3), "Steeps", "Minutes of each pot", least=1)
    cup: Cup = of_class(default_factory=Cup)


@pytest.fixture
def tea():
    initial, widths = {"leaf": "black", "steeps": (4,), "herbs": ["mint", "sage"]}, {"leaf": "7em"}
    return Controls(settings_of(Tea), initial, widths, "9em", "5em")


def test_controls_begin_with_what_is_given_else_with_the_defaults(tea):
    given = {"leaf": "black", "steeps": (4,), "herbs": ("mint", "sage")}
    assert tea.values() == {"warmth": 0.5, "grams": 3.0, "minutes": None, "water": 20.0} | given
    assert tea.row("leaf", "grams").children == (tea["leaf"], tea["grams"])
    assert tea.row().children == tuple(tea[name] for name in tea.settings)


@pytest.mark.parametrize("described", [BenchmarkSettings, DistanceSettings, ModelCheck, Knobs])
def test_controls_of_what_is_left_alone_make_the_default(described):
    chosen = Controls({name: one for name, one in settings_of(described).items() if not one.may_be_none})
    assert described(**chosen.values()) == described()


def test_a_control_keeps_to_the_limits_of_its_setting(tea):
    warmth = tea["warmth"]
    assert isinstance(warmth, widgets.FloatSlider)
    assert (warmth.min, warmth.max, warmth.step) == (-2, 2, 0.25)
    assert tea["herbs"].boxes["mint"].tooltip == "Fresh"


def test_a_value_is_what_the_control_shows(tea):
    for name, shown, value in (
        ("minutes", "4", 4), ("minutes", " none ", None), ("water", "1e3", 1000.0), ("warmth", 0.0, 0.0),
        ("steeps", " 3,1", (3, 1)), ("leaf", "green", "green"),
    ):  # fmt: skip
        tea[name].value = shown
        assert tea.value_of(name) == value
    tea["herbs"].boxes["sage"].value = False
    assert tea.value_of("herbs") == ("mint",)


@pytest.mark.parametrize(
    ("name", "typed", "says"),
    [
        ("grams", "0", "Grams must be a positive number, got 0.0"),
        ("grams", "bc", "Grams must be a positive number, got 'bc'"),
        ("minutes", "3.0", "Minutes must be an integer of at least 2 or none, got '3.0'"),
        ("minutes", "1e3", "Minutes must be an integer of at least 2 or none, got '1e3'"),
        ("minutes", "", "Minutes must be an integer of at least 2 or none, got ''"),
        ("steeps", "3, x", "Steeps must be an integer of at least 1, or several separated by commas, got '3, x'"),
        ("steeps", "none", "Steeps must be an integer of at least 1, or several separated by commas, got 'none'"),
    ],
)
def test_a_refused_text_stays_and_is_refused_as_by_the_setting(tea, name, typed, says):
    its_control, refused = tea[name], f"lab-refused-{quote(says, safe='')}"
    accepted = its_control._dom_classes
    its_control.value = typed
    with pytest.raises(ValueError, match=f"^{re.escape(says)}$"):
        tea.values()
    with pytest.raises(ValueError, match=f"^{re.escape(says)}$"):
        replace(tea.settings[name], name=tea.settings[name].label, may_be_none=name == "minutes").parse(typed)
    assert its_control.value == typed
    assert refused in its_control._dom_classes
    its_control.value = "4"
    assert its_control._dom_classes == accepted
    assert tea.values()


def test_a_lower_limit_leaves_what_is_not_a_number_and_lowers_a_larger_one():
    size = Controls(settings_of(Cup))["size"]
    for typed, after in (("3", "3"), ("9", "4"), ("x", "x"), ("0", "0")):
        size.limit(9)
        size.value = typed
        size.limit(4)
        assert size.value == after
        assert ("got" in str(size._dom_classes)) == (after in "x0")
    size.value = "5"
    with pytest.raises(ValueError, match="from 1 to 4, got 5"):
        _ = size.parsed


@pytest.mark.parametrize(
    "made",
    [
        Tea("green"),
        Tea("green", warmth=-1.0, herbs=("mint",), cup=Cup(lid=True)),
        Network("sample", n_hidd=3),
        ModelCheck(model=("NumpyRNN",), mistake="W_h not transposed", x=[1, 2], y=[0, 1]),
        BenchmarkSettings("full", device=("cuda1",), hidden=(5,)),
    ],
)
def test_the_code_makes_the_same_and_says_only_what_is_not_the_default(made):
    names = {}
    exec(settings_code(made, name="wanted"), names)
    assert names["wanted"] == made
    assert "minutes" not in settings_code(made)


def test_the_code_imports_what_is_used_with_it():
    first, second, *_ = settings_code(DistanceSettings(seeds=2), measure, Cup).splitlines()
    assert first == "from lxmls_rnn.distance import DistanceSettings, measure"
    assert second.endswith(" import Cup")
    assert settings_code(DistanceSettings()).endswith("\n\nsettings = DistanceSettings()\n")
