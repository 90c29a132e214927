"""Sentences of the play panel: reach of the gradient, numbers of the recurrence, verdict on a prediction."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lab.drawing import html
from lxmls_rnn.deep_learning.numpy_lstm import NumpyLSTM
from lxmls_rnn.deep_learning.numpy_rnn import NumpyRNN
from lxmls_rnn.storage.messages import counted
from lxmls_rnn.teaching.gradient_flow import Reach, factor_per_step, spectral_radii, state_jacobian, steps_until

SAME = 1.1  # a share of the gradient stays if it changes by no more than this factor
GROWS, STAYS, SHRINKS = "grows", "stays", "shrinks"
PREDICTIONS = {GROWS: "by more than 10 %", STAYS: "within 10 %", SHRINKS: "by more than 10 %"}


def of_reach(reach: Reach) -> list[str]:
    """Return sentences about the norms of the gradient."""
    factor, steps = factor_per_step(reach.h), steps_until(reach.h)
    if np.isnan(factor):
        return ["No gradient is propagated back"]
    far = "stays above 1 %" if steps is None else f"is below 1 % after {counted(steps, 'word')}"
    left = f"{share_at_first_word(reach):.2g} of it is left{'' if reach.c is None else ' in the cell c'}"
    return [
        f"Each word back multiplies the gradient by {html.number(factor)} on average; it {far}",
        f"At the first word, {counted(len(reach.h) - 1, 'word')} back, {left}",
    ]


def of_recurrence(model: NumpyRNN, x: np.ndarray) -> str:
    """Return HTML: the spectral radius of W_h, and the norm of the product of the Jacobians over the word ids x."""
    clamped = getattr(model, "clamps", {})
    names, of_rows, state = [""], "", "h"
    if isinstance(model, NumpyLSTM):
        names, state = [f"{name}&nbsp;" for name in "ifgo"], "(h, c)"
        of_rows = ", of the rows of the candidate g and of each gate not clamped"
    radii = zip(names, spectral_radii(model.param.W_h), strict=True)
    shown = ", ".join(f"{name}{html.number(radius)}" for name, radius in radii if name[:1] not in clamped)
    norm = float(np.linalg.norm(state_jacobian(model, x), 2))
    product = f"the product of all Jacobians from before the first word up to word {len(x)}"
    return (
        f'<div title="The largest absolute eigenvalue of W_h{of_rows}">Spectral radius of W<sub>h</sub>: {shown}</div>'
        f'<div title="The largest singular value of {product}">Spectral norm of '
        f"∂{state}<sub>{len(x)}</sub>/∂{state}<sub>0</sub>: {norm:.2g}</div>"
    )


class Prediction(NamedTuple):
    """A student's prediction of what the next change does."""

    says: str  # a key of PREDICTIONS
    before: float  # share of the gradient at the first word
    changed: tuple[str, ...] = ()  # names of the settings that were changed since

    def after(self, changed: tuple[str, ...]) -> Prediction | None:
        """Return the prediction after a change of these settings; None after a second change, of other settings."""
        return self._replace(changed=changed) if self.changed in ((), changed) else None

    def in_words(self, now: float) -> str:
        """Return the verdict on the prediction as HTML; before a change, the request to make one."""
        if not self.changed:
            return f"You predict that it {self.says}: now change a slider, a gate or a setting."
        came = GROWS if now > SAME * self.before else SHRINKS if now * SAME < self.before else STAYS
        numbers = f"the first word had {self.before:.2g} of the gradient, now {now:.2g}"
        judged = "and it does" if came == self.says else f"but it {came}"
        return f"You predicted that it {self.says}, {judged}: {numbers}."


def share_at_first_word(reach: Reach) -> float:
    """Return the last point of the panel's plot, for an LSTM that of the cell; 0 if there is no gradient."""
    norms = reach.h if reach.c is None else reach.c
    return float(norms[0] / norms[-1]) if norms[-1] else 0.0
