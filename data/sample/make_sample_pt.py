"""Make the Portuguese sample corpus in pt/, drawn from the grammar in grammar-pt.txt, and both languages in both/.

    python data/sample/make_sample_pt.py [--out FOLDER]

The same files come out every time, byte for byte. Those in pt/ are CoNLL-U: UPOS tags, no XPOS, and contractions (`da`)
as ranges before their words (`de`, `a`), as in the Portuguese treebanks of Universal Dependencies. Those in both/ have
an English sentence of the sample corpus and a Portuguese one in turn, with the 12 universal tags in columns 4 and 5.
"""

from __future__ import annotations

import argparse
import random
import re
from itertools import islice
from pathlib import Path

from make_sample import MAX_LENGTH, MIN_LENGTH, PARTS, Grammar, Tagged, write
from make_sample import lines_of as lines_of_conll_x

from lxmls_rnn.readers.pos_corpus import PostagCorpus
from lxmls_rnn.readers.tags import MAPS, read_tag_map

HERE = Path(__file__).resolve().parent
SEED = 2017
FORMS = [{"#": "ms", "%": "m"}, {"#": "fs", "%": "f"}, {"#": "mp", "%": "m"}, {"#": "fp", "%": "f"}]
ARTICLES = "o a os as"
WORDS = f"{ARTICLES} um uma uns umas este esta estes estas ele ela eles elas"
CONTRACTIONS = dict(zip((("a", article) for article in ARTICLES.split()), ["ao", "à", "aos", "às"], strict=True))
for preposition, start, words in (("de", "d", WORDS), ("em", "n", WORDS), ("por", "pel", ARTICLES)):
    CONTRACTIONS |= {(preposition, word): start + word for word in words.split()}


class Portuguese(Grammar):
    """Words, their inflection, and rules, read from a file in the format described at its top."""

    versions = FORMS

    def __init__(self, path: Path) -> None:
        self.forms: dict[str, list[str]] = {}
        super().__init__(path)

    def add_word(self, kind: str, word: str, *forms: str) -> None:
        """Add an irregular word."""
        if kind == "!plural":
            self.plurals[word] = forms[0]
        else:
            (self.forms if kind == "!forms" else self.verbs)[word] = [word, *forms] if kind == "!forms" else list(forms)

    def inflect(self, word: str, tag: str) -> str:
        """Return the form of a word for a tag such as NOUN.mp, ADJ.fs, VERB.e or VERB.past.ms."""
        kind, _, form = tag.partition(".")
        if not form:
            return word
        plural = form[-1] == "p"
        if kind in ("VERB", "AUX"):
            return word if form == "r" else self.conjugate(word, form, plural)
        if word in self.forms:
            return self.forms[word][2 * plural + (form[0] == "f")]
        if kind in ("ADJ", "DET") and form[0] == "f":
            word = re.sub("o$", "a", word)
        return self.plural(word) if plural else word

    def plural(self, word: str) -> str:
        """Return the plural of a noun or an adjective."""
        if word in self.plurals:
            return self.plurals[word]
        for end, ends in (
            ("ão", "ões"),
            ("m", "ns"),
            ("al", "ais"),
            ("el", "éis"),
            ("ul", "uis"),
            ("r", "res"),
            ("z", "zes"),
        ):
            if word.endswith(end):
                return word.removesuffix(end) + ends
        return word + "s"

    def conjugate(self, verb: str, form: str, plural: bool) -> str:
        """Return a form of the present or the past: `e` is the first person singular, else the third person."""
        stem, vowel = verb[:-2], verb[-2]
        past = form.startswith("past")
        if verb in self.verbs:
            return self.verbs[verb][0 if form == "e" else 1 + plural + 2 * past]
        if form == "e":
            return stem + "o"
        if past:
            return stem + vowel + "ram" if plural else stem + {"a": "ou", "e": "eu", "i": "iu"}[vowel]
        return stem + ("a" if vowel == "a" else "e") + "m" * plural


def contraction(sentence: Tagged, place: int) -> str | None:
    """Return the contraction of the words at `place` and after it; None if they do not contract."""
    pair = sentence[place : place + 2] if place >= 0 else []
    if [tag for _, tag in pair] not in (["ADP", "DET"], ["ADP", "PRON"]):
        return None
    (first, _), (second, _) = pair
    whole = CONTRACTIONS.get((first.lower(), second))
    return whole.capitalize() if whole and first[0].isupper() else whole


def lines_of(sentence: Tagged, name: str) -> list[str]:
    """Return a sentence as lines of CoNLL-U."""
    lines, text = [], ""
    for place, (word, tag) in enumerate(sentence):
        whole = contraction(sentence, place)
        if whole:
            lines.append("\t".join([f"{place + 1}-{place + 2}", whole, *"_" * 8]))
        lines.append("\t".join([str(place + 1), word, "_", tag, *"_" * 6]))
        text += "" if contraction(sentence, place - 1) else f" {whole or word}"
    text = re.sub(r" ([.,!?])", r"\1", text.strip())
    return [f"# sent_id = {name}", f"# text = {text}", *lines, ""]


def main() -> None:
    """Write the three files."""
    parser = argparse.ArgumentParser(description="Make the Portuguese sample corpus.")
    parser.add_argument("--out", type=Path, default=HERE, help="where to write (default: beside this script)")
    out = parser.parse_args().out
    grammar, rng = Portuguese(HERE / "grammar-pt.txt"), random.Random(SEED)
    corpus: dict[tuple[str, ...], Tagged] = {}
    while len(corpus) < sum(PARTS.values()):
        sentence = [(word, tag.partition(".")[0]) for word, tag in grammar.draw("S", rng)]
        sentence[0] = sentence[0][0][0].upper() + sentence[0][0][1:], sentence[0][1]
        if MIN_LENGTH <= len(sentence) <= MAX_LENGTH:
            corpus.setdefault(tuple(word for word, _ in sentence), sentence)
    for folder in ("pt", "both"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    sentences = iter(corpus.values())
    universal = read_tag_map(MAPS["universal"])
    for part, count in PARTS.items():
        own = list(islice(sentences, count))
        lines = [line for n, sentence in enumerate(own, 1) for line in lines_of(sentence, f"{part}-{n}")]
        write(out / "pt" / f"{part}.conllu", lines)
        english = PostagCorpus().read_sequence_list_conll(HERE / f"{part}.conll")
        mapped = [[(word, universal[tag.lower()]) for word, tag in sentence] for sentence in own]
        pairs = zip((list(zip(one.words, one.tags, strict=True)) for one in english), mapped, strict=True)
        write(out / "both" / f"{part}.conll", lines_of_conll_x([sentence for pair in pairs for sentence in pair]))


if __name__ == "__main__":
    main()
