"""Choice of the tags of a CoNLL file: their column and the map that is applied to them."""

from __future__ import annotations

import os
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from lxmls_rnn.readers.conll import check_encoding, read_sentences, text_lines
from lxmls_rnn.storage.messages import quoted

AUTO = "auto"
COLUMNS = {"upos": 4, "xpos": 5}  # as CoNLL-U numbers and names them
MAPS = {"ptb": Path(__file__).with_name("en-ptb.map"), "universal": Path(__file__).with_name("upos-universal.map")}
PTB_MAP = MAPS["ptb"]
NO_MAP = "none"
NAMES = (AUTO, NO_MAP, *MAPS)  # of tag maps; every other name is that of a file
NO_TAG = "_"
MAX_UNTAGGED = 0.01  # share of the words of a corpus that may have no tag
SENTENCES_INSPECTED = 1000  # from the beginning of a file
# https://universaldependencies.org/u/pos/
UPOS_TAGS = frozenset(
    "ADJ ADP ADV AUX CCONJ DET INTJ NOUN NUM PART PRON PROPN PUNCT SCONJ SYM VERB X".split()  # noqa: SIM905
)


class TagSource(NamedTuple):
    """Source of the tags of a corpus: their column and the map that is applied to them."""

    tags: str  # a name in `COLUMNS`, or the number of a column from 3 on
    tag_map: str  # a name in `MAPS`, `NO_MAP`, or the path of a file, see `read_tag_map`

    @property
    def column(self) -> int:
        """The number of the column, from 1 on."""
        return COLUMNS.get(self.tags) or int(self.tags)

    @property
    def map_file(self) -> Path | None:
        """The file of the tag map; None without a map."""
        return None if self.tag_map == NO_MAP else MAPS.get(self.tag_map) or Path(self.tag_map)

    def __str__(self) -> str:
        name = f" ({self.tags.upper()})" if self.tags in COLUMNS else ""
        mapped = "as they are" if self.map_file is None else f"mapped by {self.tag_map}"
        return f"column {self.column}{name}, {mapped}"


def check_tags(tags: str) -> None:
    """Raise ValueError unless `tags` is "auto", a name in `COLUMNS` or the number of a column from 3 on."""
    is_column = tags.isascii() and tags.isdigit() and len(tags) < 4 and int(tags) >= 3
    if tags not in (AUTO, *COLUMNS) and not is_column:
        expected = f"{AUTO}, {', '.join(COLUMNS)} or the number of a column, at least 3"
        raise ValueError(f"tags must be {expected}, got {quoted(tags)}")


def choose(file: str | os.PathLike[str], tags: str = AUTO, tag_map: str = AUTO, encoding: str = "utf-8") -> TagSource:
    """Choose the column of the tags and their map for a corpus by its first sentences.

    With `tags` "auto", the column is XPOS, unless column 4 has the tags of Universal Dependencies and XPOS is `_`, or
    the map lacks more than half of the XPOS tags. With `tag_map` "auto", XPOS tags are mapped by `ptb` unless it lacks
    more than half of them; other tags are used as they are.

    Raise OSError if a file cannot be read, and ValueError if its content or an argument is invalid.
    """
    check_tags(tags)
    check_encoding(encoding)
    source = TagSource("xpos" if tags == AUTO else tags, "ptb" if tag_map == AUTO else tag_map)
    if AUTO not in (tags, tag_map):
        return source

    def inspected(column: int) -> Counter[str]:
        sentences = islice(read_sentences(file, column, encoding), SENTENCES_INSPECTED)
        return Counter(token.tag for sentence in sentences for token in sentence)

    if source.column != COLUMNS["xpos"]:
        return source._replace(tag_map=NO_MAP)
    counts = inspected(source.column)
    known = {name for pair in read_tag_map(source.map_file).items() for name in pair} if source.map_file else None
    names = {tag.lower() for tag in counts}
    is_known = known is None or 2 * len(names & known) >= len(names)
    if tags == AUTO and (counts[NO_TAG] > MAX_UNTAGGED * counts.total() or not is_known):
        upos = set(inspected(COLUMNS["upos"])) - {NO_TAG}
        if upos and upos <= UPOS_TAGS:
            return TagSource("upos", NO_MAP if tag_map == AUTO else tag_map)
    return source if tag_map != AUTO or is_known else source._replace(tag_map=NO_MAP)


def read_tag_map(mapping_file: str | os.PathLike[str] = PTB_MAP) -> dict[str, str]:
    """Read a tag map: each line has a tag, a tab, and the new tag. All tags are put in lower case.

    This package's own map, `en-ptb.map`, maps the tags of the Penn Treebank, and the additional ones of the English Web
    Treebank, to the 12 universal tags of Petrov, Das and McDonald, "A Universal Part-of-Speech Tagset", LREC 2012.
    `upos-universal.map` maps the 17 tags of Universal Dependencies to them.
    Raises the errors of `text_lines`, and ValueError if a line does not have two columns, a tag has two lines, or the
    file is empty.
    """
    tag_map: dict[str, str] = {}
    for line_number, line in text_lines(mapping_file):
        if not line.strip():
            continue
        columns = [column.strip().lower() for column in line.split("\t")]
        if len(columns) != 2 or not all(columns):
            raise ValueError(f"{mapping_file}, line {line_number}: expected 'tag TAB new tag', got {quoted(line)}")
        if columns[0] in tag_map:
            raise ValueError(f"{mapping_file}, line {line_number}: this tag already has a line: {quoted(line)}")
        tag_map[columns[0]] = columns[1]
    if not tag_map:
        raise ValueError(f"{mapping_file}: this map of tags is empty, expected lines of 'tag TAB new tag'")
    return tag_map
