"""The controls of how to train."""

from __future__ import annotations

from typing import Any

import ipywidgets as widgets

from lab.widgets.choices import WRAP, field
from lxmls_rnn.deep_learning.training import Trainer


class TrainerChoice(widgets.VBox):
    """Epochs, rate, batches, clipping, early stopping."""

    def __init__(self) -> None:
        plain = Trainer()
        whole, real = widgets.BoundedIntText, widgets.FloatText
        self.epochs = field(whole, "Epochs", plain.epochs, "Passes over the training part", min=1, max=100_000)
        self.rate = field(real, "Learning rate", plain.rate, "How far one update goes", step=0.1)
        self.decay = field(
            real, "Decay", plain.decay, "The rate in epoch n = 0, 1, ... is rate / (1 + decay n)", step=0.1
        )
        self.batch_size = field(
            whole, "Batch size", plain.batch_size, "Sentences for one update; 1 trains as the lab guide does",
            min=1, max=100_000,
        )  # fmt: skip
        self.clipped = switch("Clip the gradient", "Scale a longer gradient down to this norm")
        self.clip = field(real, "to the norm", 1.0, "Largest Euclidean norm of the whole gradient", "16em", step=0.5)
        self.early = switch("Stop early", "End when accuracy on dev gains no more, and keep the best epoch")
        self.patience = field(
            whole, "after epochs", 2, "Epochs in a row without a better accuracy on dev", "16em", min=1, max=1000
        )
        self.shuffle = switch("Shuffle", "Go through the sentences in a new order in every epoch")
        super().__init__([
            widgets.HBox([self.epochs, self.rate, self.decay, self.batch_size, self.shuffle], layout=WRAP),
            widgets.HBox([self.clipped, self.clip, self.early, self.patience], layout=WRAP),
        ])  # fmt: skip
        for on in (self.clipped, self.early):
            on.observe(self._changed, "value")
        self._changed()

    def _changed(self, _: Any = None) -> None:
        self.clip.disabled, self.patience.disabled = not self.clipped.value, not self.early.value

    def trainer(self, seed: int, freeze_embeddings: bool) -> Trainer:
        """Return the trainer; ValueError where a control is wrong."""
        return Trainer(
            epochs=self.epochs.value, rate=self.rate.value, decay=self.decay.value, batch_size=self.batch_size.value,
            clip=self.clip.value if self.clipped.value else None, shuffle=self.shuffle.value, seed=seed,
            patience=self.patience.value if self.early.value else None, freeze_embeddings=freeze_embeddings,
        )  # fmt: skip

    def take(self, trainer: Trainer) -> None:
        """Set the controls to what `trainer` has."""
        for name in ("epochs", "rate", "decay", "batch_size", "shuffle"):
            getattr(self, name).value = getattr(trainer, name)
        self.clipped.value, self.early.value = trainer.clip is not None, trainer.patience is not None
        self.clip.value, self.patience.value = trainer.clip or self.clip.value, trainer.patience or self.patience.value

    def summary(self) -> str:
        """Return the choice in words."""
        clip = f", gradient clipped to {self.clip.value:g}" if self.clipped.value else ""
        early = f", until dev gains nothing for {self.patience.value} epochs" if self.early.value else ""
        return (
            f"{self.epochs.value} epochs at rate {self.rate.value:g}, batches of {self.batch_size.value}{clip}{early}"
        )


def switch(description: str, tooltip: str) -> widgets.Checkbox:
    """Make a checkbox that is as wide as its words."""
    return widgets.Checkbox(
        description=description, value=False, indent=False, tooltip=tooltip,
        layout={"width": "auto", "margin": "2px 8px 2px 16px"},
    )  # fmt: skip
