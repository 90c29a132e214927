"""The export of a run: the link holds the file of the format that is chosen."""

import base64
import json
import re

import pytest
from safetensors import safe_open

import lab.widgets.panel
from lab.widgets import export_choice
from lab.widgets.export_choice import Export
from lab.widgets.panel import Panel
from lxmls_rnn.deep_learning.training import Trainer
from lxmls_rnn.experiment import Settings
from lxmls_rnn.export import files
from lxmls_rnn.runs import Run

SMALL = Settings("sample", max_nr_sent=20, n_emb=4, n_hidd=3, activation="tanh", trainer=Trainer(epochs=1))


@pytest.fixture
def panel(tmp_path, monkeypatch):
    """A panel that exports the run 'a&b'."""
    monkeypatch.setattr(lab.widgets.panel, "DOUBLE_CLICK_SECONDS", 0)
    for _ in Run.create("a&b", SMALL, tmp_path).fit():
        pass
    made = Panel()
    made.export = Export(made, lambda: tmp_path / "a&b")
    return made


@pytest.mark.parametrize("to", files.FORMATS)
def test_the_link_holds_the_file_with_settings_and_licence(panel, tmp_path, to):
    panel.export.format.value = to
    panel.export.button.click()
    assert panel.message.value == ""
    exported = files.export(tmp_path / "a&b", to)
    kind, name = "text/html" if to == "html" else "application/octet-stream", exported.name.replace("&", "&amp;")
    expected = rf'<a download="{name}" href="data:{kind};base64,([\w+/=]+)">Save {name}</a> \([\d,]+ bytes\)'
    found = re.fullmatch(expected, panel.export.link.value)
    content = base64.b64decode(found.group(1))
    if to == "html":
        assert content == exported.content
    else:  # safetensors has its metadata in any order
        (tmp_path / "f.safetensors").write_bytes(content)
        with safe_open(tmp_path / "f.safetensors", "numpy") as file:
            texts = file.metadata()
        assert Settings.from_dict(json.loads(texts["settings"])).trainer == SMALL.trainer
        assert texts["source"].startswith("Corpus: sample, made for the LxMLS RNN lab. Licence: MIT")


def test_what_cannot_be_exported_is_said(panel, tmp_path, monkeypatch):
    panel.export.button.click()
    assert panel.export.link.value
    panel.export.format.value = "safetensors"
    assert panel.export.link.value == ""
    panel.export.format.value = "html"
    panel.export.button.click()
    monkeypatch.setattr(export_choice, "MAX_LINK_BYTES", 1000)
    panel.export.button.click()
    assert "bytes, too many for a link: use the command `lxmls-rnn export`" in panel.message.value
    assert panel.export.link.value == ""
    (tmp_path / "a&b/model.npz").unlink()
    panel.export.button.click()
    assert "has no model yet: it has one after its first epoch" in panel.message.value
