"""`lxmls-rnn export`."""

import json

import pytest
from cli.command import SHORT
from safetensors import safe_open

from lxmls_rnn.deep_learning import model_file
from lxmls_rnn.deep_learning.rnn import NumpyRNN
from lxmls_rnn.experiment import Settings
from lxmls_rnn.runs import Run
from lxmls_rnn.tagger import Tagger


@pytest.mark.parametrize("model", ["first", "runs/first", "runs/first/model.npz"])
def test_a_run_becomes_a_page_with_its_name_and_licence(trained, tmp_path, model):
    result = trained("export", model, "--to", "html")
    assert result.exit_code == 0
    assert "first.html: " in result.output
    assert "Corpus: sample, made for the LxMLS RNN lab. Licence: MIT" in result.output
    page = (tmp_path / "work/first.html").read_text(encoding="utf-8")
    assert '"name": "first", "source": "Corpus: sample' in page
    assert '"sentence": "Ana can fish ; she was very happy ."' in page
    assert trained("export", model, "--to", "html", "--output", "other.html").exit_code == 0
    assert (tmp_path / "other.html").read_text(encoding="utf-8") == page


def test_the_model_itself_is_not_overwritten(trained, tmp_path):
    before = (tmp_path / "runs/first/model.npz").read_bytes()
    for model in ("first", "runs/first/model.npz"):
        result = trained("export", model, "--to", "safetensors", "--output", "runs/first/model.npz")
        assert "Error: --output must be another file than the model, got runs/first/model.npz" in result.output
    assert (tmp_path / "runs/first/model.npz").read_bytes() == before


def test_each_format_has_the_name_of_the_run(run, tmp_path):
    options = [*SHORT, "--activation", "tanh", "--epochs", "1", "--name", "tanh"]
    assert run("train", *options).exit_code == 0
    assert "work/tanh.torch.safetensors: " in run("export", "tanh", "--to", "torch").output
    assert "work/tanh.safetensors: " in run("export", "tanh", "--to", "safetensors").output
    files = [tmp_path / f"work/tanh.{suffix}" for suffix in ("torch.safetensors", "safetensors")]
    assert all("Corpus: sample" in texts_of(file)["source"] for file in files)


def texts_of(file):
    with safe_open(file, "numpy") as opened:
        return opened.metadata()


def test_a_theano_model_is_exported_without_theano(run, tmp_path, monkeypatch):
    Tagger(NumpyRNN(2, 5, 6, 3, seed=0), ["a", "b"], list("xyz"), 2).save(tmp_path / "m.npz")
    _, header = model_file.load(tmp_path / "m.npz")
    model_file.write(tmp_path / "m.npz", {**header, "class": "RNN"}, NumpyRNN(2, 5, 6, 3, seed=0).get_values())
    monkeypatch.setitem(__import__("sys").modules, "lxmls_rnn.deep_learning.theano_rnn", None)
    for to in ("html", "safetensors"):
        assert run("export", "m.npz", "--to", to).exit_code == 0
    assert json.loads(texts_of(tmp_path / "work/m.safetensors")["lxmls_rnn"])["class"] == "RNN"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("export", "none", "--to", "html"), "no model file none"),
        (("export", "m.npz", "--to", "torch"), "m cannot be exported: PyTorch's nn.RNN has no logistic function"),
        (("export", "runs/empty", "--to", "html"), "the run runs/empty has no model yet: it has one after its first"),
    ],
)
def test_what_cannot_be_exported_is_one_sentence(run, tmp_path, arguments, message):
    model_file.save(tmp_path / "m.npz", NumpyRNN(4, 5, 6, 3, seed=0))
    Run.create("empty", Settings("sample", max_nr_sent=20), tmp_path / "runs")
    result = run(*arguments)
    assert result.exit_code == 1
    assert f"Error: {message}" in result.output
    assert "Traceback" not in result.output
