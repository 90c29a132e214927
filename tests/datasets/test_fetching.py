import gzip
import hashlib
import io
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from lxmls_rnn.datasets import DATASETS, DataFile, DataSet, DownloadError, catalogue, describe, download, fetch

CONTENT = b"1\tThe\tthe\tDET\tDT\n" * 20_000
SHA256 = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"

Answer = Callable[[BaseHTTPRequestHandler], None]


class Server(ThreadingHTTPServer):
    """Answers each request with the next of its answers, and the last one for ever."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/corpus.conllu"
        self.answers: list[Answer] = []
        self.n_requests = 0
        self.half_sent = threading.Event()
        self.release = threading.Event()

    def handle_error(self, request: object, client_address: object) -> None:
        """Print nothing when a client has gone."""


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        answers = self.server.answers
        answer = answers[min(self.server.n_requests, len(answers) - 1)]
        self.server.n_requests += 1
        answer(self)

    def log_message(self, *args: object) -> None:
        pass


def whole(body: bytes) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def truncated(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(CONTENT)))
    handler.end_headers()
    handler.wfile.write(CONTENT[: len(CONTENT) // 2])


def stalled(handler: Handler) -> None:
    """Send a half, then nothing until the test says so."""
    truncated(handler)
    handler.wfile.flush()
    handler.server.half_sent.set()
    handler.server.release.wait()
    handler.wfile.write(CONTENT[len(CONTENT) // 2 :])


def silent(handler: Handler) -> None:
    """Send nothing until the test says so."""
    handler.server.release.wait()
    whole(CONTENT)(handler)


def status(code: int) -> Answer:
    return lambda handler: handler.send_error(code)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")
    monkeypatch.setattr(download, "PAUSE_SECONDS", 0.0)
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.release.set()
    server.shutdown()
    server.server_close()
    thread.join()


def a_dataset(url: str, **changes: object) -> DataSet:
    file = DataFile(url=url, name="corpus.conllu", size=len(CONTENT), checksums=(SHA256,))
    return DataSet("corpus", "A corpus.", "http://authors.example/page", "CC0", "", (replace(file, **changes),))


def quietly(dataset: DataSet, directory: Path, **options: object) -> list[Path]:
    defaults = {"progress": False, "notice": lambda text: None}
    return fetch(dataset, directory, **{**defaults, **options})


def test_fetch_leaves_just_the_file(server, tmp_path):
    server.answers = [whole(CONTENT)]
    paths = quietly(a_dataset(server.url), tmp_path / "data")
    assert paths == [tmp_path / "data" / "corpus.conllu"]
    assert list((tmp_path / "data").iterdir()) == paths
    assert paths[0].read_bytes() == CONTENT


def test_fetch_shows_a_progress_bar(server, tmp_path, capfd):
    server.answers = [whole(CONTENT)]
    quietly(a_dataset(server.url), tmp_path, progress=True)
    shown = capfd.readouterr().err
    assert "corpus.conllu" in shown
    assert "340.0/340.0 kB" in shown
    assert "B/s" in shown


def packed_if_accepted(handler: BaseHTTPRequestHandler) -> None:
    """Send gzipped content to who takes it, which has another Content-Length."""
    accepted = "gzip" in handler.headers.get("Accept-Encoding", "")
    body = gzip.compress(CONTENT) if accepted else CONTENT
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(body)))
    if accepted:
        handler.send_header("Content-Encoding", "gzip")
    handler.end_headers()
    handler.wfile.write(body)


def test_progress_is_heard_of_from_nothing_to_the_size_of_the_file(server, tmp_path, capfd):
    server.answers = [packed_if_accepted]
    heard: list[tuple[int, int]] = []
    quietly(a_dataset(server.url), tmp_path, progress=lambda done, total: heard.append((done, total)))
    done, totals = zip(*heard, strict=True)
    assert set(totals) == {len(CONTENT)}
    assert 0 in done
    assert done[-1] == max(done) == len(CONTENT)
    assert len(done) > 4  # it is heard of while bytes come
    assert capfd.readouterr().err == ""


def test_without_progress_nothing_is_printed(server, tmp_path, capfd):
    server.answers = [whole(CONTENT)]
    quietly(a_dataset(server.url), tmp_path, progress=False)
    assert capfd.readouterr() == ("", "")


def test_fetch_says_the_licence(server, tmp_path):
    server.answers = [whole(CONTENT)]
    said: list[str] = []
    quietly(a_dataset(server.url), tmp_path, notice=said.append)
    assert "CC0" in said[0]


def test_a_file_with_a_folder_goes_there(server, tmp_path):
    server.answers = [whole(CONTENT)]
    assert quietly(a_dataset(server.url, name="ewt/a"), tmp_path) == [tmp_path / "ewt" / "a"]
    assert quietly(a_dataset(server.url, name="ewt/b"), tmp_path) == [tmp_path / "ewt" / "b"]


def test_folders_that_are_not_there_are_made(server, tmp_path):
    server.answers = [whole(CONTENT)]
    (path,) = quietly(a_dataset(server.url), tmp_path / "a" / "b")
    assert path.read_bytes() == CONTENT


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


def test_a_verified_file_is_not_fetched_again(server, tmp_path):
    server.answers = [whole(CONTENT)]
    quietly(a_dataset(server.url), tmp_path)
    quietly(a_dataset(server.url), tmp_path)
    assert server.n_requests == 1


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


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (truncated, "170000 bytes read, 170000 more expected"),
        (whole(CONTENT.replace(b"DET", b"DEF")), "sha256: expected"),
        (whole(CONTENT[:-1]), "size: expected 340000 bytes, got 339999"),
        (status(403), "403 Forbidden"),
        (status(404), "404 Not Found"),
        (status(500), "500 Internal Server Error"),
        (stalled, "sent nothing for 0.3 seconds"),
    ],
    ids=["truncated", "tampered", "short", "403", "404", "500", "stalled"],
)
def test_a_misbehaving_server_leaves_nothing_behind(server, tmp_path, monkeypatch, answer, expected):
    server.answers = [answer]
    monkeypatch.setattr(download, "TIMEOUT_SECONDS", 0.3 if answer is stalled else 20.0)
    with pytest.raises(DownloadError, match=expected) as caught:
        quietly(a_dataset(server.url, name="ewt/corpus.conllu"), tmp_path)
    assert list(tmp_path.iterdir()) == []
    for part in (
        server.url,
        "Try again later",
        "http://authors.example/page",
        str(tmp_path / "ewt/corpus.conllu"),
    ):
        assert part in str(caught.value)


def test_a_file_is_to_be_put_by_hand_where_it_is_looked_for(server, tmp_path):
    server.answers = [status(404)]
    for changes, name in (({"name": "ewt/own.txt"}, "ewt/own.txt"), ({"unpack": shutil.copy}, "corpus.conllu")):
        with pytest.raises(DownloadError, match=f"put it at {tmp_path / name}, and fetch again"):
            quietly(a_dataset(server.url, **changes), tmp_path)


@pytest.mark.parametrize("answer", [stalled, silent])
def test_a_server_that_stalls_is_given_up_after_the_timeout(server, tmp_path, monkeypatch, answer):
    server.answers = [answer, whole(CONTENT)]
    monkeypatch.setattr(download, "TIMEOUT_SECONDS", 0.3)
    goes_on = threading.Timer(5, server.release.set)
    goes_on.start()
    with pytest.raises(DownloadError, match=r"the server sent nothing for 0\.3 seconds"):
        quietly(a_dataset(server.url), tmp_path)
    goes_on.cancel()
    assert server.n_requests == 1


def test_redirects_without_end_are_not_followed_for_ever(server, tmp_path):
    def redirected(handler: Handler) -> None:
        handler.send_response(302)
        handler.send_header("Location", handler.server.url)
        handler.end_headers()

    server.answers = [redirected]
    with pytest.raises(DownloadError, match="30 redirects"):
        quietly(a_dataset(server.url), tmp_path)
    assert server.n_requests == 31


def test_an_unreachable_server_leaves_nothing_behind(server, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(DownloadError, match=r"cannot be reached: .*Connection refused"):
        quietly(a_dataset(f"http://127.0.0.1:{port}/corpus.conllu"), tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("first", [status(500), truncated], ids=["500", "truncated"])
def test_a_passing_failure_is_tried_again(server, tmp_path, first):
    server.answers = [first, whole(CONTENT)]
    [path] = quietly(a_dataset(server.url), tmp_path)
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize("code", [403, 404])
def test_a_refusal_is_not_tried_again(server, tmp_path, code):
    server.answers = [status(code)]
    with pytest.raises(DownloadError):
        quietly(a_dataset(server.url), tmp_path)
    assert server.n_requests == 1


SCRIPT = """
import sys
from lxmls_rnn.datasets import DataFile, DataSet, fetch
url, directory, checksum = sys.argv[1:]
fetch(DataSet("corpus", "", "", "", "", (DataFile(url, "corpus.conllu", checksums=(checksum,)),)), directory)
"""


def fetching(server: Server, directory: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", SCRIPT, server.url, str(directory), SHA256]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.mark.process
def test_what_a_killed_fetch_left_is_removed_by_the_next(server, tmp_path):
    server.answers = [stalled, whole(CONTENT)]
    process = fetching(server, tmp_path)
    assert server.half_sent.wait(60)
    process.kill()
    process.wait()
    [leftover] = tmp_path.iterdir()
    [path] = quietly(a_dataset(server.url), tmp_path)
    assert list(tmp_path.iterdir()) == [path] != [leftover]


@pytest.mark.process
def test_ctrl_c_leaves_nothing_behind(server, tmp_path):
    server.answers = [stalled]
    process = fetching(server, tmp_path)
    assert server.half_sent.wait(60)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) != 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.process
def test_two_fetches_at_once_take_turns(server, tmp_path):
    server.answers = [stalled]
    process = fetching(server, tmp_path)
    assert server.half_sent.wait(60)
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


def test_an_unknown_name_lists_the_known_ones(tmp_path):
    with pytest.raises(ValueError, match="'wsj'; there are ewt, senna_50, glove_50"):
        fetch("wsj", tmp_path)


@pytest.mark.process
@pytest.mark.skipif(shutil.which("git") is None, reason="there is no git")
def test_a_git_blob_id_verifies(server, tmp_path):
    blob = subprocess.run(["git", "hash-object", "--stdin"], input=CONTENT, capture_output=True, check=True)
    server.answers = [whole(CONTENT)]
    assert quietly(a_dataset(server.url, checksums=(f"git-blob:{blob.stdout.decode().strip()}",)), tmp_path)


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


def test_senna_becomes_one_text(server, tmp_path):
    server.answers = [whole(senna_archive())]
    [path] = quietly(small("senna_50", server.url), tmp_path)
    assert path.read_text() == "the 1 2\ncat 3 4\n, 5 6\n"


def test_senna_has_no_published_checksum_and_says_so():
    assert "Its authors publish no checksum" in DATASETS["senna_50"].notice
    assert "non-commercial" in DATASETS["senna_50"].notice


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
        (senna_archive(vectors=b"1 2\n3 x\n5 6\n"), "line 2: expected a word and 2 finite numbers"),
    ],
    ids=["cut", "checksum of gzip", "no archive", "uneven", "few lines", "width", "nan", "word"],
)
def test_a_bad_senna_archive_leaves_nothing_behind(server, tmp_path, body, expected):
    server.answers = [whole(body)]
    with pytest.raises(DownloadError, match=expected):
        quietly(small("senna_50", server.url), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_sha256_of_senna_is_recorded(server, tmp_path):
    server.answers = [whole(senna_archive())]
    [path] = quietly(small("senna_50", server.url), tmp_path)
    expected = hashlib.sha256(path.read_bytes()).hexdigest()
    assert (tmp_path / "senna_50.sha256").read_text() == f"{expected}  senna_50\n"


def test_a_senna_that_changed_upstream_is_refused(server, tmp_path):
    server.answers = [whole(senna_archive()), whole(senna_archive(vectors=b"1 2\n3 4\n5 7\n"))]
    [path] = quietly(small("senna_50", server.url), tmp_path)
    path.unlink()
    with pytest.raises(DownloadError, match=r"seen at an earlier fetch.* delete .*senna_50\.sha256"):
        quietly(small("senna_50", server.url), tmp_path)
    assert not path.exists()


def test_a_senna_that_changed_on_disk_is_fetched_again(server, tmp_path):
    server.answers = [whole(senna_archive())]
    [path] = quietly(small("senna_50", server.url), tmp_path)
    good = path.read_bytes()
    path.write_bytes(good.replace(b"6", b"7"))
    quietly(small("senna_50", server.url), tmp_path)
    assert path.read_bytes() == good


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
        assert path.read_text().endswith(f", 5 {number}\n")
        assert server.n_requests == 1
        path.unlink()


def test_an_archive_put_there_by_hand_is_used(server, tmp_path):
    (tmp_path / "corpus.conllu").write_bytes(senna_archive())
    said: list[str] = []
    [path] = quietly(small("senna_50", server.url), tmp_path, notice=said.append)
    assert server.n_requests == 0
    assert said[1] == f"{tmp_path / 'corpus.conllu'}: using this instead of downloading it"
    assert path.read_text().startswith("the 1 2\n")


def test_glove_is_decompressed_without_the_line_of_counts(server, tmp_path):
    server.answers = [whole(gzip.compress(b"3 2\nthe 1 2\ncat 3 4\n, 5 6\n"))]
    [path] = quietly(small("glove_50", server.url), tmp_path)
    assert path.read_text() == "the 1 2\ncat 3 4\n, 5 6\n"


@pytest.mark.parametrize("name", DATASETS)
def test_every_data_set_is_described(name):
    dataset = DATASETS[name]
    assert dataset.licence in describe()
    assert dataset.source in describe()
    assert dataset.licence_url.startswith("http")
