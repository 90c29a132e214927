"""Colours of lines, tags and numbers, for the lab's panels and for plots written to files."""

from zlib import crc32

import numpy as np
from numpy.typing import ArrayLike

# based on Okabe and Ito's colours for people with any colour vision; visible on white and on black
LINES = ("#0d8bd9", "#e06c00", "#00a37a", "#d264a8", "#b58900", "#8a7fe8", "#c9403a", "#808080")
GREY, LIGHT_GREY = "#999999", "#bbbbbb"  # of lines and points that share no colour with another plot
# of the universal tags and those of UD: Kelly's and Okabe and Ito's, lightened, so that dark text is readable on each
TAGS = {
    "noun": "#9ecae1", "verb": "#fdd0a2", "det": "#a1d99b", "adv": "#dadaeb", ".": "#fcbba1", "pron": "#c7e9c0",
    "adj": "#fee391", "prt": "#d9d9d9", "adp": "#bcbddc", "x": "#fa9fb5", "num": "#c6dbef", "conj": "#e5c494",
    "propn": "#80deea", "aux": "#ffb74d", "intj": "#d4e157", "sconj": "#66c2a5", "sym": "#e6a8f0",
}  # fmt: skip
SAME_TAGS = {"punct": ".", "part": "prt", "cconj": "conj"}  # UD's names of universal tags
NEUTRAL_COLOUR, CORRECT_COLOUR, WRONG_COLOUR = "#9ecae1", "#a1d99b", "#fcae91"
HIGHLIGHT = "#d62728"  # the frame around the selected word or point
POSITIVE, NEGATIVE, NO_NUMBER = (31, 119, 180), (230, 120, 20), (153, 153, 153)


def colour_of(tag: str) -> str:
    """Return the background colour of a tag, the same in every corpus; tags outside `TAGS` share its colours."""
    name = tag.lower()
    other = list(TAGS.values())[crc32(name.encode(errors="replace")) % len(TAGS)]
    return TAGS.get(SAME_TAGS.get(name, name), other)


def shades(values: ArrayLike, largest: float) -> np.ndarray:
    """Return RGB colours, uint8 (..., 3): white for 0, blue up to +largest, orange down to -largest, grey for NaN."""
    numbers = np.asarray(values, "float64")[..., None]
    strength = np.minimum(1.0, np.abs(numbers) / largest) if largest else np.zeros_like(numbers)
    shaded = 255 + (np.where(numbers >= 0, POSITIVE, NEGATIVE) - 255.0) * strength
    return np.round(np.where(np.isfinite(numbers), shaded, NO_NUMBER)).astype(np.uint8)


def shade(value: float, largest: float) -> str:
    """Return the colour of one number, see `shades`, in CSS notation such as "#ffffff"."""
    return f"#{shades(value, largest).tobytes().hex()}"


def ink(value: float, largest: float) -> str:
    """Return the CSS colour of text on a `shade`: white on the strongest blue, else black.

    The contrast is then at least 4.5, as WCAG 2 demands; with a dark grey instead of black it could not be.
    """
    return "#fff" if largest and value > 0.97 * largest else "#000"
