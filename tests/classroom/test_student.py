import pytest

from lxmls_rnn.classroom import student


def error_of(source):
    try:
        exec(compile(source, "<cell 3>", "exec"), {})
    except BaseException as error:
        return student.in_words(error)
    return pytest.fail("no error")


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("x = 1\n1 / 0", "ZeroDivisionError: division by zero (line 2 of cell 3: "),
        ("def f(:", "SyntaxError: invalid syntax, line 1"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt:  (line 1 of cell 3: "),
        ("def f():\n    f()\nf()", "RecursionError: "),
    ],
)
def test_an_error_is_told_with_its_line(source, text):
    assert text in error_of(source)


def test_a_cell_is_stopped_after_its_time_of_the_processor_also_if_it_catches_errors():
    loop = "for n in range(3):\n    try:\n        while True: pass\n    except BaseException: pass\nwhile True: pass"
    with pytest.raises(BaseException, match=r"stopped after 10 s"), student._at_most(0.1):
        exec(loop, {})


def test_what_waits_for_long_is_neither_right_nor_wrong():
    read, write = student.os.pipe()
    child = student.os.fork()
    if not child:
        student.time.sleep(60)
    assert student._read(read, child, 0.5) == (b"", None)
    student.os.close(read)
    student.os.close(write)
