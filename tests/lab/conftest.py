import pytest

from lab.runtime import python_warnings, student_process
from lxmls_rnn import paths
from lxmls_rnn.datasets.corpora import corpus_files


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A data folder of its own, with the sample corpus."""
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "sample").symlink_to(paths.data() / "sample")
    monkeypatch.setenv("LXMLS_DATA", str(folder))
    return folder


@pytest.fixture
def first_sentences(tmp_path, monkeypatch):
    """Let the sample corpus be the first sentences of each part, as many as are asked for."""

    def keep(n):
        folder = tmp_path / "small" / "sample"
        folder.mkdir(parents=True)
        for file in corpus_files("sample"):
            sentences = file.read_text(encoding="utf-8").split("\n\n")[:n]
            (folder / file.name).write_text("\n\n".join(sentences) + "\n\n", encoding="utf-8")
        monkeypatch.setenv("LXMLS_DATA", str(folder.parent))

    return keep


@pytest.fixture
def small_corpus(first_sentences):
    first_sentences(100)


@pytest.fixture(autouse=True)
def runs_folder(tmp_path, monkeypatch):
    """Every test's runs land in a folder of its own."""
    folder = tmp_path / "runs"
    folder.mkdir()
    monkeypatch.setenv("LXMLS_RUNS", str(folder))
    return folder


@pytest.fixture(autouse=True)
def warnings_as_in_a_kernel():
    """For the time of a test pytest has its own way with warnings; it puts that back."""
    python_warnings.install()


@pytest.fixture
def nothing_comes(monkeypatch):
    """A stream: once student code has printed, no time passes until the next look, nor until it is to have ended."""
    receive = student_process._receive

    class Stream:
        has_printed = has_answered = False

        def write(self, text):
            self.has_printed = True

        def receive(self, ours, seconds):
            is_look = seconds == student_process.LOOK_SECONDS
            part = receive(ours, 1e-3 if (self.has_printed and is_look) or self.has_answered else seconds)
            self.has_answered = bool(part) and not is_look
            return part

    stream = Stream()
    monkeypatch.setattr(student_process, "_receive", stream.receive)
    return stream
