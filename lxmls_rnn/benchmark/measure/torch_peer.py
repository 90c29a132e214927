"""The same taggers in PyTorch, for comparison: a loop over the steps, and PyTorch's own layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from lxmls_rnn.benchmark.measure.cases import Case
from lxmls_rnn.benchmark.measure.contenders import Computed, Inputs

# Matrix products use the full precision of their dtype: the other implementations have no TF32.
torch.backends.cuda.matmul.allow_tf32 = False
torch.backends.cudnn.allow_tf32 = False


def torch_device(name: str) -> torch.device:
    """Return PyTorch's device for a name such as "cuda1"; RuntimeError if it is unavailable."""
    if name == "cpu":
        return torch.device(name)
    if not name.startswith("cuda"):
        raise RuntimeError(f"PyTorch has no device {name}")
    if torch.version.cuda is None:
        raise RuntimeError("this PyTorch is built for the CPU only")
    index = int(name.removeprefix("cuda") or 0)
    if index >= torch.cuda.device_count():
        raise RuntimeError(f"PyTorch has no device {name}: it finds {torch.cuda.device_count()} CUDA devices")
    return torch.device("cuda", index)


class Loop(nn.Module):
    """The recurrent layer as a loop over the steps; an LSTM has peepholes if `values` contains W_c."""

    def __init__(self, values: dict[str, torch.Tensor]) -> None:
        super().__init__()
        self.W_x, self.W_h = nn.Parameter(values["W_x"].clone()), nn.Parameter(values["W_h"].clone())
        self.W_c = nn.Parameter(values["W_c"].clone()) if "W_c" in values else None

    def forward(self, z: torch.Tensor) -> tuple[torch.Tensor, None]:
        """Return the states, (L, [B,] n_hidd)."""
        a = F.linear(z, self.W_x)
        h = z.new_zeros((*z.shape[1:-1], self.W_h.shape[1]))
        c, states = h, []
        for a_t in a:
            a_t = a_t + F.linear(h, self.W_h)
            if len(self.W_h) == self.W_h.shape[1]:
                h = torch.tanh(a_t)
            else:
                a_i, a_f, a_g, a_o = a_t.chunk(4, -1)
                if self.W_c is not None:
                    b_i, b_f, b_o = F.linear(c, self.W_c).chunk(3, -1)
                    a_i, a_f, a_o = a_i + b_i, a_f + b_f, a_o + b_o
                c = torch.sigmoid(a_f) * c + torch.sigmoid(a_i) * torch.tanh(a_g)
                h = torch.sigmoid(a_o) * torch.tanh(c)
            states.append(h)
        return torch.stack(states), None


def own_layer(case: Case, values: dict[str, torch.Tensor]) -> nn.Module:
    """Return `nn.RNN` or `nn.LSTM` with these weights; PyTorch stacks the gates in the same order as this package."""
    layer = (nn.LSTM if case.layer == "lstm" else nn.RNN)(
        case.n_emb, case.n_hidd, bias=False, dtype=values["W_x"].dtype
    )
    with torch.no_grad():
        layer.weight_ih_l0.copy_(values["W_x"])
        layer.weight_hh_l0.copy_(values["W_h"])
    return layer


