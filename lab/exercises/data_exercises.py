"""Checks of exercise 6.6 on words and batches: each returns a text, or raises `NotYet` or `Wrong`."""

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import chain
from types import SimpleNamespace
from typing import Any

import numpy as np

from lab.exercises.difference import as_numbers, check_order, close, recognise
from lab.exercises.setting import SENTENCES, several, what
from lab.exercises.slips import Quantities, Slip
from lab.exercises.verdict import NotYet, Wrong, attempt
from lxmls_rnn.deep_learning.batches import cut
from lxmls_rnn.readers.pos_corpus import UNKNOWN_WORD

Words = list[list[str]]
# counts on both sides of each minimum; words that are repeated in a sentence, capitalised, rare in one part only
TRAIN = [text.split() for text in ("The Old dog saw the dog .", "the cat saw the old fox .", "a fox barks , barks .")]
DEV = [text.split() for text in ("a cat saw the zebra .", "the zebra barks . the zebra", "The fox , the old dog")]

MIN_COUNTS = (2, 3)


def replace_rare(
    train: Words,
    dev: Words,
    min_count: int,
    *,
    counted: Callable[[Words, Words, Words], Words] = lambda train, dev, part: train,
    rare: Callable[[int, int, bool], bool] = lambda n, least, is_dev: n < least,
    new: Callable[[str], list[str]] = lambda word: [UNKNOWN_WORD],
    case: Callable[[str], str] = str,
) -> tuple[Words, Words]:
    """Return both parts with their rare words replaced; the keywords introduce mistakes."""

    def replaced(part: Words, is_dev: bool) -> Words:
        counts = Counter(map(case, chain(*counted(train, dev, part))))
        return [
            [*chain(*(new(w) if rare(counts[case(w)], min_count, is_dev) else [case(w)] for w in sentence))]
            for sentence in part
        ]

    return replaced(train, False), replaced(dev, True)


WORD_SLIPS: list[Slip] = [
    ("dev is unchanged: its words that are rare in train, or missing there, become <unk> too.",
     {"rare": lambda n, least, is_dev: not is_dev and n < least}),
    ("train is unchanged: <unk> must occur in train, else its embedding is never trained.",
     {"rare": lambda n, least, is_dev: is_dev and n < least}),
    ("train is unchanged, and dev keeps the words that are rare in train: in both, a count below min_count is rare.",
     {"rare": lambda n, least, is_dev: is_dev and n < 1}),
    ("dev keeps the words that are rare in train, but train has replaced them: their embeddings are never trained.",
     {"rare": lambda n, least, is_dev: n < (1 if is_dev else least)}),
    ("The words of dev are counted too. Count only train: dev stands for text that nobody has seen.",
     {"counted": lambda train, dev, part: train + dev}),
    ("Each part is counted by itself. A word is known if train has it often enough, in dev too.",
     {"counted": lambda train, dev, part: part}),
    ("The words of dev are counted instead of those of train.", {"counted": lambda train, dev, part: dev}),
    ("Words that occur exactly min_count times are replaced too: rare is < min_count, not <=.",
     {"rare": lambda n, least, is_dev: n <= least}),
    ("Words that occur min_count - 1 times are kept: rare is < min_count.",
     {"rare": lambda n, least, is_dev: n < least - 1}),
    ("min_count is ignored: rare is < min_count, not a fixed number.", {"rare": lambda n, least, is_dev: n < 2}),
    ("The frequent words are replaced and the rare ones kept.", {"rare": lambda n, least, is_dev: n >= least}),
    ("The sentences that have a word are counted; count the word each time it occurs.",
     {"counted": lambda train, dev, part: [[*set(sentence)] for sentence in train]}),
    ("Upper and lower case are not distinguished: 'The' and 'the' are two words here.", {"case": str.lower}),
    ("The words of dev that train lacks are kept: they occur 0 times there, so they are rare.",
     {"rare": lambda n, least, is_dev: 0 < n < least}),
    ("The rare words are left out. Replace them: a sentence keeps its length, each word has its tag.",
     {"new": lambda word: []}),
]  # fmt: skip


