"""The texts in an exported file beside the parameters, which `lxmls-rnn import` reads.

`lxmls_rnn` is the header of the model file as JSON (sizes, options, words, tags), `settings` the settings of the run as
JSON, if there is one, and `source` the source and licence of the data.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lxmls_rnn.deep_learning import model_file

HEADER_KEY, SETTINGS_KEY, SOURCE_KEY = "lxmls_rnn", "settings", "source"


def texts(header: Mapping[str, Any], settings: Mapping[str, Any] | None, source: str) -> dict[str, str]:
    """Return the texts by name; the header of an imported model is written without the settings and source in it."""
    own = {name: value for name, value in header.items() if name not in (SETTINGS_KEY, SOURCE_KEY)}
    found = {HEADER_KEY: json.dumps(own, ensure_ascii=False), SOURCE_KEY: source}
    return found if settings is None else {**found, SETTINGS_KEY: json.dumps(settings, ensure_ascii=False)}


def header(path: Path, found: Mapping[str, str]) -> dict[str, Any]:
    """Return the header of the model file, with settings and source as further fields; ValueError if it is damaged."""
    if HEADER_KEY not in found:
        raise ValueError(f"its metadata lack '{HEADER_KEY}', the header that `lxmls-rnn export` writes")
    encoded = {name: found[name].encode() for name in (HEADER_KEY, SETTINGS_KEY, SOURCE_KEY) if name in found}
    model_file.check_header_size(path, sum(map(len, encoded.values())))
    kept: dict[str, Any] = {SOURCE_KEY: found[SOURCE_KEY]} if SOURCE_KEY in found else {}
    if SETTINGS_KEY in found:
        kept[SETTINGS_KEY] = model_file.parse_object(encoded[SETTINGS_KEY], SETTINGS_KEY)
    return {**model_file.parse_header(encoded[HEADER_KEY]), **kept}
