"""Treebanks of Universal Dependencies: `ud:pt_bosque`, or `ud:pt_bosque@r2.15` for a release, as data sets and corpora.

Their addresses follow the naming rules of Universal Dependencies: the treebank pt_bosque is the repository
UD_Portuguese-Bosque, with a tag for each release and the files pt_bosque-ud-{train,dev,test}.conllu and LICENSE.txt.
"""

import difflib
import re
from dataclasses import replace
from functools import cache
from pathlib import Path

from lxmls_rnn import paths
from lxmls_rnn.datasets import catalogue
from lxmls_rnn.datasets.catalogue import DATASETS, DataFile, DataSet
from lxmls_rnn.storage.files import read_regular
from lxmls_rnn.storage.messages import escaped, quoted

PREFIX = "ud:"
RELEASE = "r2.16"  # of treebanks that are not younger
PARTS = ("train", "dev", "test")
TABLE = Path(__file__).with_name("treebanks.txt")
MAX_SUGGESTIONS = 12
MAX_LICENCE_BYTES = 1 << 20
SHOWN_CHARACTERS = 400  # of a licence
NON_COMMERCIAL = re.compile(r"\bby[- ]nc\b|attribution[-\s]+non-?commercial|non-?commercial\s+(use|purpose)", re.I)


@cache
def table() -> dict[str, tuple[str, str]]:
    """Return the repository and the default release of each known treebank, by its code."""
    rows = (line.split() for line in TABLE.read_text(encoding="utf-8").splitlines() if not line.startswith("#"))
    return {code: (repository, release[0] if release else RELEASE) for code, repository, *release in rows}


def _parse(name: str) -> tuple[str, str, str] | None:
    """Return the code, repository and release that a treebank's name stands for; None if it is no treebank's name.

    The name is `ud:` with a code, as in ud:pt_bosque, or with a repository of a language in the table, as in
    ud:UD_Portuguese-Bosque, and perhaps a release. An unknown repository, or a release that is not given, is "".
    """
    match = re.fullmatch(r"ud:(?:([a-z]+_[a-z0-9]+)|(UD_\w+-)(\w+))(?:@(r\d+\.\d+))?", name, re.ASCII)
    if match is None:
        return None
    code, language, treebank, release = match.groups("")
    if code:
        return code, table().get(code, ("",))[0], release
    for known, (repository, _) in table().items():
        if repository.startswith(language):
            return f"{known.split('_')[0]}_{treebank.lower()}", f"{language}{treebank}", release
    return None


def files_of_treebank(name: str) -> tuple[str, ...] | None:
    """Return the train, dev and test files, relative to the data folder; None if it is no treebank's name."""
    parsed = _parse(name)
    if parsed is None:
        return None
    code, _, release = parsed
    return tuple(f"ud/{code}{release and f'@{release}'}/{code}-ud-{part}.conllu" for part in PARTS)


def below(data: Path) -> list[str]:
    """Return the names of the treebanks that have a training part in the data folder."""
    names = (f"{PREFIX}{file.parent.name}" for file in sorted(data.glob("ud/*/*-ud-train.conllu")))
    return [name for name in names if files_of_treebank(name)]


def require_treebank(name: str, data: Path) -> None:
    """Raise ValueError, with similar names, if a treebank is neither in the table nor in the data folder."""
    parsed, paths = _parse(name), files_of_treebank(name)
    if not (parsed and parsed[1]) and not (paths and (data / paths[0]).parent.is_dir()):
        raise _unknown(name)


def _unknown(name: str) -> ValueError:
    typed = name.removeprefix(PREFIX).partition("@")[0].lower()
    labels = {label.lower(): code for code, (repository, _) in table().items() for label in (code, repository)}
    similar = [label for label in labels if typed and typed in label] or difflib.get_close_matches(typed, labels)
    similar.sort(key=lambda label: not label.startswith(typed))  # a language before codes that contain its letters
    names = list(dict.fromkeys(f"{PREFIX}{labels[label]}" for label in similar))[:MAX_SUGGESTIONS]
    question = f"; did you mean {', '.join(names)}?" if names else "."
    return ValueError(
        f"no treebank is called {quoted(name)}{question} Expected a code of {TABLE}, as ud:pt_bosque or "
        "ud:pt_bosque@r2.15, or a repository, as ud:UD_Portuguese-Bosque"
    )


def dataset(name: str) -> DataSet:
    """Return a treebank as a data set; ValueError, with similar names, if it is not known.

    The licence is fetched first and the training part last: if the training part exists, the fetch was complete.
    """
    parsed = _parse(name)
    if not (parsed and parsed[1]):
        raise _unknown(name)
    code, repository, given = parsed
    release = given or table().get(code, ("", RELEASE))[1]
    url = f"{catalogue.UD_HOST}/{repository}/{release}"
    pinned = {file.url: file for file in DATASETS["ewt"].files}  # published checksums
    parts = []
    for path in files_of_treebank(name) or ():
        part = DataFile(f"{url}/{Path(path).name}", path)
        parts.append(replace(pinned.get(part.url, part), name=path, is_conllu=True, is_optional=True))
    folder = Path(parts[0].name).parent
    licence = DataFile(f"{url}/LICENSE.txt", f"{folder}/LICENSE.txt", show=_licence_in_words)
    return DataSet(
        name=f"{PREFIX}{folder.name}",
        description=f"the treebank {repository} of Universal Dependencies, release {release.removeprefix('r')}.",
        source=f"https://github.com/UniversalDependencies/{repository}/tree/{release}",
        licence="its file LICENSE.txt, which is shown first",
        licence_url=licence.url,
        files=(licence, *reversed(parts)),
    )


def _licence_in_words(file: Path) -> str:
    """Return the beginning of a licence as one line, and whether it excludes commercial use."""
    text = " ".join(read_regular(file, MAX_LICENCE_BYTES).decode("utf-8", "replace").split())
    kind = "NON-COMMERCIAL licence" if NON_COMMERCIAL.search(text) else "licence"
    return escaped(f"{kind} ({file}): {text[:SHOWN_CHARACTERS]}{'...' * (len(text) > SHOWN_CHARACTERS)}")


def licence(name: str) -> str:
    """Return source and licence of a treebank, as the text that follows its name in an exported model.

    The licence is read from LICENSE.txt beside the training part. Raise OSError if it cannot be read, and ValueError
    if it is not a regular file or too long.
    """
    try:
        source = f" ({dataset(name).source})"
    except ValueError:  # a treebank of one's own in the data folder
        source = ""
    (train, *_) = files_of_treebank(name) or ("",)
    file = paths.located(train).with_name("LICENSE.txt")
    if not file.is_file():
        return f"{source}. Its licence is unknown: there is no {file.name} beside the corpus."
    text = read_regular(file, MAX_LICENCE_BYTES).decode("utf-8", "replace").strip()
    return f", a treebank of Universal Dependencies{source}, with its licence:\n\n{text}"
