"""Hostile and damaged zip files and folders: what is collected, and what is left out."""

import os
import stat
import zipfile
from datetime import datetime
from pathlib import Path

import pytest
from classroom.small_class import exercises
from typer.testing import CliRunner

from lxmls_rnn.classroom import collect as collecting
from lxmls_rnn.classroom.collect import collect, in_text
from lxmls_rnn.classroom.students import ERROR, read_class
from lxmls_rnn.cli.main import app


@pytest.fixture
def place(tmp_path, monkeypatch):
    """The current folder, with a file that no student may read or change."""
    (tmp_path / "secret").write_text("secret")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def zipped(file, members, mode=0o100644):
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo(name)
            info.external_attr, info.compress_type = mode << 16, zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
    return Path(file)


def student(folder, **files):
    """Write a student's folder with a file of each name in its folder of runs."""
    (Path(folder) / "runs").mkdir(parents=True)
    for name, content in {"exercises": exercises({}), **files}.items():
        (Path(folder) / "runs" / f"{name}.json").write_text(content)
    return Path(folder)


def content(folder):
    found = {str(path.relative_to(folder)) for path in Path(folder).rglob("*") if not path.is_dir()}
    assert not any(path.is_symlink() for path in Path(folder).rglob("*"))
    return found


@pytest.mark.parametrize(
    "name",
    ["/etc/x", "../secret", "anna/runs/../../../secret", "C:\\runs\\x", "\\runs\\x", "runs/\x1b[2J", "run/x", "x"],
)
def test_a_name_that_leads_elsewhere_is_left_out(place, name):
    (report,) = collect([zipped("anna.zip", {name: "bad", "anna/runs/exercises.json": "{}"})], Path("new"))
    assert content("new") == {"anna/runs/exercises.json"}
    assert len(report.left_out) == 1
    assert (place / "secret").read_text() == "secret"
    assert "\x1b" not in in_text([report])


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_special_files_in_a_zip_file_are_left_out(place, kind):
    (report,) = collect([zipped("anna.zip", {"runs/x": "/etc/passwd"}, kind | 0o777)], Path("new"))
    assert content("new") == set()
    assert "is a" in report.left_out[0]


def test_a_bomb_is_left_out_and_the_small_files_are_kept(place):
    bomb = zipped("anna.zip", {"runs/bomb": b"\0" * 3_000_000, "runs/exercises.json": "{}"})
    assert bomb.stat().st_size < 10_000
    (report,) = collect([bomb], Path("new"), max_bytes=100_000)
    assert content("new") == {"anna/runs/exercises.json"}
    assert "more than 100,000 bytes" in report.left_out[0]


def test_of_a_student_with_too_much_the_largest_files_are_left_out(place):
    sizes = {"exercises.json": 10, "a/metrics.jsonl": 60_000, "b/metrics.jsonl": 50_000, "c/metrics.jsonl": 40_000}
    many = zipped("anna.zip", {f"runs/{name}": b"x" * size for name, size in sizes.items()})
    (report,) = collect([many], Path("new"), max_bytes=100_000)
    assert content("new") == {f"anna/runs/{name}" for name in ("exercises.json", "b/metrics.jsonl", "c/metrics.jsonl")}
    assert [text.split(":")[0] for text in report.left_out] == ["runs/a/metrics.jsonl"]
    assert report.bytes == 90_010


def test_too_many_files_are_refused_before_they_are_listed(place, monkeypatch):
    many = zipped("anna.zip", {f"runs/{n}": "" for n in range(200)})
    monkeypatch.setattr(collecting, "MAX_DIRECTORY_BYTES", 1000)
    (report,) = collect([many], Path("new"))
    assert report.error == "the zip file lists too many files: at most 20,000 are collected"
    monkeypatch.undo()
    monkeypatch.setattr(collecting, "MAX_FILES", 100)
    os.chdir(place)
    (report,) = collect([many], Path("newer"))
    assert report.error == "the zip file has 200 files: at most 100 are collected"


def test_damage_to_one_student_does_not_stop_the_others(place):
    Path("class/empty").mkdir(parents=True)
    zipped("class/ben.zip", {"ben/runs/exercises.json": exercises({})})
    Path("class/cai.zip").write_bytes(b"PK\x03\x04 not a zip file")
    data = bytearray(zipped("class/dee.zip", {"runs/answers.json": "{}", "runs/exercises.json": "{}"}).read_bytes())
    data[data.index(b"exercises.json") + 15] ^= 255
    Path("class/dee.zip").write_bytes(data)
    student("class/eva")
    result = CliRunner().invoke(app, ["class", "collect", "class", "nobody.zip", "--into", "new"])
    assert result.exit_code == 1
    assert content("new") >= {"ben/runs/exercises.json", "dee/runs/answers.json", "eva/runs/exercises.json"}
    report = Path("new/collected.txt").read_text()
    assert "cai: 0 files, 0.0 MB from class/cai.zip\n  error: damaged, or not a zip file\n" in report
    assert "  left out: runs/exercises.json: " in report
    kinds = {student.name: student.kinds for student in read_class(Path("new"), {}).students}
    assert kinds["cai"] == "damaged"
    assert kinds["eva"] == kinds["ben"] == ""


