"""The base of all taggers, and their parameters: names, shapes, order, random initial values and checks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from operator import itemgetter
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from lxmls_rnn import memory
from lxmls_rnn.deep_learning.activations import OF_LSTM, OF_RNN
from lxmls_rnn.deep_learning.batches import Batch
from lxmls_rnn.deep_learning.frameworks import Framework
from lxmls_rnn.deep_learning.update_rule import UNCLIPPED, Descent, Step, Steps
from lxmls_rnn.device import blas_proof
from lxmls_rnn.storage.messages import MAX_QUOTE_CHARACTERS, escaped, quoted

DTYPES = ("float64", "float32")
INITS = ("uniform01", "glorot", "orthogonal")
Choice = TypeVar("Choice")
Value = TypeVar("Value")


class Sizes(NamedTuple):
    """The four sizes that determine the shape of every parameter."""

    n_words: int
    n_emb: int
    n_hidd: int
    n_tags: int


Shapes = Callable[..., dict[str, tuple[int, int]]]


def rnn_shapes(n: Sizes, peepholes: bool = False) -> dict[str, tuple[int, int]]:
    """Return the shapes of an RNN's parameters, in the order of `param`; `peepholes` is ignored."""
    return {
        "W_e": (n.n_emb, n.n_words),
        "W_x": (n.n_hidd, n.n_emb),
        "W_h": (n.n_hidd, n.n_hidd),
        "W_y": (n.n_tags, n.n_hidd),
    }


def lstm_shapes(n: Sizes, peepholes: bool = True) -> dict[str, tuple[int, int]]:
    """Return the shapes of an LSTM's parameters, in the order of `param`; the rows of the gates are stacked."""
    return {
        "W_e": (n.n_emb, n.n_words),
        "W_x": (4 * n.n_hidd, n.n_emb),
        "W_h": (4 * n.n_hidd, n.n_hidd),
        **({"W_c": (3 * n.n_hidd, n.n_hidd)} if peepholes else {}),
        "W_y": (n.n_tags, n.n_hidd),
    }


# the gates that an LSTM's matrices have n_hidd rows for, from top to bottom
STACKED_GATES = {"W_x": "ifgo", "W_h": "ifgo", "W_c": "ifo"}


class RNNParameters(list[Any]):
    """Parameters of an RNN in the guide's order, also available by name: `param.W_h` is `param[2]`."""

    W_e, W_x, W_h, W_y = (property(itemgetter(place)) for place in (0, 1, 2, -1))


class LSTMParameters(RNNParameters):
    """Parameters of an LSTM: those of an RNN, with W_c before W_y; without peepholes `param.W_c` is None."""

    W_c = property(lambda self: self[3] if len(self) == 5 else None)


