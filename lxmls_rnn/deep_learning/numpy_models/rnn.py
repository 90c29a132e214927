"""Adapter, at the path from which the current lab guide imports (exercise 6.1): the library's `NumpyRNN`."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lxmls_rnn.deep_learning import numpy_rnn
from lxmls_rnn.deep_learning.guide import GuideRNN
from lxmls_rnn.deep_learning.parameters import RNNParameters, check_tags


class NumpyRNN(GuideRNN):
    """Recurrent tagger in NumPy with the logistic function; a subclass may override any method.

    `input` and `output` are word ids and tag ids, (L,); errors as in the library's `NumpyRNN.forward`.
    """

    @property
    def library_model(self) -> numpy_rnn.NumpyRNN:
        """The library's model, which shares the parameters."""
        W_e, *others = self.parameters
        self._model.param = RNNParameters([W_e.T, *others])
        return self._model

    def log_forward(self, input: npt.ArrayLike) -> tuple[np.ndarray, ...]:
        """Return log_p_y and y (L, output_size), h (L + 1, hidden_size), z_e (L, embedding_size) and `input`."""
        forward = self.library_model.forward(input, all_outputs=True)
        return numpy_rnn.log_softmax(forward.y).T, forward.y.T, forward.h.T, forward.z.T, forward.x

    def predict(self, input: npt.ArrayLike) -> np.ndarray:
        """Return the most probable tag of each word, (L,)."""
        return self.log_forward(input)[0].argmax(axis=1)

    def cross_entropy_loss(self, input: npt.ArrayLike, output: npt.ArrayLike) -> float:
        """Return the mean over the words of -log p(gold tag)."""
        log_p_y = self.log_forward(input)[0]
        gold = check_tags(output, np.asarray(input), log_p_y.shape[1])
        return -float(log_p_y[np.arange(gold.size), gold].mean())

    def backpropagation(self, input: npt.ArrayLike, output: npt.ArrayLike) -> list[np.ndarray]:
        """Return the gradient of the loss with respect to each of `parameters`."""
        W_e, *others = self.library_model.grads(input, output)
        return [W_e.T, *others]

    def update(self, input: npt.ArrayLike, output: npt.ArrayLike) -> None:
        """Make one step of gradient descent on a sentence."""
        for W, gradient in zip(self.parameters, self.backpropagation(input, output), strict=True):
            W -= self.config["learning_rate"] * gradient
