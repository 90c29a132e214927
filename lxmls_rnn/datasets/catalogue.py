"""Catalogue of the downloadable data sets: URLs, licences, checksums, how to unpack and check each."""

import gzip
import math
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lxmls_rnn.storage.files import lines_of, open_regular, read_lines

UD_HOST = "https://raw.githubusercontent.com/UniversalDependencies"  # <repository>/<release>/<file> below it
MAX_MEMBER_BYTES = 256 << 20  # size limit of a file in an archive; SENNA's vectors have 60 million bytes


@dataclass(frozen=True)
class DataFile:
    """One file of a data set."""

    url: str  # address of the download
    name: str  # path of the target file, relative to the directory given to `fetch`
    size: int | None = None  # bytes to download, None if unknown
    checksums: tuple[str, ...] = ()  # published checksums of the download, each `<algorithm>:<hexadecimal>`
    # for an archive: unpack(archive, target) extracts the target file; raises ValueError if the archive is wrong
    unpack: Callable[[Path, Path], None] | None = None
    vectors: tuple[int, int] | None = None  # for embeddings: exact number of lines, and of numbers on a line
    is_conllu: bool = False  # whether to check that it is a complete CoNLL-U file
    is_optional: bool = False  # whether the data set may lack it
    show: Callable[[Path], str] | None = None  # text about the fetched file, to show before the next one is fetched

    def content_problem(self, path: Path) -> str | None:
        """Return the first error in a file of embeddings or in CoNLL-U; None if it has none, or is of another kind."""
        if self.vectors is None:
            return _conllu_problem(path) if self.is_conllu else None
        n_words, n_emb = self.vectors
        count = 0
        try:
            with open_regular(path) as file:
                for count, line in lines_of(file, path):
                    numbers = line.split()[1:]
                    if len(numbers) != n_emb or not _are_finite(numbers):
                        return f"line {count}: expected a word and {n_emb} finite numbers, got {line[:40]!r}"
        except ValueError as error:  # a line is too long for text
            return str(error)
        return None if count == n_words else f"expected {n_words} lines, got {count}"


@dataclass(frozen=True)
class DataSet:
    """A corpus or a table of word embeddings that `fetch` can download."""

    name: str  # its name for `fetch`
    description: str  # in one sentence
    source: str  # web page of its authors
    licence: str  # name of the licence
    licence_url: str  # address of the licence text
    files: tuple[DataFile, ...]

    @property
    def notice(self) -> str:
        """The message that `fetch` prints before the download: description and licence."""
        text = f"{self.name}: {self.description} Licence: {self.licence}, {self.licence_url}"
        if not any(file.checksums for file in self.files):
            text += " Its authors publish no checksum: its content is checked, and its SHA-256 kept for later fetches."
        return text

    @property
    def licence_notice(self) -> str:
        """Description, licence and source, as the text that follows the name in an exported model."""
        return f". {self.description} Licence: {self.licence}, {self.licence_url}. Source: {self.source}"


def _conllu_problem(path: Path) -> str | None:
    """Return the error if a line of a CoNLL-U file does not have ten columns or the file is cut off; else None."""
    line = b""
    with open_regular(path) as file:
        for number, line in lines_of(file, path):
            tabs = line.count(b"\t")
            if line.strip() and not line.startswith(b"#") and tabs != 9:
                return f"line {number}: expected 10 columns, got {tabs + 1}"
    return "the file breaks off: expected an empty line after the last sentence" if line.strip() or not line else None


def _are_finite(numbers: list[bytes]) -> bool:
    try:
        return all(math.isfinite(float(number)) for number in numbers)
    except ValueError:
        return False


