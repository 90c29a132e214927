"""Labelled sequences: dictionaries of names and ids, sentences, lists of sentences."""

from lxmls_rnn.sequences.label_dictionary import LabelDictionary
from lxmls_rnn.sequences.sequence_list import Sequence, SequenceList

__all__ = ["LabelDictionary", "Sequence", "SequenceList"]
