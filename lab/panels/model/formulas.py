"""Texts about a model: its formulas in the symbols of the lecture, its parameters."""

from __future__ import annotations

from typing import Any

from lab.drawing.html import symbols
from lxmls_rnn.deep_learning.activations import ACTIVATIONS
from lxmls_rnn.deep_learning.models import MODELS
from lxmls_rnn.deep_learning.parameters import Sizes

# by back end
EXPLANATIONS = {
    "numpy": "{model} is the teaching version: one line of NumPy per formula, hand-written gradients.",
    "scan": "{model} uses Theano: scan iterates over the sentence, T.grad computes the gradients.",
    "fused": "{model} is {family} in Theano with the recurrent layer as one operation: the same numbers, faster.",
    "torch": "{model} uses PyTorch: a loop in Python over the sentence, autograd computes the gradients.",
    "torch-fused": "{model} is {family} in PyTorch with its own layer, nn.{family}: the same numbers, faster.",
}
PARAMETER_MEANINGS = {
    "W_e": "embeddings, one column per word",
    "W_x": "from the embedding",
    "W_h": "from the previous hidden state",
    "W_c": "peepholes, from the previous cell",
    "W_y": "to the scores of the tags",
}
_RNN = (
    ("z_t = W_e[:, w_t]", "the embedding of word t"),
    ("h_t = f(W_x z_t + W_h h_{t−1})", "hidden state, h_0 = 0"),
    ("", ""),
    ("y_t = W_y h_t", "a score for each tag"),
    ("p_t = softmax(y_t)", "their probabilities"),
    ("F = −1/L Σ_t log p_t[k_t]", "the cost; k_t is the gold tag"),
)
_LSTM = (
    ("z_t = W_e[:, w_t]", "the embedding of word t"),
    ("[a_i; a_f; a_g; a_o] = W_x z_t + W_h h_{t−1}", "four gates stacked"),
    ("[b_i; b_f; b_o] = W_c c_{t−1}", "three peepholes stacked"),
    ("i, f, o = σ(a_i + b_i), σ(a_f + b_f), σ(a_o + b_o)", "input, forget and output gate"),
    ("g = tanh(a_g)", "candidate content"),
    ("c_t = f ⊙ c_{t−1} + i ⊙ g", "cell, c_0 = 0"),
    ("h_t = o ⊙ tanh(c_t)", "hidden state, h_0 = 0"),
    *_RNN[3:],
)


_WITHOUT_PEEPHOLES = (*_LSTM[:2], ("i, f, o = σ(a_i), σ(a_f), σ(a_o)", "input, forget and output gate"), *_LSTM[4:])


def equations(model: str, activation: str, peepholes: bool = True) -> str:
    """Return the formulas of a model, an LSTM with or without peepholes, as HTML."""
    rows = _RNN if MODELS[model].family == "RNN" else _LSTM if peepholes else _WITHOUT_PEEPHOLES
    f_of_a = f"f(a) = {ACTIVATIONS[activation].formula}"
    lines = "".join(
        f'<tr><td style="font-family:serif;font-size:15px">{symbols(formula) or f_of_a}</td>'
        f'<td style="text-align:left">{symbols(meaning) or activation}</td></tr>'
        for formula, meaning in rows
    )
    return f'<table aria-label="Formulas of the model">{lines}</table>'


class _Symbol(str):
    def __rmul__(self, factor: Any) -> _Symbol:
        return _Symbol(f"{factor} {self}")


def symbolic_shapes(family: Any, peepholes: bool) -> dict[str, tuple[str, str]]:
    """Return the shapes of a model class in terms of its sizes: ``W_x: ("4 n_hidd", "n_emb")``."""
    symbols: Any = Sizes(*map(_Symbol, Sizes._fields))  # type: ignore[arg-type]
    return family.shapes(symbols, peepholes)
