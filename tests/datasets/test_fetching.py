import gzip
import hashlib
import io
import shutil
import signal
import subprocess
import sys
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest
from datasets.server import CONTENT, SHA256, Server, a_dataset, quietly, stalled, status, whole

from lxmls_rnn.datasets import DATASETS, DataSet, DownloadError, catalogue


def test_fetch_says_the_licence_leaves_just_the_file_and_does_not_fetch_it_again(server, tmp_path):
    server.answers = [whole(CONTENT)]
    said: list[str] = []
    for _ in range(2):
        paths = quietly(a_dataset(server.url, name="ewt/a"), tmp_path / "data", notice=said.append)
        assert paths == [tmp_path / "data" / "ewt" / "a"]
        assert [path for path in tmp_path.rglob("*") if path.is_file()] == paths
        assert paths[0].read_bytes() == CONTENT
    assert "CC0" in said[0]
    assert server.n_requests == 1


def test_fetch_shows_a_progress_bar(server, tmp_path, capfd):
    server.answers = [whole(CONTENT)]
    quietly(a_dataset(server.url), tmp_path, progress=None)
    shown = capfd.readouterr().err
    assert "corpus.conllu" in shown
    assert "340.0/340.0 kB" in shown
    assert "B/s" in shown


def test_a_file_without_a_checksum_is_recorded_and_compared_with_that(server, tmp_path):
    server.answers = [whole(CONTENT)]
    said: list[str] = []
    (path,) = quietly(a_dataset(server.url, checksums=()), tmp_path, notice=said.append)
    record = tmp_path / "corpus.conllu.sha256"
    assert record.read_text().split() == [SHA256.removeprefix("sha256:"), path.name]
    assert f"sha256 {SHA256.removeprefix('sha256:')} recorded in {record.name}" in said[-2]
    assert said[-1] == f"{path}: fetched and verified"
    path.write_bytes(CONTENT.replace(b"DET", b"DEF"))  # of the same size
    quietly(a_dataset(server.url, checksums=()), tmp_path)
    assert path.read_bytes() == CONTENT


def test_what_earlier_fetches_left_is_removed_and_nothing_else(server, tmp_path):
    server.answers = [whole(CONTENT)]
    (tmp_path / ".fetch-x").mkdir()
    (tmp_path / ".fetch-x" / "download").write_text("left")
    (tmp_path / ".fetched").write_text("kept")
    [path] = quietly(a_dataset(server.url), tmp_path)
    assert set(tmp_path.iterdir()) == {path, tmp_path / ".fetched"}


def test_a_wrong_file_is_named_and_replaced(server, tmp_path):
    server.answers = [whole(CONTENT)]
    (tmp_path / "corpus.conllu").write_bytes(b"something else")
    said: list[str] = []
    [path] = quietly(a_dataset(server.url), tmp_path, notice=said.append)
    assert path.read_bytes() == CONTENT
    assert f"size: expected {len(CONTENT)} bytes, got 14" in said[1]


def test_a_wrong_file_stays_when_the_fetch_fails(server, tmp_path):
    server.answers = [status(404)]
    (tmp_path / "corpus.conllu").write_bytes(b"something else")
    with pytest.raises(DownloadError):
        quietly(a_dataset(server.url), tmp_path)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"something else"]


def test_in_the_container_a_file_is_to_be_put_into_the_hosts_folder(server, tmp_path, monkeypatch):
    server.answers = [status(404)]
    monkeypatch.setenv("LXMLS_IMAGE", str(tmp_path))
    with pytest.raises(DownloadError, match=r"put it at data/ewt/own\.txt, and fetch again"):
        quietly(a_dataset(server.url, name="ewt/own.txt"), tmp_path / "data")


def test_a_file_is_to_be_put_by_hand_where_it_is_looked_for(server, tmp_path):
    server.answers = [status(404)]
    for changes, name in (({"name": "ewt/own.txt"}, "ewt/own.txt"), ({"unpack": shutil.copy}, "corpus.conllu")):
        with pytest.raises(DownloadError, match=f"put it at {tmp_path / name}, and fetch again"):
            quietly(a_dataset(server.url, **changes), tmp_path)


