r"""Taggers with scaled weights, an offset in the forget gate or clamped gates, and their loss along a line.

A slice of the loss landscape is the loss along one direction d through the weights, l(s) = loss(W + s d) (Goodfellow,
Vinyals & Saxe 2015). The lab guide's LSTM has no biases. An offset b of its forget gate, f = logistic(a_f + b), is the
weight of one more input that is always 1, so that `NumpyLSTM` needs no change. (Gers, Schmidhuber & Cummins 2000
initialise it with a positive value, so that the cell keeps its content.) A clamped gate is a constant: its rows of the
matrices have no effect and the gradient 0.
"""

from collections.abc import Iterable, Mapping

import numpy as np

from lxmls_rnn.deep_learning.batches import Batch
from lxmls_rnn.deep_learning.models import build
from lxmls_rnn.deep_learning.numpy_batches import columns, flat, sum_by_word
from lxmls_rnn.deep_learning.numpy_lstm import Cells, NumpyLSTM, Slopes
from lxmls_rnn.deep_learning.numpy_rnn import NumpyRNN
from lxmls_rnn.deep_learning.update_rule import norm

FORGET_OFFSET = "forget"  # key of the forget gate's offset in a direction
CLAMPABLE_GATES = "ifo"  # input, forget, output; g is the candidate, not a gate


class ClampedLSTM(NumpyLSTM):
    """LSTM with constant gates: `clamps` has their values by name; `with_clamps` makes a subclass for each choice."""

    clamps: Mapping[str, float] = {}

    def gates(self, a: np.ndarray, b: np.ndarray | None) -> tuple[np.ndarray, ...]:
        """Return i, f, g and o as in `NumpyLSTM`, but the values of `clamps` for clamped gates."""
        free = zip("ifgo", super().gates(a, b), strict=True)
        return tuple(np.full_like(gate, self.clamps[name]) if name in self.clamps else gate for name, gate in free)

    def slopes(self, cells: Cells) -> Slopes:
        """Return the derivatives of the gates and of the cell within each step; that of a clamped gate is 0."""
        return super().slopes(cells)._replace(**{name: np.zeros_like(cells.f) for name in self.clamps})


def scaled(model: NumpyRNN, weights: float = 1.0, W_h: float = 1.0) -> NumpyRNN:
    """Return a copy with all matrices but W_e multiplied by the factor `weights`, and W_h also by the factor `W_h`."""
    factors = {"W_e": 1.0, "W_h": weights * W_h}
    return _with(model, {name: W * factors.get(name, weights) for name, W in model.get_values().items()})


def with_forget_offset(model: NumpyRNN, offset: float) -> NumpyRNN:
    """Return the same tagger with an offset added in its forget gates.

    Its embeddings get one more row, W_e[-1], which is 1 for every word. The matching column of W_x is the offset in the
    rows of the forget gate, so that it is added to each a_f, and 0 in the other rows. A `NumpyRNN` is returned
    unchanged for the offset 0; ValueError for another offset, because it has no forget gate.
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
    return build(type(model), sizes, values, model.activation, model.dtype)


def with_clamps(model: NumpyRNN, clamps: Mapping[str, float]) -> NumpyRNN:
    """Return the same tagger with only the gates in `clamps` constant: with {'f': 1.0} the cell forgets nothing.

    ValueError for a name that is not in `CLAMPABLE_GATES`, and for any name if the model is a `NumpyRNN`.
    """
    is_lstm = isinstance(model, NumpyLSTM)
    if wrong := set(clamps).difference(CLAMPABLE_GATES if is_lstm else ""):
        raise ValueError(f"clamps must name gates of the model, i, f or o of an LSTM; got {', '.join(sorted(wrong))}")
    kind = type("ClampedLSTM", (ClampedLSTM,), {"clamps": dict(clamps)}) if clamps else NumpyLSTM
    return _with(model, model.get_values(), kind) if is_lstm else model


def loss(model: NumpyRNN, batch: Batch) -> float:
    """Return the mean loss over the sentences of a padded batch."""
    return model._loss(batch.x, batch.y, batch.weights)[0].loss


def gradient(model: NumpyRNN, batch: Batch, forget: float = 0.0) -> dict[str, np.ndarray]:
    """Return the gradient of `loss` by parameter name; the offset of the forget gate is constant."""
    back = with_forget_offset(model, forget).backward(batch.x, batch.y, batch.weights)
    gradients = model.by_name(back.gradients)
    n_emb = model.sizes.n_emb
    gradients["W_x"] = gradients["W_x"][:, :n_emb]
    W_e = np.zeros_like(model.param.W_e)
    words, rows = sum_by_word(flat(batch.x), columns(back.e_z[:n_emb]).T)
    W_e[:, words] = rows.T
    return {"W_e": W_e, **gradients}


def steepest_descent(model: NumpyRNN, batch: Batch, forget: float = 0.0) -> dict[str, np.ndarray]:
    """Return the negative `gradient`, scaled to length 1; zeros if the gradient is zero."""
    gradients = gradient(model, batch, forget)
    length = norm(list(gradients.values()))
    return {name: -g / length if length else g for name, g in gradients.items()}


def descend(model: NumpyRNN, batches: Iterable[Batch], rate: float, forget: float = 0.0) -> NumpyRNN:
    """Return the tagger after one step of gradient descent per batch; the forget gate's offset is constant."""
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
    """Return the losses along a line through the parameters.

    Parameters
    ----------
    model
        A `NumpyRNN` or `NumpyLSTM`, at distance 0.
    direction
        Arrays of the parameters' shapes, by name; parameters without an entry are constant. 'forget' is the change of
        the forget gate's offset.
    distances
        The loss is computed at the parameters + distance * direction.
    batch
        A padded batch from `batches.cut`.
    forget
        Offset of the forget gate at distance 0.

    Returns
    -------
    ndarray
        The losses, one for each distance.
    """
    values = model.get_values()
    losses = []
    for distance in distances:
        moved = {name: W + distance * direction.get(name, 0.0) for name, W in values.items()}
        offset = forget + distance * float(direction.get(FORGET_OFFSET, 0.0))
        losses.append(loss(with_forget_offset(_with(model, moved), offset), batch))
    return np.array(losses)


def _with(model: NumpyRNN, values: Mapping[str, np.ndarray], model_class: type[NumpyRNN] | None = None) -> NumpyRNN:
    built: NumpyRNN = build(model_class or type(model), model.sizes, values, model.activation, model.dtype)
    return built
