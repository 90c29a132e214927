"""The command `lxmls-rnn export`, which takes a model to other programs."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from lxmls_rnn import paths
from lxmls_rnn.cli.console import console
from lxmls_rnn.storage.files import write_output


def export(
    model: Annotated[Path, typer.Argument(help="A run, its folder, or a model file.")],
    to: Annotated[Literal["html", "torch", "safetensors"], typer.Option("--to", help="Format of the file.")],
    output: Annotated[
        Path | None, typer.Option(show_default="work/NAME.FORMAT, or LXMLS_WORK", help="The file to write.")
    ] = None,
) -> None:
    """Write a model to a file for other programs, with the licence of the data that it was trained on.

    - `html`: a page that tags sentences in a browser, without a network.
    - `torch`: a state_dict for PyTorch's nn.RNN (tanh, relu) or nn.LSTM (no peepholes), without pickle.
    - `safetensors`: the parameters of any model with the lab's names.

    An existing file is replaced.

    Example: `lxmls-rnn export runs/first --to html`
    """
    from lxmls_rnn.export import files

    source = paths.model(model)
    if output and output.resolve() in (source.resolve(), (source / "model.npz").resolve()):
        raise ValueError(f"--output must be another file than the model, got {output}")
    exported = files.export(source, to)
    output = (output or paths.work() / exported.name).absolute()
    write_output(output, lambda file: file.write(exported.content))
    first, *_ = exported.source.splitlines()
    console.say(f"{output}: {len(exported.content):,} bytes. {first}")
