import json
from dataclasses import replace

import pytest

from lxmls_rnn.classroom.tasks import Exercise, HandedOut, Job, Report, Said, to_json
from lxmls_rnn.storage import records


def test_a_job_and_what_comes_back_are_the_same_after_a_line():
    out = HandedOut({"forward": "my_forward"}, ["x"], {"a": "forward"}, ["01.ipynb"], {"forward": "x"})
    exercise = Exercise("numpy", ["x"], ["p"], ["{}"], "12")
    job = Job({"01.ipynb": "aa"}, out, {"forward": exercise}, [["01.ipynb", "forward"]], None, 30.0, 4096)
    assert "\n" not in to_json(job)
    assert Job.from_json(to_json(job)) == job
    for one in (Report("answer", "text\n", exercise="forward"), Said(["{}"], "not yet", "a\nb", ["cell 1"])):
        assert records.parse(type(one), to_json(one)) == one


def test_half_characters_do_not_break_a_line():
    said = Said(text="\ud800")
    assert records.parse(Said, to_json(said)) == replace(said, text="?")


def test_a_line_that_is_no_report_is_an_error():
    with pytest.raises(ValueError, match="kind"):
        records.parse(Report, json.dumps({"kind": 3}))