SCRIPT = """
import sys
from lxmls_rnn.datasets import DataFile, DataSet, fetch
url, directory, checksum = sys.argv[1:]
fetch(DataSet("corpus", "", "", "", "", (DataFile(url, "corpus.conllu", checksums=(checksum,)),)), directory)
"""


def fetching(server: Server, directory: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", SCRIPT, server.url, str(directory), SHA256]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def test_ctrl_c_leaves_nothing_behind(server, tmp_path):
    server.answers = [stalled]
    process = fetching(server, tmp_path)
    server.stalls.wait()
    process.send_signal(signal.SIGINT)
    assert process.wait() != 0
    assert list(tmp_path.iterdir()) == []


def test_two_fetches_at_once_take_turns(server, tmp_path):
    server.answers = [stalled]
    process = fetching(server, tmp_path)
    server.stalls.wait()
    said: list[str] = []

    def notice(text: str) -> None:
        said.append(text)
        if "another fetch" in text:
            server.release.set()

    [path] = quietly(a_dataset(server.url), tmp_path, notice=notice)
    assert process.wait() == 0
    assert path.read_bytes() == CONTENT
    assert server.n_requests == 1
    assert "already there" in said[-1]


def test_a_directory_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DownloadError, match=r"file/data: .*Not a directory"):
        quietly(a_dataset("http://127.0.0.1/"), tmp_path / "file" / "data")


def senna_archive(words: bytes = b"the\ncat\n,\n", vectors: bytes = b"1 2\n3 4\n5 6\n") -> bytes:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz") as archive:
        for name, content in (("senna/hash/words.lst", words), ("senna/embeddings/embeddings.txt", vectors)):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return raw.getvalue()


