"""The data in the exported page: nothing in them can end their element, and the page stays small."""

import base64
import hashlib
import json
import re
import shutil
import subprocess

import numpy as np
import pytest

from lxmls_rnn.deep_learning.models import model_class
from lxmls_rnn.export import html
from lxmls_rnn.plotting.palette import colour_of
from lxmls_rnn.tagger import Tagger

HOSTILE = ["</script>", "<!--<script>", "\u2028\u2029", "{{script}}", "\\", '"', "&lt;", "\ud800"]


def tagger_of(words, **options):
    tags = ["</script><b>", "verb"]
    return Tagger(model_class("NumpyRNN")(len(words), 3, 4, 2, seed=0, **options), words, tags, len(words))


def data_of(page):
    return json.loads(re.search('<script type="application/json" id="data">(.*?)</script>', page).group(1))


def test_hostile_data_stay_within_their_element():
    plain = html.page(tagger_of(["a"]), "a", "b")
    assert len(plain) < 50_000  # with the parameters of the guide's sizes it stays below 2 MB
    page = html.page(tagger_of(HOSTILE), "</script>", "<!--\u2028")
    for sign in ("<", ">", "\u2028", "\u2029"):
        assert page.count(sign) == plain.count(sign)
    data = data_of(page)
    assert data["words"] == HOSTILE
    assert (data["tags"][0], data["name"], data["source"]) == ("</script><b>", "</script>", "<!--\u2028")


def test_the_policy_allows_the_page_s_own_script_and_style_alone():
    page = html.page(tagger_of(["a"]), "a", "b")
    (script,), (style,) = (
        re.findall("<script>(.*?)</script>", page, re.S),
        re.findall("<style>(.*?)</style>", page, re.S),
    )
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (style, script)]
    allowed = f"style-src 'sha256-{hashes[0]}'; script-src 'sha256-{hashes[1]}'"
    policy = f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'"
    assert page.index(f'<meta http-equiv="Content-Security-Policy" content="{policy}">') < page.index("<style>")
    assert not re.search(r"(src|href)\s*=", page.replace("style-src", "").replace("script-src", ""))
    for unsafe in ("innerHTML", "outerHTML", "insertAdjacent", "eval(", "document.write"):
        assert unsafe not in script


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_parameters_are_those_of_the_model(dtype):
    tagger = tagger_of(["a", "b", "c"], dtype=dtype)
    data = data_of(html.page(tagger, "a", "b"))
    for name, W in tagger.model.get_values().items():
        shape = W.T.shape if name == "W_e" else W.shape
        stored = np.frombuffer(base64.b64decode(data["parameters"][name]), "<f4").reshape(shape)
        assert np.array_equal(stored.T if name == "W_e" else stored, W.astype("float32"))


def test_the_page_has_the_family_the_activation_and_the_colours_of_the_tagger():
    data = data_of(html.page(tagger_of(["a"], activation="relu"), "a", "b"))
    assert (data["family"], data["activation"]) == ("RNN", "relu")
    assert data["palette"]["tags"] == [colour_of("</script><b>"), colour_of("verb")]
    lstm = Tagger(model_class("NumpyLSTM")(1, 3, 4, 2, seed=0), ["a"], ["noun", "verb"], 1)
    assert data_of(html.page(lstm, "a", "b"))["family"] == "LSTM"


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no node; tests/browser opens the page in Chromium")
def test_the_page_knows_the_words_that_the_tagger_knows():
    tagger = Tagger(model_class("NumpyRNN")(3, 3, 4, 2, seed=0), ["the", "dog", "<unk>"], ["noun", "verb"], 2)
    page = html.page(tagger, "a", "b")
    data = re.search('<script type="application/json" id="data">(.*?)</script>', page)[1]
    model, _ = re.search("<script>(.*?)</script>", page, re.S)[1].split("// ---- the page")
    document = f"const document = {{ getElementById: () => ({{ textContent: {json.dumps(data)} }}) }};"
    script = document + model + "console.log(JSON.stringify(tag(tokenize('The dog sleeps')).known));"
    shown = subprocess.run(["node", "-e", script], check=True, capture_output=True, text=True).stdout
    assert json.loads(shown) == [word.known for word in tagger.tag("The dog sleeps")] == [False, True, False]


def test_a_model_that_is_too_large_for_a_page_is_refused(monkeypatch):
    monkeypatch.setattr(html, "MAX_PARAMETERS", 30)
    with pytest.raises(ValueError, match="big has 39 parameters, a page takes at most 30: export to safetensors"):
        html.page(tagger_of(["a"]), "big", "b")
