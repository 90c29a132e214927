"""A session's file: what it says of the run, and what is kept of a file that is there."""

import json
from datetime import datetime, timedelta

import pytest

from lxmls_rnn.benchmark.measure import runner as runner_module
from lxmls_rnn.benchmark.measure.cases import Shape, make_cases
from lxmls_rnn.benchmark.measure.process import Failed
from lxmls_rnn.benchmark.measure.results import Results
from lxmls_rnn.benchmark.measure.runner import Runner
from lxmls_rnn.benchmark.measure.session import Session

CASES = make_cases([Shape("rnn", 5, batch, 4) for batch in (1, 2, 3)], ["forward"], ["numpy", "fused"], n_words=30)


def test_the_file_says_when_how_and_where_it_was_measured(scripted, tmp_path):
    list(Session(CASES, scripted(threads=3), tmp_path / "a.json", ["bench", "--set", "quick"]).run())
    content = json.loads((tmp_path / "a.json").read_text())
    assert (content["format"], content["version"]) == ("lxmls-rnn benchmark", 2)
    age = datetime.now().astimezone() - datetime.fromisoformat(content["created"])
    assert timedelta(0) <= age < timedelta(hours=1)
    assert content["command"] == ["bench", "--set", "quick"]
    assert content["settings"] == {"threads": 3, "seconds": 0.5, "limit": 100, "processes": 3, "rounds": 2}
    assert content["machine"]["threads"] == 3
    assert [row["median"] for row in content["rows"]] == [0.1] * len(CASES)


def test_a_file_is_overwritten_unless_the_run_is_resumed(scripted, tmp_path):
    path = tmp_path / "a.json"
    for resume, asked in ((False, 18), (False, 18), (True, 0)):  # six cases in three processes
        runner = scripted()
        list(Session(CASES, runner, path, resume=resume).run())
        assert [one for one, _ in runner.asked].count("prepare") == asked
    assert [row.case for row in Results.load(path).rows] == CASES


def test_what_may_have_slowed_down_the_machine_is_kept(scripted, tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    for said, cases, kept in (
        ("Busy.", CASES[:2], "Busy."),
        ("On its battery.", CASES[:2], "Busy."),  # nothing is measured
        ("", CASES[:4], "Busy."),
        ("Busy again.", CASES, "Busy again."),
    ):
        monkeypatch.setattr("lxmls_rnn.benchmark.measure.session.doubt", lambda said=said: said)
        list(Session(cases, scripted(), path, resume=True).run())
        assert Results.load(path).doubt == kept


def test_what_is_unavailable_is_one_row_and_not_asked_for_by_a_resumed_run(scripted, tmp_path, monkeypatch):
    path, scripted_worker = tmp_path / "a.json", scripted()
    start, asked = runner_module.Worker, []

    def without_fused(name, *lane, **given):
        asked.append(name)
        if name == "fused":
            raise Failed("unavailable", "no compiler")
        return start(name, *lane, **given)

    monkeypatch.setattr(runner_module, "Worker", without_fused)
    session = Session(CASES, scripted_worker, path)
    list(session.run())
    assert (asked.count("fused"), session.share, len(session.cases)) == (1, 1.0, 3)
    rows = Results.load(path).rows
    assert [(row.case.implementation, row.status) for row in rows] == [
        ("numpy", "ok"), ("fused", "unavailable"), ("numpy", "ok"), ("numpy", "ok")
    ]  # fmt: skip
    again = Session(CASES, Runner(threads=1, seconds=0.5, limit=100), path, resume=True)
    assert (again.todo, len(again.cases)) == ([], 3)
    list(again.run())
    assert Results.load(path).rows == rows
    nothing = Session(CASES[1::2], Runner(threads=1), tmp_path / "b.json")
    assert [row.status for row in nothing.run()] == ["unavailable"]
    assert (nothing.saved, nothing.path.exists()) == (False, False)


@pytest.fixture
def doubtful(scripted, tmp_path):
    """The file of a whole run whose fourth row is uncertain."""
    path = tmp_path / "a.json"
    list(Session(CASES, scripted(), path).run())
    results = Results.load(path)
    results.rows[3].medians = results.rows[3].medians[:2]
    results.save(path)
    return path


def test_a_resumed_run_that_is_stopped_keeps_the_earlier_rows(scripted, doubtful):
    before = Results.load(doubtful).rows
    runner = scripted()
    runner.stop()
    list(Session(CASES, runner, doubtful, resume=True).run())
    assert Results.load(doubtful).rows == before


def test_a_long_run_that_is_stopped_has_certain_rows_and_is_resumed_after_them(scripted, tmp_path, monkeypatch):
    monkeypatch.setattr(runner_module, "GROUPS_AT_A_TIME", 2)
    path, runner = tmp_path / "a.json", scripted()
    for row in Session(CASES, runner, path).run():
        if row.case.batch == 3:  # the third group
            runner.stop()
    assert [row.is_uncertain for row in Results.load(path).rows] == [False] * 4 + [True] * 2
    again = Session(CASES, scripted(), path, resume=True)
    assert again.todo == [CASES[4:]]
    list(again.run())
    assert not any(row.is_uncertain for row in Results.load(path).rows)


def test_a_group_with_an_uncertain_row_is_measured_again(scripted, doubtful):
    assert {row.case for row in Session(CASES, scripted(), doubtful, resume=True).run()} == set(CASES[2:4])
    assert not any(row.is_uncertain for row in Results.load(doubtful).rows)


def test_a_run_can_be_resumed_before_there_is_a_file(scripted, tmp_path):
    session = Session(CASES, scripted(), tmp_path / "a.json", resume=True)
    shares = [session.share for _ in session.run()]
    assert (len(shares), shares[0], shares[-1]) == (3 * len(CASES), pytest.approx(2 / 18), 1.0)


def test_a_group_that_lacks_a_case_is_measured_anew_as_one(scripted, tmp_path):
    path = tmp_path / "a.json"
    list(Session(CASES[:3], scripted(seconds=[0.1]), path).run())
    new = list(Session(CASES, scripted(seconds=[0.2]), path, resume=True).run())
    assert [row.case for row in new] == CASES[2:] * 3
    assert [row.median for row in Results.load(path).rows] == [0.1] * 2 + [0.2] * 4


@pytest.mark.parametrize("other", [Shape("rnn", 6, 1, 4), Shape("rnn", 5, 1, 4, n_emb=7)])
def test_a_file_with_other_cases_is_not_resumed(scripted, tmp_path, other):
    path, cases = tmp_path / "a.json", make_cases([other], ["forward"], ["numpy"], n_words=30)
    list(Session([*CASES[:2], *cases], scripted(), path).run())
    before = path.read_bytes()
    with pytest.raises(ValueError, match=r"a\.json has 1 case that this run does not measure, the first rnn forward, "):
        Session(CASES, scripted(), path, resume=True)
    assert path.read_bytes() == before


def test_the_file_grows_with_every_group(scripted, tmp_path):
    path = tmp_path / "a.json"
    found = []
    for _ in Session(CASES, scripted(), path).run():
        found.append(len(Results.load(path).rows) if path.exists() else 0)
    assert found[:6] == [2, 2, 4, 4, 6, 6]
