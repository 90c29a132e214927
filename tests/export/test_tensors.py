"""Models as safetensors: back bit for bit, damaged and foreign files refused; the script of the docs loads them."""

import contextlib
import io
import json
import os
import re
import struct
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

from lxmls_rnn import memory
from lxmls_rnn.deep_learning import model_file
from lxmls_rnn.deep_learning.activations import OF_NN_RNN, OF_RNN
from lxmls_rnn.deep_learning.frameworks import TORCH
from lxmls_rnn.deep_learning.rnn import NumpyLSTM, NumpyRNN
from lxmls_rnn.experiment import Settings
from lxmls_rnn.export import metadata, tensors
from lxmls_rnn.storage import records
from lxmls_rnn.tagger import Tagger, tokenize

SIZES = 5, 4, 3, 2
OPTIONS = [
    *((NumpyRNN, {"activation": name}) for name in OF_RNN),
    *((NumpyLSTM, {"peepholes": peepholes}) for peepholes in (True, False)),
]


FOR_TORCH = [*((NumpyRNN, {"activation": name}) for name in OF_NN_RNN), (NumpyLSTM, {"peepholes": False})]
DOCS = Path(__file__).parents[2] / "docs/panels.md"


def saved(folder, model_class=NumpyRNN, **options):
    model = model_class(*SIZES, seed=0, **options)
    model_file.save(folder / "m.npz", model, words=[*"abcd", "São"], tags=["x", "y"], n_known_words=4, note={"é": [1]})
    return model_file.load(folder / "m.npz")


def write(path, model, content=tensors.content, settings=None):
    path.write_bytes(content(model, metadata.texts(model.header, settings, "nobody's")))


@pytest.fixture
def exported(tmp_path):
    write(tmp_path / "m.safetensors", saved(tmp_path))
    return tmp_path / "m.safetensors"


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    ("content", "model_class", "options"),
    [
        *((tensors.content, *options) for options in OPTIONS),
        *((tensors.torch_content, *options) for options in FOR_TORCH),
    ],
)
def test_a_model_comes_back_byte_for_byte(tmp_path, content, model_class, options, dtype):
    before = saved(tmp_path, model_class, dtype=dtype, **options)
    write(tmp_path / "m.safetensors", before, content)
    after = tensors.read(tmp_path / "m.safetensors")
    assert (type(after.model), after.model.options) == (model_class, before.model.options)
    assert after.header.pop("source") == "nobody's"
    model_file.write(tmp_path / "back.npz", after.header, after.model.get_values())
    assert (tmp_path / "back.npz").read_bytes() == (tmp_path / "m.npz").read_bytes()


@pytest.mark.parametrize(
    ("model_class", "options", "message"),
    [
        (NumpyLSTM, {"peepholes": True}, "PyTorch's nn.LSTM has no peepholes: .* train a model with --no-peepholes"),
        (NumpyRNN, {}, "PyTorch's nn.RNN has no logistic function: .* train a model with --activation tanh"),
    ],
)
def test_what_pytorch_has_no_layer_for_is_refused(tmp_path, model_class, options, message):
    with pytest.raises(ValueError, match=message) as raised:
        write(tmp_path / "m.safetensors", saved(tmp_path, model_class, **options), tensors.torch_content)
    assert "export `--to onnx` or `--to safetensors`" in str(raised.value)


@pytest.mark.skipif(not DOCS.exists(), reason="the documentation is not in the image")
@pytest.mark.skipif(bool(TORCH.missing), reason=TORCH.missing)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("model_class", "options"), FOR_TORCH)
def test_the_script_of_the_docs_loads_it_in_torch(tmp_path, monkeypatch, model_class, options, dtype):
    words, tags = ["The", "old", "<unk>", "her", "."], ["x", "y", "z"]
    model = model_class(5, 4, 3, 3, seed=0, dtype=dtype, **options)
    model.set_values({name: np.random.RandomState(1).normal(size=W.shape) for name, W in model.get_values().items()})
    tagger = Tagger(model, words, tags, 5)
    tagger.save(tmp_path / "m.npz")
    (tmp_path / "results").mkdir()
    write(tmp_path / "results/lstm.torch.safetensors", model_file.load(tmp_path / "m.npz"), tensors.torch_content)
    monkeypatch.chdir(tmp_path)
    (script,) = re.findall("```python\n(import json\n\nimport torch.*?)```", DOCS.read_text(encoding="utf-8"), re.S)
    found, printed = {}, io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(script, found)
    sentence = "The old man watches her run ."
    expected = model.forward(tagger.encode(tokenize(sentence)))
    tolerance = {"float64": 1e-12, "float32": 1e-5}[dtype]
    assert np.allclose(found["p_y"].detach().numpy().T, expected, rtol=0, atol=tolerance)
    assert printed.getvalue() == f"{[word.tag for word in tagger.tag(sentence)]}\n"


def test_other_programs_find_the_parameters_settings_and_licence(tmp_path):
    before, settings = saved(tmp_path), Settings("sample", n_hidd=3)
    write(tmp_path / "m.safetensors", before, settings=settings.to_dict())
    with safe_open(tmp_path / "m.safetensors", framework="numpy") as file:
        metadata = file.metadata()
        for name, W in before.model.get_values().items():
            assert np.array_equal(file.get_tensor(name), W)
    assert json.loads(metadata["lxmls_rnn"]) == before.header
    assert Settings.from_dict(json.loads(metadata["settings"])) == settings
    assert metadata["source"] == "nobody's"


