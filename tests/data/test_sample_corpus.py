import re
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path

import conllu
import numpy as np
import pytest

from lxmls_rnn.readers.pos_corpus import PostagCorpus
from lxmls_rnn.readers.tags import UPOS_TAGS, read_tag_map

DATA = Path(__file__).resolve().parents[2] / "data"
SIZES = {"train": 1000, "dev": 200, "test": 200}


@pytest.fixture(scope="module")
def parts():
    """The three parts, with the limit of the lab guide."""
    corpus = PostagCorpus()
    files = {part: DATA / "sample" / f"{part}.conll" for part in SIZES}
    return {part: corpus.read_sequence_list_conll(file, max_sent_len=15) for part, file in files.items()}


@pytest.fixture(scope="module")
def tag_counts(parts):
    """How often each word of the training part has each tag."""
    counts = defaultdict(Counter)
    for sequence in parts["train"]:
        for word, tag in zip(sequence.words, sequence.tags, strict=True):
            counts[word][tag] += 1
    return counts


def test_the_script_makes_the_same_files_again(tmp_path):
    subprocess.run([sys.executable, DATA / "sample" / "make_sample.py", "--out", tmp_path], check=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dev.conll", "test.conll", "train.conll"]
    for path in tmp_path.iterdir():
        assert path.read_bytes() == (DATA / "sample" / path.name).read_bytes()


def test_the_limit_of_the_lab_guide_keeps_every_sentence_and_none_comes_twice(parts):
    assert {part: len(sequences) for part, sequences in parts.items()} == SIZES
    sentences = [tuple(sequence.words) for sequences in parts.values() for sequence in sequences]
    assert len(set(sentences)) == len(sentences) == sum(SIZES.values())


@pytest.mark.parametrize("part", SIZES)
def test_all_twelve_universal_tags_occur_and_the_readme_gives_the_true_counts(parts, part):
    assert len({tag for sequence in parts[part] for tag in sequence.tags}) == 12
    words = [word for sequence in parts[part] for word in sequence.words]
    known = {word for sequence in parts["train"] for word in sequence.words}
    row = f"| sample/{part}.conll | {SIZES[part]} | {len(words)} | {len(set(words))} | "
    row += f"{sum(word not in known for word in words)} |"
    assert row in (DATA / "README.md").read_text(encoding="utf-8")


def test_the_readme_tells_the_true_ambiguity(parts, tag_counts):
    readme = " ".join((DATA / "README.md").read_text(encoding="utf-8").split())
    usual = {word: tags.most_common(1)[0][0] for word, tags in tag_counts.items()}
    pairs = [pair for sequence in parts["dev"] for pair in zip(sequence.words, sequence.tags, strict=True)]
    right = sum(usual.get(word, "noun") == tag for word, tag in pairs) / len(pairs)
    once = sum(tags.total() == 1 for tags in tag_counts.values())
    ambiguous = [tags.total() for tags in tag_counts.values() if len(tags) > 1]
    assert f"right for {100 * right:.1f} %" in readme
    assert f"{once} words occur once in the training part" in readme
    assert f"{len(ambiguous)} words, which make up a seventh of the training text" in readme
    assert round(parts["train"].get_num_tokens() / sum(ambiguous)) == 7


# The Portuguese sample


@pytest.fixture(scope="module")
def portuguese():
    """Its three parts."""
    corpus = PostagCorpus()
    return {part: corpus.read_sequence_list_conll(DATA / "sample" / "pt" / f"{part}.conllu") for part in SIZES}


def test_its_script_makes_the_same_files_again(tmp_path):
    command = [sys.executable, "-B", DATA / "sample" / "make_sample_pt.py", "--out", tmp_path]
    subprocess.run(command, check=True)
    made = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*.conll*"))
    assert len(made) == 6
    for path in made:
        assert (tmp_path / path).read_bytes() == (DATA / "sample" / path).read_bytes()


def test_it_has_upos_tags_and_the_readme_gives_its_true_counts(portuguese):
    readme = (DATA / "README.md").read_text(encoding="utf-8")
    counts = defaultdict(Counter)
    for sequence in portuguese["train"]:
        for word, tag in zip(sequence.words, sequence.tags, strict=True):
            counts[word][tag] += 1
    for part, sequences in portuguese.items():
        words = [word for sequence in sequences for word in sequence.words]
        row = f"| sample/pt/{part}.conllu | {SIZES[part]} | {len(words)} | {len(set(words))} | "
        assert f"{row}{sum(word not in counts for word in words)} |" in readme
        assert {tag for sequence in sequences for tag in sequence.tags} <= {tag.lower() for tag in UPOS_TAGS}
    assert f"{sum(len(tags) > 1 for tags in counts.values())} words of the training part have more" in readme
    usual = {word: tags.most_common(1)[0][0] for word, tags in counts.items()}
    pairs = [pair for sequence in portuguese["dev"] for pair in zip(sequence.words, sequence.tags, strict=True)]
    assert f"{sum(usual.get(word, 'noun') == tag for word, tag in pairs) / len(pairs):.1%}".replace("%", " %") in readme
    ambiguous = {"casa": 2, "como": 3, "para": 2, "nada": 2, "a": 3}
    assert {word: len(counts[word]) for word in ambiguous} == ambiguous


def test_contractions_are_ranges_whose_words_the_text_does_not_have():
    text = (DATA / "sample" / "pt" / "dev.conllu").read_text(encoding="utf-8")
    for sentence in conllu.parse(text):
        rest = sentence.metadata["text"]
        inside = 0
        for token in sentence:
            if isinstance(token["id"], tuple):
                inside = token["id"][2]
            elif token["id"] <= inside:
                continue
            assert rest.startswith(token["form"])
            rest = rest.removeprefix(token["form"]).lstrip()
        assert rest == ""
    assert {"da", "no", "à", "pelo"} <= set(re.findall(r"^\d+-\d+\t(\w+)", text, re.MULTILINE))


def test_both_languages_come_in_turn(parts, portuguese):
    for part in SIZES:
        both = PostagCorpus().read_sequence_list_conll(DATA / "sample" / "both" / f"{part}.conll")
        assert [one.words for one in both[::2]] == [one.words for one in parts[part]]
        assert [one.tags for one in both[::2]] == [one.tags for one in parts[part]]
        assert [one.words for one in both[1::2]] == [one.words for one in portuguese[part]]
        assert {tag for one in both for tag in one.tags} <= set(read_tag_map().values())


def read_vectors(file):
    lines = [line.split() for line in file.read_text(encoding="utf-8").splitlines()]
    return [word for word, *_ in lines], np.array([numbers for _, *numbers in lines], float)


def test_vectors_of_its_words_put_alike_words_side_by_side():
    words, vectors = read_vectors(DATA / "sample" / "ppmi_30")
    assert vectors.shape == (len(set(words)), 30)
    directions = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    for word, expected in (("dog", {"cat", "horse"}), ("quickly", {"slowly", "loudly"}), ("old", {"young", "little"})):
        nearest = np.argsort(-directions @ directions[words.index(word)])[1:10]
        assert expected <= {words[n] for n in nearest}


@pytest.mark.daily("draws 100,000 sentences, five seconds")
def test_its_vectors_are_made_again_the_same(tmp_path):
    command = [sys.executable, DATA / "sample" / "make_vectors.py", "--out", tmp_path]
    subprocess.run(command, check=True, env={"PYTHONDONTWRITEBYTECODE": "1"})
    words, vectors = read_vectors(tmp_path / "ppmi_30")
    kept_words, kept = read_vectors(DATA / "sample" / "ppmi_30")
    assert words == kept_words
    assert np.abs(vectors - kept).max() < 0.0015  # they are rounded to three digits
