import pytest

from lxmls_rnn.classroom.feedback import page, write_pages
from lxmls_rnn.classroom.marks import Marks, Stored
from lxmls_rnn.classroom.tasks import Verdict

WEIGHTS = {"jax_scan": 0.0, "forward": 2.0, "errors": 1.0}


@pytest.fixture
def stored():
    answers = {
        "forward": Verdict("right", "All equal.", 1.0),
        "errors": Verdict("not right", "<b>\x1b[2J", 0.25, ["cell 3: <i>"]),
    }
    return Stored(WEIGHTS, [Marks("anna", answers, 2, ["errors"]), Marks("=ben")])


def test_a_page_has_points_verdicts_what_is_not_earned_and_the_comment(stored):
    text = page(stored.marks[0], WEIGHTS, "Well done,\n<anna>!")
    assert "<h1>anna: 2 of 3 points</h1>" in text
    assert "<td>forward</td><td>✓ right</td><td>2 of 2</td><td>All equal.</td>" in text
    assert "<td>✗ not right</td><td>0.25 of 1</td><td>&lt;b&gt;\\x1b[2J\nPartial credit: 25%, the share" in text
    assert "Skipped: cell 3: &lt;i&gt;" in text
    assert "Well done,\n&lt;anna&gt;!" in text
    assert "Stored as right, but the code in the notebook is not: errors." in text
    assert "jax_scan" not in text  # optional, and not begun


def test_comments_are_written_into_a_table_that_is_never_overwritten(stored, tmp_path):
    assert write_pages(tmp_path, stored) == {}
    file = tmp_path / "comments.csv"
    assert file.read_text() == '"student","comment","points"\n"anna","",""\n"\'=ben","",""\n'
    file.write_text('"student","comment"\n"anna","Good.\nGo on."\n"anna","And thanks."\n"\'=ben","Hello"\n')
    assert write_pages(tmp_path, stored) == {"anna": "Good.\nGo on.\nAnd thanks.", "=ben": "Hello"}
    assert "Good.\nGo on.\nAnd thanks." in (tmp_path / "anna.html").read_text()


def test_other_spreadsheets_write_semicolons_and_a_mark(stored, tmp_path):
    (tmp_path / "comments.csv").write_text("\ufeffstudent;comment\nanna;Good, go on.\n;\n", encoding="utf-8")
    assert write_pages(tmp_path, stored) == {"anna": "Good, go on."}


def test_excel_writes_its_own_encoding(stored, tmp_path):
    (tmp_path / "comments.csv").write_bytes("student;comment\r\nanna;Très bien – go on…\r\n".encode("cp1252"))
    assert write_pages(tmp_path, stored) == {"anna": "Très bien – go on…"}
    assert "Très bien – go on…" in (tmp_path / "anna.html").read_text(encoding="utf-8")


def test_a_comment_may_be_long(stored, tmp_path):
    (tmp_path / "comments.csv").write_text(f"student,comment\nanna,{'x' * 200_000}\n")
    assert write_pages(tmp_path, stored) == {"anna": "x" * 200_000}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"student,comment\nana,x\n", "no student 'ana', expected one of"),
        (b"name,comment\nanna,x\n", "expected the columns student and comment, got 'name,comment'"),
        (b"student,comment\nanna,\x81\n", "neither UTF-8 nor Windows-1252: save it as CSV UTF-8"),
        (b"student,comment\nanna,Good, go on.\n", 'line 2: 3 fields, expected 2: put a comment with "," in double'),
        (b"", "expected the columns"),
    ],
)
def test_a_comment_that_cannot_be_given_is_an_error(stored, tmp_path, text, message):
    (tmp_path / "comments.csv").write_bytes(text)
    with pytest.raises(ValueError, match=f"^{tmp_path}/comments.csv.*{message}"):
        write_pages(tmp_path, stored)


@pytest.mark.parametrize("name", ["../x", "/tmp/x", ".", "", "a\0"])
def test_a_page_is_written_beside_the_marks_only(stored, tmp_path, name):
    folder = tmp_path / "marks"
    with pytest.raises(ValueError, match="must be the name of a folder"):
        write_pages(folder, Stored(WEIGHTS, [*stored.marks, Marks(name)]))
    assert not list(tmp_path.iterdir())


def test_points_of_the_teacher_are_added(stored, tmp_path):
    (tmp_path / "comments.csv").write_text("student;comment;points\nanna;Clear.;1,5\nanna;;-0.25\n=ben;;\n")
    assert write_pages(tmp_path, stored) == {"anna": "Clear."}
    assert [one.total for one in stored.marks] == [3.25, 0]
    text = (tmp_path / "anna.html").read_text()
    assert "<h1>anna: 3.25 of 3 points</h1>" in text
    assert "Added by the teacher: 1.25 points." in text


@pytest.mark.parametrize("points", ["two", "nan", "1e999"])
def test_points_that_are_no_number_are_an_error(stored, tmp_path, points):
    (tmp_path / "comments.csv").write_text(f"student,comment,points\nanna,,{points}\n")
    with pytest.raises(ValueError, match=r"comments\.csv, line 2: expected a number of points"):
        write_pages(tmp_path, stored)
