"""The choice of the tags' column and map, on files of each kind."""

from pathlib import Path

import conllu
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lxmls_rnn.readers.conll import read_sentences
from lxmls_rnn.readers.pos_corpus import PostagCorpus
from lxmls_rnn.readers.tags import UPOS_TAGS, TagSource, choose, read_tag_map

ENGLISH = "1\tDogs\tdog\tNOUN\tNNS\n2\trun\trun\tVERB\tVBP\n3\t.\t.\tPUNCT\t.\n\n"
WITHOUT_XPOS = ENGLISH.replace("NNS", "_").replace("VBP", "_").replace("\t.\n", "\t_\n")
OWN_XPOS = ENGLISH.replace("NNS", "<cn>|P").replace("VBP", "v-fin")  # of three XPOS tags, the map has the full stop
CONLL_X = OWN_XPOS.replace("NOUN", "n").replace("VERB", "v").replace("PUNCT", "punc")  # the school's Portuguese file


@pytest.fixture
def write(tmp_path):
    def write(text, encoding="utf-8"):
        file = tmp_path / "corpus.conllu"
        file.write_bytes(text.encode(encoding))
        return file

    return write


@pytest.mark.parametrize(
    ("text", "tags", "tag_map", "expected"),
    [
        (ENGLISH, "auto", "auto", ("xpos", "ptb")),
        (WITHOUT_XPOS, "auto", "auto", ("upos", "none")),
        (OWN_XPOS, "auto", "auto", ("upos", "none")),
        (CONLL_X, "auto", "auto", ("xpos", "none")),
        (ENGLISH.split("3\t")[0].replace("VBP", "v-fin"), "auto", "auto", ("xpos", "ptb")),  # the map has half of them
        (OWN_XPOS, "auto", "none", ("xpos", "none")),  # without a map, XPOS tags are as good as any
        (WITHOUT_XPOS, "auto", "universal", ("upos", "universal")),
        (ENGLISH, "upos", "auto", ("upos", "none")),
        (ENGLISH, "4", "auto", ("4", "none")),
        (OWN_XPOS, "xpos", "auto", ("xpos", "none")),
        (OWN_XPOS, "xpos", "ptb", ("xpos", "ptb")),
        (OWN_XPOS.replace("VERB", "_"), "auto", "auto", ("upos", "none")),
        ("1 a _ _ noun\n2 b _ _ det\n", "auto", "auto", ("xpos", "ptb")),  # these are universal tags already
    ],
)
def test_the_tags_are_chosen_by_the_file(write, text, tags, tag_map, expected):
    assert choose(write(text), tags, tag_map) == expected


def test_a_few_untagged_words_leave_the_choice_as_it_is(write):
    text = ENGLISH * 99 + ENGLISH.replace("NNS", "_")
    assert choose(write(text)) == ("xpos", "ptb")
    assert choose(write(ENGLISH * 20 + ENGLISH.replace("NNS", "_"))) == ("upos", "none")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (TagSource("xpos", "ptb"), "column 5 (XPOS), mapped by ptb"),
        (TagSource("7", "none"), "column 7, as they are"),
    ],
)
def test_a_choice_can_be_read(source, words):
    assert str(source) == words


@pytest.mark.parametrize("tags", ["", "XPOS", "2", "-4", "1000", "\u0664", "4.0"])
def test_an_impossible_column_is_refused(write, tags):
    with pytest.raises(ValueError, match="tags must be auto, upos, xpos or the number of a column, at least 3, got"):
        choose(write(ENGLISH), tags)


def test_the_universal_map_maps_every_upos_tag_to_the_twelve():
    found = read_tag_map(Path(choose.__code__.co_filename).with_name("upos-universal.map"))
    assert set(found) == {tag.lower() for tag in UPOS_TAGS}
    assert set(found.values()) == set(read_tag_map().values())


# What is read with the choice


def tags_of(sequences):
    return [sequence.tags for sequence in sequences]


