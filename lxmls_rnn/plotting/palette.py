"""Colours of the lab and of the plots that are written to files: of lines, of tags, of numbers."""

import numpy as np
from numpy.typing import ArrayLike

# Okabe and Ito's, which people of any colour vision tell apart; of a brightness that is seen on white and on black
LINES = ("#0d8bd9", "#e06c00", "#00a37a", "#d264a8", "#b58900", "#8a7fe8", "#c9403a", "#808080")
# Kelly's and Okabe and Ito's colours, lightened: dark text is readable on each
TAGS = (
    "#9ecae1", "#fdd0a2", "#a1d99b", "#dadaeb", "#fcbba1", "#c7e9c0",
    "#fee391", "#d9d9d9", "#bcbddc", "#fa9fb5", "#c6dbef", "#e5c494",
)  # fmt: skip
NEUTRAL, RIGHT, WRONG = "#9ecae1", "#a1d99b", "#fcae91"
HIGHLIGHT = "#d62728"  # the frame around what is meant
POSITIVE, NEGATIVE, NO_NUMBER = (31, 119, 180), (230, 120, 20), (153, 153, 153)


def colour_of(number: int) -> str:
    """Return the background colour of the tag with an id."""
    return TAGS[number % len(TAGS)]


def shades(values: ArrayLike, largest: float) -> np.ndarray:
    """Return colours, uint8 (..., 3): white for 0, blue towards +largest, orange towards -largest, else grey."""
    numbers = np.asarray(values, "float64")[..., None]
    strength = np.minimum(1.0, np.abs(numbers) / largest) if largest else np.zeros_like(numbers)
    shaded = 255 + (np.where(numbers >= 0, POSITIVE, NEGATIVE) - 255.0) * strength
    return np.round(np.where(np.isfinite(numbers), shaded, NO_NUMBER)).astype(np.uint8)


def shade(value: float, largest: float) -> str:
    """Return one of the `shades` as a style sheet has it."""
    return f"#{shades(value, largest).tobytes().hex()}"


def ink(value: float, largest: float) -> str:
    """Return the colour of text on a shade: dark text is readable on every orange, white on the strongest blue only."""
    return "#fff" if largest and value > 0.94 * largest else "#111"
