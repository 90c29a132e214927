"""One function for all formats: names of the files, what is in them, and errors that name the model."""

import base64
import json

import numpy as np
import pytest
from safetensors import safe_open

from lxmls_rnn.deep_learning import model_file
from lxmls_rnn.deep_learning.rnn import NumpyLSTM, NumpyRNN
from lxmls_rnn.deep_learning.training import Trainer
from lxmls_rnn.experiment import Settings
from lxmls_rnn.export import files, html, source, tensors
from lxmls_rnn.runs import Run
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


def read(path):
    """Return the texts and the parameters in a file, read by the library of its format."""
    with safe_open(path, "numpy") as file:
        return file.metadata(), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  not a dictionary


@pytest.mark.parametrize("to", ["torch", "safetensors"])
def test_other_programs_find_parameters_header_and_licence(tmp_path, to):
    for seed, dtype in enumerate(("float64", "float32")):  # one after the other, as from a panel
        path = save(tmp_path / "m.npz", NumpyLSTM, peepholes=False, seed=seed, dtype=dtype)
        exported = files.export(path, to)
        (tmp_path / exported.name).write_bytes(exported.content)
        texts, values = read(tmp_path / exported.name)
        model, header = model_file.load(path)
        assert json.loads(texts.pop("lxmls_rnn")) == header
        assert texts == {"source": source.NO_RUN}
        names = tensors.TORCH_NAMES if to == "torch" else {name: name for name in model.get_values()}
        for name, W in model.get_values().items():
            found = values.pop(names[name])
            assert found.dtype == dtype
            assert np.array_equal(found.T if names[name] == "embedding.weight" else found, W)
        assert not values


def test_the_model_of_a_run_has_its_settings_and_the_licence_of_its_data(tmp_path):
    settings = Settings("sample", max_nr_sent=20, n_emb=4, n_hidd=3, trainer=Trainer(epochs=1))
    run = Run.create("first", settings, tmp_path)
    for _ in run.fit():
        pass
    (tmp_path / "f.safetensors").write_bytes(files.export(tmp_path / "first", "safetensors").content)
    texts, _ = read(tmp_path / "f.safetensors")
    assert Settings.from_dict(json.loads(texts["settings"])) == run.settings
    assert texts["source"] == source.describe(settings)
    header = json.loads(texts["lxmls_rnn"])
    tagger = Tagger.load(tmp_path / "first/model.npz")
    assert (header["words"], header["tags"]) == (tagger.words, tagger.tags)


def test_each_page_has_the_parameters_of_its_model(tmp_path):
    for seed in (0, 1):
        path = save(tmp_path / "m.npz", seed=seed)
        page = html.page(Tagger.load(path), "m", files.export(path, "html").source)
        assert files.export(path, "html").content.decode() == page
        W_h = model_file.load(path).model.get_values()["W_h"]
        assert base64.b64encode(W_h.astype("<f4").tobytes()).decode() in page


def test_a_model_that_the_format_does_not_know_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"m cannot be exported: .*--to safetensors"):
        files.export(save(tmp_path / "m.npz", NumpyLSTM), "torch")
