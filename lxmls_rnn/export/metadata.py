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

HEADER, SETTINGS, SOURCE = "lxmls_rnn", "settings", "source"


def texts(header: Mapping[str, Any], settings: Mapping[str, Any] | None, source: str) -> dict[str, str]:
    """Return the texts by name."""
    own = {name: value for name, value in header.items() if name not in (SETTINGS, SOURCE)}  # of an imported model
    found = {HEADER: json.dumps(own, ensure_ascii=False), SOURCE: source}
    return found if settings is None else {**found, SETTINGS: json.dumps(settings, ensure_ascii=False)}


def header(path: Path, found: Mapping[str, str]) -> dict[str, Any]:
    """Return the header of the model file, with settings and source as further fields; ValueError if it is damaged."""
    if HEADER not in found:
        raise ValueError(f"its metadata lack '{HEADER}', the header that `lxmls-rnn export` writes")
    encoded = {name: found[name].encode() for name in (HEADER, SETTINGS, SOURCE) if name in found}
    model_file.check_header_size(path, sum(map(len, encoded.values())))
    kept: dict[str, Any] = {SOURCE: found[SOURCE]} if SOURCE in found else {}
    if SETTINGS in found:
        kept[SETTINGS] = model_file.parse_object(encoded[SETTINGS], SETTINGS)
    return {**model_file.parse_header(encoded[HEADER]), **kept}