def changed(path, values=None, **header):
    """Write the file again with other values or other fields of the header."""
    with safe_open(path, framework="numpy") as file:
        kept = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        metadata = file.metadata()
    metadata["lxmls_rnn"] = json.dumps({**json.loads(metadata["lxmls_rnn"]), **header})
    save_file({**kept, **(values or {})}, path, metadata)


@pytest.mark.parametrize(
    ("values", "header", "message"),
    [
        ({"W_x": np.ones((3, 5))}, {}, r"W_x has shape \(3, 5\), expected \(3, 4\)"),
        ({"W_z": np.ones(1)}, {}, "it holds the parameters W_.*, expected W_e, W_x, W_h, W_y"),
        ({"W_x": np.ones((3, 4), "float32")}, {}, "W_x has dtype 'F32', expected F64"),
        ({"W_x": np.ones((3, 4), "int64")}, {}, "W_x has dtype 'I64', expected F64"),
        ({"W_x": np.full((3, 4), np.nan)}, {}, "W_x holds NaN or infinity"),
        ({}, {"class": "NumpyLSTM"}, "it holds the parameters W_.*, expected W_e, W_x, W_h, W_c, W_y"),
        ({}, {"class": ["x"]}, r"its class is \['x'\], expected one of NumpyRNN"),
        ({}, {"activation": "sign"}, "activation must be one of logistic, tanh, .*, got 'sign'"),
        ({}, {"dtype": "float16"}, "dtype must be one of float64, float32, got 'float16'"),
        ({}, {"words": ["a"]}, "words must name all 5 words of the model"),
        ({}, {"version": 99}, "it has version 99 of the model format"),
        ({}, {"format": "other"}, "its format is 'other'"),
        ({"embedding.weight": np.ones((5, 4))}, {}, "it holds the parameters W_.*, expected W_e, W_x, W_h, W_y"),
        ({}, {"sizes": {"n_words": 5}}, "sizes.n_emb: field required"),
    ],
)
def test_what_does_not_match_the_header_is_refused(exported, values, header, message):
    changed(exported, values, **header)
    with pytest.raises(ValueError, match=f"m.safetensors cannot be imported: {message}"):
        tensors.read(exported)


def test_a_state_dict_of_other_sizes_is_refused(tmp_path):
    write(tmp_path / "m.safetensors", saved(tmp_path, activation="tanh"), tensors.torch_content)
    for shape in ((4, 5), (5,)):
        changed(tmp_path / "m.safetensors", {"embedding.weight": np.ones(shape)})
        with pytest.raises(ValueError, match=r"m.safetensors cannot be imported: W_e has shape \(5.*expected \(4, 5\)"):
            tensors.read(tmp_path / "m.safetensors")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is not a whole safetensors file: it states 0 bytes of header, and has 0"),
        (b"\x10", "it is not a whole safetensors file"),
        (struct.pack("<Q", 2**63) + b"{}", "it is not a whole safetensors file: it states 9,223,372,036,854,775,808 b"),
        (struct.pack("<Q", 2) + b"{}", "its metadata lack 'lxmls_rnn'"),
        (struct.pack("<Q", 2) + b"[[", "it is not a whole safetensors file"),
        (b"\x80\x04\x95pickle..........", "it is not a whole safetensors file"),
    ],
)
def test_a_foreign_file_is_refused(tmp_path, content, message):
    (tmp_path / "f.safetensors").write_bytes(content)
    with pytest.raises(ValueError, match=f"f.safetensors cannot be imported: {message}"):
        tensors.read(tmp_path / "f.safetensors")


@pytest.mark.parametrize("position", range(0, 101, 5))
def test_a_truncated_file_is_refused(exported, position):
    content = exported.read_bytes()
    exported.write_bytes(content[: position * (len(content) - 1) // 100])
    with pytest.raises(ValueError, match="it is not a whole safetensors file"):
        tensors.read(exported)


def test_what_is_no_file_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"f\.safetensors"):
        tensors.read(tmp_path / "f.safetensors")
    os.mkfifo(tmp_path / "p")
    with pytest.raises(ValueError, match="p is not a regular file"):
        tensors.read(tmp_path / "p")


def test_sizes_are_checked_before_anything_is_read(exported, monkeypatch):
    monkeypatch.setattr(memory, "MIN_CHECKED_BYTES", 0)
    monkeypatch.setattr(memory, "free", lambda: memory.RESERVE_BYTES)
    with pytest.raises(MemoryError, match=r"the header of .*m.safetensors needs"):
        tensors.read(exported)
    monkeypatch.setattr(memory, "free", lambda: memory.RESERVE_BYTES + 40_000)
    changed(
        exported,
        {"W_e": np.zeros((4, 5000))},
        sizes={"n_words": 5000, "n_emb": 4, "n_hidd": 3, "n_tags": 2},
        words=None,
    )
    with pytest.raises(MemoryError, match=r"the model in .*m.safetensors needs about 0 MB"):
        tensors.read(exported)
    monkeypatch.setattr(model_file, "MAX_HEADER_BYTES", 100)
    with pytest.raises(ValueError, match=r"its header has .* bytes, expected at most 100"):
        tensors.read(exported)
    monkeypatch.undo()
    monkeypatch.setattr(records, "MAX_VALUES", 3)
    with pytest.raises(ValueError, match="its header has more than 3 brackets"):
        tensors.read(exported)
