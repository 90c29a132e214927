"""Settings of a check of models: of their gradients, or of all quantities of both passes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from lxmls_rnn.deep_learning.activations import OF_RNN
from lxmls_rnn.deep_learning.parameters import DTYPES
from lxmls_rnn.deep_learning.rnn import MODELS
from lxmls_rnn.settings import MAX_SEED, check, described, setting
from lxmls_rnn.teaching.first_difference import compare_models, in_sentences
from lxmls_rnn.teaching.gradient_check import Comparison, check_gradients
from lxmls_rnn.teaching.mistakes import MISTAKES


@described
@dataclass(frozen=True)
class ModelCheck:
    """A check of models with random parameters, and with a random sentence unless `x` and `y` are given.

    Without `against`, the gradients of NumPy's models are compared with finite differences, and those of the others
    with NumPy's; with it, every quantity of both passes is compared. `x` and `y` are word ids and tag ids, (L,);
    `n_words` and `n_tags` are the numbers of words and tags.
    """

    model: tuple[str, ...] | None = setting(
        None, "Models", "Models to check: {choices}", choices=tuple(MODELS), none="all that are installed"
    )
    against: str | None = setting(
        None,
        "Against",
        "Compare every quantity of both passes with this model: {choices}",
        choices=tuple(MODELS),
        none="finite differences, NumPy",
    )
    dtype: str = setting("float64", "Numbers", "Data type of the models: {choices}", choices=DTYPES)
    n_emb: int = setting(6, "Embedding size", "Dimensions of an embedding", least=1)
    n_hidd: int = setting(5, "Hidden units", "Size of the hidden state", least=1)
    activation: str | None = setting(
        None, "RNN activation", "Activation of the RNNs, the LSTMs use tanh: {choices}", choices=OF_RNN, none="all"
    )
    seed: int = setting(0, "Seed", "Seed of the parameters and of the random sentence", most=MAX_SEED)
    length: int = setting(7, "Words", "Length of the random sentence; its first word occurs twice", least=1)
    mistake: str | None = setting(
        None, "Mistake", "A mistake to put into NumPy's back-propagation", choices=tuple(MISTAKES), none="nothing"
    )
    tolerance: float | None = setting(
        None, "Tolerance", "Difference up to which two entries agree", none="1e-8, or 1e-4 in float32"
    )
    x: npt.ArrayLike | None = None
    y: npt.ArrayLike | None = None
    n_words: int = 20
    n_tags: int = 4

    def __post_init__(self) -> None:
        check(self)
        if self.mistake is not None and (broken := MISTAKES[self.mistake].name) not in (self.model or MODELS):
            raise ValueError(f"the mistake is in {broken}: choose this model too")

    def rows(self) -> Iterator[Comparison]:
        """Compare the models; errors as `gradient_check.pairs`, and ValueError if `against` is of another family."""
        if self.against is None:
            return check_gradients(self.model, **self._options())
        return compare_models(self.model, self.against, **self._options())

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
        own = {name: getattr(self, name) for name in ("x", "y", "length", "seed", "dtype", "activation", "tolerance")}
        sizes = self.n_words, self.n_emb, self.n_hidd, self.n_tags
        return {**own, "sizes": sizes, "instead": MISTAKES[self.mistake].model if self.mistake else None}
