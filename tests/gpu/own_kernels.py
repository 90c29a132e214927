"""Sources of the project's own GPU kernels."""

from lxmls_rnn.deep_learning.activations import OF_RNN
from lxmls_rnn.deep_learning.ops.cpu.lstm_layer import LSTMLayer
from lxmls_rnn.deep_learning.ops.cpu.rnn_layer import RNNLayer
from lxmls_rnn.deep_learning.ops.gpu.kernel_source import descent_source, layer_source, rows_source, softmax_cost_source

LAYERS = [*(RNNLayer(activation) for activation in OF_RNN), *map(LSTMLayer, (True, False))]
SOURCES = {str(layer): layer_source(layer) for layer in LAYERS}
SOURCES |= {"SoftmaxCost": softmax_cost_source(), "rows": rows_source(), "descent": descent_source(4)}
