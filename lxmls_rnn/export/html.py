"""One HTML file that tags sentences in a browser, without a network: `page.html`, `page.css`, `page.js` and a model.

The data (words, tags, names, licences) are JSON in a script element. Every `<` in it is escaped, so the data cannot end
the element, and the page shows them as text. The page's Content-Security-Policy allows its own script and style, which
it names by their hashes, and nothing else: no network, no other script.
"""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path

import numpy as np

from lxmls_rnn.deep_learning import parameters
from lxmls_rnn.deep_learning.activations import ACTIVATIONS
from lxmls_rnn.plotting import palette
from lxmls_rnn.readers.pos_corpus import UNKNOWN_WORD
from lxmls_rnn.tagger import Tagger

MAX_PARAMETERS = 16_000_000  # the page then has 90 million bytes: slow to open, but it opens


def page(tagger: Tagger, name: str, source: str, sentence: str = "") -> str:
    """Return the page of a tagger as HTML.

    Parameters
    ----------
    tagger
        Any tagger; the page holds its parameters in single precision and computes in double precision.
    name
        Name of the model, for the heading.
    source
        Source and licence of the data that it was trained on.
    sentence
        The sentence that the page opens with.

    Raises
    ------
    ValueError
        There are more than `MAX_PARAMETERS` numbers.
    """
    model = tagger.model
    values = model.get_values()
    if (size := sum(W.size for W in values.values())) > MAX_PARAMETERS:
        raise ValueError(
            f"{name} has {size:,} parameters, a page takes at most {MAX_PARAMETERS:,}: export to safetensors instead"
        )
    data = {
        "name": name,
        "source": source,
        "sentence": sentence,
        "family": "LSTM" if isinstance(model, parameters.LSTMOptions) else "RNN",
        "activation": model.activation,
        "largest": ACTIVATIONS[model.activation].largest,  # possible entry of h
        "sizes": model.sizes._asdict(),
        "words": tagger.words,
        "tags": tagger.tags,
        "unknown_word": UNKNOWN_WORD,
        "n_known_words": tagger.n_known_words,
        "parameters": {key: _encoded(W.T if key == "W_e" else W) for key, W in values.items()},  # a row for each word
        "palette": {
            "tags": [palette.colour_of(tag) for tag in tagger.tags],
            "positive": palette.POSITIVE,
            "negative": palette.NEGATIVE,
            "no_number": palette.NO_NUMBER,
        },
    }
    template, style, script = (
        Path(__file__).with_name(f"page.{suffix}").read_text(encoding="utf-8") for suffix in ("html", "css", "js")
    )
    functions = ", ".join(f"{name}: {f.javascript}" for name, f in ACTIVATIONS.items())
    script = script.replace("/* activations */", functions)
    parts = {"policy": policy(style, script), "style": style, "script": script, "data": embedded(data)}
    for place, text in parts.items():  # the data come last: they may hold the name of a place
        template = template.replace(f"{{{{{place}}}}}", text, 1)
    return template


def policy(style: str, script: str) -> str:
    """Return a Content-Security-Policy that allows this inline style and script, and nothing else."""
    style, script = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (style, script))
    allowed = f"style-src 'sha256-{style}'; script-src 'sha256-{script}'"
    return f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'"


def embedded(data: object) -> str:
    """Return data as JSON in ASCII that cannot end the script element that holds it."""
    text = json.dumps(data, allow_nan=False)  # in ASCII: U+2028 and others are escaped
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _encoded(W: np.ndarray) -> str:
    """Return a matrix as base64 of its numbers, row by row, each a little-endian float32."""
    return base64.b64encode(W.astype("<f4").tobytes("C")).decode()
