"""Exercise 6.6, words and batches: the checks name typical mistakes, and their expected results are the library's."""

import pytest

from lab.exercises import data_exercises
from lxmls_rnn.readers.pos_corpus import train_vocabulary
from lxmls_rnn.sequences import LabelDictionary, SequenceList

WORDS = [
    ("replaced(dev)", "dev", "dev is unchanged"),
    ("return replaced(train)", "return train", "train is unchanged: <unk> must occur in train"),
    ("return replaced(train), replaced(dev)",
     "return train, [[w if counts[w] else '<unk>' for w in s] for s in dev]", "dev keeps the words that are rare"),
    ("replaced(dev)", "[[w if counts[w] else '<unk>' for w in s] for s in dev]", "train has replaced them"),
    ("in train for", "in train + dev for", "The words of dev are counted too"),
    ("in train for", "in dev for", "instead of those of train"),
    ("    def replaced(sentences):",
     "    def replaced(sentences):\n        counts = Counter(w for s in sentences for w in s)", "counted by itself"),
    (">= min_count", "> min_count", "rare is < min_count, not <="),
    (">= min_count", ">= min_count - 1", "min_count - 1 times are kept"),
    (">= min_count", ">= 2", "min_count is ignored"),
    (">= min_count", "< min_count", "The frequent words are replaced"),
    ("for word in sentence)", "for word in set(sentence))", "count the word each time"),
    ("for word in sentence)", "for word in map(str.lower, sentence))", "'old', expected '<unk>'. 'old' occurs once"),
    ("    counts", "    train, dev = ([[w.lower() for w in s] for s in p] for p in (train, dev))\n    counts",
     "Upper and lower case"),
    ("word if counts[word] >= min_count else \"<unk>\" for word in sentence",
     "word for word in sentence if counts[word] >= min_count", "a sentence keeps its length"),
    ('"<unk>"', '"UNK"', "became 'UNK'; the library writes '<unk>'"),
    ("replaced(train), replaced(dev)", "replaced(dev), replaced(train)", "return train first"),
    ("replaced(train), replaced(dev)", "replaced(train)", "Expected the results new_train, new_dev; got 3 values"),
    ("counts[word] >= min_count", "dict(counts)[word] >= min_count", "Counter gives 0 then"),
    ("replaced(dev)", "replaced(dev)[:2]", "new_dev has 2 sentences, expected 3"),
    ("replaced(dev)", "sum(replaced(dev), [])", "keep a list for each sentence"),
    ("return replaced(train), replaced(dev)",
     "for p in (train, dev):\n        p[:] = replaced(p)\n    return train, dev", "changes its arguments"),
]  # fmt: skip
PADDING = [
    ("max(len", "min(len", "It fails with ValueError"),
    ("1 / (B * len(words))", "1", "This is a mask of 0 and 1"),
    ("1 / (B * len(words))", "1 / len(words)", "divide by B too"),
    ("1 / (B * len(words))", "1 / (B * L)", "divide by that of each sentence"),
    ("1 / (B * len(words))", "1 / L", "and not by B"),
    ("1 / (B * len(words))", "1 / B", "divided by B alone"),
    ("1 / (B * len(words))", "1 / sum(len(w) for w, _ in sentences)", "long sentences count more"),
    ("weights[b, : len(words)] = 1", "weights[b] = 1", "The padding has a weight too"),
    ("weights[b, : len(words)] = 1 / (B * len(words))", "weights[b] = 1 / (B * L)", "The padding has a weight too"),
    ("    return x", "    weights = (x != 0) / (B * np.array([[len(w)] for w, _ in sentences]))\n    return x",
     "word 0 is a word"),
    ("np.zeros((B, L))", "np.zeros((B, L), int)", "which drops fractions"),
    ("np.zeros((B, L), \"int32\"), np.zeros((B, L), \"int32\")", "np.zeros((B, L)), np.zeros((B, L))",
     "ids are integers"),
    ("x[b, : len(words)]", "x[b, L - len(words) :]", "The padding comes first"),
    ("weights[b, : len(words)]", "weights[b, L - len(words) :]", "The padding comes first"),
    ("    return x", "    x = np.where(weights > 0, x, -1)\n    return x", "padded with -1"),
    ("x[b, : len(words)] = words", "x[b] = [*words, *[words[-1]] * (L - len(words))]", "The last word is repeated"),
    ("enumerate(sentences)", "enumerate(sorted(sentences, key=lambda s: len(s[0])))", "sorted by length"),
    ("enumerate(sentences)", "enumerate(sentences[::-1])", "in reverse order"),
    ("x[b, : len(words)] = words", "x[b, : len(words)] = words[::-1]", "Each sentence is reversed"),
    ("x[b, : len(words)] = words", "x[:, : len(words)] = words", "First difference: row 0 of x"),
    ("return x, y, weights", "return x.T, y.T, weights.T", "It is transposed: (L, B) instead of (B, L)"),
    ("return x, y, weights", "return x[:, :1], y[:, :1], weights[:, :1]", "cut to the shortest one"),
    ("return x, y, weights", "return x, y, weights[:, 0]", "one number for each sentence"),
    ("return x, y, weights", "return [list(w) for w, _ in sentences], y, weights", "should be an array (B, L)"),
    ("return x, y, weights", "return x, y", "Expected the results x, y, weights; got 2 values"),
    ("return x, y, weights", "return y, x, weights", "x and y are swapped"),
    ("1 / (B * len(words))", "B / len(words)", "B multiplies here"),
    ("1 / (B * len(words))", "len(words)", "The weight grows with the length"),
    ("return x, y, weights", "return np.array([w for w, _ in sentences], object), y, weights", "different lengths"),
    ("return x, y, weights", "return x, y, weights.astype('float32')", None),
]  # fmt: skip
MISTAKES = {"unknown_words": WORDS, "pad_batch": PADDING}
CASES = [(name, *mistake) for name, mistakes in MISTAKES.items() for mistake in mistakes]