def test_all_files_of_a_corpus_have_the_choice_of_the_first(tmp_path):
    first, second = tmp_path / "first.conllu", tmp_path / "second.conllu"
    first.write_text(WITHOUT_XPOS)
    second.write_text(ENGLISH)
    corpus = PostagCorpus()
    both = [corpus.read_sequence_list_conll(file) for file in (first, second)]
    assert tags_of(both[0]) == tags_of(both[1]) == [["noun", "verb", "punct"]]
    assert corpus.tag_source == ("upos", "none")
    own = corpus.read_sequence_list_conll(second, tags="xpos", mapping_file="ptb")
    assert tags_of(own) == [["noun", "verb", "."]]
    assert tags_of(corpus.read_sequence_list_conll(second)) == tags_of(both[0])


def test_more_than_a_hundredth_of_untagged_words_is_an_error_with_the_line(write):
    text = CONLL_X + CONLL_X.replace("v-fin", "_")
    with pytest.raises(ValueError, match=r"corpus.conllu, line 6: the tag in column 5 is '_', as for 1 of 6 words"):
        PostagCorpus().read_sequence_list_conll(write(text))
    with pytest.warns(UserWarning, match="line 398: .* as for 1 of 300 words; it becomes 'x'"):
        read = PostagCorpus().read_sequence_list_conll(write(CONLL_X * 99 + CONLL_X.replace("v-fin", "_")))
    assert tags_of(read)[-1] == ["<cn>|p", "x", "."]
    with pytest.raises(ValueError, match="as for 1200 of 1200 words"):
        PostagCorpus().read_sequence_list_conll(write("1\ta\t_\t_\t_\n2\tb\t_\t_\t_\n\n" * 600), tags="xpos")


# The package conllu reads the same words and tags


def compare(text, file):
    file.write_bytes(text)
    expected = [
        [(token["form"], token["upos"], token["xpos"] or "_") for token in sentence if isinstance(token["id"], int)]
        for sentence in conllu.parse(text.decode().replace("\r\n", "\n"))
    ]
    read = [list(read_sentences(file, column)) for column in (4, 5)]
    found = [
        [(one.word, one.tag, other.tag) for one, other in zip(*both, strict=True)] for both in zip(*read, strict=True)
    ]
    assert found == expected


@pytest.mark.daily("two seconds; the generated files have all that a treebank has")
def test_real_files_are_read_as_conllu_reads_them(ewt_dir, tmp_path):
    compare((ewt_dir / "en_ewt-ud-test.conllu").read_bytes(), tmp_path / "corpus.conllu")


# no tabs, line ends and spaces at the ends; combining characters, right-to-left scripts and long words come among them
FORMS = st.one_of(
    st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp", "Zs"]), min_size=1, max_size=12),
    st.sampled_from(
        ["\u05e9\u05dc\u05d5\u05dd", "\u0645\u0631\u062d\u0628\u0627", "\u0928\u092e\u0938\u094d\u0924\u0947"]
    ),
    st.sampled_from(["#", "_", "8-9", "1.1", "e\u0301", "x" * 10_000, "20 000", "\u65e5\u672c\u8a9e"]),
).filter(lambda form: form == form.strip())
TAGS = st.sampled_from(sorted(UPOS_TAGS))


@given(st.data())
def test_generated_files_are_read_as_conllu_reads_them(tmp_path_factory, data):
    lines = []
    for sentence in data.draw(
        st.lists(st.lists(st.tuples(FORMS, TAGS), min_size=1, max_size=4), min_size=1, max_size=4)
    ):
        lines += ["# sent_id = 1", "# text = a b"]
        for number, (form, tag) in enumerate(sentence, 1):
            if data.draw(st.booleans()):
                lines.append(f"{number}-{number + 1}\tda\t_\t_\t_\t_\t_\t_\t_\tSpaceAfter=No")
            lines.append(f"{number}\t{form}\t_\t{tag}\tT\t_\t0\troot\t_\t_")
            if data.draw(st.booleans()):
                lines.append(f"{number}.1\tempty\t_\tX\t_\t_\t_\t_\t0:root\t_")
        lines.append("")
    end = data.draw(st.sampled_from(["\n", "\r\n"]))
    compare("".join(line + end for line in lines).encode(), tmp_path_factory.mktemp("generated") / "corpus.conllu")
