import hashlib
import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from datasets import server
from typer.testing import CliRunner

from lxmls_rnn.cli.main import app
from lxmls_rnn.datasets import DATASETS, DownloadError, catalogue, fetch, treebanks
from lxmls_rnn.datasets.corpora import corpus_files, corpus_name
from lxmls_rnn.experiment import Settings, find, parts, read_corpus
from lxmls_rnn.sweep.sweep import Sweep

SENTENCE = (
    "# text = Ela corre\n1\tEla\tela\tPRON\tPRP\t_\t2\tnsubj\t_\t_\n2\tcorre\tcorrer\tVERB\tVBZ\t_\t0\troot\t_\t_\n\n"
)
NON_COMMERCIAL = (
    "This work is licensed under the Creative Commons Attribution-NonCommercial-\nShareAlike 3.0 License.\n"
)
SHARE_ALIKE = "CC BY-SA 4.0, http://creativecommons.org/licenses/by-sa/4.0/\n"


class Server(server.Server):
    """Serves files by path, laid out as on raw.githubusercontent.com; a file in `broken` is sent by half."""

    def __init__(self) -> None:
        super().__init__()
        self.files: dict[str, bytes] = {}
        self.broken: set[str] = set()
        self.asked: list[str] = []
        self.answers = [self.answer]

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        self.asked.append(handler.path)
        body = self.files.get(handler.path)
        if body is None:
            handler.send_error(404)
        else:
            server.whole(body, len(body) // 2 if handler.path in self.broken else None)(handler)

    def put(self, repository: str, release: str, code: str, licence: str = SHARE_ALIKE, **parts: str) -> None:
        folder = f"/{repository}/{release}"
        self.files[f"{folder}/LICENSE.txt"] = licence.encode()
        for part, text in parts.items():
            self.files[f"{folder}/{code}-ud-{part}.conllu"] = text.encode()


@pytest.fixture(name="server")
def server_of_files(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    it = Server()
    monkeypatch.setattr(catalogue, "UD_HOST", f"http://127.0.0.1:{it.server_port}")
    with server.serving(it, monkeypatch):
        yield it


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "data"
    monkeypatch.setenv("LXMLS_DATA", str(folder))
    monkeypatch.setenv("LXMLS_RUNS", str(tmp_path / "runs"))
    return folder


@pytest.fixture
def bosque(server: Server) -> Server:
    server.put("UD_Portuguese-Bosque", "r2.16", "pt_bosque", train=SENTENCE * 6, dev=SENTENCE * 2, test=SENTENCE * 3)
    return server


def quietly(name: str, data: Path, **options: object) -> tuple[list[Path], list[str]]:
    said: list[str] = []
    return fetch(name, data, **{"progress": lambda received, expected: None, "notice": said.append, **options}), said


@pytest.mark.parametrize("name", ["ud:pt_bosque", "ud:UD_Portuguese-Bosque"])
def test_a_treebank_is_fetched_by_its_code_or_its_repository_and_is_a_corpus(bosque, data, name):
    paths, said = quietly(name, data)
    folder = data / "ud" / "pt_bosque"
    files = ["LICENSE.txt", *(f"pt_bosque-ud-{part}.conllu" for part in ("test", "dev", "train"))]
    assert paths == [folder / file for file in files]
    assert bosque.asked == [f"/UD_Portuguese-Bosque/r2.16/{file}" for file in files]
    assert "publish no checksum" in said[0]
    train, dev, test = corpus_files(name)
    assert (train, dev, test) == (paths[3], paths[2], paths[1])
    assert parts(Settings(name)) == {"train": train, "dev": dev, "test": test}
    assert corpus_name(str(train)) == "ud:pt_bosque"
    assert [len(part) for part in read_corpus(Settings(name))[:2]] == [6, 2]


def test_a_release_has_a_folder_of_its_own(bosque, data):
    bosque.put("UD_Portuguese-Bosque", "r2.15", "pt_bosque", train=SENTENCE, test=SENTENCE)
    quietly("ud:pt_bosque", data)
    quietly("ud:pt_bosque@r2.15", data)
    sizes = [len(read_corpus(Settings(name))[0]) for name in ("ud:pt_bosque", "ud:pt_bosque@r2.15")]
    assert sizes == [6, 1]
    assert corpus_name("ud/pt_bosque@r2.15/pt_bosque-ud-train.conllu") == "ud:pt_bosque@r2.15"


def test_a_treebank_that_is_younger_is_of_its_first_release(server, data):
    server.put("UD_Yiddish-YiTB", "r2.17", "yi_yitb", test=SENTENCE)
    quietly("ud:yi_yitb", data)
    assert server.asked[0] == "/UD_Yiddish-YiTB/r2.17/LICENSE.txt"


def test_a_treebank_that_the_table_lacks_is_fetched_by_its_repository(server, data):
    server.put("UD_Portuguese-New_One", "r2.20", "pt_new_one", train=SENTENCE)
    server.put("UD_Portuguese-New", "r2.20", "pt_new", train=SENTENCE)
    quietly("ud:UD_Portuguese-New@r2.20", data)
    assert corpus_files("ud:pt_new@r2.20")[0].is_file()


@pytest.mark.parametrize(
    ("licence", "kind"),
    [
        (NON_COMMERCIAL, "NON-COMMERCIAL licence"),
        ("CC BY-NC-SA 4.0", "NON-COMMERCIAL licence"),
        (SHARE_ALIKE, "licence"),
        ("GNU GPL 2: This alternative is allowed only for noncommercial distribution", "licence"),
    ],
)
def test_the_licence_is_shown_before_the_corpus_is_fetched(server, data, licence, kind):
    server.put("UD_Portuguese-Bosque", "r2.16", "pt_bosque", licence, train=SENTENCE)
    _, said = quietly("ud:pt_bosque", data)
    shown = f"{kind} ({data}/ud/pt_bosque/LICENSE.txt): {' '.join(licence.split())}"
    assert shown in said
    assert all("conllu" not in text for text in said[: said.index(shown)])


def test_a_long_licence_is_cut_and_its_control_characters_are_harmless(server, data):
    server.put("UD_Portuguese-Bosque", "r2.16", "pt_bosque", "\x1b[2J" + "word " * 1000, train=SENTENCE)
    _, said = quietly("ud:pt_bosque", data)
    (shown,) = (text for text in said if "licence (" in text)
    assert "\\x1b[2J" in shown
    assert shown.endswith("...")
    assert len(shown) < 700


def test_a_treebank_without_a_licence_is_refused(bosque, data):
    del bosque.files["/UD_Portuguese-Bosque/r2.16/LICENSE.txt"]
    with pytest.raises(DownloadError, match=r"r2.16/LICENSE.txt was not fetched: the server answered 404"):
        quietly("ud:pt_bosque", data)
    assert not list(data.glob("ud/*/*"))


def test_a_treebank_without_dev_is_trained_on_without_it(server, data):
    server.put("UD_Galician-TreeGal", "r2.16", "gl_treegal", train=SENTENCE * 3, test=SENTENCE)
    _, said = quietly("ud:gl_treegal", data)
    assert any(
        re.search("gl_treegal-ud-dev.conllu: not fetched, .*TreeGal/tree/r2.16 has no such part", t) for t in said
    )
    assert read_corpus(Settings("ud:gl_treegal"))[1] is None
    (data / "ud/gl_treegal/gl_treegal-ud-dev.conllu").write_text("of another kind")
    with pytest.raises(DownloadError, match=r"gl_treegal-ud-dev.conllu was not fetched: the server answered 404"):
        quietly("ud:gl_treegal", data)
    (data / "ud/gl_treegal/gl_treegal-ud-dev.conllu").unlink()
    assert set(parts(Settings("ud:gl_treegal"))) == {"train", "test"}


def test_a_treebank_with_only_a_test_part_can_be_evaluated_on(server, data):
    server.put("UD_Portuguese-PUD", "r2.16", "pt_pud", test=SENTENCE)
    quietly("ud:pt_pud", data)
    assert corpus_files("ud:pt_pud", "test")[2].is_file()
    with pytest.raises(
        FileNotFoundError, match=r"pt_pud-ud-train.conllu: `lxmls-rnn fetch ud:pt_pud` gets it, or says"
    ):
        find(Settings("ud:pt_pud"))


def test_a_release_that_lacks_the_parts_is_an_error(server, data):
    server.put("UD_Portuguese-Bosque", "r2.16", "pt_bosque")
    with pytest.raises(DownloadError, match=r"has none of pt_bosque-ud-test.conllu, pt_bosque-ud-dev.conllu, pt_bosq"):
        quietly("ud:pt_bosque", data)


def test_an_interrupted_download_leaves_nothing_and_is_fetched_by_the_next(bosque, data):
    path = "/UD_Portuguese-Bosque/r2.16/pt_bosque-ud-dev.conllu"
    bosque.broken.add(path)
    with pytest.raises(DownloadError, match=f"{path} was not fetched: the transfer broke off"):
        quietly("ud:pt_bosque", data)
    folder = data / "ud" / "pt_bosque"
    assert not (folder / "pt_bosque-ud-dev.conllu").exists()
    with pytest.raises(FileNotFoundError, match="`lxmls-rnn fetch ud:pt_bosque` gets it"):
        corpus_files("ud:pt_bosque")  # the training part comes last: nobody trains without dev unawares
    bosque.broken.clear()
    quietly("ud:pt_bosque", data)
    assert corpus_files("ud:pt_bosque")[1].read_text() == SENTENCE * 2


def test_a_download_that_has_changed_is_refused_and_the_first_checksum_named(bosque, data):
    quietly("ud:pt_bosque", data)
    train = corpus_files("ud:pt_bosque")[0]
    first = hashlib.sha256(train.read_bytes()).hexdigest()
    bosque.files["/UD_Portuguese-Bosque/r2.16/pt_bosque-ud-train.conllu"] = (SENTENCE * 7).encode()
    assert "already there, verified" in quietly("ud:pt_bosque", data)[1][-1]
    train.write_text(SENTENCE)  # damaged on this disk, so it is fetched again
    with pytest.raises(DownloadError, match=f"sha256: expected {first}, seen at an earlier fetch"):
        quietly("ud:pt_bosque", data)
    train.unlink()
    with pytest.raises(DownloadError, match=f"sha256: expected {first}, seen at an earlier fetch"):
        quietly("ud:pt_bosque", data)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("<!DOCTYPE html>\n", "line 1: expected 10 columns, got 1"),
        (SENTENCE + SENTENCE[:-1], "the file breaks off: expected an empty line"),
        ("", "the file breaks off"),
    ],
)
def test_what_is_no_complete_treebank_is_refused(bosque, data, text, problem):
    bosque.files["/UD_Portuguese-Bosque/r2.16/pt_bosque-ud-train.conllu"] = text.encode()
    with pytest.raises(DownloadError, match=f"pt_bosque-ud-train.conllu was not fetched: {problem}"):
        quietly("ud:pt_bosque", data)


