"""The texts beside the parameters: header, settings and source come back, and a damaged one is refused."""

import json
from pathlib import Path

import pytest

from lxmls_rnn.deep_learning import model_file
from lxmls_rnn.export import metadata

HEADER = {"format": model_file.MODEL_FORMAT, "words": ["São"]}


def test_settings_and_source_are_added_to_the_header_and_taken_out_again():
    found = metadata.texts(HEADER, {"seed": 1}, "nobody's")
    assert json.loads(found["settings"]) == {"seed": 1}
    assert "São" in found["lxmls_rnn"]
    header = metadata.header(Path("m.onnx"), found)
    assert header == {**HEADER, "settings": {"seed": 1}, "source": "nobody's"}
    assert metadata.texts(header, {"seed": 2}, "mine") == metadata.texts(HEADER, {"seed": 2}, "mine")


def test_a_model_of_no_run_has_no_settings():
    found = metadata.texts(HEADER, None, "nobody's")
    assert metadata.header(Path("m.onnx"), found) == {**HEADER, "source": "nobody's"}


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ({"source": ""}, "its metadata lack 'lxmls_rnn'"),
        ({"lxmls_rnn": "{"}, "header"),
        ({"lxmls_rnn": '{"format": 0}'}, "its format is 0"),
        ({"lxmls_rnn": json.dumps(HEADER), "settings": "[]"}, "settings: "),
        ({"lxmls_rnn": json.dumps(HEADER), "settings": "7"}, "settings: "),
    ],
)
def test_damaged_texts_are_refused(found, message):
    with pytest.raises(ValueError, match=message):
        metadata.header(Path("m.onnx"), found)


def test_all_texts_together_have_a_limit(monkeypatch):
    found = metadata.texts(HEADER, {"note": "x" * 100}, "y" * 100)
    monkeypatch.setattr(model_file, "MAX_HEADER_BYTES", sum(map(len, found.values())) - 1)
    with pytest.raises(ValueError, match="its header has"):
        metadata.header(Path("m.onnx"), found)
