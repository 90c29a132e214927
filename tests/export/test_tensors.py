"""Models as safetensors: parameters bit for bit, a state_dict that computes the same; the docs' script loads it."""

import contextlib
import io
import json
import re
import struct
from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit, softmax

from lxmls_rnn.deep_learning import model_file
from lxmls_rnn.deep_learning.activations import OF_NN_RNN
from lxmls_rnn.deep_learning.frameworks import TORCH
from lxmls_rnn.deep_learning.rnn import NumpyLSTM, NumpyRNN
from lxmls_rnn.export import files, tensors
from lxmls_rnn.tagger import Tagger, tokenize

SIZES = 5, 4, 3, 2
FOR_TORCH = [*((NumpyRNN, {"activation": name}) for name in OF_NN_RNN), (NumpyLSTM, {"peepholes": False})]
DOCS = Path(__file__).parents[2] / "docs/panels.md"


def saved(folder, model_class=NumpyRNN, **options):
    model = model_class(*SIZES, seed=0, **options)
    model_file.save(folder / "m.npz", model, words=[*"abcd", "São"], tags=["x", "y"], n_known_words=4, note={"é": [1]})
    return model_file.load(folder / "m.npz")


def parts_of(file):
    """Return the metadata and the arrays of a safetensors file, read by the description of its format."""
    (length,) = struct.unpack("<Q", file[:8])
    header, numbers = json.loads(file[8 : 8 + length]), file[8 + length :]
    metadata, arrays = header.pop("__metadata__"), {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        arrays[name] = np.frombuffer(numbers[begin:end], {"F64": "<f8", "F32": "<f4"}[entry["dtype"]])
        arrays[name] = arrays[name].reshape(entry["shape"])
    return metadata, arrays


def by_formulas_of_torch(state, kind, x):
    """Return p_y, a row for each word, by the formulas that PyTorch documents for nn.RNN and nn.LSTM."""
    h, c, rows = *np.zeros((2, state["rnn.weight_hh_l0"].shape[1])), []
    for z in state["embedding.weight"][x]:
        a = state["rnn.weight_ih_l0"] @ z + state["rnn.weight_hh_l0"] @ h
        if kind == "lstm":
            i, f, g, o = np.split(a, 4)
            c = expit(f) * c + expit(i) * np.tanh(g)
            h = expit(o) * np.tanh(c)
        else:
            h = {"tanh": np.tanh, "relu": lambda a: np.maximum(a, 0)}[kind](a)
        rows.append(softmax(state["output.weight"] @ h))
    return np.array(rows)


@pytest.mark.parametrize(("model_class", "options"), FOR_TORCH)
def test_the_formulas_of_torch_give_the_probabilities(tmp_path, model_class, options):
    before, x = saved(tmp_path, model_class, **options), np.array([3, 0, 4, 1])
    draw = np.random.RandomState(1)
    before.model.set_values({name: draw.normal(size=W.shape) for name, W in before.model.get_values().items()})
    _, state = parts_of(tensors.torch_content(before, {}))
    p_y = by_formulas_of_torch(state, options.get("activation", "lstm"), x)
    assert np.allclose(p_y.T, before.model.forward(x), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("model_class", "options", "message"),
    [
        (NumpyLSTM, {"peepholes": True}, "PyTorch's nn.LSTM has no peepholes: .* train a model with --no-peepholes"),
        (NumpyRNN, {}, "PyTorch's nn.RNN has no logistic function: .* train a model with --activation tanh"),
    ],
)
def test_what_pytorch_has_no_layer_for_is_refused(tmp_path, model_class, options, message):
    with pytest.raises(ValueError, match=message) as raised:
        tensors.torch_content(saved(tmp_path, model_class, **options), {})
    assert "export `--to safetensors`" in str(raised.value)


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
    (tmp_path / "work").mkdir()
    exported = files.export(tmp_path / "m.npz", "torch")
    (tmp_path / "work/lstm.torch.safetensors").write_bytes(exported.content)
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