def _sentences(name: str, value: Any) -> Words:
    """Convert a student's part to lists of words; raise Wrong if it is none."""
    try:
        part = None if isinstance(value, (str, dict)) else list(value)
    except TypeError:
        part = None
    if part is None or not all(isinstance(sentence, (list, tuple, np.ndarray)) for sentence in part):
        advice = ""
        if part and isinstance(part[0], str):
            advice = "These are words: keep a list for each sentence."
        raise Wrong(f"{name} should be a list of sentences, each a list of words; got {what(value)}.", advice)
    return [list(map(str, sentence)) for sentence in part]


def unknown_words(student: Any) -> str:
    """Check the replacement of rare words: a function of (train, dev, min_count) that returns both parts anew."""
    results = []
    for min_count in MIN_COUNTS:
        train, dev = ([list(sentence) for sentence in part] for part in (TRAIN, DEV))
        try:
            result = attempt(student, train, dev, min_count)
        except Wrong as error:
            if "fails with KeyError" not in error.what:
                raise
            raise Wrong(error.what, "A word has no count: Counter gives 0 then, or counts.get(word, 0).") from None
        new_train, new_dev = several(result, "new_train, new_dev", 2)
        results.append((_sentences("new_train", new_train), _sentences("new_dev", new_dev)))
        if [train, dev] != [TRAIN, DEV]:
            raise Wrong("The function changes its arguments. Make new lists: else a second run counts <unk> as a word.")
    if all(got == (TRAIN, DEV) for got in results):
        raise NotYet("Nothing is replaced: train and dev are returned as they were.")
    for min_count, got in zip(MIN_COUNTS, results, strict=True):
        if text := _first_wrong_word(got, replace_rare(TRAIN, DEV, min_count), min_count):
            raise Wrong(text, _word_mistake(results) or None)
    return "Rare words of train, and all words of dev that are not frequent in train, became <unk>."


def _word_mistake(results: list[tuple[Words, Words]]) -> str:
    right = [replace_rare(TRAIN, DEV, min_count) for min_count in MIN_COUNTS]
    added = {word for part in chain(*results) for sentence in part for word in sentence}
    added -= {UNKNOWN_WORD, *chain(*TRAIN, *DEV)}
    if len(added) == 1:
        (name,) = added
        spelled = [
            tuple([[name if w == UNKNOWN_WORD else w for w in s] for s in part] for part in one) for one in right
        ]
        if results == spelled:
            return f"The rare words became {name!r}; the library writes {UNKNOWN_WORD!r}."
    if results == [one[::-1] for one in right]:
        return "The order is wrong: return train first, then dev."
    for message, mistake in WORD_SLIPS:
        if results == [replace_rare(TRAIN, DEV, min_count, **mistake) for min_count in MIN_COUNTS]:
            return message
    return _other_counts(results)


def _other_counts(results: list[tuple[Words, Words]]) -> str:
    """Return a message if each word is treated alike everywhere, but not words that are equally frequent in train."""
    before, counts = [*chain(*TRAIN, *DEV)], Counter(chain(*TRAIN))
    after = [[*chain(*train, *dev)] for train, dev in results]
    if any(len(words) != len(before) for words in after):
        return ""
    seen = {(w, *(word == UNKNOWN_WORD for word in words)) for w, *words in zip(before, *after, strict=True)}
    if len(seen) > len({*before}) or len({(counts[w], *new) for w, *new in seen}) == len({counts[w] for w in before}):
        return ""
    return "Is something else counted than how often train has each whole word, as it is written?"


