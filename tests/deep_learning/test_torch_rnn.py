"""The RNN in PyTorch: settings, parameters; test_frameworks.py compares its results with NumPy's."""

from contextlib import suppress

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed: `make setup WITH=torch` installs it")

from lxmls_rnn.deep_learning.torch_rnn import TorchRNN, own_settings, time_first  # noqa: E402

SIZES = 12, 6, 5, 4


def test_the_steps_come_first():
    assert time_first(torch.arange(3)).tolist() == [0, 1, 2]
    assert time_first(torch.tensor([[0, 1, 2], [3, 4, 5]])).tolist() == [[0, 3], [1, 4], [2, 5]]


def test_one_thread_and_no_tf32_within_and_as_before_after_an_error():
    threads, tf32 = torch.get_num_threads(), torch.backends.cudnn.allow_tf32
    torch.set_num_threads(3)
    torch.backends.cudnn.allow_tf32 = True
    try:
        with suppress(ZeroDivisionError), own_settings():
            assert (torch.get_num_threads(), torch.backends.cudnn.allow_tf32) == (1, False)
            raise ZeroDivisionError
        assert (torch.get_num_threads(), torch.backends.cudnn.allow_tf32) == (3, True)
    finally:
        torch.set_num_threads(threads)
        torch.backends.cudnn.allow_tf32 = tf32


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_parameters_are_overwritten_in_place_and_need_gradients(dtype):
    model = TorchRNN(*SIZES, seed=0, dtype=dtype)
    before = list(model.param)
    model.set_values({name: 2 * W.astype("float64") for name, W in model.get_values().items()})
    assert all(W is old for W, old in zip(model.param, before, strict=True))
    assert {(W.dtype, W.requires_grad) for W in model.param} == {(getattr(torch, dtype), True)}
    assert [tuple(W.shape) for W in model.param] == [(6, 12), (5, 6), (5, 5), (4, 5)]
    expected = 2 * TorchRNN(*SIZES, seed=0, dtype=dtype).get_values()["W_y"]
    assert np.array_equal(model.get_values()["W_y"], expected)


def test_passes_leave_no_gradient_behind():
    model = TorchRNN(*SIZES, seed=0)
    model.forward([1, 2])
    model.grads([1, 2], [0, 1])
    assert all(W.grad is None for W in model.param)
