r"""The recurrent tagger in NumPy: forward pass and back-propagation through time.

Each word w_t has an embedding. The hidden state is computed from the embedding and the previous hidden state, and the
scores of the tags from the hidden state:

    z_t = W_e[:, w_t]                                input layer
    h_t = f(W_x z_t + W_h h_{t-1}),   h_0 = 0        recurrent layer
    y_t = W_y h_t                                    output layer
    p_t = softmax(y_t)

The cost of a sentence of L words with the tags k_t is the mean cross-entropy -1/L sum_t log p_t[k_t]. Unrolled over the
sentence, the network is a multilayer perceptron with an input and an output at every layer. Back-propagation computes
the errors e = d cost / d quantity in reverse order:

    e_y_t = (p_t - onehot(k_t)) / L
    e_h_t = W_y^T e_y_t + W_h^T e_a_{t+1}
    e_a_t = f'(a_t) * e_h_t                          a_t = W_x z_t + W_h h_{t-1}
    e_z_t = W_x^T e_a_t

The gradient of a matrix is the sum over all steps of the error of its output times its input: dW_h = sum_t e_a_t
h_{t-1}^T and so on (Rumelhart, Hinton & Williams 1986; Werbos 1990).

A layer returns its output and the function that goes back: h, back = layer(z) and e_z, gradients, ... = back(e_h).
Quantities are matrices with one column per step, a[:, t]; a[..., t] reads them in a padded batch too (`numpy_batches`).
The terms of back-propagation are methods of `NumpyRNN` that a subclass can override.

Products with a vector are written W.dot(h), because W @ h takes twice as long for such small vectors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lxmls_rnn.deep_learning import parameters
from lxmls_rnn.deep_learning.activations import ACTIVATIONS
from lxmls_rnn.deep_learning.frameworks import NUMPY
from lxmls_rnn.deep_learning.numpy_batches import columns, entries, flat, linear, lookup, outer, sum_by_word, zeros
from lxmls_rnn.deep_learning.quantities import in_order
from lxmls_rnn.deep_learning.update_rule import UNCLIPPED, Descent, Step, count_correct, norm

# What a layer passes back: e_z, its gradients in the order of `param`, and its quantities by name, with all of e_h
Errors = tuple[np.ndarray, tuple[np.ndarray, ...], dict[str, np.ndarray]]
Back = Callable[[np.ndarray], Errors]  # takes the errors that reach h from the outputs, and may overwrite them


class Forward(NamedTuple):
    """Result of `forward(x, all_outputs=True)`."""

    p_y: np.ndarray  # (n_tags, L)       probabilities
    y: np.ndarray  #   (n_tags, L)       scores
    h: np.ndarray  #   (n_hidd, L + 1)   hidden states, h[:, 0] = 0
    z: np.ndarray  #   (n_emb, L)        embeddings
    x: np.ndarray  #   (L,)              word ids


class ForwardLoss(NamedTuple):
    """Result of `forward(x, all_outputs=True, outputs=y)`."""

    loss: float
    p_y: np.ndarray  # (n_tags, L)       probabilities
    p: np.ndarray  #   (n_tags, L)       their logarithms
    y: np.ndarray  #   (n_tags, L)       scores
    h: np.ndarray  #   (n_hidd, L + 1)   hidden states, h[:, 0] = 0
    z: np.ndarray  #   (n_emb, L)        embeddings
    x: np.ndarray  #   (L,)              word ids


class Backward(NamedTuple):
    """Result of `backward(x, y)`: the forward pass and the errors, e = d loss / d quantity."""

    forward: ForwardLoss
    e_y: np.ndarray  # (n_tags, L)       errors of the scores
    e_h: np.ndarray  # (n_hidd, L)       errors of the hidden states, from the outputs and from the later steps
    e_z: np.ndarray  # (n_emb, L)        errors of the embeddings: column t belongs to column x[t] of W_e
    gradients: tuple[np.ndarray, ...]  # d loss / d W for every parameter after W_e, in the order of `param`
    layer: Mapping[str, np.ndarray] = MappingProxyType({})  # the layer's further quantities, by name, see `quantities`


class NumpyRNN(parameters.Model):
    """Recurrent part-of-speech tagger.

    Parameters
    ----------
    *sizes
        ``E, n_hidd, n_tags``, E the (n_emb, n_words) embeddings, or ``n_words, n_emb, n_hidd, n_tags``.
    seed
        Seed of the initial parameters; None draws differently each time.
    activation
        Name in `ACTIVATIONS`, by default 'logistic'.
    dtype
        'float64' or 'float32'.
    init
        How the initial parameters are drawn: 'uniform01', the lab guide's, 'glorot' or 'orthogonal', see
        `parameters.draw`.

    Attributes
    ----------
    param
        [W_e (n_emb, n_words), W_x (n_hidd, n_emb), W_h (n_hidd, n_hidd), W_y (n_tags, n_hidd)], also by name: param.W_h

    Raises
    ------
    ValueError
        A size, the embeddings, the activation, the dtype or init is invalid.
    """

    framework = NUMPY

    def _create(self, values: Mapping[str, np.ndarray]) -> None:
        self.param = self.param_type(self._copies(values))

    def get_values(self) -> dict[str, np.ndarray]:
        """Return copies of the parameters by name."""
        return self.by_name([W.copy("K") for W in self.param])

    def _place(self, values: Mapping[str, np.ndarray]) -> None:
        """Overwrite the parameters in place."""
        for W, value in zip(self.param, (values[name] for name in self.shapes(self.sizes)), strict=True):
            W[...] = value

    def forward(self, x: npt.ArrayLike, all_outputs: bool = False, outputs: npt.ArrayLike | None = None) -> Any:
        """Tag a sentence.

        Parameters
        ----------
        x
            Word ids, (L,).
        all_outputs
            Also return the intermediate quantities.
        outputs
            Gold tag ids, (L,): also return the loss. Requires `all_outputs`.

        Returns
        -------
        ndarray or Forward or ForwardLoss
            p_y (n_tags, L), each column a distribution over the tags; with `all_outputs` the named tuple
            (p_y, y, h, z, x); with `outputs` as well (loss, p_y, p, y, h, z, x).

        Raises
        ------
        ValueError
            An empty sentence, ids that are not integers, `outputs` of another length, or without `all_outputs`.
        IndexError
            A word id or tag id out of range.
        """
        x = parameters.check_words(x, self.sizes.n_words)
        if outputs is None:
            z, h, y = self._forward(x)[:3]
            p_y = np.exp(log_softmax(y))
            return Forward(p_y, y, h, z, x) if all_outputs else p_y
        if not all_outputs:
            raise ValueError("outputs (the gold tags, for the loss) requires all_outputs=True")
        return self._loss(x, parameters.check_tags(outputs, x, self.sizes.n_tags), None)[0]

    def grads(self, x: npt.ArrayLike, y: npt.ArrayLike) -> list[np.ndarray]:
        """Return the gradient of one sentence's loss with respect to every parameter, in the order of `param`.

        Parameters
        ----------
        x, y
            Word ids and gold tag ids, (L,); errors as in `forward`.
        """
        back = self.backward(parameters.check_sentence(x), y)
        return [self.embedding_gradient(back.forward.x, back.e_z), *back.gradients]

    def quantities(self, x: npt.ArrayLike, y: npt.ArrayLike) -> dict[str, np.ndarray]:
        """Return every quantity of both passes by its name in the formulas, and the gradients by that of the parameter.

        Column t - 1 belongs to word t: z (n_emb, L), a and h (n_hidd, L), y and p (n_tags, L), and their errors e_y,
        e_h, e_a and e_z, in the order of the computation. An LSTM has also b, i, f, g, o, c and e_c.

        Parameters
        ----------
        x, y
            Word ids and gold tag ids, (L,); errors as in `forward`.
        """
        back = self.backward(parameters.check_sentence(x), y)
        forward, values = back.forward, dict(back.layer)
        values |= {"z": forward.z, "h": forward.h[:, 1:], "y": forward.y, "p": forward.p_y}
        values |= {"e_y": back.e_y, "e_h": back.e_h, "e_z": back.e_z}
        return in_order(values, self.by_name(self.grads(x, y)))

    def backward(self, x: npt.ArrayLike, y: npt.ArrayLike, weights: np.ndarray | None = None) -> Backward:
        """Run the forward pass and back-propagation through time.

        Parameters
        ----------
        x, y
            Word ids and gold tag ids, (L,) or a padded batch (B, L); errors as in `forward`.
        weights
            Weight of each position in the loss, in the shape of `x`; 0 for padding, which must come last. The
            default is 1/L, the mean over the sentence.
        """
        x = parameters.check_words(x, self.sizes.n_words)
        return self.backward_unchecked(x, parameters.check_tags(y, x, self.sizes.n_tags), weights)

    def backward_unchecked(self, x: np.ndarray, y: np.ndarray, weights: np.ndarray | None = None) -> Backward:
        """Run `backward` on integer arrays without checking them; a training loop checks its corpus once."""
        forward, weights, back = self._loss(x, y, weights)
        e_y = self.score_errors(forward.p_y, y, weights)
        e_z, gradients, layer = back(linear(self.param.W_y.T, e_y))
        return Backward(forward, e_y, layer["e_h"], e_z, (*gradients, outer(e_y, forward.h[..., 1:])), layer)

    def make_step(self, descent: Descent = UNCLIPPED, *, batched: bool = False) -> Step:
        """Return a function that makes one step on a sentence or a padded batch, in place.

        Parameters
        ----------
        descent
            The rule of update.
        batched
            Whether `x`, `y` and `weights` will be (B, L) instead of (L,).

        Returns
        -------
        callable
            ``step(x, y, weights, rate) -> (cost, correct, norm)``: int32 word and tag ids, the weight of each position
            in the cost (0 for padding) in the model's dtype, the learning rate. The norm is that of the gradient
            before clipping, or 0 if the rule's `clip` is None. The step does not check its arguments; `Trainer.fit`
            does.
        """
        W_e, *others = self.param

        def step(x: np.ndarray, y: np.ndarray, weights: np.ndarray, rate: float) -> tuple[float, int, float]:
            back = self.backward_unchecked(x, y, weights)
            gradients, length = list(back.gradients), 0.0
            if not descent.freeze_embeddings:
                words, rows = sum_by_word(flat(x), columns(back.e_z).T)
                gradients.append(rows)
            if descent.clip is not None:
                length = norm(gradients)
                rate = descent.clipped(rate, length, self.dtype)
            rate = float(rate)  # a NumPy scalar would change the precision of the update in NumPy 2
            if not descent.freeze_embeddings:
                W_e.T[words] -= rate * gradients.pop()
            for W, gradient in zip(others, gradients, strict=True):
                W -= rate * gradient
            return back.forward.loss, count_correct(back.forward.y.argmax(axis=0), y, weights), length

        return step

    def _loss(self, x: np.ndarray, y: np.ndarray, weights: np.ndarray | None) -> tuple[ForwardLoss, np.ndarray, Any]:
        z, h, scores, back = self._forward(x)
        log_p = log_softmax(scores)
        weights = np.full(x.shape, 1 / x.size if weights is None else weights, self.dtype)
        loss = -float(columns(log_p)[entries(y)] @ flat(weights))
        return ForwardLoss(loss, np.exp(log_p), log_p, scores, h, z, x), weights, back

    def _forward(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, Any]:
        """Return z, h, y and the layer's way back for checked word ids."""
        z = lookup(self.param.W_e, x)
        h, back = self.layer(z)
        return z, h, linear(self.param.W_y, h[..., 1:]), back

    def layer(self, z: np.ndarray) -> tuple[np.ndarray, Back]:
        """Return h, (n_hidd, L + 1), of the embeddings z, (n_emb, L), and the function that goes back."""
        W_x, W_h, f = self.param.W_x, self.param.W_h, ACTIVATIONS[self.activation].f
        a, h = linear(W_x, z), zeros(len(W_x), z, before=1)
        for t in range(z.shape[-1]):
            a_t = a[..., t]
            a_t += W_h.dot(h[..., t])
            h[..., t + 1] = f(a_t)

        def back(e_h: np.ndarray) -> Errors:
            slope, e_a = self.slope(h[..., 1:]), zeros(len(h), z)
            from_later: Any = 0
            for t in reversed(range(z.shape[-1])):
                e_h[..., t] += from_later
                e_a[..., t] = slope[..., t] * e_h[..., t]
                from_later = self.from_later(e_a[..., t])
            gradients = outer(e_a, z), self.recurrent_gradient(e_a, h)
            return linear(W_x.T, e_a), gradients, {"a": a, "e_h": e_h, "e_a": e_a}

        return h, back

    def score_errors(self, p_y: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Return e_y = weight * (p_y - onehot(y)), (n_tags, L); weights has the shape of y, (L,)."""
        e_y = p_y.copy("K")
        columns(e_y)[entries(y)] -= 1
        e_y *= weights
        return e_y

    def slope(self, h: np.ndarray) -> np.ndarray:
        """Return the derivative of the activation, f'(a_t), from h_t = f(a_t)."""
        return ACTIVATIONS[self.activation].slope(h)

    def from_later(self, e_a: np.ndarray) -> np.ndarray:
        """Return the part of e_h_{t-1} that comes from step t: W_h^T e_a_t, (n_hidd,)."""
        return self.param.W_h.T.dot(e_a)

    def recurrent_gradient(self, e_a: np.ndarray, h: np.ndarray) -> np.ndarray:
        """Return the gradient of W_h, sum_t e_a_t h_{t-1}^T; h is (n_hidd, L + 1), h_0 first."""
        return outer(e_a, h[..., :-1])

    def embedding_gradient(self, x: np.ndarray, e_z: np.ndarray) -> np.ndarray:
        """Return the gradient of W_e: e_z_t is added to the column of word x[t]; x is (L,), e_z (n_emb, L)."""
        W_e = np.zeros(self.param.W_e.shape, self.dtype, order="F")
        for word, e_z_t in zip(x, e_z.T, strict=True):
            W_e[:, word] += e_z_t
        return W_e


def log_softmax(y: np.ndarray) -> np.ndarray:
    """Return the logarithm of the softmax over the first axis."""
    y = y - y.max(axis=0)  # exp cannot overflow
    return y - np.log(np.exp(y).sum(axis=0))
