"""Small pieces of HTML, read back as a browser shows them."""

import re
from html import unescape

import numpy as np
import pytest

from lab.drawing import html
from lxmls_rnn.plotting.palette import shade

NASTY = "<b> & \"'"


def cells(shown):
    """Return the cells of a table, row by row: text, tooltip, background, whether it has a frame."""
    rows = []
    for row in shown.split("<tr>")[1:]:
        found = re.findall(r"<td([^>]*)>(.*?)</td>", row)
        rows.append([
            (text, *(re.search(part, kind) and unescape(re.search(part, kind)[1])
                     for part in ('title="([^"]*)"', "background:(#[0-9a-f]*)")), "lab-marked" in kind)
            for kind, text in found
        ])  # fmt: skip
    return rows


def names(shown, scope):
    return [
        unescape(re.sub("<[^>]*>", "", name)) for name in re.findall(rf'<th scope="{scope}"[^>]*>(.*?)</th>', shown)
    ]


def test_a_table_shows_texts_as_they_are_and_html_as_html():
    shown = html.table([NASTY, "b"], [[NASTY, html.Raw("<i>3</i>")], [None, 4]], NASTY)
    assert names(shown, "col") == [NASTY, "b"]
    assert [[unescape(text) for text, *_ in row] for row in cells(shown)[1:]] == [[NASTY, "<i>3</i>"], ["None", "4"]]
    assert unescape(re.search("<caption>(.*)</caption>", shown)[1]) == NASTY
    assert shown.count("<b>") == 0
    shown = html.table(["setting", ""], [["n_hidd=2", "given up"]])
    assert '<tr><th scope="col">setting</th><td' in shown  # none that a screen reader would announce
    assert "caption" not in shown


def test_a_word_is_above_its_tag_and_says_what_is_special_about_it():
    known, unknown = html.word("the", "det", "#fff", False), html.word("<x>", "noun", "#eee", True, "noun 0.5")
    assert 'title="the: det" style="background:#fff">the<br><small>det</small>' in known
    assert 'title="&lt;x&gt;: noun 0.5, not in the vocabulary" style="background:#eee">&lt;x&gt;<br>' in unknown
    assert ("lab-faint" in known, "lab-faint" in unknown) == (False, True)


def test_a_heat_map_names_each_cell_and_colours_it_by_its_share_of_the_largest():
    values = np.array([[0.25, -1.0], [0.12345, 0.5]])
    shown = html.heat_map(values, ["a", NASTY], ["x", "y"], marked_column=1)
    assert (names(shown, "row"), names(shown, "col")) == (["a", NASTY], ["x", "y"])
    (a_x, a_y), (b_x, b_y) = cells(shown)[1:]
    assert (a_x, a_y) == (("", "a, x: 0.25", shade(0.25, 1), False), ("", "a, y: -1", shade(-1, 1), True))
    assert (b_x[1], b_y[1:]) == (f"{NASTY}, x: 0.1235", (f"{NASTY}, y: 0.5", shade(0.5, 1), True))
    assert ("lab-upright" in shown, "caption" in shown) == (False, False)


def test_a_heat_map_of_counts_writes_them_and_may_have_another_scale():
    counts = np.array([[12345, 6]])
    shown = html.heat_map(counts, ["a"], ["x", "y"], 12, write=str, caption="how often", upright=True)
    assert cells(shown)[1] == [("12345", "a, x: 12345", shade(1, 1), False), ("6", "a, y: 6", shade(1, 2), False)]
    assert "<caption>how often</caption>" in shown
    assert "lab-upright" in shown
    assert re.findall("color:(#fff|#000)", shown) == ["#fff", "#000"]  # on dark cells white
    by_size = html.heat_map(np.array([[10.0, 0.1]]), ["a"], ["x", "y"], coloured_by=np.log10)
    assert [cell[2] for cell in cells(by_size)[1]] == [shade(1, 1), shade(-1, 1)]


