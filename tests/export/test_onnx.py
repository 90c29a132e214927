"""Models as ONNX: ONNX Runtime computes the same, parameters come back bit for bit, other files are refused."""

import contextlib
import io
import json
import os
import re
from pathlib import Path

import numpy as np
import pytest

from lxmls_rnn import memory
from lxmls_rnn.datasets.corpora import corpus_files
from lxmls_rnn.deep_learning import model_file
from lxmls_rnn.deep_learning.activations import OF_RNN
from lxmls_rnn.deep_learning.rnn import NumpyLSTM, NumpyRNN
from lxmls_rnn.experiment import Settings, prepare
from lxmls_rnn.export import metadata
from lxmls_rnn.export import onnx as exporter
from lxmls_rnn.readers.pos_corpus import PostagCorpus
from lxmls_rnn.tagger import Tagger

onnx = pytest.importorskip("onnx", reason="ONNX is not installed: `make setup WITH=onnx` brings it")

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


def content(model, settings=None):
    return exporter.content(model, metadata.texts(model.header, settings, "nobody's"))


@pytest.fixture
def exported(tmp_path):
    (tmp_path / "m.onnx").write_bytes(content(saved(tmp_path)))
    return tmp_path / "m.onnx"


@pytest.fixture
def session_of(tmp_path):
    """Load a tagger's file in ONNX Runtime."""
    runtime = pytest.importorskip("onnxruntime", reason="ONNX Runtime is not installed: `pip install onnxruntime`")

    def load(tagger):
        tagger.save(tmp_path / "m.npz")
        return runtime.InferenceSession(content(model_file.load(tmp_path / "m.npz")))

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


@pytest.mark.parametrize(("model_class", "options"), OPTIONS)
@pytest.mark.filterwarnings("ignore:.*sentences left out")
def test_the_test_part_of_real_english_has_the_same_numbers(session_of, ewt_dir, model_class, options):
    tagger = prepare(Settings(str(ewt_dir / "en_ewt-ud-dev.conllu"), model=model_class.__name__, **options)).tagger
    randomise(tagger.model)
    sentences = PostagCorpus().read_sequence_list_conll(ewt_dir / "en_ewt-ud-test.conllu")
    assert len(sentences) == 1926  # the reader leaves out those of one word
    check_sentences(tagger, session_of(tagger), [*(sentence.words for sentence in sentences), ["Yes"]])


@pytest.mark.parametrize(("model_class", "options"), OPTIONS)
def test_the_file_conforms_to_onnx(tmp_path, model_class, options):
    before = saved(tmp_path, model_class, **options)
    model = onnx.load_model_from_string(content(before, Settings("sample").to_dict()))
    onnx.checker.check_model(model, full_check=True)
    operators = {node.op_type for node in model.graph.node}
    expected = "RNN" if model_class is NumpyRNN else "Scan" if options["peepholes"] else "LSTM"
    assert operators & {"RNN", "LSTM", "Scan", "Loop"} == {expected}
    texts = {entry.key: entry.value for entry in model.metadata_props}
    assert json.loads(texts["lxmls_rnn"]) == before.header
    assert Settings.from_dict(json.loads(texts["settings"])) == Settings("sample")
    assert texts["source"] == "nobody's"
    for tensor in model.graph.initializer:
        assert np.array_equal(onnx.numpy_helper.to_array(tensor), before.model.get_values()[tensor.name])


def test_a_file_that_onnx_wrote_again_is_read(exported):
    before = exporter.read(exported)
    onnx.save(onnx.load(exported), exported)
    after = exporter.read(exported)
    assert after.header == before.header
    for name, W in before.model.get_values().items():
        assert np.array_equal(after.model.get_values()[name], W)


@pytest.mark.skipif(not DOCS.exists(), reason="the documentation is not in the image")
def test_the_script_of_the_docs_tags(session_of, tmp_path, monkeypatch):
    model = NumpyLSTM(5, 4, 3, 3, seed=0)
    randomise(model)
    tagger = Tagger(model, ["The", "old", "<unk>", "her", "."], ["x", "y", "z"], 5)
    session_of(tagger)
    (tmp_path / "results").mkdir()
    (tmp_path / "results/lstm.onnx").write_bytes(content(model_file.load(tmp_path / "m.npz")))
    monkeypatch.chdir(tmp_path)
    (script,) = re.findall("```python\n(import json\n\nfrom onnx.*?)```", DOCS.read_text(encoding="utf-8"), re.S)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(script, {})
    tags = [word.tag for word in tagger.tag("The old man watches her run .")]
    assert printed.getvalue() == f"{tags}\n"


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("model_class", "options"), OPTIONS)
def test_a_model_comes_back_byte_for_byte(tmp_path, model_class, options, dtype):
    before = saved(tmp_path, model_class, dtype=dtype, **options)
    (tmp_path / "m.onnx").write_bytes(content(before, {"model": "é"}))
    after = exporter.read(tmp_path / "m.onnx")
    assert (type(after.model), after.model.options) == (model_class, before.model.options)
    assert (after.header.pop("settings"), after.header.pop("source")) == ({"model": "é"}, "nobody's")
    model_file.write(tmp_path / "back.npz", after.header, after.model.get_values())
    assert (tmp_path / "back.npz").read_bytes() == (tmp_path / "m.npz").read_bytes()


