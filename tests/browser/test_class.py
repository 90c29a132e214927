"""The page of a class, as `lxmls-rnn class show --html` writes it."""

from lab.exercises.exercise import COURSE
from lxmls_rnn.classroom.students import Attempts, SchoolClass, Student
from lxmls_rnn.classroom.table import as_html


def test_the_table_of_all_exercises_fits_into_a_window_of_1400_pixels(context):
    entry = Attempts("right", 12, 3, True, begun="2026-07-20 10:00", done="2026-07-20 12:10")
    page = context.new_page()
    page.set_viewport_size({"width": 1400, "height": 900})
    page.set_content(as_html(SchoolClass([Student("student-with-a-name", dict.fromkeys(COURSE, entry))], COURSE)))
    assert page.locator("th[scope=col]").count() > len(COURSE)
    assert page.evaluate("document.querySelector('table').parentElement.scrollWidth <= innerWidth")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
