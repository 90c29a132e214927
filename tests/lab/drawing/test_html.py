"""Small pieces of HTML."""

from lab.drawing import html


def test_a_column_without_a_name_has_no_header_that_a_screen_reader_would_announce():
    shown = html.table(["setting", ""], [["n_hidd=2", "given up"]])
    assert '<tr><th scope="col">setting</th><td' in shown
    assert '<th scope="col"></th>' not in shown
