"""Models in Theano: variables are evaluated, and what is none is named; test_theano_exercises.py compares models."""

import numpy as np
import pytest

from lab.exercises.setting import model_of
from lab.exercises.theano_models import evaluate, symbolic, theano_class
from lab.exercises.verdict import NotYet, Wrong
from lxmls_rnn.deep_learning.rnn import RNN, replace

pytestmark = pytest.mark.theano


def test_variables_are_evaluated_without_compiling_and_unused_inputs_are_allowed():
    import theano.tensor as T

    x, unused = T.fvector(), T.dscalar()
    assert evaluate(x.sum(), {x: np.ones(3), unused: 1.0}) == 3
    assert [value.tolist() for value in evaluate([x, 2 * x], {x: [1.0]})] == [[1], [2]]


def test_only_a_theano_variable_is_symbolic():
    import theano
    import theano.tensor as T

    variable = T.vector()
    assert symbolic("p", variable) is variable
    with pytest.raises(Wrong, match=r"^p has the wrong type: expected a Theano variable, got ndarray\.$"):
        symbolic("p", np.ones(1))
    with pytest.raises(Wrong, match="The function returns scan's pair"):
        symbolic("p", theano.scan(lambda i: i, sequences=variable))


def test_a_model_is_a_subclass_or_an_instance():
    class Mine(RNN):
        def _forward(self, _x, _h0=None):
            return _x

    assert theano_class(Mine, "RNN") is theano_class(model_of(Mine), "RNN") is Mine
    for nothing in (None, ...):
        with pytest.raises(NotYet, match="There is no code yet"):
            theano_class(nothing, "RNN")
    with pytest.raises(Wrong, match="Expected a subclass of LSTM, or an instance of one; got Mine"):
        theano_class(Mine, "LSTM")
    with pytest.raises(Wrong, match="Expected a subclass of RNN, or an instance of one; got int"):
        theano_class(3, "RNN")


def test_a_model_that_the_panels_use_does_not_count_as_the_library():
    class Mine(RNN):
        def _forward(self, _x, _h0=None):
            return _x

    class Again(Mine):
        pass

    replace("RNN", Again)
    try:
        assert theano_class(Mine, "RNN") is Mine
    finally:
        replace(None)
