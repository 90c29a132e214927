import copy
import pickle

import pytest

from lxmls_rnn.sequences import LabelDictionary


def test_ids_are_consecutive_in_order_of_first_appearance():
    labels = LabelDictionary(["noun", "verb", "noun", "adj"])
    assert labels == {"noun": 0, "verb": 1, "adj": 2}
    assert labels.add("noun") == 0
    assert len(labels) == 3
    assert labels.names == ["noun", "verb", "adj"]
    assert labels.get_label_name(labels.get_label_id("verb")) == "verb"


def test_id_to_name_follows_later_additions():
    labels = LabelDictionary(["noun"])
    id_to_name = labels.id_to_name
    labels.add("verb")
    assert id_to_name == {0: "noun", 1: "verb"}


@pytest.mark.parametrize("label_id", [2, -1])
def test_an_unknown_id_is_an_index_error_and_an_unknown_name_a_key_error(label_id):
    with pytest.raises(IndexError, match=rf"no label has id {label_id}: ids go from 0 to 1"):
        LabelDictionary(["noun", "verb"]).get_label_name(label_id)
    with pytest.raises(KeyError, match="'adv' is not among the 1 labels"):
        LabelDictionary(["noun"]).get_label_id("adv")


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda labels: pickle.loads(pickle.dumps(labels))])
def test_a_copy_grows_on_its_own(duplicate):
    labels = LabelDictionary(["noun"])
    other = duplicate(labels)
    other.add("verb")
    assert other.names == ["noun", "verb"]
    assert labels.names == ["noun"]
