"""Models as ONNX: parameters bit for bit; ONNX Runtime, or the package's own evaluator, computes the same."""

import contextlib
import importlib.util
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest

from lxmls_rnn.datasets.corpora import corpus_files
from lxmls_rnn.deep_learning import model_file
from lxmls_rnn.deep_learning.activations import OF_RNN
from lxmls_rnn.deep_learning.rnn import NumpyLSTM, NumpyRNN
from lxmls_rnn.experiment import Settings, prepare
from lxmls_rnn.export import onnx as exporter
from lxmls_rnn.readers.pos_corpus import PostagCorpus
from lxmls_rnn.tagger import Tagger

onnx = pytest.importorskip("onnx", reason="ONNX is not installed: `make setup WITH=onnx` brings it")
reference = pytest.importorskip("onnx.reference")
RUNTIME = importlib.import_module("onnxruntime") if importlib.util.find_spec("onnxruntime") else None

OPTIONS = [
    *((NumpyRNN, {"activation": name}) for name in OF_RNN),
    *((NumpyLSTM, {"peepholes": peepholes}) for peepholes in (True, False)),
]
DOCS = Path(__file__).parents[2] / "docs/panels.md"
TOLERANCE = 1e-5


def saved(folder, model_class=NumpyRNN, **options):
    model = model_class(5, 4, 3, 2, seed=0, **options)
    names = {"words": ["The", "old", "<unk>", "São", "."], "tags": ["x", "y"]}
    model_file.save(folder / "m.npz", model, **names, n_known_words=4)
    return model_file.load(folder / "m.npz")


def content(model):
    return exporter.content(model, {"lxmls_rnn": json.dumps(model.header), "source": "nobody's"})


@pytest.fixture
def session_of(tmp_path):
    """Load a tagger's file in ONNX Runtime, or where that is not installed in the evaluator of the package onnx."""

    def load(tagger):
        tagger.save(tmp_path / "m.npz")
        file = content(model_file.load(tmp_path / "m.npz"))
        if RUNTIME is not None:
            return RUNTIME.InferenceSession(file)
        if isinstance(tagger.model, NumpyRNN) and tagger.model.activation != "tanh":
            pytest.skip(
                "ONNX Runtime is not installed (`pip install onnxruntime`), and the package onnx knows tanh only"
            )
        return reference.ReferenceEvaluator(onnx.load_model_from_string(file))

    return load


def randomise(model):
    """Give a model parameters of both signs, as large as those of a trained one."""
    draw = np.random.RandomState(1)
    model.set_values({name: draw.normal(size=W.shape) * W.shape[1] ** -0.5 for name, W in model.get_values().items()})


def check_sentences(tagger, session, sentences):
    for words in sentences:
        x = tagger.encode(words)
        p_y, h = session.run(["p_y", "h"], {"x": x.astype("int64")})
        out = tagger.model.forward(x, all_outputs=True)
        assert np.allclose(p_y, out.p_y, rtol=0, atol=TOLERANCE)
        assert np.allclose(h, out.h[:, 1:], rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("model_class", "options"), OPTIONS)
def test_the_test_part_of_the_sample_has_the_same_numbers(session_of, model_class, options, dtype):
    settings = Settings("sample", model=model_class.__name__, n_hidd=7, dtype=dtype, **options)
    tagger = prepare(settings).tagger
    randomise(tagger.model)
    sentences = PostagCorpus().read_sequence_list_conll(corpus_files("sample", "test")[2])
    assert len(sentences) == 200
    check_sentences(tagger, session_of(tagger), [sentence.words for sentence in sentences])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("model_class", "options"), OPTIONS)
def test_the_file_conforms_to_onnx_and_has_the_parameters_and_texts(tmp_path, model_class, options, dtype):
    before = saved(tmp_path, model_class, dtype=dtype, **options)
    model = onnx.load_model_from_string(content(before))
    onnx.checker.check_model(model, full_check=True)
    operators = {node.op_type for node in model.graph.node}
    expected = "RNN" if model_class is NumpyRNN else "Scan" if options["peepholes"] else "LSTM"
    assert operators & {"RNN", "LSTM", "Scan", "Loop"} == {expected}
    texts = {entry.key: entry.value for entry in model.metadata_props}
    assert (json.loads(texts["lxmls_rnn"]), texts["source"]) == (before.header, "nobody's")
    stored = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    values = before.model.get_values()
    assert list(stored) == list(values)
    for name, W in values.items():
        assert stored[name].dtype == W.dtype == dtype
        assert np.array_equal(stored[name], W)


@pytest.mark.skipif(not DOCS.exists(), reason="the documentation is not in the image")
@pytest.mark.skipif(RUNTIME is None, reason="ONNX Runtime is not installed: `pip install onnxruntime`")
def test_the_script_of_the_docs_tags(tmp_path, monkeypatch):
    model = NumpyLSTM(5, 4, 3, 3, seed=0)
    randomise(model)
    tagger = Tagger(model, ["The", "old", "<unk>", "her", "."], ["x", "y", "z"], 5)
    tagger.save(tmp_path / "m.npz")
    (tmp_path / "results").mkdir()
    (tmp_path / "results/lstm.onnx").write_bytes(content(model_file.load(tmp_path / "m.npz")))
    monkeypatch.chdir(tmp_path)
    (script,) = re.findall("```python\n(import json\n\nfrom onnx.*?)```", DOCS.read_text(encoding="utf-8"), re.S)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(script, {})
    tags = [word.tag for word in tagger.tag("The old man watches her run .")]
    assert printed.getvalue() == f"{tags}\n"


def test_more_than_onnx_allows_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(exporter, "MAX_BYTES", 100)
    with pytest.raises(ValueError, match=r"an ONNX file has at most 2 GB, the model has 0.0 GB"):
        content(saved(tmp_path))


def test_without_the_package_one_sentence_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(exporter, "ONNX", exporter.ONNX._replace(module="no_such_package"))
    expected = re.escape("ONNX is not installed: `make setup WITH=onnx` brings it (10 MB)")
    with pytest.raises(RuntimeError, match=f"^{expected}$"):
        content(saved(tmp_path))
