"""The graphs of the fused Theano models; test_theano_rnn.py compares their numbers with NumPy's."""

import pytest
import theano
import theano.tensor as T

from lxmls_rnn.deep_learning.activations import OF_RNN
from lxmls_rnn.deep_learning.ops.cpu.lstm_layer import LSTMLayer
from lxmls_rnn.deep_learning.ops.cpu.rnn_layer import RNNLayer
from lxmls_rnn.deep_learning.theano_fast import FastLSTM, FastRNN

SIZES = 30, 6, 5, 4


def ops_of(variable):
    return [node.op for node in theano.gof.graph.io_toposort([], [variable])]


@pytest.mark.parametrize("activation", OF_RNN)
def test_the_rnn_has_one_layer_of_its_activation(activation):
    ops = ops_of(FastRNN(*SIZES, activation=activation)._forward(T.ivector("x")))
    assert [op for op in ops if isinstance(op, RNNLayer)] == [RNNLayer(activation)]
    assert not [op for op in ops if type(op).__name__ == "Scan"]


@pytest.mark.parametrize("peepholes", [True, False])
def test_the_lstm_has_one_layer_with_or_without_peepholes(peepholes):
    ops = ops_of(FastLSTM(*SIZES, peepholes=peepholes)._forward(T.imatrix("x")))
    assert [op for op in ops if isinstance(op, LSTMLayer)] == [LSTMLayer(peepholes)]
    assert not [op for op in ops if type(op).__name__ == "Scan"]