def test_bars_are_as_long_as_their_values():
    rows = [(NASTY, 0.5, "#123"), ("b", 2.0, "#456"), ("c", -1.0, "#789"), ("d", 1.0, "#abc")]
    shown = html.bars(rows, 1.0)
    widths = [int(width) for width in re.findall(r"width:(\d+)px", shown)]
    assert widths[1] == widths[3] == 2 * widths[0] > widths[2] == 0
    assert ["outline" in row for row in shown.split("<tr>")[1:]] == [True, True, False, True]
    assert re.findall(r"<td>(.*?)</td>", shown) == ["0.5000", "2.0000", "-1.0000", "1.0000"]
    assert re.findall(r"background:(#\w*)", shown) == ["#123", "#456", "#789", "#abc"]
    assert names(shown, "row") == [NASTY, "b", "c", "d"]
    assert "width:0px" in html.bars([("none", 0.0, "#123")], 0.0)


def test_long_names_are_cut_where_wide_letters_count_twice_and_marks_stay_with_their_letter():
    shown = {
        "": "",
        "four": "four",
        "fives": "fiv…",
        "図書": "図書",
        "図書館": "図…",
        "e\u0301" * 5: "e\u0301" * 3 + "…",
    }
    assert [html.shortened(text, 4) for text in shown] == list(shown.values())
    assert html.shortened("विद्या", 2) == "वि…"  # not between द and its vowel sign


def test_a_word_in_another_script_is_isolated_from_the_number_after_it():
    shown = html.heat_map(np.array([[1.0, 2.0]]), ["a"], ["dog", "كلب"])
    assert 'title="a, dog: 1"' in shown
    assert 'title="a, \u2068كلب\u2069: 2"' in shown


def test_a_formula_has_its_indices_and_signs():
    assert html.symbols("dW_h += e_{a,t+1} * h_2^T - 1 < 'x'") == (
        "dW<sub>h</sub> += e<sub>a,t+1</sub> ⊙ h<sub>2</sub><sup>T</sup> \u2212 1 &lt; 'x'"
    )
    assert html.symbols("e_a_o") == "e<sub>a,o</sub>"
    assert html.symbols("tanh(n_words)") == "tanh(n<sub>words</sub>)"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *((-3.0, "-3"), (1000.0, "1e+03"), (123.46, "123"), (-12.345, "-12.35"), (0.1, "0.10")),
        *((0.00049, "5e-04"), (float("nan"), "nan"), (0.001, "0.001")),
    ],
)
def test_a_number_takes_little_room(value, text):
    assert html.number(value) == text


def test_a_matrix_shows_its_numbers_and_leaves_out_what_is_none():
    values = np.array([[0.5, np.nan, -2.0], [np.nan, 1.0, 0.0]])
    shown = html.matrix(values, "<i>W</i>", ["a", ""], [NASTY, "y", "z"], [(0, 0), (0, 1)])
    header, first, second = cells(shown)
    assert [text for text, *_ in header] == [""]  # above the rows' names
    assert first == [
        ("0.50", "0.5", shade(0.25, 1), True),
        ("", None, None, True),
        ("\u22122", "-2", shade(-1, 1), False),
    ]
    assert second[1:] == [("", None, None, False), ("1", "1", shade(0.5, 1), False), ("0", "0", "#ffffff", False)]
    assert (names(shown, "col"), names(shown, "row")) == ([NASTY, "y", "z"], ["a"])
    assert '<table class="lab-matrix"><caption><i>W</i></caption>' in shown
    shown = html.matrix(np.array([[1.0]]), largest=2.0)
    assert cells(shown) == [[("1", "1", shade(0.5, 1), False)]]
    assert "<th" not in shown
    assert "caption" not in shown
    header, *rows = cells(html.matrix(np.full((1, 2), np.nan), columns=["x", "y"]))
    assert header == []  # there are no rows' names
    assert rows == [[("", None, None, False)] * 2]
