"""A check of models from its settings: which models, against what, up to which difference, of which sentence."""

import pytest

from lxmls_rnn.teaching import gradient_check, model_check
from lxmls_rnn.teaching.model_check import ModelCheck

SMALL = {"length": 2, "n_emb": 2, "n_hidd": 2}
TANH = {"activation": "tanh", **SMALL}
BROKEN = {"model": ("NumpyRNN", "NumpyLSTM"), "mistake": "W_h not transposed", "activation": "tanh"}


@pytest.mark.parametrize("against", [None, "NumpyRNN"])
def test_the_tolerance_is_that_of_the_settings_else_that_of_the_type(against):
    def tolerances(**settings):
        return {row.tolerance for row in ModelCheck(model=("NumpyRNN",), against=against, **TANH, **settings).rows()}

    assert tolerances() == {1e-8}
    assert tolerances(dtype="float32") == {1e-4}
    assert tolerances(tolerance=0.5) == {0.5}


def test_each_model_is_compared_with_a_reference_or_with_the_given_model_in_all_quantities():
    rows = list(ModelCheck(model=("NumpyRNN", "NumpyLSTM"), **SMALL).rows())
    assert {(row.model, row.against) for row in rows} == {(name, "finite diff.") for name in ("NumpyRNN", "NumpyLSTM")}
    assert {row.activation for row in rows if row.model == "NumpyRNN"} == {"logistic", "tanh", "relu", "softsign"}
    rows = list(ModelCheck(model=("NumpyRNN",), against="NumpyRNN", activation="relu", **SMALL).rows())
    assert {"h_t", "e_a_t", "W_h"} <= {row.parameter for row in rows}
    assert {row.activation for row in rows} == {"relu"}


def test_without_names_all_models_that_are_installed_are_compared(monkeypatch):
    monkeypatch.setattr(gradient_check, "available", lambda: ["NumpyLSTM", "NumpyRNN"])
    rows = ModelCheck(**TANH).rows()
    assert list(dict.fromkeys(row.model for row in rows)) == ["NumpyLSTM", "NumpyRNN"]


def test_a_sentence_of_ones_own_has_its_vocabulary():
    own = {"model": ("NumpyRNN",), "x": [7, 3], "y": [1, 0], "n_words": 8, "n_tags": 2}
    check = ModelCheck(**own | TANH)
    shapes = {row.parameter: row.gradient.shape for row in check.rows()}
    assert shapes == {"W_e": (2, 8), "W_x": (2, 2), "W_h": (2, 2), "W_y": (2, 2)}
    assert list(ModelCheck(**own | TANH | {"length": 9}).rows()) == list(
        check.rows()
    )  # the length is that of a random sentence
    (W_e,) = (row.gradient for row in check.rows() if row.parameter == "W_e")
    assert sorted(set(W_e.nonzero()[1])) == [3, 7]


@pytest.mark.parametrize("against", [None, "NumpyRNN"])
def test_the_first_difference_is_looked_for_in_the_models_that_differ(monkeypatch, against):
    asked, compare_models = [], model_check.compare_models

    def recorded(models, *more, **options):
        asked.append(list(models))
        return compare_models(models, *more, **options)

    monkeypatch.setattr(model_check, "compare_models", recorded)
    models = BROKEN["model"][: 1 if against else 2]
    check = ModelCheck(**BROKEN | {"model": models}, against=against, n_emb=2, n_hidd=2)
    rows = list(check.rows())
    (sentence,) = check.first_differences(rows)
    assert sentence.startswith("NumpyRNN, tanh: the first difference from NumpyRNN is in e_h_t of word 6")
    assert asked == [["NumpyRNN"]]  # once: the rows of a comparison have all quantities
    assert check.first_differences(row for row in rows if row.agrees) == []


def test_a_mistake_needs_its_model():
    with pytest.raises(ValueError, match=r"^the mistake is in NumpyRNN: choose this model too$"):
        ModelCheck(model=("NumpyLSTM",), mistake="W_h not transposed")
    ModelCheck(mistake="W_h not transposed")