def test_links_and_special_files_of_a_folder_are_left_out(place):
    anna = student("class/anna")
    (anna / "runs/link").symlink_to(place / "secret")
    (anna / "results").symlink_to(place)
    os.mkfifo(anna / "runs/pipe")
    Path("class/ben").symlink_to(student("elsewhere").resolve())
    report, linked = collect([Path("class")], Path("new"))
    assert content("new") == {"anna/runs/exercises.json", f"elsewhere/{ERROR}"}
    assert linked.error
    assert report.left_out == ["results is a link", "runs/link is a link", "runs/pipe is a special file"]


def test_a_folder_replaced_by_a_link_meanwhile_is_not_followed(place, monkeypatch):
    anna = student("class/anna", answers="{}")
    Path("outside").mkdir()
    Path("outside/answers.json").write_text("secret")
    copy = collecting._copy

    def replaced(*arguments):
        (anna / "runs").rename(anna / "before")
        (anna / "runs").symlink_to(place / "outside")
        copy(*arguments)

    monkeypatch.setattr(collecting, "_copy", replaced)
    (report,) = collect([anna], Path("new"))
    assert content("new") == set()
    assert len(report.left_out) == 2


def test_files_are_found_where_students_put_them(place):
    members = {"lab/notebooks/01.ipynb": "{}", "lab/runs/a/config.json": "{}", "lab/.git/x": "", "notes/2.ipynb": "{}"}
    zipped("ben.zip", members | {"exercises.json": "{}"})
    Path("class/cai").mkdir(parents=True)
    zipped("class/cai/my work.zip", {"exercises.json": "{}"})
    zipped("class/cai/zipped too.zip", {"answers.json": "{}"})
    list(collect([Path("ben.zip"), Path("class")], Path("new")))
    placed = {"notebooks/01.ipynb", "notebooks/2.ipynb", "runs/a/config.json", "runs/exercises.json"}
    assert content("new") == {*(f"ben/{name}" for name in placed), "cai/runs/exercises.json", "cai/runs/answers.json"}


def test_a_second_zip_file_of_a_student_replaces_nothing(place):
    for folder in ("one", "two"):
        Path(folder).mkdir()
        zipped(f"{folder}/anna.zip", {"exercises.json": folder})
    assert [report.name for report in collect([Path("one"), Path("two")], Path("new"))] == ["anna", "anna-2"]
    assert Path("new/anna/runs/exercises.json").read_text() == "one"


def test_only_a_new_folder_is_filled_and_only_if_there_is_something(place):
    student("class/anna")
    student("into/anna")
    result = CliRunner().invoke(app, ["class", "collect", "class", "--into", "into"])
    assert result.exit_code == 1
    assert "into: already exists: give the name of a new folder" in result.output
    with pytest.raises(FileNotFoundError, match=r"no zip file and no student's folder in anna\.zip, ben"):
        list(collect([Path("anna.zip"), Path("ben")], Path("new")))
    assert not Path("new").exists()


def test_files_keep_the_time_at_which_they_were_handed_in(tmp_path):
    with zipfile.ZipFile(tmp_path / "anna.zip", "w") as archive:
        archive.writestr(zipfile.ZipInfo("notebooks/a.ipynb", (2026, 5, 4, 12, 30, 0)), "{}")
        archive.writestr(zipfile.ZipInfo("notebooks/b.ipynb", (1980, 0, 0, 0, 0, 0)), "{}")
    at = datetime(2026, 5, 4, 12, 30)
    (tmp_path / "ben/notebooks").mkdir(parents=True)
    (tmp_path / "ben/notebooks/a.ipynb").write_text("{}")
    os.utime(tmp_path / "ben/notebooks/a.ipynb", (at.timestamp(), at.timestamp()))
    reports = list(collect([tmp_path / "anna.zip", tmp_path / "ben"], tmp_path / "into"))
    assert [(report.files, report.left_out) for report in reports] == [(2, []), (1, [])]
    for name in ("anna", "ben"):
        assert datetime.fromtimestamp((tmp_path / "into" / name / "notebooks/a.ipynb").stat().st_mtime) == at
