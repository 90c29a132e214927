"""Settings of a check of models: of their gradients, or of all quantities of both passes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from lxmls_rnn.deep_learning.activations import OF_RNN
from lxmls_rnn.deep_learning.models import MODELS
from lxmls_rnn.deep_learning.parameters import DTYPES
from lxmls_rnn.settings import MAX_SEED, check, described, setting
from lxmls_rnn.teaching.comparison import Comparison
from lxmls_rnn.teaching.first_difference import compare_models, in_sentences
from lxmls_rnn.teaching.gradient_check import check_gradients
from lxmls_rnn.teaching.mistakes import MISTAKES


@described
@dataclass(frozen=True)
class ModelCheck:
    """A check of models with random parameters, and with a random sentence unless `x` and `y` are given.

    Without `against`, the gradients of NumPy's models are compared with finite differences, and those of the others
    with NumPy's; with it, every quantity of both passes is compared. `x` and `y` are the word ids and tag ids of a
    sentence.
    """

    model: tuple[str, ...] | None = setting(
        None, "Models", "Models to check: {choices}", choices=tuple(MODELS), none="all that are installed"
    )
    against: str | None = setting(
        None,
        "Against",
        "Reference of the comparison; a model is compared in every quantity of both passes: {choices}",
        choices=tuple(MODELS),
        none="finite differences, NumPy",
    )
    dtype: str = setting("float64", "Numbers", "Data type of the models: {choices}", choices=DTYPES)
    n_emb: int = setting(6, "Embedding size", "Dimensions of an embedding", least=1)
    n_hidd: int = setting(5, "Hidden units", "Size of the hidden state", least=1)
    activation: str | None = setting(
        None, "RNN activation", "Activation of the RNNs (the LSTMs use tanh): {choices}", choices=OF_RNN, none="all"
    )
    seed: int = setting(0, "Seed", "Seed of the parameters and of the random sentence", most=MAX_SEED)
    length: int = setting(7, "Words", "Length of the random sentence; its first word occurs twice", least=1)
    mistake: str | None = setting(
        None, "Mistake", "A mistake to put into NumPy's back-propagation", choices=tuple(MISTAKES), none="nothing"
    )
    tolerance: float | None = setting(
        None, "", "Difference up to which two entries agree", none="1e-8, or 1e-4 in float32"
    )
    n_words: int = setting(20, "", "Number of words in the vocabulary", least=1)
    n_tags: int = setting(4, "", "Number of tags", least=1)
    x: Sequence[int] | None = None
    y: Sequence[int] | None = None

    def __post_init__(self) -> None:
        check(self)
        if self.mistake is not None and (broken := MISTAKES[self.mistake].name) not in (self.model or MODELS):
            raise ValueError(f"the mistake is in {broken}: choose this model too")

    def rows(self, on_model: Callable[[str], object] = lambda name: None) -> Iterator[Comparison]:
        """Compare the models; `on_model` is called with a model's name before each of its variants is made.

        Raises
        ------
        ValueError, IndexError
            `x` and `y` do not fit each other or the sizes; `against` belongs to another family.
        RuntimeError
            The framework of a model is missing.
        """
        if self.against is None:
            return check_gradients(self.model, on_model=on_model, **self._options())
        return compare_models(self.model, self.against, on_model=on_model, **self._options())

    def first_differences(self, rows: Iterable[Comparison]) -> list[str]:
        """Return a sentence for each model that differs in the `rows`: its first difference from the other model.

        The other model is `against`, by default NumPy's.
        """
        rows = list(rows)
        if self.against is None:
            differing = list(dict.fromkeys(row.model for row in rows if not row.agrees))
            rows = list(compare_models(differing, **self._options())) if differing else []
        return list(in_sentences(rows))

    def _options(self) -> dict[str, Any]:
        names = ("x", "y", "seed", "dtype", "activation", "tolerance")
        own = {name: getattr(self, name) for name in names} | ({"length": self.length} if self.x is None else {})
        sizes = self.n_words, self.n_emb, self.n_hidd, self.n_tags
        return {**own, "sizes": sizes, "instead": MISTAKES[self.mistake].model if self.mistake else None}
