"""The commands `lxmls-rnn export` and `lxmls-rnn import`, which take a model to other programs and back."""

import errno
from pathlib import Path
from typing import Annotated, Literal

import typer

from lxmls_rnn import paths
from lxmls_rnn.cli.console import console
from lxmls_rnn.deep_learning import model_file
from lxmls_rnn.storage.files import write_atomically


def export(
    model: Annotated[Path, typer.Argument(help="A run, its folder, or a model file.")],
    to: Annotated[Literal["html", "safetensors"], typer.Option("--to", help="Format of the file.")],
    output: Annotated[
        Path | None, typer.Option(show_default="results/NAME.html, or LXMLS_RESULTS", help="The file to write.")
    ] = None,
) -> None:
    """Write a model to a file for other programs, with the licence of the data that it was trained on.

    The page of `--to html` tags sentences in a browser, without a network. `lxmls-rnn import` reads what
    `--to safetensors` writes. An existing file is replaced.

    Example: `lxmls-rnn export runs/first --to html`
    """
    from lxmls_rnn.export import html, source, tensors
    from lxmls_rnn.tagger import Tagger

    path = paths.model(model)
    path = path / "model.npz" if path.is_dir() else path
    name = path.absolute().parent.name if path.name == "model.npz" else path.stem
    output = output or paths.results() / f"{name}.{to}"
    settings = source.settings_of(path)
    data = source.describe(settings)
    if to == "html":
        tagger = Tagger.load(path, model_file.numpy_class_of(model_file.read_header(path)))
        write_atomically(output, html.page(tagger, name, data))
    else:
        tensors.write(output, model_file.load_in_numpy(path), settings, data)
    console.print(f"{output}: {output.stat().st_size:,} bytes. {data.splitlines()[0]}", soft_wrap=True)


def import_(
    file: Annotated[Path, typer.Argument(help="A file that `lxmls-rnn export --to safetensors` wrote.")],
    output: Annotated[Path | None, typer.Option(show_default="FILE.npz", help="The file to write.")] = None,
) -> None:
    """Write the model in a safetensors file to a model file, which `tag` and `evaluate` take.

    Example: `lxmls-rnn import results/first.safetensors`
    """
    from lxmls_rnn.export import tensors

    output = output or file.with_suffix(".npz")
    if output.exists():
        raise FileExistsError(errno.EEXIST, "already exists: name another file with --output", str(output))
    model, header = tensors.read(file)
    model_file.write(output, header, model.get_values())
    console.print(f"{output}: {output.stat().st_size:,} bytes. Tag with `lxmls-rnn tag {output} ...`.", soft_wrap=True)
