"""Controls of the trainer."""

from typing import Any

import ipywidgets as widgets

from lab.widgets.collapsible import Collapsible
from lab.widgets.controls import checkbox, field, in_row, integer, on_change, set_values, values
from lxmls_rnn.deep_learning.training import Trainer
from lxmls_rnn.storage.files import counted

# fields of `Trainer` that have a control of the same name
SAME_NAME_FIELDS = ("epochs", "rate", "decay", "batch_size", "shuffle", "gradient_norm")


class TrainerChoice(widgets.VBox):
    """Controls for epochs, learning rate, batches, clipping and early stopping."""

    def __init__(self) -> None:
        plain, real, many = Trainer(), widgets.FloatText, 100_000
        aside: Any = {"margin": "2px 8px 2px 16px"}
        self.epochs = integer("Epochs", plain.epochs, "Passes over the training part", many)
        self.rate = field(real, "Learning rate", plain.rate, "Step size of an update", step=0.1)
        what = "The learning rate in epoch n = 0, 1, ... is rate / (1 + decay n)"
        self.decay = field(real, "Decay", plain.decay, what, step=0.1)
        what = "Sentences in an update; the lab guide uses 1"
        self.batch_size = integer("Batch size", plain.batch_size, what, many)
        self.clipped = checkbox("Clip gradient", "Scale the gradient down if its norm is larger", **aside)
        what = "Largest Euclidean norm of the gradient, over all parameters"
        self.clip = field(real, "Max. norm", 1.0, what, "16em", step=0.5)
        what = "Stop when the accuracy on dev no longer improves, and keep the best epoch"
        self.early = checkbox("Early stopping", what, **aside)
        what = "Stop after this many epochs without a better accuracy on dev"
        self.patience = integer("Patience", 2, what, 1000, "16em")
        self.shuffle = checkbox("Shuffle", "Shuffle the sentences before each epoch", **aside)
        what = "Record the largest norm of the gradient; always on with Clip gradient"
        self.gradient_norm = checkbox("Log gradient norm", what, **aside)
        self.advanced = Collapsible(self.decay, self.shuffle, self.gradient_norm, self.early, self.patience)
        clipping = widgets.HBox([self.clipped, self.clip])  # wraps as one
        super().__init__([in_row(self.epochs, self.rate, self.batch_size, clipping), self.advanced])
        on_change(self._adapt, self.clipped, self.early)
        self._adapt()

    def _adapt(self) -> None:
        self.clip.disabled, self.patience.disabled = not self.clipped.value, not self.early.value

    def trainer(self, seed: int, freeze_embeddings: bool) -> Trainer:
        """Return the trainer; ValueError if a control has an invalid value."""
        return Trainer(
            **values(self, SAME_NAME_FIELDS),
            clip=self.clip.value if self.clipped.value else None,
            patience=self.patience.value if self.early.value else None,
            seed=seed,
            freeze_embeddings=freeze_embeddings,
        )

    def copy_from(self, trainer: Trainer) -> None:
        """Copy the settings of `trainer` to the controls."""
        set_values(self, SAME_NAME_FIELDS, trainer)
        self.clipped.value, self.early.value = trainer.clip is not None, trainer.patience is not None
        self.clip.value, self.patience.value = trainer.clip or self.clip.value, trainer.patience or self.patience.value

    def summary(self) -> str:
        """Return a one-line summary."""
        clip = f", gradient clipped to {self.clip.value:g}" if self.clipped.value else ""
        length = counted(self.epochs.value, "epoch")
        return f"{length} at rate {self.rate.value:g}, batches of {self.batch_size.value}{clip}{self.advanced.changed}"