class Model:
    """Base of all taggers: its constructor, and what training, evaluation and files need."""

    shapes: Shapes = staticmethod(rnn_shapes)
    param: Any  # of `param_type`
    param_type: type[RNNParameters] = RNNParameters
    activations: tuple[str, ...] = OF_RNN
    peephole_options: tuple[bool, ...] = ()
    framework: Framework
    sizes: Sizes
    activation: str
    dtype: str

    # of each framework, see `NumpyRNN`
    forward: Callable[..., Any]
    grads: Callable[..., list[np.ndarray]]
    quantities: Callable[..., dict[str, np.ndarray]]
    make_step: Callable[..., Step]
    get_values: Callable[[], dict[str, np.ndarray]]
    device_in_words: Callable[[], str]  # of PyTorch's
    _create: Callable[[Mapping[str, np.ndarray]], None]  # make `param` from copies of these values
    _place: Callable[[Mapping[str, np.ndarray]], None]  # overwrite the parameters

    def __init__(
        self,
        *sizes: npt.ArrayLike,
        seed: int | None = None,
        activation: str | None = None,
        dtype: str = "float64",
        init: str = "uniform01",
    ) -> None:
        check_choice("dtype", dtype, DTYPES)
        check_choice("init", init, INITS)
        if seed is not None and (not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**32):
            raise ValueError(f"seed must be an integer from 0 to 2**32 - 1 or None, got {seed!r}")
        n, E = parse_sizes(sizes, dtype)
        shapes = self.shapes(n)
        # each array is drawn in double precision and converted; then the model copies all of them. A QR decomposition
        # holds its matrix, both factors and copies.
        whole = memory.size_of(shapes.values(), dtype)
        drawing = [memory.size_of([W], "float64") for W in shapes.values()]
        drawing += [5 * memory.size_of([(n.n_hidd, n.n_hidd)], "float64")] if init == "orthogonal" else []
        need = whole + max(whole, *drawing)
        memory.check("a model with " + ", ".join(f"{name} {size:,}" for name, size in n._asdict().items()), need)
        self._set_up(n, draw(n, shapes, seed, dtype, E, init), activation, dtype)

    def _set_up(self, sizes: Sizes, values: Mapping[str, np.ndarray], activation: str | None, dtype: str) -> None:
        """Set the attributes of a model with copies of these parameters; RuntimeError if NumPy's BLAS is wrong."""
        blas_proof.require_numpy()
        self.sizes, self.dtype = sizes, dtype
        chosen = self.activations[0] if activation is None else activation
        self.activation = check_choice("activation", chosen, self.activations)
        self._create(values)

    def _copies(self, values: Mapping[str, np.ndarray]) -> Iterator[np.ndarray]:
        """Yield copies in the order of `param` and in the model's dtype; a word's embedding is contiguous."""
        for name in self.shapes(self.sizes):
            yield np.array(values[name], self.dtype, order="F" if name == "W_e" else "C")

    def checked(self, x: npt.ArrayLike, y: npt.ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """Return the word ids and gold tag ids of one sentence, (L,), as arrays; errors as in `check_words`."""
        x = check_words(check_sentence(x), self.sizes.n_words)
        return x, check_tags(y, x, self.sizes.n_tags)

    def by_name(self, values: Sequence[Value]) -> dict[str, Value]:
        """Return values by parameter name; they are in the order of `param`, and the first may be left out."""
        return dict(zip(list(self.shapes(self.sizes))[-len(values) :], values, strict=True))

    def set_values(self, values: Mapping[str, np.ndarray]) -> None:
        """Overwrite the parameters; ValueError unless names and shapes fit."""
        check_values(self.shapes(self.sizes), values)
        self._place(values)

    def make_steps(self, batches: Sequence[Batch], descent: Descent = UNCLIPPED) -> Steps:
        """Return a function that makes steps on batches, one after the other, in as few calls as possible.

        Parameters
        ----------
        batches
            Either all single sentences or all padded batches. They are not checked.
        descent
            The rule of update.

        Returns
        -------
        callable
            ``steps(numbers, rate)``: iterates over `numbers`, int64, (n,), of batches, in groups of as many as one
            compiled call takes. After the steps of a group it yields three lists: costs and numbers of correct words
            before each step, and norms; the model then has the parameters after the group. Ask for no more after a cost
            that is not finite.
        """
        step = self.make_step(descent, batched=batches[0].x.ndim == 2)

        def steps(numbers: np.ndarray, rate: float) -> Iterator[tuple[list[float], list[int], list[float]]]:
            for n in numbers:
                cost, correct, length = step(batches[n].x, batches[n].y, batches[n].weights, rate)
                yield [cost], [correct], [length]

        return steps

    @property
    def options(self) -> dict[str, Any]:
        """Options of the constructor, without sizes and seed."""
        return {"activation": self.activation, "dtype": self.dtype}

    def __repr__(self) -> str:
        values = self.sizes._asdict() | self.options
        return f"<{type(self).__name__} " + ", ".join(f"{name}={value}" for name, value in values.items()) + ">"


class LSTMOptions(Model):
    """Mixin of the LSTMs that adds peepholes; it must precede the RNN among their bases."""

    shapes: Shapes = staticmethod(lstm_shapes)
    param_type = LSTMParameters
    activations: tuple[str, ...] = OF_LSTM
    peephole_options: tuple[bool, ...] = (True, False)

    def __init__(self, *sizes: npt.ArrayLike, peepholes: bool | None = None, **options: Any) -> None:
        known = self.peephole_options
        chosen = check_choice("peepholes", known[0] if peepholes is None else peepholes, known)
        self.shapes = partial(lstm_shapes, peepholes=chosen)
        super().__init__(*sizes, **options)

    @property
    def peepholes(self) -> bool:
        """Whether the gates depend on the cell."""
        return self.param.W_c is not None

    @property
    def options(self) -> dict[str, Any]:
        """Options of the constructor, without sizes and seed."""
        return {**super().options, "peepholes": self.peepholes}


def parse_sizes(arguments: Sequence[npt.ArrayLike], dtype: str) -> tuple[Sizes, np.ndarray | None]:
    """Return the sizes, and the given embeddings or None, from a model's positional arguments in either form.

    Parameters
    ----------
    arguments
        ``(E, n_hidd, n_tags)``, E a (n_emb, n_words) array of embeddings, which is copied, or
        ``(n_words, n_emb, n_hidd, n_tags)``.
    dtype
        'float64' or 'float32', of the embeddings.

    Raises
    ------
    ValueError
        The number of arguments is wrong, a size is not a positive integer, or the embeddings are not a matrix of finite
        numbers.
    """
    E = None
    if arguments and np.ndim(arguments[0]) > 0:
        E = np.array(arguments[0], dtype=dtype, order="F")
        if E.ndim != 2 or E.size == 0:
            raise ValueError(f"embeddings must be a (n_emb, n_words) array, got shape {E.shape}")
        if not np.isfinite(E).all():
            raise ValueError("embeddings must be finite, got NaN or infinity")
        arguments = (E.shape[1], E.shape[0], *arguments[1:])
    if len(arguments) != 4:
        raise ValueError(
            "a model takes (E, n_hidd, n_tags), E the (n_emb, n_words) embeddings, or "
            f"(n_words, n_emb, n_hidd, n_tags); got {len(arguments) - (E is not None)} positional arguments"
        )
    return Sizes(*(_positive(name, size) for name, size in zip(Sizes._fields, arguments, strict=True))), E


def draw(
    n: Sizes,
    shapes: Mapping[str, tuple[int, int]],
    seed: int | None,
    dtype: str,
    E: np.ndarray | None = None,
    init: str = "uniform01",
) -> dict[str, np.ndarray]:
    """Draw parameters of these shapes; given embeddings E take the place of W_e.

    One ``numpy.random.RandomState(seed)`` draws them in the order of the shapes; None draws differently each time.
    'uniform01' draws from [0, 1), and multiplies embeddings by 0.01; the school's 2016 toolkit drew the same numbers.
    'glorot' draws each matrix uniformly from -r to r, r = sqrt(6 / (rows + columns)), so that states and gradients
    neither grow nor vanish at first (Glorot & Bengio 2010). Each gate of an LSTM counts as a matrix, and W_e as one
    with one column, because a word uses one. 'orthogonal' is 'glorot' except that each gate of W_h and W_c is a random
    orthogonal matrix, which keeps the norm of the vector that it multiplies (Saxe, McClelland & Ganguli 2014).

    W_e is in Fortran order, so that a word's embedding is contiguous, the others in C order.
    """
    rng, H = np.random.RandomState(seed), n.n_hidd
    values = {}
    for name, (rows, columns) in shapes.items():
        if name == "W_e" and E is not None and init == "uniform01":
            W = E
        elif init == "uniform01":
            W = rng.uniform(size=(rows, columns)) * (0.01 if name == "W_e" else 1)
        elif name in ("W_e", "W_y"):
            W = _glorot(rng, rows, columns, rows + (1 if name == "W_e" else columns))
        else:
            W = np.empty((rows, columns), dtype)
            for gate in range(0, rows, H):
                is_square = init == "orthogonal" and name in ("W_h", "W_c")
                W[gate : gate + H] = _orthogonal(rng, H) if is_square else _glorot(rng, H, columns, H + columns)
        # with 'glorot' the other parameters are the same whether E is given or not
        values[name] = np.asarray(W if name != "W_e" or E is None else E, dtype, order="F" if name == "W_e" else "C")
    return values


def _glorot(rng: np.random.RandomState, rows: int, columns: int, fans: int) -> np.ndarray:
    return rng.uniform(-1, 1, (rows, columns)) * (6 / fans) ** 0.5


def _orthogonal(rng: np.random.RandomState, n: int) -> np.ndarray:
    q, r = np.linalg.qr(rng.normal(size=(n, n)))
    return q * np.sign(np.diag(r))  # without the signs the distribution would not be uniform


def _positive(name: str, size: object) -> int:
    if isinstance(size, bool) or not isinstance(size, (int, np.integer)) or size < 1:
        raise ValueError(f"{name} must be a positive integer, got {size!r}")
    if size >= 2**31:
        raise ValueError(f"{name} must be below 2**31, the limit of ids and BLAS, got {size!r}")
    return int(size)


def check_choice(what: str, value: Choice, known: Iterable[Choice]) -> Choice:
    """Return `value`, which is called `what`, if it is one of the `known`, else raise ValueError."""
    if value not in known:
        names = [str(choice) for choice in known]
        raise ValueError(f"{what} must be {'one of ' * (len(names) > 1)}{', '.join(names)}, got {value!r}")
    return value


def check_sentence(x: npt.ArrayLike) -> np.ndarray:
    """Return one sentence, (L,), as an array; ValueError for another number of dimensions."""
    if np.ndim(x) != 1:
        raise ValueError(f"x must be one sentence of shape (L,), got {np.ndim(x)} dimensions")
    return np.asarray(x)


def check_words(x: npt.ArrayLike, n_words: int) -> np.ndarray:
    """Return word ids as an integer array after checking them.

    Parameters
    ----------
    x
        One sentence, (L,), or a padded batch, (B, L).
    n_words
        Size of the vocabulary.

    Raises
    ------
    ValueError
        An empty sentence, another number of dimensions, or ids that are not integers.
    IndexError
        An id outside 0 .. n_words - 1.
    """
    x = np.asarray(x)
    if x.size == 0:
        raise ValueError("x must hold at least one word id, got an empty sentence")
    return _check_ids("x", "word", x, n_words)


def check_tags(y: npt.ArrayLike, x: np.ndarray, n_tags: int) -> np.ndarray:
    """Return tag ids as an integer array of the shape of `x` after checking them; errors as in `check_words`."""
    y = np.asarray(y)
    if y.shape != x.shape:
        raise ValueError(f"x and y must have the same shape, got {x.shape} words and {y.shape} tags")
    return _check_ids("y", "tag", y, n_tags)


def _check_ids(argument: str, kind: str, ids: np.ndarray, size: int) -> np.ndarray:
    if ids.ndim not in (1, 2) or ids.dtype.kind not in "iu":
        raise ValueError(
            f"{argument} must be {kind} ids: integers of shape (L,) or (B, L), got {ids.dtype} of shape {ids.shape}"
        )
    low, high = int(ids.min()), int(ids.max())  # comparing NumPy's scalars is slow
    if low < 0 or high >= size:
        bad = low if low < 0 else high
        raise IndexError(f"{kind} id {bad} in {argument} is outside the {size} {kind}s: expected 0 .. {size - 1}")
    return ids


def check_shapes(expected: Mapping[str, tuple[int, int]], shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Raise ValueError unless the names and `shapes` are the expected ones."""
    if set(expected) != set(shapes):
        names = escaped(", ".join(shapes))[:MAX_QUOTE_CHARACTERS]
        raise ValueError(f"it holds the parameters {names}, expected {', '.join(expected)}")
    for name, shape in expected.items():
        if shapes[name] != shape:
            raise ValueError(f"{name} has shape {quoted(shapes[name])}, expected {shape}")


def check_values(shapes: Mapping[str, tuple[int, int]], values: Mapping[str, np.ndarray]) -> None:
    """Raise ValueError unless `values` holds exactly the arrays of `shapes`, with finite numbers."""
    check_shapes(shapes, {name: value.shape for name, value in values.items()})
    for name in shapes:
        if not np.isfinite(values[name]).all():
            raise ValueError(f"{name} holds NaN or infinity")
