import pytest

from lab.widgets import warned
from lxmls_rnn import paths
from lxmls_rnn.experiment import corpus_files


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A data folder of its own, with the sample corpus."""
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "sample").symlink_to(paths.data() / "sample")
    monkeypatch.setenv("LXMLS_DATA", str(folder))
    return folder


@pytest.fixture
def small_corpus(tmp_path, monkeypatch):
    """Let the sample corpus be the first hundred sentences of each part."""
    folder = tmp_path / "small" / "sample"
    folder.mkdir(parents=True)
    for file in corpus_files("sample"):
        sentences = file.read_text(encoding="utf-8").split("\n\n")[:100]
        (folder / file.name).write_text("\n\n".join(sentences) + "\n\n", encoding="utf-8")
    monkeypatch.setenv("LXMLS_DATA", str(folder.parent))


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
    warned.follow()
