"""`lxmls-rnn export` and `lxmls-rnn import`."""

import numpy as np
import pytest
from cli.command import SHORT

from lxmls_rnn.deep_learning import model_file
from lxmls_rnn.deep_learning.rnn import NumpyRNN
from lxmls_rnn.experiment import Settings
from lxmls_rnn.export import files
from lxmls_rnn.export.source import NO_RUN, describe
from lxmls_rnn.runs import Run
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


@pytest.mark.parametrize("to", ["safetensors", "onnx"])
def test_what_comes_back_is_the_model_with_settings_and_licence(trained, tmp_path, to):
    if to == "onnx":
        pytest.importorskip("onnx", reason="ONNX is not installed: `make setup WITH=onnx` brings it")
    assert trained("export", "first", "--to", to).exit_code == 0
    result = trained("import", f"results/first.{to}")
    assert "results/first.npz: " in result.output
    before, after = (
        model_file.load_in_numpy(tmp_path / f"{file}.npz") for file in ("runs/first/model", "results/first")
    )
    for name, W in before.model.get_values().items():
        assert np.array_equal(after.model.get_values()[name], W)
    settings = Run.open("first", tmp_path / "runs").settings.to_dict()
    assert after.header == {**before.header, "settings": settings, "source": describe(Settings("sample"))}
    for command in (["tag"], ["evaluate"]):
        more = ["The dog runs ."] * (command == ["tag"])
        assert trained(*command, "results/first.npz", *more).output == trained(*command, "runs/first", *more).output
    result = trained("import", f"results/first.{to}")
    assert result.exit_code == 1
    assert "Error: results/first.npz: already exists: name another file with --output" in result.output
    # a further export keeps them, though the run is not beside the file
    result = trained("export", "results/first.npz", "--to", to, "--output", f"again.{to}")
    assert "Corpus: sample, made for the LxMLS RNN lab. Licence: MIT" in result.output
    assert files.read(tmp_path / f"again.{to}").header == after.header
    assert trained("export", "results/first.npz", "--to", "html", "--output", "again.html").exit_code == 0
    assert "Corpus: sample, made" in (tmp_path / "again.html").read_text(encoding="utf-8")


def test_a_state_dict_for_torch_comes_back(run, tmp_path):
    options = [*SHORT, "--activation", "tanh", "--epochs", "1", "--name", "tanh"]
    assert run("train", *options).exit_code == 0
    assert "results/tanh.torch.safetensors: " in run("export", "tanh", "--to", "torch").output
    assert run("import", "results/tanh.torch.safetensors", "--output", "back.npz").exit_code == 0
    sentence = "The dog runs ."
    assert run("tag", "back.npz", sentence).output == run("tag", "tanh", sentence).output


def test_a_model_without_vocabulary_makes_no_page_but_safetensors(run, tmp_path):
    model_file.save(tmp_path / "m.npz", NumpyRNN(4, 5, 6, 3, seed=0))
    result = run("export", "m.npz", "--to", "html")
    assert (result.exit_code, result.output) == (1, "Error: m.npz lacks a vocabulary or tags: it cannot tag text\n")
    assert not (tmp_path / "results/m.html").exists()
    result = run("export", "m.npz", "--to", "safetensors")
    assert "The model file does not say which data the model was trained on" in result.output
    assert run("import", "results/m.safetensors", "--output", "back.npz").exit_code == 0
    before, after = model_file.read_header(tmp_path / "m.npz"), model_file.read_header(tmp_path / "back.npz")
    assert after == {**before, "source": NO_RUN}


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
        (("import", "README.md"), "README.md cannot be imported: expected NAME.safetensors or NAME.onnx from `lxm"),
        (("import", "bad.onnx"), "bad.onnx cannot be imported: it is not an ONNX file of `lxmls-rnn export`"),
        (("export", "m.npz", "--to", "torch"), "m cannot be exported: PyTorch's nn.RNN has no logistic function"),
        (("export", "runs/empty", "--to", "onnx"), "the run runs/empty has no model yet: it has one after its first"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(run, tmp_path, arguments, message):
    for suffix in ("safetensors", "onnx"):
        (tmp_path / f"bad.{suffix}").write_text("bad")
    model_file.save(tmp_path / "m.npz", NumpyRNN(4, 5, 6, 3, seed=0))
    Run.create("empty", Settings("sample", max_nr_sent=20), tmp_path / "runs")
    result = run(*arguments)
    assert result.exit_code == 1
    assert f"Error: {message}" in result.output
    assert "Traceback" not in result.output
