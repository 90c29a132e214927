import pytest

from lxmls_rnn.submissions.tasks import Answer, Cell, Job, Task


def test_a_job_and_an_answer_are_the_same_after_a_line_of_json():
    job = Job([Task("forward", ["my_forward"], [Cell(1, "x\n", True, True, False)])], None, 30.0, 4096)
    assert "\n" not in job.to_json()
    assert Job.from_json(job.to_json()) == job
    answer = Answer("forward", "right", "text\n", ["os"])
    assert Answer.from_json(answer.to_json().encode()) == answer


def test_a_line_that_is_no_answer_is_an_error():
    with pytest.raises(ValueError, match="exercise"):
        Answer.from_json(b'{"exercise": 3}')
