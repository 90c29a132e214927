"""The command `lxmls-rnn evaluate`."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from lxmls_rnn import paths
from lxmls_rnn.cli.console import console
from lxmls_rnn.cli.options import with_settings
from lxmls_rnn.datasets.corpora import corpus_files, find
from lxmls_rnn.deep_learning.evaluation import Evaluation, check_same_tags, compare, count, judge
from lxmls_rnn.experiment import SETTINGS
from lxmls_rnn.storage.messages import counted
from lxmls_rnn.tagger import Tagger


@with_settings(SETTINGS, "max_sent_len", "max_nr_sent", "tags", "tag_map", "encoding")
def evaluate(
    model: Annotated[Path, typer.Argument(help="A run, its folder, or a model file.")],
    second: Annotated[Path | None, typer.Argument(help="A second model to compare.")] = None,
    corpus: Annotated[
        str | None, typer.Argument(show_default="sample", help="sample, ewt, ud:CODE (the test part), or a file.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the bootstrap samples, with two models.")] = 0,
    **settings: Any,
) -> None:
    """Measure a tagger: accuracy on all, known and unknown words, metrics of each tag, confusion matrix.

    Known words are those of the training part (with `--min-count 2` those that occur at least twice there).

    Two models are shown side by side, with the significance of their difference. The second of two arguments is the
    corpus if a corpus has that name; else it is a model if it is a run, a folder or an .npz file.

    Example: `lxmls-rnn evaluate runs/first sample`
    """
    if second is not None and corpus is None and not is_model(second):
        if find(str(second)) is None and not second.is_file():
            raise FileNotFoundError(f"no run, model file or corpus {second}: `lxmls-rnn runs` lists the runs")
        second, corpus = None, str(second)
    models = [model] if second is None else [model, second]
    taggers = [Tagger.load(paths.model(name)) for name in models]
    check_same_tags(taggers[0].tags, taggers[-1].tags)
    corpus = corpus or "sample"
    file = Path(corpus) if Path(corpus).is_file() else corpus_files(corpus, "test")[2]
    read = [tagger.read(file, **settings) for tagger in taggers]
    pairs = zip(taggers, read, strict=True)
    judged = [list(judge(tagger.model, sentences, tagger.n_known_words)) for tagger, sentences in pairs]
    results = [count(predicted, sentences.y_dict.names) for predicted, sentences in zip(judged, read, strict=True)]
    result = results[0]
    known, unknown = int(result.known.sum()), int(result.unknown.sum())
    tagged = f"{file.name}: {counted(result.sentences, 'sentence')}, {counted(known + unknown, 'word')}"
    if second is not None:
        show_side_by_side(tagged, [str(name) for name in models], results)
        console.say(Text(compare(judged[0], judged[1], seed).in_words()))
        return
    console.print(f"{tagged}, accuracy {result.accuracy:.2%}")
    if known:
        console.print(f"  words in the vocabulary:     {known:6}, accuracy {result.known_accuracy:.2%}")
    if unknown:
        console.print(f"  words not in the vocabulary: {unknown:6}, accuracy {result.unknown_accuracy:.2%}")
    table = Table("tag", "words", "precision", "recall", "F1", title="by tag")
    for row in result.per_tag():
        table.add_row(row["tag"], str(row["words"]), *(f"{row[key]:.2%}" for key in ("precision", "recall", "f1")))
    console.print(table)
    console.print(f"macro F1 {result.macro_f1:.2%}: the mean over all tags that occur, gold or predicted")
    console.print("confusion matrix: gold tags in rows, predicted tags in columns")
    width = max(5, *map(len, result.tags))
    header = " " * width + "".join(f"{tag:>{max(6, len(tag) + 1)}}" for tag in result.tags)
    console.say(header)
    for tag, counts in zip(result.tags, result.confusion.tolist(), strict=True):
        cells = (f"{count:>{max(6, len(name) + 1)}}" for name, count in zip(result.tags, counts, strict=True))
        console.say(f"{tag:{width}}" + "".join(cells))


def is_model(name: Path) -> bool:
    """Whether an argument, a corpus or a model, is a model; what names both is the corpus."""
    file = paths.model(name)
    return find(str(name)) is None and (file.is_dir() or file.suffix == ".npz")


def show_side_by_side(title: str, names: list[str], results: list[Evaluation]) -> None:
    """Print the metrics of several models on the same file, one column per model."""
    table, summaries = Table("", *names, title=title), [result.summary() for result in results]
    for metric in summaries[0]:
        table.add_row(metric, *(summary[metric] for summary in summaries))
    f1 = [{row["tag"]: row["f1"] for row in result.per_tag()} for result in results]
    for tag in results[0].tags:
        table.add_row(f"F1 of {tag}", *(f"{by_tag[tag]:.2%}" for by_tag in f1))
    console.print(table)