def test_the_checksums_of_ewt_are_pinned_under_both_names():
    pinned = {Path(file.name).name: file.checksums for file in DATASETS["ewt"].files}
    files = treebanks.dataset("ud:en_ewt").files[1:]
    assert {Path(file.name).name: file.checksums for file in files} == pinned
    assert all(file.checksums == () for file in treebanks.dataset("ud:en_ewt@r2.15").files)


@pytest.mark.parametrize("below", ["", "UD_Portuguese-Bosque"])
def test_files_that_somebody_has_downloaded_are_taken_and_kept(server, data, tmp_path, below):
    folder = tmp_path / "downloads" / below
    folder.mkdir(parents=True)
    (folder / "LICENSE.txt").write_text(NON_COMMERCIAL)
    (folder / "pt_bosque-ud-train.conllu").write_text(SENTENCE)
    paths, said = quietly("ud:pt_bosque", data, folder=tmp_path / "downloads")
    assert server.asked == []
    assert [path.read_text() for path in paths] == [NON_COMMERCIAL, SENTENCE]
    assert (folder / "pt_bosque-ud-train.conllu").exists()
    missing = f"not fetched, {tmp_path / 'downloads'} has no such part (there is no pt_bosque-ud-dev.conllu in"
    assert any(missing in text for text in said)


