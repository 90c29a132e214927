"""The data that a model was trained on, in an exported file: sources, licences and an example sentence."""

from __future__ import annotations

import warnings
from pathlib import Path

from lxmls_rnn import paths
from lxmls_rnn.datasets import DATASETS, corpora
from lxmls_rnn.experiment import Settings, part_file
from lxmls_rnn.runs.folder import read_config
from lxmls_rnn.storage.messages import in_words
from lxmls_rnn.tagger import Tagger, tokenize

VECTORS = "ppmi_30"  # of the sample
NO_RUN = "The model file does not say which data the model was trained on: their licence is unknown."


def find_settings(model: Path) -> Settings | None:
    """Return the settings of the run that a model file belongs to, None if it belongs to none; errors as `Run.open`."""
    is_of_run = model.name == "model.npz" and (model.parent / "config.json").exists()
    return read_config(model.parent).settings if is_of_run else None


def describe(settings: Settings | None) -> str:
    """Return source and licence of a training's corpus, of its dev file and of its pre-trained embeddings.

    The licence of a treebank is read from LICENSE.txt beside it. Errors as `read_regular` if it is damaged.
    """
    if settings is None:
        return NO_RUN
    files = {"Corpus": settings.corpus, "Dev": settings.dev, "Embeddings": settings.embeddings}
    return "\n\n".join(f"{what}: {_licence(file)}" for what, file in files.items() if file is not None)


def example(tagger: Tagger, settings: Settings | None) -> str:
    """Return the first sentence of 4 to 12 words in the dev part of a training, or in its training part without dev.

    Leave out sentences whose text `tokenize` splits into other words. If none has 4 to 12 words, return the first. If
    there is none, the training is unknown or its file cannot be read, which is warned of, return an empty string.
    """
    if settings is None:
        return ""
    try:
        file = part_file(settings, "dev" if "dev" in settings.files() else "train")
        sentences = [sentence.words for sentence in tagger.read(file, **settings.reading)]
    except (OSError, ValueError) as error:
        warnings.warn(f"the page opens without an example sentence: {in_words(error)}", stacklevel=2)
        return ""
    texts = (" ".join(words) for words in sentences if tokenize(" ".join(words)) == words)
    return min(texts, key=lambda text: not 4 <= len(text.split(" ")) <= 12, default="")


def _licence(file: str) -> str:
    """Return name, source and licence of a corpus, by name or file, or of embeddings."""
    name, path = corpora.corpus_name(file), paths.located(file)
    corpus, data = corpora.find(name), DATASETS.get(name)
    first = corpus.files[0] if corpus else data.files[0].name if data else f"sample/{VECTORS}"
    is_there = any(path.resolve() == (root / first).resolve() for root in paths.roots())
    if not corpora.find(file) and not is_there:  # a file of one's own may have any name
        return f"{name}, a file of one's own: its licence is unknown. Ask its owner before you pass this on."
    return name + (corpus.licence() if corpus else data.licence_notice if data else corpora.own_licence())
