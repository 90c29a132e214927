"""Adapter, at the path from which the guide's 2026 edition imports (exercise 3.2): its models in PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from lxmls_rnn.deep_learning.frameworks import TORCH
from lxmls_rnn.deep_learning.guide import GuideRNN
from lxmls_rnn.deep_learning.parameters import check_tags, check_words

try:
    import torch
except ImportError:
    raise ImportError(TORCH.missing) from None


class PytorchRNN(GuideRNN):
    """The tagger of `numpy_models` in PyTorch, on the CPU; a subclass needs only another `_log_forward`.

    `parameters` and gradients are tensors of PyTorch's default dtype, float32.
    """

    def __init__(self, **config: Any) -> None:
        super().__init__(**config)
        dtype = torch.get_default_dtype()
        self.parameters = [torch.tensor(W, dtype=dtype, requires_grad=True) for W in self.parameters]

    def _log_forward(self, input: npt.ArrayLike) -> torch.Tensor:
        """Return log p_y, (L, output_size)."""
        W_e, W_x, W_h, W_y = self.parameters
        h, states = torch.zeros_like(W_h[0]), []
        for z_t in W_e[_ids(check_words(input, len(W_e)))]:
            h = torch.sigmoid(W_x @ z_t + W_h @ h)
            states.append(h)
        return torch.log_softmax(torch.stack(states) @ W_y.T, dim=1)

    def predict(self, input: npt.ArrayLike) -> np.ndarray:
        """Return the most probable tag of each word, (L,)."""
        return self._log_forward(input).detach().numpy().argmax(axis=1)

    def backpropagation(self, input: npt.ArrayLike, output: npt.ArrayLike) -> list[torch.Tensor]:
        """Return the gradient of the loss with respect to each of `parameters`."""
        log_p_y = self._log_forward(input)
        gold = _ids(check_tags(output, np.asarray(input), log_p_y.shape[1]))
        return list(torch.autograd.grad(torch.nn.functional.nll_loss(log_p_y, gold), self.parameters))

    def update(self, input: npt.ArrayLike, output: npt.ArrayLike) -> None:
        """Make one step of gradient descent on a sentence."""
        for W, gradient in zip(self.parameters, self.backpropagation(input, output), strict=True):
            W.data -= self.config["learning_rate"] * gradient


class FastPytorchRNN(PytorchRNN):
    """`PytorchRNN` with PyTorch's own layer, `torch.nn.RNN` with tanh, and with its own initial W_x and W_h."""

    def __init__(self, **config: Any) -> None:
        super().__init__(**config)
        self.rnn = torch.nn.RNN(config["embedding_size"], config["hidden_size"], bias=False)
        self.parameters[1:3] = self.rnn.parameters()

    def _log_forward(self, input: npt.ArrayLike) -> torch.Tensor:
        """Return log p_y, (L, output_size)."""
        W_e, W_x, W_h, W_y = self.parameters
        z = W_e[_ids(check_words(input, len(W_e)))]
        h, _ = torch.func.functional_call(self.rnn, {"weight_ih_l0": W_x, "weight_hh_l0": W_h}, z)
        return torch.log_softmax(h @ W_y.T, dim=1)


def _ids(ids: np.ndarray) -> torch.Tensor:
    return torch.as_tensor(ids, dtype=torch.int64)
