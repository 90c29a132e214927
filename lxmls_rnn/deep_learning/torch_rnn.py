"""The recurrent tagger in PyTorch: a loop in Python over the sentence, autograd back-propagates through it.

The formulas are those of `numpy_rnn`. Quantities are transposed as in `theano_rnn`: (L, n), and (L, B, n) for a padded
batch x (B, L). Nothing is compiled: each call records the graph of its operations, and `torch.autograd.grad` follows it
backwards.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from lxmls_rnn.deep_learning import parameters
from lxmls_rnn.deep_learning.frameworks import TORCH
from lxmls_rnn.deep_learning.quantities import from_rows
from lxmls_rnn.deep_learning.update_rule import UNCLIPPED, Descent, Step, count_correct
from lxmls_rnn.device import choose_gpu

TORCH_ACTIVATIONS = {
    "logistic": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "softsign": torch.nn.functional.softsign,
}


@contextmanager
def own_settings(threads: int = 1) -> Iterator[None]:
    """Compute in one thread and without TF32 in a function or block; PyTorch code outside it keeps its own settings.

    On sentences, waiting for a second thread takes longer than the arithmetic, on a busy machine ten times.
    """
    threads_before, allow_tf32 = torch.get_num_threads(), torch.backends.cudnn.allow_tf32
    torch.set_num_threads(threads)
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.set_num_threads(threads_before)
        torch.backends.cudnn.allow_tf32 = allow_tf32


def time_first(x: Tensor) -> Tensor:
    """Return word ids, tag ids or weights, ([B,] L), as (L, [B])."""
    return x.movedim(-1, 0)


def cross_entropy(y: Tensor, tags: Tensor, weights: Tensor) -> Tensor:
    """Return the cost, a scalar: the weighted sum of -log p of the gold `tags` ([B,] L); scores y: (L, [B,] n)."""
    losses = functional.cross_entropy(y.flatten(0, -2), time_first(tags).flatten(), reduction="none")
    return losses.dot(time_first(weights).flatten())


class TorchRNN(parameters.Model):
    """Recurrent part-of-speech tagger; sizes, options, errors and results as in `NumpyRNN`.

    `param` holds tensors that require gradients, [W_e, W_x, W_h, W_y], in the same shapes.
    """

    framework = TORCH
    threads = 1  # of a training step

    def _create(self, values: Mapping[str, np.ndarray]) -> None:
        self.device = device()
        self.param = self.param_type(self._tensor(W).requires_grad_() for W in self._copies(values))

    def get_values(self) -> dict[str, np.ndarray]:
        """Return copies of the parameters by name."""
        return self.by_name([W.detach().cpu().numpy().copy("K") for W in self.param])

    def _place(self, values: Mapping[str, np.ndarray]) -> None:
        """Overwrite the parameters in place."""
        with torch.no_grad():
            for name, W in zip(self.shapes(self.sizes), self.param, strict=True):
                W.copy_(self._tensor(values[name]))

    @own_settings()
    def forward(self, x: npt.ArrayLike) -> np.ndarray:
        """Return p_y (n_tags, [B,] L) of word ids (L,) or (B, L), as `NumpyRNN.forward`."""
        x = parameters.check_words(x, self.sizes.n_words)
        with torch.no_grad():
            scores = self._scores(self._embed(self._tensor(x)))
            p_y: np.ndarray = torch.softmax(scores, -1).cpu().numpy().T
        return p_y

    @own_settings()
    def grads(self, x: npt.ArrayLike, y: npt.ArrayLike) -> list[np.ndarray]:
        """Return the gradient of the loss w.r.t. every parameter, as `NumpyRNN.grads`."""
        batch = self.tensors(*self.checked(x, y))
        *_, gradients = self.loss_and_gradients(*batch)
        W_e = torch.zeros_like(self.param.W_e)
        W_e.T.index_add_(0, batch[0], gradients.pop("e_z"))
        return [gradient.cpu().numpy() for gradient in (W_e, *gradients.values())]

    @own_settings()
    def quantities(self, x: npt.ArrayLike, y: npt.ArrayLike) -> dict[str, np.ndarray]:
        """Return every quantity of both passes, as `NumpyRNN.quantities`.

        b and e_c are left out, and all of the layer but h if it is PyTorch's own.
        """
        x, y = self.checked(x, y)
        words, *gold = self.tensors(x, y)
        z = self._embed(words)
        a = z @ self.param.W_x.T
        layer = self._layer(a)
        scores = layer["h"] @ self.param.W_y.T
        errors = torch.autograd.grad(cross_entropy(scores, *gold), [scores, layer["h"], a, z])
        rows = {"z": z, **layer, "y": scores, "p": torch.softmax(scores, -1)}
        rows |= zip(("e_y", "e_h", "e_a", "e_z"), errors, strict=True)
        arrays = {name: values.detach().cpu().numpy() for name, values in rows.items()}
        return from_rows(arrays, self.by_name(self.grads(x, y)), self.get_values()["W_h"])

    def loss_and_gradients(self, x: Tensor, tags: Tensor, weights: Tensor) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """Return the loss of a sentence or a padded batch, the scores of the tags, and the gradients by name.

        The gradients are e_z, that of the embeddings, (L, n_emb) or (L, B, n_emb), and those of the other parameters.
        """
        z = self._embed(x).detach().requires_grad_()
        scores = self._scores(z)
        loss = cross_entropy(scores, tags, weights)
        e_z, *gradients = torch.autograd.grad(loss, [z, *self.param[1:]])
        return loss.detach(), scores.detach(), {"e_z": e_z, **self.by_name(gradients)}

    def make_step(self, descent: Descent = UNCLIPPED, *, batched: bool = False) -> Step:
        """Return the step function that `NumpyRNN.make_step` describes."""
        W_e, *others = self.param

        @own_settings(self.threads)
        def step(x: np.ndarray, y: np.ndarray, weights: np.ndarray, rate: float) -> tuple[float, int, float]:
            batch = self.tensors(x, y, weights)
            cost, scores, gradients = self.loss_and_gradients(*batch)
            words, rows, length = time_first(batch[0]).flatten(), gradients.pop("e_z").flatten(0, -2), 0.0
            if descent.clip is not None:
                words, which = words.unique(return_inverse=True)
                rows = rows.new_zeros((len(words), rows.shape[-1])).index_add_(0, which, rows)
                trained = [*gradients.values(), *([] if descent.freeze_embeddings else [rows])]
                length = float(torch.stack([(g * g).sum() for g in trained]).sum().sqrt())
                rate = descent.clipped(rate, length, self.dtype)
            with torch.no_grad():
                if not descent.freeze_embeddings:
                    W_e.T.index_add_(0, words, rows, alpha=-rate)
                torch._foreach_add_(others, list(gradients.values()), alpha=-rate)
            return float(cost), count_correct(scores.argmax(-1).cpu().numpy().T, y, weights), length

        return step

    def tensors(self, x: np.ndarray, y: np.ndarray, weights: np.ndarray | None = None) -> list[Tensor]:
        """Return the inputs of `loss_and_gradients` on the device; the default weight is 1/L."""
        weights = np.full(x.shape, 1 / x.size, self.dtype) if weights is None else weights
        return [self._tensor(array) for array in (x, y, weights)]

    def _tensor(self, array: np.ndarray) -> Tensor:
        """Return an array as a tensor on the device; integers become int64, the type of PyTorch's indices."""
        return torch.as_tensor(array.astype("int64") if array.dtype.kind in "iu" else array, device=self.device)

    def _embed(self, x: Tensor) -> Tensor:
        """Return the embeddings of the words, (L, n_emb) or (L, B, n_emb)."""
        return self.param.W_e.T[time_first(x)]

    def _scores(self, z: Tensor) -> Tensor:
        """Return the scores of the tags from the embeddings."""
        return self._recurrent(z) @ self.param.W_y.T

    def _recurrent(self, z: Tensor) -> Tensor:
        """Return the hidden states after each step, (L, n_hidd) or (L, B, n_hidd)."""
        # W_x z_t does not depend on earlier steps, so one product outside the loop computes it for all steps
        return torch.stack([now["h"] for now in self._steps(z @ self.param.W_x.T)])

    def _steps(self, a: Tensor) -> Iterator[dict[str, Tensor]]:
        """Yield the layer's quantities of each step, (n_hidd,) or (B, n_hidd), from all W_x z_t."""
        f, W_h, h_t = TORCH_ACTIVATIONS[self.activation], self.param.W_h, self._first(a)
        for a_t in a:
            a_t = a_t + h_t @ W_h.T
            h_t = f(a_t)
            yield {"a": a_t, "h": h_t}

    def _layer(self, a: Tensor) -> dict[str, Tensor]:
        """Return the layer's quantities, (L, n_hidd), from all W_x z_t of a sentence."""
        steps = list(self._steps(a))
        return {name: torch.stack([now[name] for now in steps]) for name in steps[0]}

    def _first(self, z: Tensor) -> Tensor:
        """Return the state before the first step, 0: (n_hidd,) or (B, n_hidd)."""
        return z.new_zeros((*z.shape[1:-1], self.sizes.n_hidd))

    @staticmethod
    def device_in_words() -> str:
        """Return a sentence that names the device of a tensor."""
        used = torch.zeros(1, device=device()).device
        if used.type == "cpu":
            return "PyTorch computes on the CPU."
        return f"PyTorch uses the GPU: {torch.cuda.get_device_name(used)} ({used})."


def device() -> torch.device:
    """Return the device for new models, see `lxmls_rnn.device.choose_gpu`."""
    gpus = [torch.device("cuda", number) for number in range(torch.cuda.device_count())]
    return choose_gpu(TORCH.name, gpus) or torch.device("cpu")
