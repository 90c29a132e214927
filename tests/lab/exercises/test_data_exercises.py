"""Exercise 6.6, words and batches: the expected results are the library's; test_answers.py has students' code."""

import pytest

from lab.exercises import data_exercises
from lxmls_rnn.readers.pos_corpus import train_vocabulary
from lxmls_rnn.sequences import LabelDictionary, SequenceList


def test_every_word_slip_differs_from_the_solution():
    replace, parts = data_exercises.replace_rare, (data_exercises.TRAIN, data_exercises.DEV)
    right = [replace(*parts, k) for k in (2, 3)]
    others = [[replace(*parts, k, **mistake) for k in (2, 3)] for _, mistake in data_exercises.WORD_SLIPS]
    assert right not in others
    assert all(others.count(other) == 1 for other in others)


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
