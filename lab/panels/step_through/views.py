"""Views of the step-through panel: a formula with its numbers, drawings of the network, all quantities."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from lab.drawing import html
from lab.panels.step_through import lstm_drawing, network_drawing
from lxmls_rnn.deep_learning.activations import ACTIVATIONS
from lxmls_rnn.deep_learning.numpy_lstm import NumpyLSTM
from lxmls_rnn.deep_learning.numpy_rnn import NumpyRNN
from lxmls_rnn.deep_learning.parameters import STACKED_GATES
from lxmls_rnn.readers.pos_corpus import UNKNOWN_WORD
from lxmls_rnn.teaching.walk import BACKWARD, FORWARD, Step, sum_gradients

QUANTITY_MEANINGS = {
    "z": "The embedding of the word: W_e times a one-hot vector selects a column. It is an input of layer {t}.",
    "a": "The input of hidden layer {t}: the word's embedding and the previous hidden layer, each times its matrix. "
    "W_x and W_h are the same for every word.",
    "h": "The activation of each unit. It is all that the network knows about the sentence up to here.",
    "y": "The scores of the tags, an output of layer {t}, computed from its hidden units alone.",
    "p": "The softmax turns scores into probabilities. The gold tag of this word is {tag}.",
    "C": "The sum up to word {t}. C_{L} is the cost F of the sentence: minus the logarithm of the gold tag's "
    "probability, averaged over the {L} words.",
    "e_y": "The error of the scores, dF/dy_t: positive for tags with too much probability, negative for the gold tag, "
    "{tag}.",
    "dW_y": "Error times input, an outer product. Every word uses W_y, so its gradient sums one product per word.",
    "e_h": "h_{t} contributes to its own output and, through W_h, to word {next}: both errors are added.",
    "e_a": "Back through the activation: multiplied by its slope, which is at most {slope}.",
    "dW_x": "Error of the layer times its input z_{t}, added to the contributions of later words.",
    "dW_h": "Error of the layer times its other input, h_{last}, added to the contributions of later words.",
    "e_z": "Back through W_x to the embedding.",
    "dW_e": "Only the word's own column is changed; a repeated word sums the errors of all its positions.",
}
GATE_MEANING = "The {gate} gate, between 0 and 1 for each unit: "
GATE_ERROR = (
    "The error of a_{letter}, the input of the {gate} gate: the slope of the logistic function, times what the gate "
)
LSTM_MEANINGS = {
    **QUANTITY_MEANINGS,
    "a": "The inputs of the gates i, f, o and of g, four blocks of rows: the word's embedding and the previous hidden "
    "state, each times its matrix.",
    "b": "The peepholes: the previous cell as an input of the three gates. g has none.",
    "i": GATE_MEANING.format(gate="input") + "how much of g_{t} is written into the cell.",
    "f": GATE_MEANING.format(gate="forget") + "how much of the previous cell is kept.",
    "g": "The candidate content for the cell, between -1 and 1.",
    "o": GATE_MEANING.format(gate="output") + "how much of the cell is shown as h_{t}.",
    "c": "The cell: the kept part of the previous cell, plus the new content. There is no matrix on this path.",
    "h": "The part of the cell that the output gate shows. The scores and the next gates use it; the cell itself is "
    "passed on along the sentence.",
    "e_h": "h_{t} contributes to its own output and, through W_h, to all four blocks of word {next}: both errors are "
    "added.",
    "e_a_o": GATE_ERROR.format(gate="output", letter="o") + "multiplies, tanh(c_{t}), times the error of h_{t}.",
    "e_c": "c_{t} contributes to h_{t}, with tanh' = 1 - tanh², and to c_{next}: along the cell the error is only "
    "multiplied by the forget gate f_{next}, and does not shrink if that is near 1.{peepholes}",
    "e_a_i": GATE_ERROR.format(gate="input", letter="i") + "multiplies, g_{t}, times the error of the cell.",
    "e_a_f": GATE_ERROR.format(gate="forget", letter="f") + "multiplies, c_{last}, times the error of the cell.",
    "e_a_g": "The error of a_g, the input of g: the slope of tanh, 1 - g², times the input gate and the error of the "
    "cell.",
    "dW_x": "The stacked errors of the four blocks, e_{{a,i}}, e_{{a,f}}, e_{{a,g}} and e_{{a,o}}, times their input "
    "z_{t}.",
    "dW_h": "The same errors times their other input, h_{last}.",
    "dW_c": "The errors of the three gates with peepholes, i, f and o, times their input, c_{last}.",
    "e_z": "Back through W_x, from all four blocks, to the embedding.",
}
PEEPHOLES = " The gates of word {next} add an error through the peepholes."
MAX_COLUMNS = 14  # words shown at a time; more do not fit side by side
# meanings that differ at the last word and at the first word
LAST_WORD_MEANINGS = {
    "e_h": "The last hidden state contributes only to its own output: there is no later word.",
    "e_c": "The last cell contributes only to h_{t}, with tanh' = 1 - tanh²: there is no later word.",
}
FIRST_WORD_MEANINGS = {
    "dW_h": "At the first word h_0 = 0, so the contribution to W_h is 0.",
    "dW_c": "At the first word c_0 = 0, so the contribution to W_c is 0.",
    "e_a_f": "At the first word c_0 = 0, so the forget gate has no effect, and its error is 0.",
}
# stacked gates, by name of the quantity
ROW_GATES = {
    **STACKED_GATES,
    **{f"d{name}": gates for name, gates in STACKED_GATES.items()},
    **dict.fromkeys(("a", "e_a"), STACKED_GATES["W_x"]),
    **dict.fromkeys(("b", "e_b"), STACKED_GATES["W_c"]),
}


@dataclass(frozen=True)
class Walk:
    """Both passes of a sentence, as views."""

    words: list[str]
    tags: list[str]  # gold tags
    x: list[int]  # ids of the words
    y: list[int]  # ids of the tags
    tag_names: list[str]  # tag names, by id
    model: NumpyRNN  # or NumpyLSTM; its vocabulary is the words of the sentence
    steps: list[Step]  # all steps of `walk`

    def equation(self, number: int) -> str:
        """Return the formula of a step, counted from 1, in symbols and with matrices."""
        step = self.steps[number - 1]
        sign = "+=" if step.is_gradient else "="
        place = f"Step {number} of {len(self.steps)} · {step.direction} · word {step.t} of {len(self.words)}"
        word = escape(self.words[step.t - 1])
        parts = [self._matrix(step.symbol, step.value), f"<span>{sign}</span>"]
        rest = step.formula
        while rest:
            name = max((name for name in step.operands if rest.startswith(name)), key=len, default="")
            if name:
                parts.append(self._matrix(name, step.operands[name]))
                rest = rest[len(name) :]
            else:
                positions = [i for i in (rest.find(name) for name in step.operands) if i >= 0]
                end = min(positions, default=len(rest))
                text = rest[:end].strip().replace("1/L", f"1/{len(self.words)}")
                parts.append(f"<span>{html.symbols(f' {text} ')}</span>" if text else "")
                rest = rest[end:]
        formula = html.symbols(f"{step.symbol} {sign} {step.formula}")
        colour = network_drawing.ACTIVE_COLOURS[step.direction][0]
        return (
            f'<div class="lab-step-title" style="border-left:6px solid {colour}"><small>{place}, <b>{word}</b></small>'
            f'<div class="lab-formula">{formula}</div><div>{html.symbols(self._meaning(step))}</div></div>'
            + html.scrolled(f'<div class="lab-product">{"".join(parts)}</div>')
        )

    def drawing(self, number: int) -> str:
        """Return the unrolled network and, for an RNN, the network as an MLP."""
        seen, n_hidd = self.steps[:number], self.model.sizes.n_hidd
        if self._is_lstm:
            svg = lstm_drawing.unrolled(seen, self.words, self.tags, "dW_c" in self._gradient_names)
            return html.side_by_side([html.headed("The network, unrolled over the sentence", html.scrolled(svg))])
        pictures = (
            ("The network, unrolled over the sentence", network_drawing.unrolled(seen, self.words, self.tags)),
            (
                "The same as an MLP: one hidden layer per word",
                network_drawing.as_mlp(seen, self.words, self.tags, n_hidd),
            ),
        )
        return html.side_by_side(html.headed(*picture) for picture in pictures)

    def difference(self) -> float:
        """Return the largest difference between the gradients summed over the steps and those of the model."""
        sums = sum_gradients(self.steps)
        return max(
            float(np.abs(sums[name] - gradient).max())
            for name, gradient in zip(self._gradient_names, self.model.grads(self.x, self.y), strict=True)
        )

    @property
    def _is_lstm(self) -> bool:
        return isinstance(self.model, NumpyLSTM)

    @property
    def _gradient_names(self) -> list[str]:
        return [f"d{name}" for name in self.model.shapes(self.model.sizes)]

    def _meaning(self, step: Step) -> str:
        t, L = step.t, len(self.words)
        meanings = {
            **(LSTM_MEANINGS if self._is_lstm else QUANTITY_MEANINGS),
            **(FIRST_WORD_MEANINGS if t == 1 else {}),
            **(LAST_WORD_MEANINGS if t == L else {}),
        }
        peepholes = PEEPHOLES.format(next=t + 1) if "dW_c" in self._gradient_names else ""
        around = {"t": t, "L": L, "last": t - 1, "next": t + 1, "peepholes": peepholes}
        return meanings[step.name].format(
            **around, tag=self.tags[t - 1], slope=ACTIVATIONS[self.model.activation].steepest
        )

    def _matrix(self, symbol: str, value: np.ndarray) -> str:
        """Return a matrix with its name and shape, and with names of rows and columns that are words or tags."""
        plain = symbol.removesuffix("^T")
        name = plain.rsplit("_", 1)[0] if plain.rsplit("_", 1)[-1].isdigit() else plain
        rows, columns = self._names(name)[:: -1 if symbol.endswith("^T") else 1]
        shape = "" if value.size == 1 else f"<small>{value.shape[0]} × {value.shape[1]}</small>"
        largest = self.strongest(name) if any(name == step.name for step in self.steps) else None
        return html.matrix(value, f"{html.symbols(symbol)} {shape}", rows, columns, largest=largest)

    def _names(self, name: str) -> tuple[Sequence[str], Sequence[str]]:
        """Return the names of a quantity's rows and columns, if they are words, tags or gates."""
        if name in ("W_y", "dW_y", "y", "p", "e_y") or name.startswith("onehot(k"):
            return self.tag_names, ()
        if name in ("W_e", "dW_e"):
            return (), self._distinct()
        if self._is_lstm and name in ROW_GATES:
            return html.gate_rows(ROW_GATES[name], self.model.sizes.n_hidd), ()
        return self._distinct() if name.startswith("onehot(w") else (), ()

    def _distinct(self) -> list[str]:
        """Return a name for each word id of the model; it is `<unk>` if several words of the sentence share the id."""
        names: dict[int, str] = {}
        for word, i in zip(self.words, self.x, strict=True):
            names[i] = word if names.get(i, word) == word else UNKNOWN_WORD
        return [names[i] for i in range(len(names))]

    def quantities(self, number: int) -> str:
        """Return all quantities, one column per word, and the gradients so far; later values are empty."""
        seen = self.steps[:number]
        step = seen[-1]
        first = max(0, min(step.t - 1 - MAX_COLUMNS // 2, len(self.words) - MAX_COLUMNS))
        part = "" if len(self.words) <= MAX_COLUMNS else f"; here words {first + 1} to {first + MAX_COLUMNS}"
        state = "" if step.direction == FORWARD else f", from word {len(self.words)} to {step.t}"
        states = dict.fromkeys(s.name for s in self.steps if s.direction == FORWARD)
        errors = dict.fromkeys(s.name for s in self.steps if s.direction == BACKWARD and not s.is_gradient)
        groups = (
            (f"Forward: a column for each word{part}", self._over_words(states, seen, first)),
            (f"Backward: the errors{part}", self._over_words(errors, seen, first)),
            (f"Gradients: summed so far{state}", self._gradients(seen)),
        )
        return "".join(f"<h4>{title}</h4>{html.side_by_side(matrices)}" for title, matrices in groups)

    def _over_words(self, names: Iterable[str], seen: list[Step], first: int) -> Iterator[str]:
        step, L = seen[-1], len(self.words)
        values = {(s.name, s.t): s.value for s in seen}
        shown = slice(first, first + MAX_COLUMNS)
        columns = [f"{t} {word}" for t, word in enumerate(self.words, 1)][shown]
        for name in names:
            size = len(next(s for s in self.steps if s.name == name).value)
            missing = np.full((size, 1), np.nan)
            table = np.hstack([values.get((name, t), missing) for t in range(1, L + 1)])
            marked = [(i, step.t - 1 - first) for i in range(size)] if name == step.name else []
            caption = f"{html.symbols(f'{name}_t')} <small>{size} × {L}</small>"
            yield html.matrix(table[:, shown], caption, self._names(name)[0], columns, marked, self.strongest(name))

    def strongest(self, name: str) -> float:
        """Return the value of the strongest colour, the same at every step; all errors share one scale."""
        if name == "p":
            return 1.0
        of_kind = (s.value for s in self.steps if s.name == name or (name[:2] == s.name[:2] == "e_"))
        return max(float(np.abs(value).max()) for value in of_kind) or 1.0

    def _gradients(self, seen: list[Step]) -> Iterator[str]:
        step, sums = seen[-1], sum_gradients(seen)
        for name, W in zip(self._gradient_names, self.model.param, strict=True):
            marked = list(np.ndindex(*W.shape)) if name == step.name else []
            if name == "dW_e":
                marked = [(i, j) for i, j in marked if j == self.x[step.t - 1]]
            caption = f"{html.symbols(name)} <small>{W.shape[0]} × {W.shape[1]}</small>"
            yield html.matrix(sums.get(name, np.full(W.shape, np.nan)), caption, *self._names(name), marked)