@pytest.mark.parametrize(
    ("values", "header", "message"),
    [
        ({"W_x": np.ones((3, 5))}, {}, r"W_x has shape \(3, 5\), expected \(3, 4\)"),
        ({"W_z": np.ones(1)}, {}, "it holds the parameters W_.*, expected W_e, W_x, W_h, W_y"),
        ({"W_x": np.ones((3, 4), "float32")}, {}, r"W_x has type 1, expected 11"),
        ({"W_x": np.full((3, 4), np.nan)}, {}, "W_x holds NaN or infinity"),
        ({f"W_{n}": np.ones(1) for n in range(9)}, {}, "it is not a whole ONNX file: it has 13 initializers, expected"),
        ({}, {"class": "NumpyLSTM"}, "it holds the parameters W_.*, expected W_e, W_x, W_h, W_c, W_y"),
        ({}, {"activation": "sign"}, "activation must be one of logistic, tanh, .*, got 'sign'"),
    ],
)
def test_what_does_not_match_the_header_is_refused(tmp_path, monkeypatch, values, header, message):
    model = saved(tmp_path)
    monkeypatch.setattr(model.model, "get_values", lambda own=model.model.get_values: {**own(), **values})
    (tmp_path / "m.onnx").write_bytes(content(model._replace(header={**model.header, **header})))
    with pytest.raises(ValueError, match=f"m.onnx cannot be imported: {message}"):
        exporter.read(tmp_path / "m.onnx")


def test_numbers_that_do_not_fill_their_shape_are_refused(exported):
    model = onnx.load(exported)
    model.graph.initializer[0].raw_data = bytes(159)
    onnx.save(model, exported)
    with pytest.raises(ValueError, match=r"m.onnx cannot be imported: W_e has 159 bytes of numbers, expected 160"):
        exporter.read(exported)


def test_a_text_that_is_not_unicode_is_refused(exported):
    exported.write_bytes(exported.read_bytes().replace("São".encode(), b"S\xff\xffo"))
    with pytest.raises(ValueError, match=r"m.onnx cannot be imported: it is not a whole ONNX file: "):
        exporter.read(exported)


PRODUCED = b"\x12\x09lxmls-rnn"


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (b"", "its start does not name lxmls-rnn"),
        (b"\x12\x44" + b"p" * 68 + PRODUCED, "its start does not name lxmls-rnn"),
        (PRODUCED, "its metadata lack 'lxmls_rnn'"),
        (PRODUCED + b"\x3a\x05ab", "it is not a whole ONNX file"),
        (PRODUCED + b"\x80" * 20, "it is not a whole ONNX file"),
    ],
)
def test_a_foreign_file_is_refused(tmp_path, written, message):
    (tmp_path / "f.onnx").write_bytes(written)
    with pytest.raises(ValueError, match=f"f.onnx cannot be imported: .*{message}"):
        exporter.read(tmp_path / "f.onnx")


@pytest.mark.parametrize("position", range(0, 101, 5))
def test_a_truncated_file_is_refused(exported, position):
    whole = exported.read_bytes()
    exported.write_bytes(whole[: position * (len(whole) - 1) // 100])
    with pytest.raises(ValueError, match=r"m.onnx cannot be imported: it"):
        exporter.read(exported)


def test_what_is_no_file_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"f\.onnx"):
        exporter.read(tmp_path / "f.onnx")
    os.mkfifo(tmp_path / "p")
    with pytest.raises(ValueError, match="p is not a regular file"):
        exporter.read(tmp_path / "p")


def test_sizes_are_checked_before_anything_is_read(exported, monkeypatch):
    monkeypatch.setattr(memory, "MIN_CHECKED_BYTES", 0)
    monkeypatch.setattr(memory, "free", lambda: memory.RESERVE_BYTES)
    with pytest.raises(MemoryError, match=r"the model in .*m.onnx needs"):
        exporter.read(exported)
    monkeypatch.undo()
    monkeypatch.setattr(model_file, "MAX_HEADER_BYTES", 100)
    with pytest.raises(ValueError, match=r"its header has .* bytes, expected at most 100"):
        exporter.read(exported)
    monkeypatch.undo()
    monkeypatch.setattr(exporter, "MAX_BYTES", 100)
    with pytest.raises(ValueError, match=r"m.onnx cannot be imported: the file is larger than 100"):
        exporter.read(exported)
    with pytest.raises(ValueError, match=r"an ONNX file has at most 2 GB, the model has 0.0 GB"):
        content(saved(exported.parent))


def test_without_the_package_one_sentence_says_what_to_install(exported, monkeypatch):
    before = model_file.load(exported.with_name("m.npz"))
    monkeypatch.setattr(exporter, "ONNX", exporter.ONNX._replace(module="no_such_package"))
    expected = re.escape("ONNX is not installed: `make setup WITH=onnx` brings it (10 MB)")
    with pytest.raises(RuntimeError, match=f"^{expected}$"):
        content(before)
    with pytest.raises(RuntimeError, match=f"^{expected}$"):
        exporter.read(exported)
