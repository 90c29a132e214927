"""The description of a setting: what it allows, what it says of the rest, how it is written."""

from dataclasses import dataclass

import numpy as np
import pytest

from lxmls_rnn.settings import check, described, setting, settings_of


def even(text):
    if len(text) % 2:
        raise ValueError(f"pairs must have an even length, got {text!r}")


@described
@dataclass(frozen=True)
class Brew:
    """A pot of tea."""

    leaf: str = setting("green", "Leaf", "What is brewed: {choices}", choices=("green", "black"))
    cups: int = setting(2, "Cups", "Cups in the pot", least=1)
    degrees: int = setting(80, "Degrees", "Of the water", most=100)
    grams: float = setting(3.0, "Grams", "Leaf in the pot", is_positive=True)
    sugar: float = setting(0.0, "Sugar", "Grams in a cup")
    minutes: int | None = setting(None, "Minutes", "Time in the pot", least=1, none="until it is cold")
    strained: bool = setting(True, "Strained", "Whether the leaf is taken out")
    recipe: str | None = setting(None, "Recipe", "A file", is_file=True)
    pairs: str = setting("", "Pairs", "Who drinks", test=even)
    steeps: tuple[int, ...] = setting((2, 3), "Steeps", "Minutes of each pot", least=1, most=9)
    rests: tuple[int, ...] | None = setting(None, "", "Minutes of rest", least=1, none="no rest")
    herbs: tuple[str, ...] | None = setting(
        None, "Herbs", "In the pot: {choices}", choices={"mint": "Fresh", "sage": "Dried"}, none="none"
    )
    scents: tuple[str, ...] = setting(("aaaa",), "Scents", "Of the leaf", test=even)
    warmth: float = setting(0.0, "Warmth", "Of the cup", least=-2, most=2)

    def __post_init__(self):
        check(self)


FOUND = settings_of(Brew)


@pytest.mark.parametrize(
    ("name", "invalid", "message"),
    [
        ("leaf", ["white", 3, None], "leaf must be one of green, black, got "),
        ("cups", [0, 1.0, "2", True, None], "cups must be an integer of at least 1, got "),
        ("degrees", [-1, 101], "degrees must be an integer from 0 to 100, got "),
        ("grams", [0, -1, np.nan, np.inf, "x", [1], {}, True, 1j, None], "grams must be a positive number, got "),
        ("sugar", [-0.1, -np.inf], "sugar must be a non-negative number, got "),
        ("minutes", [0, "x"], "minutes must be an integer of at least 1 or none, got "),
        ("strained", ["yes", 1, None], "strained must be true or false, got "),
        ("recipe", ["", "a\0b", "\ud800", 3], "recipe must be the path of a file, as text in UTF-8 or none, got "),
        ("pairs", ["odd"], "pairs must have an even length, got 'odd'"),
        ("steeps", [(), 3, None, "3"], "steeps must be a tuple of at least one value, got "),
        ("steeps", [(3, 10), (10, 3), [10]], "steeps must be an integer from 1 to 9, got 10$"),
        ("herbs", [("mint", "dill")], "herbs must be one of mint, sage or none, got 'dill'"),
        ("herbs", ["mint", ()], "herbs must be a tuple of at least one value, got "),
        ("scents", [("aa", "odd")], "pairs must have an even length, got 'odd'"),
        ("warmth", [-3, 2.5, "x", None], "warmth must be a number from -2 to 2, got "),
    ],
)
def test_an_invalid_value_is_refused_by_name_with_what_is_expected(name, invalid, message):
    for value in invalid:
        with pytest.raises(ValueError, match=f"^{message}"):
            Brew(**{name: value})


def test_valid_values_are_taken_as_they_are():
    Brew(steeps=[1, 9], herbs=("sage", "mint"), warmth=-2)
    Brew(cups=np.int64(3), grams=np.float32(0.5), sugar=10**400, minutes=4, recipe="tea.txt", degrees=100)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("cups", "3", 3), ("grams", "1e-1", 0.1), ("minutes", "None", None), ("strained", "no", False),
        ("strained", "True", True), ("leaf", "black", "black"),
        ("steeps", "2, 1,9", (2, 1, 9)), ("steeps", "7", (7,)), ("herbs", "sage,mint", ("sage", "mint")),
        ("herbs", "none", None), ("warmth", "-1.5", -1.5),
    ],
)  # fmt: skip
def test_text_is_parsed_by_the_type(name, text, value):
    parsed = FOUND[name].parse(text)
    assert (parsed, type(parsed)) == (value, type(value))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("cups", "2.5"),
        ("grams", "nan"),
        ("steeps", "1.5"),
        ("steeps", "2,10"),
        ("steeps", ""),
        ("herbs", "mint,Sage"),
    ],
)
def test_text_that_is_no_value_is_refused_in_the_same_words(name, text):
    several = ", or several separated by commas" if name == "steeps" and text != "2,10" else ""
    with pytest.raises(ValueError, match=f"^{name} must be {FOUND[name].expected}{several}, got "):
        FOUND[name].parse(text)


def test_a_comma_for_the_point_of_a_number_is_named():
    with pytest.raises(ValueError, match=r"got '0,5': write 0\.5$"):
        FOUND["grams"].parse("0,5")


def test_a_file_of_the_data_folder_is_known_by_its_name(tmp_path, monkeypatch):
    data, here = tmp_path / "data", tmp_path / "here"
    for folder in (data, here):
        folder.mkdir()
    (data / "a").touch()
    monkeypatch.setenv("LXMLS_DATA", str(data))
    monkeypatch.chdir(here)
    assert FOUND["recipe"].parse("a") == "a"
    assert FOUND["recipe"].parse("b") == str(here / "b")  # no file, as the message says
    (here / "a").touch()
    assert FOUND["recipe"].parse("a") == str(here / "a")


def test_the_docstring_has_every_setting():
    first = "leaf : one of green, black, default 'green'\n    What is brewed. In panels: Leaf.\n"
    assert Brew.__doc__.startswith(f"A pot of tea.\n\nParameters\n----------\n{first}")
    assert (
        "rests : tuple, each an integer of at least 1 or none, default None\n    Minutes of rest. None: no rest.\n"
        in Brew.__doc__
    )
    assert "or none, default None\n    Time in the pot. None: until it is cold. In panels: Minutes.\n" in Brew.__doc__


def test_a_tooltip_leaves_out_what_the_control_shows_and_says_what_none_is():
    assert FOUND["leaf"].tooltip == "What is brewed"
    assert FOUND["herbs"].tooltip == "In the pot"
    assert FOUND["steeps"].tooltip == "Minutes of each pot"
    assert FOUND["rests"].tooltip == "Minutes of rest"  # 0 is none of its values
    assert FOUND["minutes"].tooltip == "Time in the pot; none: until it is cold"