def _unpack_senna(archive: Path, target: Path) -> None:
    """Join SENNA's word list and its table of vectors, line by line."""
    parts: dict[str, list[bytes]] = {}
    with gzip.open(archive) as stream:
        with tarfile.open(fileobj=stream, mode="r|") as members:
            for member in members:
                content = members.extractfile(member)
                for part in ("hash/words.lst", "embeddings/embeddings.txt"):
                    if content is not None and member.name.endswith(f"/{part}"):
                        if member.size > MAX_MEMBER_BYTES:
                            raise ValueError(f"{part} has {member.size:,} bytes, expected at most {MAX_MEMBER_BYTES:,}")
                        parts[part] = content.read().splitlines()
        # The checksum is at the end of the gzip stream, so read to the end.
        while stream.read(1 << 20):
            pass
    if len(parts) < 2:
        raise ValueError("hash/words.lst or embeddings/embeddings.txt is missing")
    words, vectors = parts["hash/words.lst"], parts["embeddings/embeddings.txt"]
    if len(words) != len(vectors):
        raise ValueError(f"expected as many words as vectors, got {len(words)} words and {len(vectors)} vectors")
    with target.open("wb") as text:
        text.writelines(
            b" ".join([word.strip(), *vector.split()]) + b"\n" for word, vector in zip(words, vectors, strict=True)
        )


def _unpack_word2vec(archive: Path, target: Path) -> None:
    """Decompress a text file of embeddings and drop word2vec's first line, which holds the number of words."""
    with target.open("wb") as text:
        text.writelines(line for number, line in read_lines(archive) if number > 1 or len(line.split()) != 2)


def _ewt(part: str, size: int | None, *checksums: str) -> DataFile:
    """Return a file of the English Web Treebank; its checksum is git's id of the file at the repository's tag r2.16."""
    name = f"en_ewt-ud-{part}.conllu"
    return DataFile(f"{UD_HOST}/UD_English-EWT/r2.16/{name}", f"ewt/{name}", size, checksums)


DATASETS: dict[str, DataSet] = {
    dataset.name: dataset
    for dataset in (
        DataSet(
            name="ewt",
            description="Universal Dependencies English Web Treebank, release 2.16: train, dev and test.",
            source="https://github.com/UniversalDependencies/UD_English-EWT/tree/r2.16",
            licence="CC BY-SA 4.0",
            licence_url="https://creativecommons.org/licenses/by-sa/4.0/",
            files=(
                _ewt("train", None, "git-blob:34731d23bafeeff233fdcee18ffc0254b1aa0e28"),
                _ewt(
                    "dev",
                    1_805_545,
                    "git-blob:a994b6990643429070ecc6e236d26ad6a04bfefb",
                    "sha256:531a54ff90d6ab12201c5a50c3e78e6ddac4de69abc4bce5d275d3cd29efe2b6",
                ),
                _ewt(
                    "test",
                    1_804_515,
                    "git-blob:c59667960ae967636606f47bc35f132a5557ad39",
                    "sha256:e266e515a0a7547657ed3d90d9ba46487d6bd251f27ad4269d4e8a427c8555cd",
                ),
            ),
        ),
        DataSet(
            name="senna_50",
            description="SENNA's embeddings of 130,000 words in 50 dimensions (Collobert et al., 2011).",
            source="http://ronan.collobert.com/senna/",
            licence="SENNA licence, for non-commercial research only",
            licence_url="http://ronan.collobert.com/senna/license.html",
            files=(
                DataFile(
                    url="http://ronan.collobert.com/senna/senna-v3.0.tgz",
                    name="senna_50",
                    unpack=_unpack_senna,
                    vectors=(130_000, 50),
                ),
            ),
        ),
        DataSet(
            name="glove_50",
            description="GloVe's embeddings of 400,000 words in 50 dimensions (Pennington et al., 2014).",
            source="https://nlp.stanford.edu/projects/glove/",
            licence="ODC PDDL 1.0",
            licence_url="https://opendatacommons.org/licenses/pddl/1-0/",
            files=(
                # Size and MD5 come from the list of models that gensim-data publishes.
                DataFile(
                    url="https://github.com/RaRe-Technologies/gensim-data/releases/download/"
                    "glove-wiki-gigaword-50/glove-wiki-gigaword-50.gz",
                    name="glove_50",
                    size=69_182_535,
                    checksums=("md5:c289bc5d7f2f02c6dc9f2f9b67641813",),
                    unpack=_unpack_word2vec,
                    vectors=(400_000, 50),
                ),
            ),
        ),
    )
}
