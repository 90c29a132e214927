import numpy as np
import pytest

from lxmls_rnn.datasets.corpora import corpus_files
from lxmls_rnn.deep_learning.parameters import INITS
from lxmls_rnn.deep_learning.rnn import NumpyLSTM, NumpyRNN
from lxmls_rnn.experiment import Settings, prepare

SIZES = (200, 30, 40, 12)


@pytest.mark.parametrize("init", INITS[1:])
@pytest.mark.parametrize("cls", [NumpyRNN, NumpyLSTM])
def test_signs_are_mixed_sizes_are_kept_and_a_seed_is_repeated(cls, init):
    model, same, other = (cls(*SIZES, seed=seed, init=init) for seed in (1, 1, 2))
    for W, twin, different in zip(model.param, same.param, other.param, strict=True):
        assert np.array_equal(W, twin)
        assert not np.array_equal(W, different)
        assert abs(W.mean()) < 0.1 * W.std() + 0.01
    fans = {"W_e": 30 + 1, "W_x": 40 + 30, "W_y": 12 + 40}  # a word's embedding is a matrix of one column
    for name, fan in fans.items():
        bound = (6 / fan) ** 0.5
        assert 0.97 * bound < np.abs(getattr(model.param, name)).max() <= bound


@pytest.mark.parametrize(("cls", "gates"), [(NumpyRNN, {"W_h": 1}), (NumpyLSTM, {"W_h": 4, "W_c": 3})])
def test_each_recurrent_gate_is_orthogonal(cls, gates):
    model = cls(*SIZES, seed=1, init="orthogonal")
    for name, n in gates.items():
        W = getattr(model.param, name)
        for gate in np.split(W, n):
            assert np.allclose(gate @ gate.T, np.eye(40), atol=1e-12)


def test_embeddings_of_a_file_are_kept_and_change_no_other_draw():
    E = np.random.RandomState(0).normal(size=(30, 200))
    model, drawn = NumpyRNN(E, 40, 12, seed=1, init="glorot"), NumpyRNN(*SIZES, seed=1, init="glorot")
    assert np.array_equal(model.param.W_e, E)
    assert all(np.array_equal(a, b) for a, b in zip(model.param[1:], drawn.param[1:], strict=True))


def test_it_is_a_setting_and_a_wrong_one_is_refused():
    train, dev, _ = map(str, corpus_files("sample"))
    for chosen, init in (({}, "glorot"), ({"init": "uniform01"}, "uniform01")):
        model = prepare(Settings(train, dev, max_nr_sent=50, seed=5, **chosen)).tagger.model
        drawn = type(model)(*model.sizes, seed=5, init=init, **model.options)
        assert np.array_equal(model.param.W_h, drawn.param.W_h)
    with pytest.raises(ValueError, match="init must be one of uniform01, glorot, orthogonal, got 'xavier'"):
        Settings(train, init="xavier")