@pytest.mark.parametrize(("exercise", "old", "new", "kind"), CASES)
def test_a_mistake_is_named(solution_says, exercise, old, new, kind):
    verdict = solution_says(exercise, old, new)
    if kind is None:
        assert verdict
    else:
        assert verdict.state == "not right"
        assert kind in verdict.text


def test_every_word_slip_differs_from_the_solution():
    replace, parts = data_exercises.replace_rare, (data_exercises.TRAIN, data_exercises.DEV)
    right = [replace(*parts, k) for k in (2, 3)]
    others = [[replace(*parts, k, **mistake) for k in (2, 3)] for _, mistake in data_exercises.WORD_SLIPS]
    assert right not in others
    assert all(others.count(other) == 1 for other in others)


def test_half_filled_code_is_not_yet(solution_says):
    assert "Nothing is replaced" in solution_says("unknown_words", 'else "<unk>"', "else word").text
    text = solution_says("pad_batch", "        y[b, : len(words)] = tags\n", "").text
    assert "Correct so far: x, weights. Fill in y: still all zeros." in text


@pytest.mark.parametrize("min_count", [2, 3])
def test_unknown_words_are_the_librarys(min_count):
    parts = data_exercises.TRAIN, data_exercises.DEV
    x_dict, y_dict = LabelDictionary(), LabelDictionary(["noun"])
    lists = [SequenceList(x_dict, y_dict) for _ in parts]
    for part, sentences in zip(lists, parts, strict=True):
        for words in sentences:
            part.add_sequence(words, ["noun"] * len(words))
    library = train_vocabulary(*lists, min_count=min_count)
    named = tuple([[part.x_dict.names[i] for i in sentence.x] for sentence in part] for part in library)
    assert named == data_exercises.replace_rare(*parts, min_count)
