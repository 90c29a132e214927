"""The artificial corpora `reach:K`: the tag of the last word depends on the word K positions before it.

    She , er , well , watches .          a verb
    Her , er , well , watches .          a noun

With dependency distance K there are K - 1 filler words between the first word ("She" or "Her") and the word whose tag
it decides ("watches"). A tagger that does not remember the first word for K steps tags that word correctly in only half
of the sentences. The seed is fixed, so the files are the same on every machine.
"""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

import numpy as np

from lxmls_rnn.storage.files import make_atomically

MAX_DISTANCE = 200
SENTENCES_PER_PART = {"train": 1000, "dev": 200, "test": 200}
CORPUS_SEED = 2016
# the first word and its own tag, by the tag of the last word that it decides
FIRST_WORDS = {"NNS": ("Her", "PRP$"), "VBZ": ("She", "PRP")}
LAST_WORD = "watches"
FILLERS = (("er", "UH"), ("well", "UH"), (",", ","))
NAME_PATTERN = re.compile(r"reach:(\d+)")


def distance_of(name: str) -> int | None:
    """Return K of a corpus name `reach:K`, None for any other name; ValueError if K is out of range."""
    match = NAME_PATTERN.fullmatch(name)
    if match is None:
        return None
    if not 1 <= int(match[1]) <= MAX_DISTANCE:
        raise ValueError(f"the distance of a corpus reach:K must be from 1 to {MAX_DISTANCE}, got {name!r}")
    return int(match[1])


def files_of_distance(distance: int) -> tuple[str, ...]:
    """Return the paths of the train, dev and test files for a distance, relative to the data folder."""
    return tuple(f"reach/{distance}/{part}.conll" for part in SENTENCES_PER_PART)


def make(distance: int, data: Path) -> None:
    """Write the files for a distance below the folder `data`; OSError if they cannot be written.

    A folder that exists and is not empty is left unchanged, even if a file is missing.
    """
    folder = data / "reach" / str(distance)
    if folder.is_dir() and any(folder.iterdir()):
        return

    def write(folder: Path) -> None:
        for part, n in SENTENCES_PER_PART.items():
            rng = np.random.RandomState([CORPUS_SEED, distance, n, part == "test"])
            text = "".join(_sentence(rng, distance) for _ in range(n))
            if part == "train":
                text = text.replace("\t.\t_", "\t!\t_", 1)  # a rare word, so that the embedding of <unk> is trained
            (folder / f"{part}.conll").write_text(text, encoding="utf-8")

    with suppress(FileExistsError):  # another process was faster
        make_atomically(folder, write)


def _sentence(rng: np.random.RandomState, distance: int) -> str:
    tag = list(FIRST_WORDS)[rng.randint(len(FIRST_WORDS))]
    fillers = [FILLERS[n] for n in rng.randint(len(FILLERS), size=distance - 1)]
    words = [FIRST_WORDS[tag], *fillers, (LAST_WORD, tag), (".", ".")]
    lines = (f"{n}\t{word}\t_\t{tag}\t{tag}\t_\t_\t_\t_\t_\n" for n, (word, tag) in enumerate(words, 1))
    return "".join(lines) + "\n"
