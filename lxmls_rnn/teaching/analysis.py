r"""Analysis of a trained tagger: gradients through time, similar words.

The gradient of one word's loss is propagated back through the hidden states. In the RNN each step multiplies it:

    d loss_t / d h_k = W_h^T (f'(a_{k+1}) * d loss_t / d h_{k+1}),    k < t

so it shrinks or grows exponentially with the distance t - k (Bengio, Simard & Frasconi 1994; Pascanu, Mikolov & Bengio
2013). In the LSTM it also goes back through the cell, where each step multiplies it by the forget gate.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lxmls_rnn.deep_learning import parameters
from lxmls_rnn.deep_learning.batches import Sentence
from lxmls_rnn.deep_learning.models import build
from lxmls_rnn.deep_learning.numpy_lstm import NumpyLSTM
from lxmls_rnn.deep_learning.numpy_rnn import NumpyRNN


class Reach(NamedTuple):
    """Norms of the gradient of the loss of word t, from the first word to word t."""

    loss: float  # -log p_t[tag]
    h: np.ndarray  # (t + 1,)           |d loss_t / d h_k|; in an LSTM, with the cell of step k held constant
    z: np.ndarray  # (t + 1,)           |d loss_t / d z_k|: the influence of word k on word t, through all paths
    c: np.ndarray | None  # (t + 1,)    |d loss_t / d c_k|; None for an RNN


def gradient_reach(model: NumpyRNN, x: npt.ArrayLike, t: int, tag: int) -> Reach:
    """Return the norms of the gradient of one word's loss, back through time.

    Parameters
    ----------
    model
        A `NumpyRNN` or `NumpyLSTM`; `models.convert` makes one from another model. The computation is in float64.
    x
        Word ids, (L,).
    t
        Position of the word whose loss is differentiated, from 0.
    tag
        The tag id in loss_t = -log p_t[tag].

    Raises
    ------
    ValueError, IndexError
        As in `forward`; IndexError if there is no word t.
    """
    x = parameters.check_words(parameters.check_sentence(x), model.sizes.n_words)
    if not 0 <= t < len(x):
        raise IndexError(f"t must be a word of the sentence, 0 .. {len(x) - 1}, got {t}")
    model = _library_model(model)
    x = x[: t + 1]  # this loss does not depend on later words
    back = model.backward(x, np.full(len(x), tag), weights=np.eye(len(x))[t])
    c = np.linalg.norm(back.layer["e_c"], axis=0) if isinstance(model, NumpyLSTM) else None
    return Reach(back.forward.loss, np.linalg.norm(back.e_h, axis=0), np.linalg.norm(back.e_z, axis=0), c)


def _library_model(model: NumpyRNN) -> NumpyRNN:
    """Return a copy in float64 of the library's class: the `backward` of a student's class may ignore the weights."""
    library = __name__.partition(".")[0]
    model_class = next(kind for kind in type(model).__mro__ if kind.__module__.partition(".")[0] == library)
    if type(model) is model_class and model.dtype == "float64":
        return model
    return build(model_class, model.sizes, model.get_values(), model.activation, "float64")


def factor_per_step(norms: np.ndarray) -> float:
    """Return the geometric mean of norms[k] / norms[k + 1], the factor per step back; NaN if it is undefined."""
    if len(norms) < 2 or norms[0] == 0 or norms[-1] == 0:
        return float("nan")
    return float((norms[0] / norms[-1]) ** (1 / (len(norms) - 1)))


def steps_until(norms: np.ndarray, share: float = 0.01) -> int | None:
    """Return how many steps back the norm falls below `share` times the last norm; None if it never does."""
    below = np.flatnonzero(norms[::-1] < share * norms[-1])
    return int(below[0]) if below.size else None


def largest_beyond(norms: np.ndarray, steps: int) -> float:
    """Return the largest norm more than `steps` steps back, divided by the last norm; 0 if no word is so far."""
    return float(norms[: len(norms) - 1 - steps].max(initial=0) / norms[-1])


def neighbours(E: np.ndarray, word: int, n: int = 10) -> list[tuple[int, float]]:
    """Return the ids of the words most similar to a word, with the cosine similarity of the embeddings.

    Parameters
    ----------
    E
        Embeddings, (n_emb, n_words). The cosine with a vector of zeros is 0.
    word
        Id of the word.
    n
        Number of words to return, without the word itself.

    Raises
    ------
    IndexError
        The id is out of range.
    """
    if not 0 <= word < E.shape[1]:
        raise IndexError(f"word must be an id from 0 to {E.shape[1] - 1}, got {word}")
    directions = unit_columns(E)
    cosines = np.clip(directions[:, word] @ directions, -1, 1)
    order = np.argsort(-cosines, kind="stable")
    return [(int(other), float(cosines[other])) for other in order if other != word][:n]


def unit_columns(E: np.ndarray) -> np.ndarray:
    """Return the columns of a matrix scaled to length 1; columns of zeros stay unchanged."""
    lengths = np.linalg.norm(E, axis=0)
    return E / np.where(lengths == 0, 1, lengths)


def principal_components(E: np.ndarray, axes_of: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Project vectors onto the first two principal components, of their own or of other vectors.

    Parameters
    ----------
    E
        One vector per column, (n_emb, n_words).
    axes_of
        The vectors that determine the components and the mean, (n_emb, any number); by default E. Coordinates of
        different vectors can be compared if they have the same `axes_of`.

    Returns
    -------
    coordinates
        (2, n_words), of mean 0 for the vectors `axes_of`; rows of zeros if there are fewer than two components.
    shares
        (2,), the share of the variance of E in each component.
    """
    axes_of = E if axes_of is None else axes_of
    mean = axes_of.mean(axis=1, keepdims=True)
    U = np.linalg.svd(axes_of - mean, full_matrices=False)[0][:, :2]
    coordinates = np.zeros((2, E.shape[1]))
    coordinates[: U.shape[1]] = U.T @ (E - mean)
    total = float(E.var(axis=1).sum())
    return coordinates, coordinates.var(axis=1) / total if total else np.zeros(2)


def tag_counts(sentences: Iterable[Sentence], n_words: int, n_tags: int) -> np.ndarray:
    """Count how often each word has each tag in sentences with `x` and `y`: (n_words, n_tags)."""
    counts = np.zeros((n_words, n_tags), dtype=np.int64)
    for sentence in sentences:
        np.add.at(counts, (np.asarray(sentence.x), np.asarray(sentence.y)), 1)
    return counts
