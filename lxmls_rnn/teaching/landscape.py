r"""A tagger's weights turned like knobs: other scales, an offset of the forget gate, and the loss along a line.

A slice of the loss landscape is the loss along one direction d through the weights, l(s) = loss(W + s d) (Goodfellow,
Vinyals & Saxe 2015). The lab guide's LSTM has no biases. An offset b of its forget gate, f = logistic(a_f + b), is the
weight of one more input that is always 1, so that `NumpyLSTM` computes it as it is (Gers, Schmidhuber & Cummins 2000
begin with a positive one, so that the cell keeps what it has).
"""

from collections.abc import Iterable, Mapping

import numpy as np

from lxmls_rnn.deep_learning import model_file
from lxmls_rnn.deep_learning.batches import Batch
from lxmls_rnn.deep_learning.numpy_lstm import NumpyLSTM
from lxmls_rnn.deep_learning.numpy_rnn import NumpyRNN, columns, flat, log_softmax
from lxmls_rnn.deep_learning.sgd import norm, sum_by_word

FORGET = "forget"  # in a direction: the offset of the forget gate


def scaled(model: NumpyRNN, weights: float = 1.0, W_h: float = 1.0) -> NumpyRNN:
    """Return a copy with all matrices but the embeddings times `weights`, and W_h times `W_h` too."""
    factors = {"W_e": 1.0, "W_h": weights * W_h}
    return _with(model, {name: W * factors.get(name, weights) for name, W in model.get_values().items()})


def with_forget_offset(model: NumpyRNN, offset: float) -> NumpyRNN:
    """Return the same tagger with an offset of its forget gates.

    Its embeddings have one more number, 1 for every word: the last row of W_e. The last column of W_x, what it weighs,
    is the offset in the rows of the forget gate, what is added to each a_f, and 0 in the others. With the offset 0 a
    `NumpyRNN` is returned itself; ValueError for another offset of a model that has no forget gate.
    """
    if not isinstance(model, NumpyLSTM):
        if offset:
            raise ValueError(f"only an LSTM has a forget gate, got the offset {offset} for a {type(model).__name__}")
        return model
    values, (n_words, n_emb, H, _) = model.get_values(), model.sizes
    b = np.zeros((4 * H, 1), model.dtype)
    b[H : 2 * H] = offset
    values["W_e"] = np.concatenate([values["W_e"], np.ones((1, n_words), model.dtype)])
    values["W_x"] = np.concatenate([values["W_x"], b], axis=1)
    sizes = model.sizes._replace(n_emb=n_emb + 1)
    return model_file.build(type(model), sizes, values, model.activation, model.dtype)


def loss(model: NumpyRNN, batch: Batch) -> float:
    """Return the mean over the sentences of a padded batch of their losses."""
    log_p = log_softmax(model.forward(batch.x, all_outputs=True).y)
    gold = columns(log_p)[flat(batch.y), np.arange(batch.y.size)]
    return -float(gold @ flat(batch.weights))


def gradient(model: NumpyRNN, batch: Batch, forget: float = 0.0) -> dict[str, np.ndarray]:
    """Return the gradient of `loss` by the parameters' names; the offset of the forget gate is held."""
    back = with_forget_offset(model, forget).backward(batch.x, batch.y, batch.weights)
    names = list(model.shapes(model.sizes))
    found = dict(zip(names[1:], back.gradients, strict=True))
    n_emb = model.sizes.n_emb
    found["W_x"] = found["W_x"][:, :n_emb]
    W_e = np.zeros_like(model.param.W_e)
    words, rows = sum_by_word(flat(batch.x), columns(back.e_z[:n_emb]).T)
    W_e[:, words] = rows.T
    return {"W_e": W_e, **found}


def steepest_descent(model: NumpyRNN, batch: Batch, forget: float = 0.0) -> dict[str, np.ndarray]:
    """Return the direction of length 1 against the `gradient`; zeros where that is zero."""
    found = gradient(model, batch, forget)
    length = norm(list(found.values()))
    return {name: -g / length if length else g for name, g in found.items()}


def descend(model: NumpyRNN, batches: Iterable[Batch], rate: float, forget: float = 0.0) -> NumpyRNN:
    """Return what the tagger has become after a step of gradient descent on each batch; the offset is held."""
    for batch in batches:
        step = gradient(model, batch, forget)
        model = _with(model, {name: W - rate * step[name] for name, W in model.get_values().items()})
    return model


def losses_along(
    model: NumpyRNN,
    direction: Mapping[str, np.ndarray | float],
    distances: Iterable[float],
    batch: Batch,
    forget: float = 0.0,
) -> np.ndarray:
    """Return a slice of the loss landscape.

    Parameters
    ----------
    model
        A `NumpyRNN` or `NumpyLSTM`; distance 0.
    direction
        By the parameters' names how each changes with the distance, as arrays of their shapes; what is not named stays.
        'forget' is the offset of the forget gate.
    distances
        Where to compute the loss: at the parameters + distance * direction.
    batch
        One padded batch, as `batches.cut` makes it.
    forget
        Offset of the forget gate at distance 0.

    Returns
    -------
    ndarray
        The losses, one for each distance.
    """
    values = model.get_values()
    found = []
    for distance in distances:
        there = {name: W + distance * direction.get(name, 0.0) for name, W in values.items()}
        offset = forget + distance * float(direction.get(FORGET, 0.0))
        found.append(loss(with_forget_offset(_with(model, there), offset), batch))
    return np.array(found)


def _with(model: NumpyRNN, values: Mapping[str, np.ndarray]) -> NumpyRNN:
    built: NumpyRNN = model_file.build(type(model), model.sizes, values, model.activation, model.dtype)
    return built
