"""Sources and licences of the data that a model was trained on, as text for an exported file."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from lxmls_rnn import paths
from lxmls_rnn.datasets import DATASETS, treebanks
from lxmls_rnn.experiment import Settings, corpus_name, files_of
from lxmls_rnn.runs.folder import read_config
from lxmls_rnn.storage.files import read_regular

VECTORS = "ppmi_30"  # of the sample
NO_RUN = "The model file does not say which data the model was trained on: their licence is unknown."


def settings_of(model: Path) -> Settings | None:
    """Return the settings of the run that a model file belongs to, None if it belongs to none; errors as `Run.open`."""
    is_of_run = model.name == "model.npz" and (model.parent / "config.json").exists()
    return read_config(model.parent).settings if is_of_run else None


def of(model: Path, header: Mapping[str, Any]) -> tuple[dict[str, Any] | None, str]:
    """Return the settings and the source of a model file: those of its run, or those that an import kept in its header.

    The settings are None if neither has them; errors as `settings_of` and `describe`.
    """
    settings = settings_of(model)
    if settings is None and header.get("source"):
        return header.get("settings"), header["source"]
    return None if settings is None else settings.to_dict(), describe(settings)


def describe(settings: Settings | None) -> str:
    """Return source and licence of a training's corpus, of its dev file and of its pre-trained embeddings.

    The licence of a treebank is read from LICENSE.txt beside it. Errors as `read_regular` if it is damaged.
    """
    if settings is None:
        return NO_RUN
    files = {"Corpus": settings.corpus, "Dev": settings.dev, "Embeddings": settings.embeddings}
    return "\n\n".join(f"{what}: {_licence(file)}" for what, file in files.items() if file is not None)


def _licence(file: str) -> str:
    """Return name, source and licence of a corpus, by name or file, or of embeddings."""
    name, path = corpus_name(file), paths.located(file)
    ours = {VECTORS: f"sample/{VECTORS}", **{data.name: data.files[0].name for data in DATASETS.values()}}
    first, *_ = files_of(name) or (ours.get(name, ""),)
    places = [(root / first).resolve() for root in paths.roots()]
    if not files_of(file) and not (first and path.resolve() in places):  # a file of one's own may have any name
        return f"{name}, a file of one's own: its licence is unknown. Ask its owner before you pass this on."
    if name in DATASETS:
        data = DATASETS[name]
        return f"{name}. {data.description} Licence: {data.licence}, {data.licence_url}. Source: {data.source}"
    if name.startswith(treebanks.PREFIX):
        return _treebank_licence(name, paths.located(first).with_name("LICENSE.txt"))
    return f"{name}, made for the LxMLS RNN lab. Licence: MIT, that of the lab.\n\n{_own_licence()}"


def _treebank_licence(name: str, file: Path) -> str:
    try:
        source = f" ({treebanks.dataset(name).source})"
    except ValueError:  # a treebank of one's own in the data folder
        source = ""
    if not file.is_file():
        return f"{name}{source}. Its licence is unknown: there is no {file.name} beside the corpus."
    text = read_regular(file, treebanks.MAX_LICENCE_BYTES).decode("utf-8", "replace").strip()
    return f"{name}, a treebank of Universal Dependencies{source}, with its licence:\n\n{text}"


def _own_licence() -> str:
    """Return the text of the lab's licence, from the installed package or else from the checkout that it runs from."""
    text, file = "", Path(__file__).parents[2] / "LICENSE"
    with suppress(PackageNotFoundError):
        text = distribution("lxmls-rnn").read_text("licenses/LICENSE") or ""
    return (text or (file.read_text(encoding="utf-8") if file.is_file() else "")).strip() or "MIT License"
