"""Options of the command line that are made from the descriptions of the settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import wraps
from inspect import Parameter, signature
from pathlib import Path
from typing import Annotated, Any

import typer

from lxmls_rnn.datasets.corpora import corpus_files
from lxmls_rnn.experiment import GUIDE, SETTINGS, Settings
from lxmls_rnn.settings import Setting

DEFAULTS = {"corpus": "sample"}  # of settings that have none

GUIDE_HELP = "The lab guide's settings: --init uniform01 --vocabulary guide, unless you give these too."
Guide = Annotated[bool, typer.Option("--guide", help=GUIDE_HELP)]


def with_settings(known: Mapping[str, Setting], *names: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Replace the `**settings` of a command by an option for each setting, or for those of these names.

    A setting of several values takes them separated by commas; if there is a choice, also in several options.
    """
    settings = {name: known[name] for name in names or known}

    def replaced(command: Callable[..., None]) -> Callable[..., None]:
        @wraps(command)
        def called(**values: Any) -> None:
            for name, setting in settings.items():
                if setting.several:
                    text = values[name] if isinstance(values[name], str) else ",".join(values[name] or ())
                    values[name] = replace(setting, may_be_none=False).parse(text) if text else None
            command(**values)

        parameters = dict(signature(command, eval_str=True).parameters)
        del parameters["settings"]
        first = [parameters.pop("context")] if "context" in parameters else []
        both = [*first, *map(_parameter, settings.values()), *parameters.values()]
        keyword_only = [parameter.replace(kind=Parameter.KEYWORD_ONLY) for parameter in both]
        called.__signature__ = signature(command).replace(parameters=keyword_only, return_annotation=None)  # type: ignore[attr-defined]
        return called

    return replaced


def _parameter(setting: Setting) -> Parameter:
    """Return the option of a setting, as a parameter of a command."""
    kind: Any = Path if setting.is_file and not setting.choices else setting.kind
    if setting.several:
        kind = list[str] if setting.choices else str
    name = setting.name.replace("_", "-")
    info: Any = typer.Argument(help=setting.sentence)
    if setting.default is not ...:
        flags = [f"--{name}", f"--{name}/--no-{name}"][setting.default :][:1] if kind is bool else []
        info = typer.Option(*flags, help=setting.sentence, show_default=setting.none or True)
    kind = kind | None if setting.may_be_none else kind
    default = DEFAULTS.get(setting.name, setting.default)
    return Parameter(setting.name, Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, info])


def given(context: typer.Context) -> list[str]:
    """Return the names of the parameters that the user has given on the command line."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    return [name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"]


def refuse_settings(context: typer.Context, allowed: set[str]) -> None:
    """Raise ValueError if the command line has an option other than `own`, the ones allowed with --resume."""
    for name in given(context):
        if name not in allowed:
            option = name.replace("_", "-")
            raise ValueError(f"a resumed training keeps its settings: {option} cannot be given with --resume")


def guides(context: typer.Context) -> dict[str, Any]:
    """Return the settings for which --guide stands, but for those that the command line has."""
    return {name: value for name, value in GUIDE.items() if name not in given(context)}


def make_settings(values: Mapping[str, Any]) -> Settings:
    """Make settings from the values of options; FileNotFoundError without the corpus, ValueError for a wrong value."""
    if not Path(values["corpus"]).is_file():
        corpus_files(values["corpus"])
    options = {name: str(value) if isinstance(value, Path) else value for name, value in values.items()}
    options = {name: SETTINGS[name].absolute(value) for name, value in options.items()}
    return Settings(options["corpus"]).changed(**options)
