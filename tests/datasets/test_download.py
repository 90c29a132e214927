"""Downloads from a server on this machine: progress, failures and which of them are tried again, checksums."""

import _socket
import gzip
import select
import socket
from http.server import BaseHTTPRequestHandler

import pytest
from datasets.server import CONTENT, Handler, a_dataset, quietly, stalled, status, truncated, whole

from lxmls_rnn.datasets import DownloadError, download
from lxmls_rnn.storage.files import digest


def silent(handler: Handler) -> None:
    """Send nothing."""
    handler.server.stalls.set()
    handler.server.release.wait()


@pytest.fixture
def clock(server, monkeypatch):
    """Let the time of a client's socket be up as soon as the server stalls."""

    def recv_into(client, *arguments):
        while client.gettimeout() and not select.select([client], [], [], 0)[0]:
            if server.stalls.is_set():
                raise TimeoutError("timed out")
        return _socket.socket.recv_into(client, *arguments)

    monkeypatch.setattr(socket.socket, "recv_into", recv_into)


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


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (truncated, "170000 bytes read, 170000 more expected"),
        (whole(CONTENT.replace(b"DET", b"DEF")), "sha256: expected"),
        (whole(CONTENT[:-1]), "size: expected 340000 bytes, got 339999"),
        (status(404), "404 Not Found"),
        (status(500), "500 Internal Server Error"),
        (stalled, "sent nothing for 30 seconds"),
    ],
    ids=["truncated", "tampered", "short", "404", "500", "stalled"],
)
@pytest.mark.usefixtures("clock")
def test_a_misbehaving_server_leaves_nothing_behind(server, tmp_path, answer, expected):
    server.answers = [answer]
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


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("answer", [stalled, silent])
def test_a_server_that_stalls_is_given_up_after_the_timeout(server, tmp_path, answer):
    server.answers = [answer, whole(CONTENT)]
    with pytest.raises(DownloadError, match="the server sent nothing for 30 seconds"):
        quietly(a_dataset(server.url), tmp_path)
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
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]  # which nobody else gets meanwhile, and where nobody listens
        with pytest.raises(DownloadError, match=r"cannot be reached: \[Errno \d+\] Connection refused"):
            quietly(a_dataset(f"http://127.0.0.1:{port}/corpus.conllu"), tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("first", [status(500), truncated], ids=["500", "truncated"])
def test_a_passing_failure_is_tried_again(server, tmp_path, first):
    server.answers = [first, whole(CONTENT)]
    [path] = quietly(a_dataset(server.url), tmp_path)
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize("code", [404, 403])
def test_only_a_file_that_the_server_lacks_is_missing(server, tmp_path, code):
    server.answers = [status(code)]
    with pytest.raises(download.TransferError, match=f"^the server answered {code} ") as caught:
        download.transfer(server.url, tmp_path / "file", lambda done, total: None)
    assert isinstance(caught.value, download.MissingFile) == (code == 404)
    assert server.n_requests == 1


def test_a_server_that_keeps_failing_is_asked_three_times(server, tmp_path):
    server.answers = [status(503)]
    with pytest.raises(download.TransferError, match="the server answered 503 Service Unavailable"):
        download.transfer(server.url, tmp_path / "file", lambda done, total: None)
    assert server.n_requests == 3


def test_a_size_that_is_not_announced_is_0(server, tmp_path):
    def unsized(handler):
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(CONTENT)

    server.answers, heard = [unsized], []
    download.transfer(server.url, tmp_path / "file", lambda *numbers: heard.append(numbers))
    assert (heard[0], heard[-1]) == ((0, 0), (len(CONTENT), 0))


def test_a_target_that_cannot_be_written_is_an_os_error(server, tmp_path):
    server.answers = [whole(CONTENT)]
    with pytest.raises(IsADirectoryError):
        download.transfer(server.url, tmp_path, lambda done, total: None)


@pytest.mark.parametrize(
    ("algorithm", "expected"),
    [
        ("md5", "900150983cd24fb0d6963f7d28e17f72"),
        ("sha1", "a9993e364706816aba3e25717850c26c9cd0d89d"),
        ("sha256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ("git-blob", "f2ba8f84ab5c1bce84a7b441cb1959cfc7093b7f"),  # of `printf abc | git hash-object --stdin`
    ],
)
def test_a_checksum_is_the_published_one_of_abc(tmp_path, algorithm, expected):
    (tmp_path / "abc").write_bytes(b"abc")
    assert digest(tmp_path / "abc", algorithm) == expected
    assert download.mismatch(tmp_path / "abc", 3, (f"{algorithm}:{expected}",)) is None
    wrong = f"{algorithm}:0"
    assert download.mismatch(tmp_path / "abc", None, (wrong,)) == f"{algorithm}: expected 0, got {expected}"


def test_a_size_is_compared_before_checksums(tmp_path):
    (tmp_path / "abc").write_bytes(b"abc")
    assert download.mismatch(tmp_path / "abc", 4, ("no-algorithm:0",)) == "size: expected 4 bytes, got 3"
    assert download.mismatch(tmp_path / "abc", None, ()) is None


def test_every_checksum_is_compared(tmp_path):
    (tmp_path / "abc").write_bytes(b"abc")
    right = f"git-blob:{digest(tmp_path / 'abc', 'git-blob')}"
    assert download.mismatch(tmp_path / "abc", 3, (right, "sha256:0")).startswith("sha256: expected 0, got ba7816bf")