def _first_wrong_word(got: tuple[Words, ...], right: tuple[Words, Words], min_count: int) -> str:
    counts = Counter(chain(*TRAIN))
    for part, mine, expected, before in zip(("train", "dev"), got, right, (TRAIN, DEV), strict=True):
        if len(mine) != len(expected):
            return f"new_{part} has {len(mine)} sentences, expected {len(expected)}."
        for n, (a, b, words) in enumerate(zip(mine, expected, before, strict=True), 1):
            if len(a) != len(b):
                return f"Sentence {n} of new_{part} has {len(a)} words, expected {len(b)}: {' '.join(words)}"
            for word, found, wanted in zip(words, a, b, strict=True):
                if found != wanted:
                    times = {0: "does not occur", 1: "occurs once"}.get(counts[word], f"occurs {counts[word]} times")
                    seen = f"{word!r} {times} in train, min_count is {min_count}"
                    return f"First difference, sentence {n} of {part}: {found!r}, expected {wanted!r}. {seen}."
    return ""


LENGTH = max(len(x) for x, _ in SENTENCES)
# of three lengths, not in their order; word 0 and tag 0 occur in the sentences too, so they do not mark the padding
BATCH = (SENTENCES[1], SENTENCES[0], (np.array([0, 4, 0]), np.array([0, 1, 0])))
LENGTHS = [len(x) for x, _ in BATCH]
ROWS = np.arange(LENGTH) < np.array(LENGTHS)[:, None]  # where words are
_N = np.array(LENGTHS)[:, None]
WEIGHT_SLIPS: list[tuple[str, np.ndarray]] = [
    ("This is a mask of 0 and 1. A word of a sentence of L words in a batch of B weighs 1 / (B L).", ROWS * 1.0),
    ("Every sentence sums to 1, so the batch to B: divide by B too, for the mean over the sentences.", ROWS / _N),
    ("All words weigh the same, so long sentences count more: divide by the length of each sentence, and by B.",
     ROWS / ROWS.sum()),
    ("It is divided by the length of the longest sentence, padding included: divide by that of each sentence.",
     ROWS / (len(BATCH) * LENGTH)),
    ("It is divided by the length of the longest sentence, padding included, and not by B.", ROWS / LENGTH),
    ("It is divided by B alone: divide by the length of each sentence too.", ROWS / len(BATCH)),
    ("It is divided by B twice: divide once by B, and by the length of the sentence.", ROWS / len(BATCH) ** 2),
    ("B multiplies here: divide by B, and by the length of the sentence.", ROWS * len(BATCH) / _N),
    ("The weight grows with the length of the sentence: divide by it, and by B.", ROWS * _N),
]  # fmt: skip


def _weight_mistake(weights: np.ndarray, x: np.ndarray) -> str:
    """Return what is wrong with the weights, from where they are 0 if no slip fits."""
    if np.any(weights[~ROWS]):
        return "The padding has a weight too, so it would count as words: its weight is 0."
    if np.array_equal(weights != 0, ROWS & (x != 0)):
        return "Where x is 0 the weight is 0. But word 0 is a word: use the lengths."
    if not weights[ROWS].all():
        return "A word has the weight 0: all words of a sentence have one, the first and the last too."
    return "A word of a sentence of L words in a batch of B weighs 1 / (B L): does each row sum to 1 / B?"


