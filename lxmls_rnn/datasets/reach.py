"""The corpora `reach:K`: a word's tag depends on the word K words before it, and on nothing between.

    She , er , well , watches .          a verb
    Her , er , well , watches .          a noun

With distance K there are K - 1 hesitations between the first word and the one that it decides, so a tagger is right
there in half of the sentences unless it remembers for K steps. Made from a fixed seed: the same files everywhere.
"""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

import numpy as np

from lxmls_rnn.storage.files import make_atomically

FARTHEST = 200
PARTS = {"train": 1000, "dev": 200, "test": 200}  # sentences
SEED = 2016
FIRST = {"VBZ": ("She",), "NNS": ("Her",)}
TAGS_OF_FIRST = {"VBZ": "PRP", "NNS": "PRP$"}
LAST = ("watches",)
BETWEEN = (("er", "UH"), ("well", "UH"), (",", ","))
NAME = re.compile(r"reach:(\d+)")


def distance_of(name: str) -> int | None:
    """Return K of the name `reach:K`, None of another name; ValueError for a K that is none."""
    found = NAME.fullmatch(name)
    if found is None:
        return None
    if not 1 <= int(found[1]) <= FARTHEST:
        raise ValueError(f"the distance of a corpus reach:K must be from 1 to {FARTHEST}, got {name!r}")
    return int(found[1])


def files(distance: int) -> tuple[str, str, str]:
    """Return the train, dev and test files of a distance, below the data folder."""
    train, dev, test = (f"reach/{distance}/{part}.conll" for part in PARTS)
    return train, dev, test


def make(distance: int, data: Path) -> None:
    """Write the files of a distance below `data`, unless they are there; OSError where that cannot be done.

    A folder that lacks some is left as it is.
    """
    folder = data / "reach" / str(distance)
    if folder.is_dir() and any(folder.iterdir()):
        return

    def write(beside: Path) -> None:
        for part, n in PARTS.items():
            rng = np.random.RandomState([SEED, distance, n, part == "test"])
            text = "".join(_sentence(rng, distance) for _ in range(n))
            if part == "train":
                text = text.replace("\t.\t_", "\t!\t_", 1)  # a rare word: <unk> is to be trained too
            (beside / f"{part}.conll").write_text(text, encoding="utf-8")

    with suppress(FileExistsError):  # another process was faster
        make_atomically(folder, write)


def _sentence(rng: np.random.RandomState, distance: int) -> str:
    tag = sorted(FIRST)[rng.randint(len(FIRST))]
    between = [BETWEEN[n] for n in rng.randint(len(BETWEEN), size=distance - 1)]
    first = FIRST[tag][rng.randint(len(FIRST[tag]))], TAGS_OF_FIRST[tag]
    words = [first, *between, (LAST[rng.randint(len(LAST))], tag), (".", ".")]
    lines = (f"{n}\t{word}\t_\t{tag}\t{tag}\t_\t_\t_\t_\t_\n" for n, (word, tag) in enumerate(words, 1))
    return "".join(lines) + "\n"