class TorchContender(nn.Module):
    """Adapter of the PyTorch taggers; see `contenders.Contender`.

    Only the embeddings of words in the batch get gradients.
    """

    def __init__(self, case: Case, values: dict[str, np.ndarray]) -> None:
        super().__init__()
        self.case, self.names, self.place = case, list(values), torch_device(case.device)
        dtype = getattr(torch, case.dtype)
        self.values = {name: torch.tensor(np.ascontiguousarray(W), dtype=dtype) for name, W in values.items()}
        self.W_e = nn.Parameter(self.values["W_e"].T.contiguous())
        self.layer = Loop(self.values) if case.implementation == "torch" else own_layer(case, self.values)
        self.W_y = nn.Parameter(self.values["W_y"].clone())
        self.to(self.place)
        if self.place.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.place)
        self.optimizer = torch.optim.SGD(self.parameters(), lr=0)
        self.z: Any = None

    def matrices(self) -> dict[str, nn.Parameter]:
        """Return the parameters except W_e, by the library's names."""
        if isinstance(self.layer, Loop):
            found = {"W_x": self.layer.W_x, "W_h": self.layer.W_h, "W_c": self.layer.W_c, "W_y": self.W_y}
        else:
            found = {"W_x": self.layer.weight_ih_l0, "W_h": self.layer.weight_hh_l0, "W_y": self.W_y}
        return {name: W for name, W in found.items() if W is not None}

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """Return the scores, (L, [B,] n_tags)."""
        return F.linear(self.layer(z)[0], self.W_y)

    def loss(self, z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Return the loss; each sentence has weight 1."""
        return F.cross_entropy(self(z).flatten(0, -2), y.flatten(), reduction="sum") / len(y)

    def bind(self, batch: Inputs, rate: float) -> Callable[[], Any]:
        # (L, [B]), int64 as PyTorch's indices are
        x, y = (torch.tensor(np.ascontiguousarray(ids.T), dtype=torch.int64) for ids in batch[:2])
        self.optimizer.param_groups[0]["lr"] = rate
        wait = (lambda: torch.cuda.synchronize(self.place)) if self.place.type == "cuda" else (lambda: None)

        def forward() -> Any:
            with torch.inference_mode():
                return self(F.embedding(x.to(self.place), self.W_e)).softmax(-1).cpu()

        def backward() -> Any:
            self.zero_grad()
            with torch.no_grad():
                z = F.embedding(x.to(self.place), self.W_e)
            self.z = z.requires_grad_()
            loss = self.loss(self.z, y.to(self.place))
            loss.backward()
            wait()
            return loss.item()

        def step() -> Any:
            self.optimizer.zero_grad()
            loss = self.loss(F.embedding(x.to(self.place), self.W_e, sparse=True), y.to(self.place))
            loss.backward()
            self.optimizer.step()
            wait()
            return loss.item()

        return {"forward": forward, "backward": backward, "step": step}[self.case.work]

    def results(self, returned: Any) -> Computed:
        if self.case.work == "forward":
            return {"p_y": returned.numpy().T}
        if self.case.work == "backward":
            gradients = {name: W.grad.cpu().numpy() for name, W in self.matrices().items()}
            return {"cost": np.asarray(returned), "e_z": self.z.grad.cpu().numpy().T, **gradients}
        matrices = {name: W.detach().cpu().numpy().copy() for name, W in self.matrices().items()}
        return {"W_e": self.W_e.detach().cpu().numpy().T.copy(), **matrices}

    def reset(self) -> None:
        with torch.no_grad():
            self.W_e.copy_(self.values["W_e"].T)
            for name, W in self.matrices().items():
                W.copy_(self.values[name])

    def device(self) -> str:
        on = {W.device for W in self.parameters()}
        return self.case.device if on == {self.place} else ", ".join(map(str, on))

    def device_memory(self) -> int | None:
        # the peak that PyTorch's allocator has handed out
        return torch.cuda.max_memory_allocated(self.place) if self.place.type == "cuda" else None


def peak_calls(matrix: np.ndarray, vector: np.ndarray, device: str) -> list[Callable[[], Any]]:
    """Return two calls, a matrix product and a copy, each of which waits until the device has finished."""
    place = torch_device(device)
    a, b = torch.tensor(matrix, device=place), torch.tensor(vector, device=place)
    out, copy = torch.empty_like(a), torch.empty_like(b)
    wait = (lambda: torch.cuda.synchronize(place)) if place.type == "cuda" else (lambda: None)
    return [lambda: (torch.mm(a, a, out=out), wait()), lambda: (copy.copy_(b), wait())]
