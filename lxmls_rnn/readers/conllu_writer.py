"""Writer of CoNLL-U (https://universaldependencies.org/format.html)."""

from collections.abc import Collection, Sequence
from unicodedata import normalize

from lxmls_rnn.readers.tags import UPOS_TAGS
from lxmls_rnn.storage.messages import escaped

UPOS_OF = {".": "PUNCT", "conj": "CCONJ", "prt": "PART"}  # universal tags of Petrov et al. with another name in UD


def conllu(sent_id: int, text: str, words: Sequence[str], tags: Sequence[str], tag_set: Collection[str]) -> str:
    """Return a tagged sentence in CoNLL-U, with the blank line after it.

    UPOS is the tag's name in UD, or X if it has none. XPOS is the tag itself, or `_` if the whole `tag_set` is UPOS.
    HEAD and DEPREL are placeholders, which make a tree as UD's tools require: every word depends on the first as `dep`.

    Parameters
    ----------
    sent_id
        A number that no other sentence of the file has.
    text
        The words in order, with a space or nothing between them.
    words, tags
        Words and tags of one sentence.
    tag_set
        All tags of the tagger.
    """
    text, end = escaped(text), 0
    lines = [f"# sent_id = {sent_id}", f"# text = {text}"]
    are_upos = all(tag.upper() in UPOS_TAGS for tag in tag_set)
    for number, (word, tag) in enumerate(zip(map(escaped, words), tags, strict=True), 1):
        end = text.index(word, end) + len(word)
        upos = UPOS_OF.get(tag, tag.upper())
        upos, xpos = (upos if upos in UPOS_TAGS else "X"), ("_" if are_upos else "_".join(escaped(tag).split()))
        head, misc = ("0\troot" if number == 1 else "1\tdep"), ("_" if text[end : end + 1] in " " else "SpaceAfter=No")
        lines.append(f"{number}\t{word}\t_\t{upos}\t{xpos}\t_\t{head}\t_\t{misc}")
    return normalize("NFC", "\n".join(lines) + "\n\n")
