"""`lxmls-rnn export` and `lxmls-rnn import`."""

import pytest

from lxmls_rnn.deep_learning import model_file
from lxmls_rnn.deep_learning.rnn import NumpyRNN
from lxmls_rnn.tagger import Tagger


@pytest.mark.parametrize("model", ["first", "runs/first", "runs/first/model.npz"])
def test_a_run_becomes_a_page_with_its_name_and_licence(trained, tmp_path, model):
    result = trained("export", model, "--to", "html")
    assert result.exit_code == 0
    assert "first.html: " in result.output
    assert "Corpus: sample, made for the LxMLS RNN lab. Licence: MIT" in result.output
    page = (tmp_path / "results/first.html").read_text(encoding="utf-8")
    assert '"name": "first", "source": "Corpus: sample' in page
    assert trained("export", model, "--to", "html", "--output", "other.html").exit_code == 0
    assert (tmp_path / "other.html").read_text(encoding="utf-8") == page


def test_what_comes_back_from_safetensors_is_the_model(trained, tmp_path):
    assert trained("export", "first", "--to", "safetensors").exit_code == 0
    result = trained("import", "results/first.safetensors")
    assert "results/first.npz: " in result.output
    assert (tmp_path / "results/first.npz").read_bytes() == (tmp_path / "runs/first/model.npz").read_bytes()
    for command in (["tag"], ["evaluate"]):
        more = ["The dog runs ."] * (command == ["tag"])
        assert trained(*command, "results/first.npz", *more).output == trained(*command, "runs/first", *more).output
    result = trained("import", "results/first.safetensors")
    assert result.exit_code == 1
    assert "Error: results/first.npz: already exists: name another file with --output" in result.output
    assert trained("import", "results/first.safetensors", "--output", "second.npz").exit_code == 0


def test_a_model_without_vocabulary_makes_no_page_but_safetensors(run, tmp_path):
    model_file.save(tmp_path / "m.npz", NumpyRNN(4, 5, 6, 3, seed=0))
    result = run("export", "m.npz", "--to", "html")
    assert (result.exit_code, result.output) == (1, "Error: m.npz lacks a vocabulary or tags: it cannot tag text\n")
    assert not (tmp_path / "results/m.html").exists()
    result = run("export", "m.npz", "--to", "safetensors")
    assert "The model file does not say which data the model was trained on" in result.output
    assert run("import", "results/m.safetensors", "--output", "back.npz").exit_code == 0
    assert (tmp_path / "back.npz").read_bytes() == (tmp_path / "m.npz").read_bytes()


def test_a_theano_model_is_exported_without_theano(run, tmp_path, monkeypatch):
    Tagger(NumpyRNN(2, 5, 6, 3, seed=0), ["a", "b"], list("xyz"), 2).save(tmp_path / "m.npz")
    _, header = model_file.load(tmp_path / "m.npz")
    model_file.write(tmp_path / "m.npz", {**header, "class": "RNN"}, NumpyRNN(2, 5, 6, 3, seed=0).get_values())
    monkeypatch.setitem(__import__("sys").modules, "lxmls_rnn.deep_learning.theano_rnn", None)
    for to in ("html", "safetensors"):
        assert run("export", "m.npz", "--to", to).exit_code == 0
    assert run("import", "results/m.safetensors", "--output", "back.npz").exit_code == 0
    assert model_file.read_header(tmp_path / "back.npz")["class"] == "RNN"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("export", "none", "--to", "html"), "no model file none"),
        (("import", "none.safetensors"), "none.safetensors: No such file"),
        (("import", "bad.safetensors"), "bad.safetensors cannot be imported: it is not a whole safetensors file"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(run, tmp_path, arguments, message):
    (tmp_path / "bad.safetensors").write_text("bad")
    result = run(*arguments)
    assert result.exit_code == 1
    assert f"Error: {message}" in result.output
    assert "Traceback" not in result.output
