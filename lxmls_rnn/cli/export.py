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
    to: Annotated[Literal["html", "torch", "safetensors", "onnx"], typer.Option("--to", help="Format of the file.")],
    output: Annotated[
        Path | None, typer.Option(show_default="results/NAME.FORMAT, or LXMLS_RESULTS", help="The file to write.")
    ] = None,
) -> None:
    """Write a model to a file for other programs, with the licence of the data that it was trained on.

    - `html`: a page that tags sentences in a browser, without a network.
    - `torch`: a state_dict for PyTorch's nn.RNN (tanh, relu) or nn.LSTM (no peepholes), without pickle.
    - `onnx`: any model for ONNX Runtime and other programs.
    - `safetensors`: the parameters of any model with the lab's names.

    `lxmls-rnn import` reads all but `html`. Only `onnx` needs a further package, onnx. An existing file is replaced.

    Example: `lxmls-rnn export runs/first --to html`
    """
    from lxmls_rnn.export import files

    exported = files.export(paths.model(model), to)
    output = output or paths.results() / exported.name
    write_atomically(output, lambda file: file.write(exported.content))
    first, *_ = exported.source.splitlines()
    console.say(f"{output}: {len(exported.content):,} bytes. {first}")


def import_(
    file: Annotated[Path, typer.Argument(help="A file that `lxmls-rnn export` wrote: FILE.safetensors, FILE.onnx.")],
    output: Annotated[Path | None, typer.Option(show_default="FILE.npz", help="The file to write.")] = None,
) -> None:
    """Write the model in a safetensors or ONNX file to a model file, which `tag` and `evaluate` take.

    The model file keeps the settings of the run and the licence of the data, for a further export.

    Example: `lxmls-rnn import results/first.onnx`
    """
    from lxmls_rnn.export import files

    output = output or file.with_suffix(".npz")
    if output.exists():
        raise FileExistsError(errno.EEXIST, "already exists: name another file with --output", str(output))
    model, header = files.read(file)
    model_file.write(output, header, model.get_values())
    console.say(f"{output}: {output.stat().st_size:,} bytes. Tag with `lxmls-rnn tag {output} ...`.")
