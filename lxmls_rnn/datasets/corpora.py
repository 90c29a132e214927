"""The table of corpora that have a name: their files, how to get them, their licence."""

from __future__ import annotations

import filecmp
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from lxmls_rnn import paths
from lxmls_rnn.datasets import reach, treebanks
from lxmls_rnn.datasets.catalogue import DATASETS


def own_licence() -> str:
    """Return the licence of the corpora and word vectors made for the lab, from the package or the checkout."""
    text, file = "", Path(__file__).parents[2] / "LICENSE"
    with suppress(PackageNotFoundError):
        text = distribution("lxmls-rnn").read_text("licenses/LICENSE") or ""
    text = (text or (file.read_text(encoding="utf-8") if file.is_file() else "")).strip() or "MIT License"
    return f", made for the LxMLS RNN lab. Licence: MIT, that of the lab.\n\n{text}"


@dataclass(frozen=True)
class Corpus:
    """A corpus that has a name."""

    name: str
    files: tuple[str, ...]  # its train, dev and test files, below the data folder
    remedy: str = "set LXMLS_DATA to the folder data of this project, which has it"  # if a file of {folder} is missing
    licence: Callable[[], str] = own_licence  # returns source and licence, to follow the name
    make: Callable[[Path], None] | None = None  # writes the files below a folder if they are missing; OSError
    is_partial: bool = False  # whether parts may be missing


def _fixed(name: str, path: str) -> Corpus:
    files = tuple(map(path.format, treebanks.PARTS))
    if name not in DATASETS:
        return Corpus(name, files)
    remedy = f"get it with `lxmls-rnn fetch {name}`, or set LXMLS_DATA"
    return Corpus(name, files, remedy, lambda: DATASETS[name].licence_notice)


CORPORA = {
    "sample": _fixed("sample", "sample/{}.conll"),
    "sample-pt": _fixed("sample-pt", "sample/pt/{}.conllu"),
    "sample-both": _fixed("sample-both", "sample/both/{}.conll"),
    "ewt": _fixed("ewt", "ewt/en_ewt-ud-{}.conllu"),
}
NAMES = f"{', '.join(CORPORA)}, reach:K, ud:CODE"  # for messages
SUFFIXES = (".conll", ".conllu")  # of the files of a corpus of one's own


def default() -> str:
    """Return the name of the corpus of notebooks and panels: LXMLS_CORPUS, or the sample; ValueError if none has it."""
    name = os.environ.get("LXMLS_CORPUS") or "sample"
    if find(name) is None:
        raise ValueError(
            f"LXMLS_CORPUS={name}: there is no such corpus, expected one of {NAMES}, or a "
            f"folder of {paths.data().absolute()} with the files train.conllu, dev.conllu and test.conllu (or .conll)"
        )
    return name


def own() -> list[str]:
    """Return the names of the user's own corpora: folders of the data folder with a training file train.conll(u)."""
    return sorted(folder.name for folder in paths.data().glob("*") if _own(folder.name))


def _own(name: str) -> Corpus | None:
    if name in CORPORA or name.startswith(".") or Path(name).name != name:
        return None
    suffix = next((suffix for suffix in SUFFIXES if (paths.data() / name / f"train{suffix}").is_file()), "")
    remedy = f"a corpus of your own has train{suffix}, dev{suffix} and test{suffix} in one folder"
    return Corpus(name, tuple(f"{name}/{part}{suffix}" for part in treebanks.PARTS), remedy) if suffix else None


def find(name: str) -> Corpus | None:
    """Return the corpus of a name, None if none has it; ValueError as `reach.distance_of`."""
    if name in CORPORA:
        return CORPORA[name]
    if distance := reach.distance_of(name):
        remedy = "delete the folder {folder}, and it is generated again"
        return Corpus(name, reach.files_of_distance(distance), remedy, make=partial(reach.make, distance))
    if files := treebanks.files_of_treebank(name):
        remedy = f"`lxmls-rnn fetch {name}` gets it, or says that the treebank has no such part"
        return Corpus(name, files, remedy, partial(treebanks.licence, name), is_partial=True)
    return _own(name)


def corpus_files(name: str | None = None, needed: str = "train") -> tuple[Path, Path, Path]:
    """Return the train, dev and test files of a corpus by name; by default of `default()`.

    Missing files of `reach:K` are generated in the data folder, or if that is read-only, as in a class, in the folder
    of the runs. Raise ValueError if no corpus has that name, and FileNotFoundError, which says how to get the files, if
    one is missing. A treebank `ud:...` may lack parts, so only its `needed` part must exist.
    """
    name = name or default()
    if name.startswith(treebanks.PREFIX):
        treebanks.require_treebank(name, paths.data())
    corpus, data = find(name), paths.data()
    if corpus is None:
        what = "a file, but there is none at" if Path(name).suffix or os.sep in name else "a file, got"
        raise ValueError(f"corpus must be one of {NAMES} or {what} {name!r}")
    if corpus.make is not None:
        try:
            corpus.make(data)
        except OSError:
            data = paths.made()
            corpus.make(data)
    elif not (data / corpus.files[0]).is_file() and (paths.PACKAGED / corpus.files[0]).is_file():
        data = paths.PACKAGED
    train, dev, test = (data / file for file in corpus.files)
    for part, file in zip(treebanks.PARTS, (train, dev, test), strict=True):
        if not file.is_file() and (part == needed or not corpus.is_partial):
            raise FileNotFoundError(f"no file {file}: {corpus.remedy.format(folder=file.parent)}")
    return train, dev, test


def corpus_name(corpus: str) -> str:
    """Return the name of a corpus given by its name or its training file; for any other file, the file name.

    A training file is recognised by its path below the data folder. It may be in another data folder, but must then
    have the same content, unless it does not exist here because the path is of another machine.
    """
    if find(corpus):
        return corpus
    path = paths.located(corpus)
    above = path.parent.name
    numbered = [f"reach:{above}"] if above in map(str, range(1, reach.MAX_DISTANCE + 1)) else []
    known = filter(None, map(find, [*CORPORA, *numbered, f"{treebanks.PREFIX}{above}", above]))
    return next((candidate.name for candidate in known if _is_copy(path, candidate.files[0])), path.name)


def _is_copy(path: Path, file: str) -> bool:
    """Return whether a path is that of a corpus's `file` in any data folder, and an existing one has its content."""
    source = paths.located(file)
    if source.resolve() == path.resolve():
        return True
    return path.match(file) and (not path.exists() or (source.exists() and filecmp.cmp(source, path, shallow=False)))
