"""The code of docs/where-theano-went.md computes the same loss and gradients in Theano and PyTorch."""

import re

import numpy as np
import pytest
from documentation import ROOT

from lxmls_rnn.deep_learning.frameworks import FRAMEWORKS
from lxmls_rnn.deep_learning.numpy_rnn import NumpyRNN
from lxmls_rnn.teaching.comparison import relative_difference

PAGE = ROOT / "docs" / "where-theano-went.md"
if not PAGE.is_file():
    pytest.skip("the documentation is not in the image", allow_module_level=True)

BLOCK = re.compile(r"^(\w+):\n\n```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = dict(BLOCK.findall(PAGE.read_text(encoding="utf-8")))
MODULES = {"Theano": "theano", "PyTorch": "torch"}


def test_the_page_has_a_block_for_each_framework():
    assert set(BLOCKS) == {*MODULES, "JAX", "PyTensor"}  # these two are not part of the lab, and were tried by hand


@pytest.mark.daily("compiles a function")
@pytest.mark.parametrize("name", MODULES)
def test_frameworks_of_the_page_agree_with_numpy(name):
    if name != "Theano" and (missing := FRAMEWORKS[MODULES[name]].missing):
        pytest.skip(missing)
    rng = np.random.RandomState(4)
    model = NumpyRNN(9, 4, 5, 3, activation="tanh")
    model.set_values({name: rng.uniform(-1, 1, W.shape) for name, W in model.get_values().items()})
    words, tags = np.array([7, 2, 0, 2, 5, 8], "int32"), np.array([1, 0, 2, 2, 0, 2], "int32")
    space = {"weights": list(model.param), "words": words, "tags": tags}
    exec(BLOCKS[name], space)
    assert abs(space["loss"].item() - model.forward(words, True, tags).loss) < 1e-8
    for gradient, expected in zip(space["gradients"], model.grads(words, tags), strict=True):
        assert relative_difference(np.asarray(gradient), expected)[0] < 1e-8