def pad_batch(student: Any) -> str:
    """Check a padded batch: a function of sentences, a list of (x, y), that returns (x, y, weights), (B, L) each."""
    sentences = [(x.astype("int32"), y.astype("int32")) for x, y in BATCH]
    result = several(attempt(student, [(x.copy(), y.copy()) for x, y in sentences]), "x, y, weights", 3)
    (batch,) = cut([SimpleNamespace(x=x, y=y) for x, y in sentences], len(sentences), "float64")
    right = {"x": batch.x, "y": batch.y, "weights": batch.weights}
    check_order(result, right)
    got: Quantities = {}
    for (name, expected), value in zip(right.items(), result, strict=True):
        got[name] = _of_batch(name, value, expected)
    if untouched := [name for name, array in got.items() if not np.any(array)]:
        fine = [name for name, array in got.items() if name not in untouched and close(array, right[name])]
        lead = f"Correct so far: {', '.join(fine)}. " if fine else ""
        raise NotYet(f"{lead}Fill in {', '.join(untouched)}: still all zeros.")
    for (name, array), ids in zip(got.items(), ([x for x, _ in sentences], [y for _, y in sentences], []), strict=True):
        dtype = str(np.asarray(result[list(right).index(name)]).dtype)
        if close(array, right[name], dtype if dtype == "float32" else "float64"):
            continue
        b = int(np.flatnonzero((array != right[name]).any(axis=1))[0])
        padded = ("The words are right: pad with 0.", np.where(ROWS, right[name], array))
        variants = [padded, *_padded_otherwise(ids)] if ids else WEIGHT_SLIPS
        left = ("The padding comes first: put it last, then h_0 is 0 where each sentence begins.", _left(right[name]))
        kind = recognise(array, right[name], [left, *variants])
        kind = kind or ("" if ids else _weight_mistake(array, batch.x))
        numbers = [" ".join(f"{value:.4g}" for value in row) for row in (array[b], right[name][b])]
        text = f"First difference: row {b} of {name}, for a sentence of {LENGTHS[b]} words, is [{numbers[0]}]"
        raise Wrong(f"{text}, expected [{numbers[1]}].", kind or None)
    return f"x, y and weights equal the library's batch of sentences of {', '.join(map(str, LENGTHS))} words."


def _of_batch(name: str, value: Any, right: np.ndarray) -> np.ndarray:
    """Convert an array of a student's batch; raise Wrong unless its shape and kind fit."""
    shape = np.shape(value) if isinstance(value, np.ndarray) else ()
    if shape == (len(BATCH), min(LENGTHS)):
        raise Wrong(f"{name} has shape {shape}: the sentences are cut to the shortest one. Take the longest.")
    if shape and value.dtype == object:
        raise Wrong(f"{name} has rows of different lengths: fill them up with 0 to the longest.")
    if shape == (len(BATCH),):
        raise Wrong(f"{name} has shape {shape}: one number for each sentence, expected one for each position, (B, L).")
    if not isinstance(value, np.ndarray) or len(shape) != 2:
        raise Wrong(
            f"{name} should be an array (B, L), a row for each sentence; got {what(value)} {shape or ''}".rstrip()
        )
    if name == "weights" or value.dtype.kind not in "iu":
        value = as_numbers(name, value, ("B", "L"), right)
    array = as_numbers(name, value.astype(float), ("B", "L"), right)
    if name != "weights" and value.dtype.kind not in "iu":
        raise Wrong(f"{name} has the dtype {value.dtype}: ids are integers, for example int32, since they are indices.")
    return array


def _left(array: np.ndarray) -> np.ndarray:
    """Return the rows of a batch with the padding first."""
    return np.stack([np.roll(row, LENGTH - n) for row, n in zip(array, LENGTHS, strict=True)])


def _padded_otherwise(ids: Sequence[np.ndarray]) -> list[tuple[str, np.ndarray]]:
    def padded(rows: Sequence[np.ndarray]) -> np.ndarray:
        return np.array([[*row, *[0] * (LENGTH - len(row))] for row in rows])

    by_length = sorted(ids, key=len)
    return [
        ("The sentences are sorted by length: keep their order.", padded(by_length)),
        ("The sentences are sorted by length: keep their order.", padded(by_length[::-1])),
        ("The sentences are in reverse order.", padded(ids[::-1])),
        ("Each sentence is reversed.", padded([row[::-1] for row in ids])),
        (
            "Every row is the last sentence: index the row with the number of the sentence.",
            padded([ids[-1]] * len(ids)),
        ),
    ]
