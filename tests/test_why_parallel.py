"""The code of docs/why-parallel.md computes what the page says of it."""

import json
import re
from functools import cache

import numpy as np
import pytest
from documentation import ROOT

from lxmls_rnn.deep_learning.rnn import NumpyLSTM, NumpyRNN
from lxmls_rnn.teaching.comparison import relative_difference
from lxmls_rnn.teaching.gradient_check import finite_differences, random_values

PAGE = ROOT / "docs" / "why-parallel.md"
if not PAGE.is_file():
    pytest.skip("the documentation is not in the image", allow_module_level=True)

SIZES = (12, 7, 6, 5)
RNG = np.random.RandomState(0)
X, Y = RNG.randint(0, 12, 13), RNG.randint(0, 5, 13)


TEXT = PAGE.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page():
    """The names that the page's cells define; a corpus is read once."""
    space = {}
    for block in re.findall(r"^```python\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL):
        exec(block, space)
    space["prepare"] = cache(space["prepare"])
    return space


@pytest.mark.parametrize("cls", [NumpyRNN, NumpyLSTM])
def test_the_scan_gives_the_errors_of_the_loop(page, cls):
    model = cls(*SIZES, seed=1)
    model.set_values(random_values(model, np.random.RandomState(1)))
    expected = model.backward(X, Y).e_h
    assert np.abs(page["errors_by_scan"](model, X, Y) - expected).max() < 1e-15
    assert np.abs(expected).max() > 1e-2


@pytest.mark.parametrize("name", ["MinGRU", "Attention"])
def test_gradients_by_hand_are_finite_differences(page, name):
    model = page[name](*SIZES, seed=1)
    model.set_values(random_values(model, np.random.RandomState(1)))
    for W, gradient in zip(model.param, model.grads(X, Y), strict=True):
        expected = finite_differences(lambda: model.forward(X, True, Y).loss, W)
        assert relative_difference(gradient, expected)[0] < 1e-9


def test_the_scan_of_the_gates_holds_in_float32_where_the_division_does_not(page):
    rng = np.random.RandomState(0)
    kept, new = rng.uniform(0.2, 0.8, (2, 200, 6)).astype("float32")
    h = np.zeros((201, 6), "float32")
    for t in range(200):
        h[t + 1] = kept[t] * h[t] + new[t]
    assert np.abs(page["scan"](kept, new, np.multiply) - h[1:]).max() < 1e-6
    with np.errstate(all="ignore"):
        product = np.cumprod(kept, 0)
        assert np.isnan(product * np.cumsum(new / product, 0)).any()


def test_the_notebook_has_the_code_of_the_page():
    notebook = json.loads((ROOT / "lab/notebooks/02-experiments.ipynb").read_text(encoding="utf-8"))
    (source,) = ["".join(cell["source"]) for cell in notebook["cells"] if cell["id"] == "parallel-code"]
    definitions = re.split(r"\n{3,}(?=def |class )", source)[1:]
    assert [text for text in definitions if text not in TEXT] == []
    names = [re.match(r"(?:def|class) (\w+)", text)[1] for text in definitions]
    assert names == ["scan", "MinGRU", "Attention", "corpus_and_model", "share_of_gradient", "trained"]


def test_attention_without_softmax_is_a_recurrence(page):
    assert np.abs(page["at_once"] - page["one_by_one"]).max() < 1e-13


@pytest.mark.daily("trains two taggers")
def test_attention_learns_a_distance_that_the_rnn_does_not(page, monkeypatch, tmp_path):
    monkeypatch.setenv("LXMLS_DATA", str(tmp_path))
    share = page["share_of_gradient"]
    assert share(NumpyRNN, 20, 0) < 1e-9
    assert 0.1 < share(page["Attention"], 20, 0) < 2
    trained, accuracy = page["trained"], page["deciding_accuracy"]
    assert accuracy(*trained(page["Attention"], "reach:10", 0, epochs=1)) == 1
    assert accuracy(*trained(NumpyRNN, "reach:10", 0, epochs=1)) < 0.7


SHARES = {
    "share of the gradient, RNN, logistic": (NumpyRNN, {}),
    "RNN, tanh": (NumpyRNN, {"activation": "tanh"}),
    "LSTM": (NumpyLSTM, {}),
    "minGRU": ("MinGRU", {}),
    "attention": ("Attention", {}),
}


@pytest.mark.daily("twenty-five gradients a row")
@pytest.mark.parametrize("row", SHARES)
def test_the_table_has_the_shares_of_the_gradient(page, row, monkeypatch, tmp_path):
    monkeypatch.setenv("LXMLS_DATA", str(tmp_path))
    cls, options = SHARES[row]
    (cells,) = re.findall(rf"^\| {row} \| (.*) \|$", TEXT, re.MULTILINE)
    for K, written in zip((5, 10, 20, 40, 100), cells.split(" | "), strict=True):
        shares = [page["share_of_gradient"](page.get(cls, cls), K, seed, **options) for seed in range(5)]
        assert float(f"{np.median(shares):.0e}") == float(written)


ACCURACIES = {
    "for the RNN": NumpyRNN,
    "for the LSTM": NumpyLSTM,
    "for minGRU": "MinGRU",
    "for attention": "Attention",
}


@pytest.mark.daily("trains twenty taggers, half a minute")
@pytest.mark.parametrize("name", ACCURACIES)
@pytest.mark.filterwarnings("ignore:overflow|invalid:RuntimeWarning")
def test_the_page_has_the_accuracies_on_the_sample(page, name):
    """Rounding, which differs between processors, moves an accuracy by less than a point."""
    ((low, high),) = re.findall(rf"(\d\d) to (\d\d) %(?: on dev)? {name}", " ".join(TEXT.split()))
    cls = page.get(ACCURACIES[name], ACCURACIES[name])
    found = [100 * page["accuracy"](*page["trained"](cls, "sample", seed, epochs=5)) for seed in range(5)]
    learnt = [one for one in found if one > 50]
    assert len(learnt) >= (4 if name == "for attention" else 5)
    assert float(low) == pytest.approx(min(learnt), abs=1)
    assert float(high) == pytest.approx(max(learnt), abs=1)