def small(name: str, url: str) -> DataSet:
    """Return a data set as it is, but of three words in two dimensions from a local address."""
    dataset = DATASETS[name]
    file = replace(dataset.files[0], url=url, size=None, checksums=(), vectors=(3, 2))
    return replace(dataset, files=(file,))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (senna_archive()[:-5], "archive cannot be read"),
        (senna_archive()[:-8] + b"\0\0\0\0" + senna_archive()[-4:], "archive cannot be read"),
        (b"<html>moved</html>", "archive cannot be read"),
        (senna_archive(words=b"the\ncat\n"), "2 words and 3 vectors"),
        (senna_archive(b"the\n", b"1 2\n"), "expected 3 lines, got 1"),
        (senna_archive(vectors=b"1 2\n3\n5 6\n"), "line 2: expected a word and 2 finite numbers"),
        (senna_archive(vectors=b"1 2\n3 nan\n5 6\n"), "line 2: expected a word and 2 finite numbers"),
    ],
    ids=["cut", "checksum of gzip", "no archive", "uneven", "few lines", "width", "nan"],
)
def test_a_bad_senna_archive_leaves_nothing_behind(server, tmp_path, body, expected):
    server.answers = [whole(body)]
    with pytest.raises(DownloadError, match=expected):
        quietly(small("senna_50", server.url), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_an_archive_holds_is_recorded_and_compared_with_that(server, tmp_path):
    changed = senna_archive(vectors=b"1 2\n3 4\n5 7\n")
    server.answers = [whole(senna_archive()), whole(senna_archive()), whole(changed)]
    [path] = quietly(small("senna_50", server.url), tmp_path)
    good = path.read_bytes()
    assert (tmp_path / "senna_50.sha256").read_text() == f"{hashlib.sha256(good).hexdigest()}  senna_50\n"
    path.write_bytes(good.replace(b"6", b"7"))  # changed on this disk, so it is fetched again
    quietly(small("senna_50", server.url), tmp_path)
    assert path.read_bytes() == good
    path.unlink()
    with pytest.raises(DownloadError, match=r"seen at an earlier fetch.* delete .*senna_50\.sha256"):
        quietly(small("senna_50", server.url), tmp_path)
    assert not path.exists()


def test_a_senna_put_there_by_hand_is_taken(server, tmp_path):
    server.answers = [whole(senna_archive())]
    path = tmp_path / "senna_50"
    path.write_text("the 1 2\ncat 3 4\n, 5 7\n")
    quietly(small("senna_50", server.url), tmp_path)
    assert server.n_requests == 0
    path.write_text("the 1 2\ncat 3 4\n, 5 8\n")  # no longer what was first seen
    path.with_name("senna_50.sha256").write_text("no checksum")
    quietly(small("senna_50", server.url), tmp_path)
    assert server.n_requests == 0
    path.write_text("the 1 2\ncat 3 4\n, 5 9\n")
    with pytest.raises(DownloadError, match="seen at an earlier fetch"):
        quietly(small("senna_50", server.url), tmp_path)


@pytest.mark.parametrize(
    ("content", "problem"),
    [(b"x" * 3_000_000, "{path}, line 1: the line is longer than"), (b"", "expected 3 lines, got 0)")],
    ids=["one long line", "empty"],
)
def test_a_text_that_is_none_of_embeddings_is_fetched_again(server, tmp_path, content, problem):
    server.answers = [whole(senna_archive())]
    (tmp_path / "senna_50").write_bytes(content)
    said: list[str] = []
    [path] = quietly(small("senna_50", server.url), tmp_path, notice=said.append)
    assert path.read_text() == "the 1 2\ncat 3 4\n, 5 6\n"
    assert said[1].startswith(f"{path} is not what was published ({problem.format(path=path)}")


def test_a_part_of_an_archive_that_is_too_large_is_not_read(server, tmp_path, monkeypatch):
    server.answers = [whole(senna_archive())]
    monkeypatch.setattr(catalogue, "MAX_MEMBER_BYTES", 12)  # bytes, as many as the vectors have
    [path] = quietly(small("senna_50", server.url), tmp_path)
    path.unlink()
    monkeypatch.setattr(catalogue, "MAX_MEMBER_BYTES", 11)
    with pytest.raises(DownloadError, match=r"embeddings/embeddings\.txt has 12 bytes, expected at most 11"):
        quietly(small("senna_50", server.url), tmp_path)


def test_of_glove_only_a_first_line_can_be_that_of_the_counts(server, tmp_path):
    server.answers = [whole(gzip.compress(b"3 1\nthe 1\n2 3\n, 5\n"))]
    dataset = small("glove_50", server.url)
    file = replace(dataset.files[0], vectors=(3, 1))
    [path] = quietly(replace(dataset, files=(file,)), tmp_path)
    assert path.read_text() == "the 1\n2 3\n, 5\n"


def test_an_archive_whose_checksum_is_published_may_change_with_it(server, tmp_path):
    dataset = small("glove_50", server.url)
    for number in (6, 7):
        body = gzip.compress(f"3 2\nthe 1 2\ncat 3 4\n, 5 {number}\n".encode())
        server.answers, server.n_requests = [whole(body)], 0
        file = replace(dataset.files[0], checksums=(f"md5:{hashlib.md5(body).hexdigest()}",))
        [path] = quietly(replace(dataset, files=(file,)), tmp_path)
        assert path.read_text() == f"the 1 2\ncat 3 4\n, 5 {number}\n"  # without the line of counts
        assert server.n_requests == 1
        path.unlink()


def test_an_archive_put_there_by_hand_is_used(server, tmp_path):
    (tmp_path / "corpus.conllu").write_bytes(senna_archive())
    said: list[str] = []
    [path] = quietly(small("senna_50", server.url), tmp_path, notice=said.append)
    assert server.n_requests == 0
    assert said[1] == f"{tmp_path / 'corpus.conllu'}: using this instead of downloading it"
    assert path.read_text().startswith("the 1 2\n")
