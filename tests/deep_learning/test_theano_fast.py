"""The graphs of the fused Theano models; test_theano_rnn.py compares their numbers with NumPy's."""

import pytest
import theano
import theano.tensor as T

from lxmls_rnn.deep_learning.activations import OF_RNN
from lxmls_rnn.deep_learning.ops.cpu.lstm_layer import LSTMLayer
from lxmls_rnn.deep_learning.ops.cpu.rnn_layer import RNNLayer
from lxmls_rnn.deep_learning.theano_fast import FastLSTM, FastRNN

SIZES = 30, 6, 5, 4


MODELS = [(FastRNN(*SIZES, activation=activation), T.ivector(), RNNLayer(activation)) for activation in OF_RNN]
MODELS += [(FastLSTM(*SIZES, peepholes=either), T.imatrix(), LSTMLayer(either)) for either in (True, False)]


@pytest.mark.parametrize(("model", "x", "layer"), MODELS)
def test_a_model_has_one_layer_and_no_scan(model, x, layer):
    ops = [node.op for node in theano.gof.graph.io_toposort([], [model._forward(x)])]
    assert [op for op in ops if isinstance(op, RNNLayer | LSTMLayer)] == [layer]
    assert not [op for op in ops if type(op).__name__ == "Scan"]
