"""Make ppmi_30: vectors of the words of the sample's grammar, from which other words they stand beside.

    python data/sample/make_vectors.py [--out FOLDER]

100,000 sentences are drawn from grammar.txt with another seed than the corpus. Of each word it is counted which words
come within two places of it, the counts become positive pointwise mutual information (Church & Hanks 1990), and of that
matrix the 30 largest singular values are kept, as Levy, Goldberg & Dagan (2015) do it: the rows of U sqrt(S). A line is
a word and 30 numbers, in the form of GloVe's files. The same file comes out every time, but for the last digits, in
which BLAS libraries differ.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
from collections import Counter
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from make_sample import Grammar, polish  # noqa: E402

SEED, SENTENCES, WINDOW, DIMENSIONS = 1957, 100_000, 2, 30
LEAST = 5  # rarer words have no vector


def count(grammar: Grammar, rng: random.Random) -> tuple[list[str], np.ndarray]:
    """Return the words, the most frequent first, and how often each stands beside each."""
    sentences = [[word for word, _ in polish(grammar.draw("S", rng))] for _ in range(SENTENCES)]
    frequent = Counter(word for sentence in sentences for word in sentence)
    words = sorted((word for word, n in frequent.items() if n >= LEAST), key=lambda word: (-frequent[word], word))
    ids = {word: number for number, word in enumerate(words)}
    beside = np.zeros((len(words), len(words)))
    for sentence in sentences:
        known = [ids[word] for word in sentence if word in ids]
        for distance in range(1, WINDOW + 1):
            for a, b in zip(known, known[distance:], strict=False):
                beside[a, b] += 1
                beside[b, a] += 1
    return words, beside


def vectors(beside: np.ndarray) -> np.ndarray:
    """Return a row of `DIMENSIONS` numbers for each row of the counts."""
    total, sums = beside.sum(), beside.sum(0)
    with np.errstate(divide="ignore", invalid="ignore"):
        information = np.log(beside * total / np.outer(sums, sums))
    u, s, _ = np.linalg.svd(np.where(beside > 0, np.maximum(information, 0), 0))
    found = u[:, :DIMENSIONS] * np.sqrt(s[:DIMENSIONS])
    return found * np.sign(found[np.abs(found).argmax(0), np.arange(DIMENSIONS)])  # SVD leaves the signs open


def main() -> None:
    """Write the file beside itself and rename it, so that there is never half a file."""
    parser = argparse.ArgumentParser(description="Make vectors of the sample's words.")
    parser.add_argument("--out", type=Path, default=HERE, help="where to write (default: beside this script)")
    out = parser.parse_args().out
    words, beside = count(Grammar(HERE / "grammar.txt"), random.Random(SEED))
    lines = [
        f"{word} {' '.join(f'{number:.3f}' for number in row)}"
        for word, row in zip(words, vectors(beside), strict=True)
    ]
    part = out / "ppmi_30.part"
    part.write_text("\n".join(lines) + "\n", encoding="utf-8")
    os.replace(part, out / "ppmi_30")


if __name__ == "__main__":
    main()
