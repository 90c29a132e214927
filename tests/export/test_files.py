"""One function for all formats: names of the files, models back from them, and errors that name the model."""

import pytest

from lxmls_rnn.deep_learning import model_file
from lxmls_rnn.deep_learning.rnn import NumpyLSTM, NumpyRNN
from lxmls_rnn.export import files


def save(path, model_class=NumpyRNN, **options):
    model = model_class(5, 4, 3, 2, seed=0, **options)
    model_file.save(path, model, words=["The", "old", "<unk>", "São", "."], tags=["x", "y"], n_known_words=4)
    return path


def test_the_file_has_the_name_of_the_model_or_of_its_run(tmp_path):
    (tmp_path / "first").mkdir()
    of_a_run, single = (
        save(tmp_path / "first" / "model.npz", activation="tanh"),
        save(tmp_path / "m.npz", activation="tanh"),
    )
    for model, name in ((of_a_run.parent, "first"), (of_a_run, "first"), (single, "m")):
        found = [files.export(model, to).name for to in files.FORMATS]
        assert found == [f"{name}.{suffix}" for suffix in ("html", "torch.safetensors", "onnx", "safetensors")]


@pytest.mark.parametrize("to", ["torch", "onnx", "safetensors"])
def test_a_file_is_read_by_its_suffix(tmp_path, to):
    path = save(tmp_path / "m.npz", NumpyLSTM, peepholes=False)
    exported = files.export(path, to)
    (tmp_path / exported.name).write_bytes(exported.content)
    found = files.read(tmp_path / exported.name)
    values = model_file.load_in_numpy(path).model.get_values()
    assert {name: W.tolist() for name, W in found.model.get_values().items()} == {
        name: W.tolist() for name, W in values.items()
    }


def test_a_model_that_the_format_does_not_know_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"m cannot be exported: .*--to onnx"):
        files.export(save(tmp_path / "m.npz", NumpyLSTM), "torch")
