"""Write a model in a format of other programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal, NamedTuple

from lxmls_rnn.deep_learning import model_file
from lxmls_rnn.experiment import Settings
from lxmls_rnn.export import html, source, tensors
from lxmls_rnn.runs.folder import model_of
from lxmls_rnn.tagger import Tagger

Format = Literal["html", "torch", "safetensors"]
FORMATS: dict[Format, str] = {  # titles
    "html": "page for browsers",
    "torch": "PyTorch state_dict",
    "safetensors": "safetensors",
}
CONTENTS = {"torch": tensors.torch_content, "safetensors": tensors.content}


class Exported(NamedTuple):
    """An exported file before it is written."""

    name: str  # of the file
    content: bytes
    source: str  # source and licence of the data


def export(model: Path, to: Format) -> Exported:
    """Return a model file, or the model of a run's folder, as a file for other programs.

    Raise OSError if a file of the model or of its run cannot be read, and ValueError if one is damaged or the model
    does not fit the format.
    """
    path = model_of(model) if model.is_dir() else model
    name = path.absolute().parent.name if path.name == "model.npz" else path.stem
    saved = model_file.load_in_numpy(path)
    settings = source.find_settings(path)
    data = source.describe(settings)
    if to == "html":
        tagger = Tagger.load(path, type(saved.model))
        page = html.page(tagger, name, data, source.example(tagger, settings))
        return Exported(f"{name}.html", page.encode(), data)
    suffix = "torch.safetensors" if to == "torch" else to
    try:
        content = CONTENTS[to](saved, metadata(saved, settings, data))
    except ValueError as error:
        raise ValueError(f"{name} cannot be exported: {error}") from error
    return Exported(f"{name}.{suffix}", content, data)


def metadata(saved: model_file.Saved, settings: Settings | None, data: str) -> dict[str, str]:
    """Return the texts in a file beside the parameters.

    `lxmls_rnn` is the header of the model file as JSON (sizes, options, words, tags), `settings` the settings of the
    run as JSON, if there is one, and `source` the source and licence of the data.
    """
    texts = {"lxmls_rnn": json.dumps(saved.header, ensure_ascii=False), "source": data}
    if settings is not None:
        texts["settings"] = json.dumps(settings.to_dict(), ensure_ascii=False)
    return texts
