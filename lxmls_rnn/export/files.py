"""A model file as a file for other programs, in each of the formats, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, NamedTuple

from lxmls_rnn.deep_learning import model_file
from lxmls_rnn.export import html, metadata, onnx, source, tensors
from lxmls_rnn.runs.folder import model_of
from lxmls_rnn.tagger import Tagger

Format = Literal["html", "torch", "safetensors", "onnx"]
FORMATS: dict[Format, str] = {  # titles
    "html": "page for browsers",
    "torch": "PyTorch state_dict",
    "onnx": "ONNX",
    "safetensors": "safetensors",
}
CONTENTS = {"torch": tensors.torch_content, "safetensors": tensors.content, "onnx": onnx.content}


class Exported(NamedTuple):
    """An exported file before it is written."""

    name: str  # of the file
    content: bytes
    source: str  # source and licence of the data


def export(model: Path, to: Format) -> Exported:
    """Return a model file, or the model of a run's folder, as a file for other programs.

    Raise errors as `model_file.load`, `source.of` and the function of the format.
    """
    path = model_of(model) if model.is_dir() else model
    name = path.absolute().parent.name if path.name == "model.npz" else path.stem
    saved = model_file.load_in_numpy(path)
    settings, data = source.of(path, saved.header)
    if to == "html":
        return Exported(f"{name}.html", html.page(Tagger.load(path, type(saved.model)), name, data).encode(), data)
    suffix = "torch.safetensors" if to == "torch" else to
    try:
        content = CONTENTS[to](saved, metadata.texts(saved.header, settings, data))
    except ValueError as error:
        raise ValueError(f"{name} cannot be exported: {error}") from error
    return Exported(f"{name}.{suffix}", content, data)


def read(path: Path) -> model_file.Saved:
    """Read an exported safetensors or ONNX file; errors as `tensors.read` and `onnx.read`, ValueError for others."""
    readers = {".safetensors": tensors.read, ".onnx": onnx.read}
    if path.suffix not in readers:
        raise ValueError(f"{path} cannot be imported: expected NAME{' or NAME'.join(readers)} from `lxmls-rnn export`")
    return readers[path.suffix](path)