def test_downloads_without_the_licence_or_without_any_part_are_refused(server, data, tmp_path):
    (tmp_path / "pt_bosque-ud-train.conllu").write_text(SENTENCE)
    with pytest.raises(DownloadError, match=rf"there is no LICENSE.txt in {tmp_path}.* put it at {tmp_path}, and"):
        quietly("ud:pt_bosque", data, folder=tmp_path)
    (tmp_path / "LICENSE.txt").write_text(SHARE_ALIKE)
    with pytest.raises(DownloadError, match=rf"{tmp_path} has none of pt_gsd-ud-test.conllu"):
        quietly("ud:pt_gsd", data, folder=tmp_path)


def test_the_checksums_of_ewt_hold_for_downloads_of_somebody_too(data, tmp_path):
    for part in ("train", "dev", "test"):
        (tmp_path / f"en_ewt-ud-{part}.conllu").write_text(SENTENCE)
    with pytest.raises(DownloadError, match="git-blob: expected 34731d23bafe"):
        quietly("ewt", data, folder=tmp_path)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("ud:pt_bosqe", "did you mean ud:pt_bosque"),
        ("ud:portuguese", "did you mean ud:pt_bosque, .*ud:pt_gsd"),
        ("ud:UD_Portugese-Bosque", "did you mean ud:pt_bosque"),
        ("ud:pt", "did you mean ud:pt_bosque, .*ud:pt_gsd"),
        ("ud:../../etc", r"\. Expected a code"),
    ],
)
def test_an_unknown_name_is_refused_with_similar_ones(data, name, hint):
    for refused in (lambda: fetch(name, data), lambda: corpus_files(name)):
        with pytest.raises(ValueError, match=rf"no treebank is called '{re.escape(name)}'.*{hint}"):
            refused()


