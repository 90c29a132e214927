"""One function for all formats: names of the files, models back from them, and errors that name the model."""

import base64

import pytest

from lxmls_rnn.deep_learning import model_file
from lxmls_rnn.deep_learning.rnn import NumpyLSTM, NumpyRNN
from lxmls_rnn.export import files, html
from lxmls_rnn.tagger import Tagger


def save(path, model_class=NumpyRNN, **options):
    model = model_class(5, 4, 3, 2, **{"seed": 0, **options})
    model_file.save(path, model, words=["The", "old", "<unk>", "São", "."], tags=["x", "y"], n_known_words=4)
    return path


def test_the_file_has_the_name_of_the_model_or_of_its_run(tmp_path):
    (tmp_path / "first").mkdir()
    of_a_run, single = (
        save(tmp_path / "first" / "model.npz", activation="tanh"),
        save(tmp_path / "m.npz", activation="tanh"),
    )
    for model, name in ((of_a_run.parent, "first"), (of_a_run, "first"), (single, "m")):
        found = [files.export(model, to).name for to in ("html", "torch", "safetensors")]
        assert found == [f"{name}.{suffix}" for suffix in ("html", "torch.safetensors", "safetensors")]


@pytest.mark.parametrize("to", ["torch", "onnx", "safetensors"])
def test_a_file_is_read_by_its_suffix_and_has_the_parameters_of_its_model(tmp_path, to):
    if to == "onnx":
        pytest.importorskip("onnx", reason="ONNX is not installed: `make setup WITH=onnx` brings it")
    for seed in (0, 1):  # one after the other, as from a panel
        path = save(tmp_path / "m.npz", NumpyLSTM, peepholes=False, seed=seed)
        exported = files.export(path, to)
        (tmp_path / exported.name).write_bytes(exported.content)
        found = files.read(tmp_path / exported.name)
        values = model_file.load_in_numpy(path).model.get_values()
        assert {name: W.tolist() for name, W in found.model.get_values().items()} == {
            name: W.tolist() for name, W in values.items()
        }


def test_each_page_has_the_parameters_of_its_model(tmp_path):
    for seed in (0, 1):
        path = save(tmp_path / "m.npz", seed=seed)
        page = html.page(Tagger.load(path), "m", files.export(path, "html").source)
        assert files.export(path, "html").content.decode() == page
        W_h = model_file.load(path).model.get_values()["W_h"]
        assert base64.b64encode(W_h.astype("<f4").tobytes()).decode() in page


def test_a_model_that_the_format_does_not_know_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"m cannot be exported: .*--to onnx"):
        files.export(save(tmp_path / "m.npz", NumpyLSTM), "torch")
