"""Models as safetensors files, which many programs read; with the lab's names or as a state_dict of PyTorch.

The state_dict belongs to an nn.Embedding `embedding`, an nn.RNN or nn.LSTM `rnn`, and an nn.Linear `output`, without
biases. Writing it needs no PyTorch, and unlike PyTorch's own files it holds no pickle.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lxmls_rnn.deep_learning import model_file
from lxmls_rnn.deep_learning.activations import OF_NN_RNN

# names of the parameters in the state_dict; `embedding.weight` has a row for each word, W_e a column
TORCH_NAMES = {
    "W_e": "embedding.weight",
    "W_x": "rnn.weight_ih_l0",
    "W_h": "rnn.weight_hh_l0",
    "W_y": "output.weight",
}
REMEDY = "export `--to safetensors`, or train a model with"


def content(saved: model_file.Saved, texts: Mapping[str, str]) -> bytes:
    """Return a model as a safetensors file with `texts` as its metadata."""
    return _content(saved.model.get_values(), texts)


def torch_content(saved: model_file.Saved, texts: Mapping[str, str]) -> bytes:
    """Return a model as a state_dict of PyTorch in a safetensors file with `texts` as its metadata.

    Raise ValueError if PyTorch has no such layer: an LSTM with peepholes, an RNN with an activation that nn.RNN lacks.
    """
    options = saved.model.options
    if options.get("peepholes"):
        raise ValueError(f"PyTorch's nn.LSTM has no peepholes: {REMEDY} --no-peepholes")
    if options["activation"] not in OF_NN_RNN:
        raise ValueError(f"PyTorch's nn.RNN has no {options['activation']} function: {REMEDY} --activation tanh")
    values = saved.model.get_values()
    values["W_e"] = values["W_e"].T
    return _content({TORCH_NAMES[name]: W for name, W in values.items()}, texts)


def _content(values: Mapping[str, np.ndarray], texts: Mapping[str, str]) -> bytes:
    from safetensors.numpy import save

    return save({name: np.ascontiguousarray(W) for name, W in values.items()}, dict(texts))
