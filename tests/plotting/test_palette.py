"""Colours of numbers: their sign and size can be seen, and text on them can be read."""

import numpy as np
import pytest

from lxmls_rnn.plotting.palette import HIGHLIGHT, TAGS, colour_of, ink, shade, shades
from lxmls_rnn.readers.tags import UPOS_TAGS, read_tag_map


def test_positive_numbers_are_blue_negative_ones_orange_zero_is_white_and_no_number_grey():
    red, green, blue = shades([1.0, -1.0, 0.0, np.nan, np.inf], 1.0).astype(int).T
    assert blue[0] > green[0] > red[0]
    assert blue[1] < green[1] < red[1]
    assert (red[2], green[2], blue[2]) == (255, 255, 255)
    for n in (3, 4):
        assert red[n] == green[n] == blue[n] < 200


@pytest.mark.parametrize("sign", [1, -1])
def test_the_colour_is_as_strong_as_the_number_up_to_the_largest(sign):
    weak, half, full, more = 255 - shades(sign * np.array([0.5, 1.0, 2.0, 5.0]), 2.0).astype(int)
    assert np.abs(2 * half - full).max() <= 1
    assert np.abs(4 * weak - full).max() <= 3
    assert np.array_equal(full, more)


def test_without_a_largest_number_all_is_white_and_a_shade_is_a_colour_of_a_style_sheet():
    assert np.all(shades(np.zeros((2, 3)), 0.0) == 255)
    assert shades(np.zeros((2, 3)), 0.0).shape == (2, 3, 3)
    assert shade(0.0, 1.0) == "#ffffff"
    assert bytes.fromhex(shade(0.7, 1.0)[1:]) == shades(0.7, 1.0).tobytes()


def luminance(colour):
    colour = colour if len(colour) == 7 else "#" + "".join(2 * digit for digit in colour[1:])
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(a, b):
    light, dark = sorted((luminance(a), luminance(b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_numbers_can_be_read_on_every_shade_and_names_on_every_tag():
    for value in np.linspace(-3, 3, 601):
        assert contrast(shade(value, 3), ink(value, 3)) >= 4.5
    assert all(contrast(colour, "#111") >= 7 for colour in TAGS.values())
    assert contrast(HIGHLIGHT, "#fff") >= 3
    assert ink(0.0, 0.0) == "#000"


def test_a_tag_has_its_colour_by_its_name_alone():
    universal = read_tag_map().values()
    for tag_set in (universal, UPOS_TAGS):
        assert len({colour_of(tag) for tag in tag_set}) == len(set(tag_set))
    assert colour_of("VERB") == colour_of("verb") != colour_of("noun")
    assert colour_of("PUNCT") == colour_of(".")
    assert colour_of("NNS") == colour_of("nns") in TAGS.values()  # the same in every process
    assert len({colour_of(f"XPOS{n}") for n in range(1000)}) == len(TAGS)