def test_the_table_follows_the_naming_rules():
    table = treebanks.table()
    assert table["pt_bosque"] == ("UD_Portuguese-Bosque", "r2.16")
    assert table["en_ewt"][0] == "UD_English-EWT"
    assert len(table) > 350
    for code, (repository, release) in table.items():
        assert code.split("_")[1] == repository.split("-")[1].lower()
        assert treebanks.files_of_treebank(f"ud:{code}") == treebanks.files_of_treebank(f"ud:{repository}")
        assert re.fullmatch(r"r2\.1[678]", release)


def test_the_commands_fetch_train_evaluate_and_sweep(bosque, data, tmp_path):
    def run(*arguments: str) -> str:
        result = CliRunner().invoke(app, list(arguments))
        assert result.exit_code == 0, result.output
        return result.output

    (tmp_path / "from").mkdir()
    for path, content in bosque.files.items():
        (tmp_path / "from" / Path(path).name).write_bytes(content)
    bosque.files.clear()
    assert "licence (" in run("fetch", "ud:pt_bosque", "--from", str(tmp_path / "from"))
    assert "on ud:pt_bosque: 6 sentences" in run("train", "ud:pt_bosque", "--epochs", "1", "--name", "a")
    assert "ud:pt_bosque" in run("runs")
    Sweep(tmp_path / "runs" / "b", Settings("ud:pt_bosque"), {"n_hidd": [2, 3]}, [1]).check()
    corpus_files("ud:pt_bosque")[0].unlink()
    assert "pt_bosque-ud-test.conllu: 3 sentences" in run("evaluate", "a", "ud:pt_bosque")
