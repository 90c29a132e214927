"""Make the sample corpus: train.conll, dev.conll and test.conll, drawn from the grammar in grammar.txt.

    python data/sample/make_sample.py [--out FOLDER]

The same files come out every time, byte for byte. Sentences are drawn one by one; those that were drawn
before, or have fewer than 2 or more than 14 words, are drawn again: no sentence is in two of the files.
A line has the ten columns of CoNLL-X; the number of the word, the word, and its Penn Treebank tag (columns
1, 2, and 4 and 5) are filled.
"""

from __future__ import annotations

import argparse
import os
import random
import re
from itertools import accumulate, pairwise
from pathlib import Path

HERE = Path(__file__).resolve().parent
SEED = 2016
PARTS = {"train": 1000, "dev": 200, "test": 200}
MIN_LENGTH, MAX_LENGTH = 2, 14

NUMBERS = [{"N#": "NN", "V#": "VBZ", "#": "sg"}, {"N#": "NNS", "V#": "VBP", "#": "pl"}]
VERB_TAGS = ["VB", "VBZ", "VBP", "VBD", "VBG", "VBN"]
VOWELS = "aeiou"

Tagged = list[tuple[str, str]]


class Grammar:
    """Words, their inflection, and rules, read from a file in the format described at its top."""

    versions = NUMBERS  # what a name with # stands for: replacements in its rule

    def __init__(self, path: Path) -> None:
        self.classes: dict[str, list[str]] = {}
        self.plurals: dict[str, str] = {}
        self.verbs: dict[str, list[str]] = {}
        self.rules: dict[str, tuple[list[list[str]], list[float]]] = {}
        text = re.sub(r"\n +", " ", path.read_text(encoding="utf-8"))
        for line in text.splitlines():
            if line.startswith("!"):
                self.add_word(*line.split())
            elif line.startswith("$"):
                name, words = line.split(" = ")
                self.classes[name] = words.split()
            elif line.strip() and not line.startswith("#"):
                self._add_rules(line)

    def add_word(self, kind: str, word: str, *forms: str) -> None:
        """Add an irregular word."""
        if kind == "!noun":
            (self.plurals[word],) = forms
        else:
            self.verbs[word] = list(forms)

    def _add_rules(self, line: str) -> None:
        """Add a rule, or the rules that a name with # or @ stands for."""
        name = line.split(" = ")[0]
        versions = [line]
        if "#" in name:
            versions = []
            for replacements in self.versions:
                version = line
                for old, new in replacements.items():
                    version = version.replace(old, new)
                versions.append(version)
        elif "@" in name:
            versions = [line.replace("@", tag) for tag in VERB_TAGS]
        for version in versions:
            name, body = version.split(" = ")
            if name in self.rules:
                raise ValueError(f"two rules for {name}")
            alternatives = [alternative.split() for alternative in body.split(" | ")]
            weights = [1.0] * len(alternatives)
            for i, symbols in enumerate(alternatives):
                if re.fullmatch(r"\d+:", symbols[0]):
                    weights[i] = float(symbols.pop(0)[:-1])
            self.rules[name] = alternatives, list(accumulate(weights))

    def draw(self, symbol: str, rng: random.Random) -> Tagged:
        """Return the words and tags that a symbol of an alternative becomes."""
        if "/" in symbol:
            word, _, tag = symbol.rpartition("/")
            return [(word, tag)]
        if ":" in symbol:
            word, tag = symbol.split(":")
            if word.startswith("$"):
                words = self.classes[word]
                zipf = list(accumulate(1 / rank for rank in range(1, len(words) + 1)))
                word = words[pick(zipf, rng)]
            return [(self.inflect(word, tag), tag)]
        alternatives, cumulated = self.rules[symbol]
        chosen = alternatives[pick(cumulated, rng)]
        return [token for part in chosen for token in self.draw(part, rng)]

    def inflect(self, word: str, tag: str) -> str:
        """Return the form of a noun or verb for a Penn tag; with any other tag the word stays as it is."""
        consonant_y = re.search(f"[^{VOWELS}]y$", word)
        double = re.fullmatch(f"[^{VOWELS}]*[{VOWELS}][^{VOWELS}wxy]", word)
        stem = word + word[-1] if double else word
        irregular = self.verbs.get(word, [])
        if tag == "NNS" and word in self.plurals:
            return self.plurals[word]
        if tag in ("NNS", "VBZ"):
            if consonant_y:
                return word[:-1] + "ies"
            return word + ("es" if re.search("(s|x|z|ch|sh|[gd]o)$", word) else "s")
        if tag in ("VBD", "VBN"):
            if irregular:
                return irregular[tag == "VBN"]
            if consonant_y:
                return word[:-1] + "ied"
            return stem + ("d" if word.endswith("e") else "ed")
        if tag == "VBG":
            if len(irregular) > 2:
                return irregular[2]
            return (word[:-1] if re.search("[^eo]e$", word) else stem) + "ing"
        return word


def pick(cumulated: list[float], rng: random.Random) -> int:
    """Draw an index with the probabilities that the cumulated weights give."""
    threshold = rng.random() * cumulated[-1]
    return next(i for i, total in enumerate(cumulated) if threshold < total)


def polish(sentence: Tagged) -> Tagged:
    """Put `an` for `a` before a vowel, and a capital at the beginning."""
    words = [word for word, _ in sentence]
    for i, (word, following) in enumerate(pairwise(words)):
        if word == "a" and following[0] in VOWELS and not following.startswith("one"):
            words[i] = "an"
    first = 1 if words[0] == "``" else 0
    words[first] = words[first][0].upper() + words[first][1:]
    return [(word, tag) for word, (_, tag) in zip(words, sentence, strict=True)]


def draw_corpus(grammar: Grammar, count: int, rng: random.Random) -> list[Tagged]:
    """Draw `count` sentences, no two of them alike."""
    corpus: dict[tuple[str, ...], Tagged] = {}
    while len(corpus) < count:
        sentence = polish(grammar.draw("S", rng))
        if MIN_LENGTH <= len(sentence) <= MAX_LENGTH:
            corpus.setdefault(tuple(word for word, _ in sentence), sentence)
    return list(corpus.values())


def lines_of(sentences: list[Tagged]) -> list[str]:
    """Return sentences as lines of CoNLL-X."""
    lines = []
    for sentence in sentences:
        for number, (word, tag) in enumerate(sentence, start=1):
            lines.append("\t".join([str(number), word, "_", tag, tag, "_", "_", "_", "_", "_"]))
        lines.append("")
    return lines


def write(path: Path, lines: list[str]) -> None:
    """Write beside the file and rename, so that there is never half a file."""
    beside = path.with_name(path.name + ".part")
    beside.write_bytes(("\n".join(lines) + "\n").encode("utf-8"))
    os.replace(beside, path)


def main() -> None:
    """Write the three files."""
    parser = argparse.ArgumentParser(description="Make the sample corpus.")
    parser.add_argument("--out", type=Path, default=HERE, help="where to write (default: beside this script)")
    out = parser.parse_args().out
    corpus = draw_corpus(Grammar(HERE / "grammar.txt"), sum(PARTS.values()), random.Random(SEED))
    out.mkdir(parents=True, exist_ok=True)
    start = 0
    for part, count in PARTS.items():
        write(out / f"{part}.conll", lines_of(corpus[start : start + count]))
        start += count


if __name__ == "__main__":
    main()
