"""The checks of exercise 6.5: a missing framework, and expected results; test_answers.py has students' code."""

import numpy as np
import pytest

from lab import check
from lab.exercises.framework_exercises import COST_SLIPS, TANH_SLIPS, tanh_forward, tanh_gradients
from lab.exercises.setting import SENTENCES, model_of
from lab.exercises.verdict import NOT_YET
from lxmls_rnn.deep_learning import frameworks

X, GOLD = SENTENCES[0]


def test_the_gradients_are_those_of_finite_differences():
    param = model_of().param

    def cost():
        return -np.log(tanh_forward(X, param)["p"][GOLD, range(len(X))]).mean()

    for W, gradient in zip(param, tanh_gradients(X, GOLD, param).values(), strict=True):
        for place in ((0, 0), (1, 2), (-1, -1)):
            costs = []
            for step in (1e-5, -2e-5):
                W[place] += step
                costs.append(cost())
            W[place] += 1e-5
            assert np.isclose((costs[0] - costs[1]) / 2e-5, gradient[place], atol=1e-9)


@pytest.mark.parametrize("mistake", [pytest.param(mistake, id=text) for text, mistake in TANH_SLIPS])
def test_a_mistake_changes_the_probabilities(mistake):
    param = model_of().param
    assert not np.allclose(tanh_forward(X, param, **mistake)["p"], tanh_forward(X, param)["p"])


@pytest.mark.parametrize("mistake", [pytest.param(mistake, id=text) for text, mistake in COST_SLIPS])
def test_a_mistake_changes_the_gradients(mistake):
    param = model_of().param
    wrong, right = tanh_gradients(X, GOLD, param, **mistake), tanh_gradients(X, GOLD, param)
    assert not all(np.allclose(wrong[name], right[name]) for name in right)


EXERCISES = ("torch_loop", "torch_gradients", "torch_layer", "jax_scan", "jax_gradients")


@pytest.fixture
def without_frameworks(monkeypatch):
    """Frameworks that are not installed, also where they are."""
    monkeypatch.setattr(frameworks, "find_spec", lambda module: None)


@pytest.mark.parametrize("exercise", EXERCISES)
def test_without_its_framework_an_exercise_is_not_yet_and_no_try_counts(exercise, without_frameworks, runs_folder):
    verdict = getattr(check, exercise)(None)
    name, group = ("PyTorch", "torch") if exercise.startswith("torch") else ("JAX", "jax")
    assert verdict.state == NOT_YET
    assert verdict.text.startswith(f"{name} is not installed: `make setup WITH={group}` brings it")
    assert not (runs_folder / "exercises.json").exists()


def test_what_is_installed_is_told_and_how_to_install_it(without_frameworks, capsys):
    assert check.installed("numpy")
    assert capsys.readouterr().out == ""
    assert not check.installed("jax")
    assert capsys.readouterr().out == "JAX is not installed: `make setup WITH=jax` brings it (90 MB).\n"


@pytest.mark.parametrize("exercise", EXERCISES)
@pytest.mark.parametrize("nothing", [None, ..., lambda *_: None])
def test_nothing_is_not_yet(exercise, nothing, runs_folder):
    verdict = getattr(check, exercise)(nothing)
    assert verdict.state == NOT_YET
