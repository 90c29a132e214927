"""Pictures of a matrix, decoded again."""

import base64
import io
import re

import numpy as np
import pytest
from matplotlib.image import imread

from lab.drawing.palette import shades
from lab.drawing.pictures import SEEN, histogram, picture


def decoded(shown):
    """Return the pixels, uint8 (rows, columns, 3), and the size in the page."""
    data = re.search('base64,([^"]*)', shown)[1]
    width, height = re.search(r'width="(\d+)" height="(\d+)"', shown).groups()
    pixels = imread(io.BytesIO(base64.b64decode(data)), format="png")
    return np.round(255 * pixels[..., :3]).astype(np.uint8), (int(width), int(height))


def test_a_picture_has_a_square_for_each_number():
    values = np.array([[1.0, -4.0, 0.0], [2.0, 0.5, 4.0]])
    shown = picture(values, "<W_x>")
    pixels, size = decoded(shown)
    assert np.array_equal(pixels, shades(values, 4.0))
    assert size[0] * 2 == size[1] * 3
    assert 'alt="&lt;W_x&gt;"' in shown


def test_a_matrix_of_zeros_is_white():
    assert np.all(decoded(picture(np.zeros((2, 2)), "zeros"))[0] == 255)


@pytest.mark.parametrize("shape", [(1, 1), (50, 3), (3, 50), (90, 90), (400, 2), (2, 400)])
def test_a_picture_is_seen_but_takes_no_more_room_than_there_is(shape):
    (width, height) = decoded(picture(np.ones(shape), "ones"))[1]
    rows, columns = (min(SEEN, n) for n in shape)
    assert width % columns == height % rows == 0
    assert 10 >= width // columns == height // rows >= 1  # pixels for a number
    assert width <= 200
    assert height <= max(100, rows)


def test_a_histogram_has_bars_as_high_as_values_are_frequent():
    shown = histogram(np.array([0.0] * 4 + [0.5] * 2 + [1.0]), bins=4)
    bars = np.array(re.findall(r'x="(.*?)" y="(.*?)" width="(.*?)" height="(.*?)"', shown), float)
    x, y, width, height = bars.T
    assert height.tolist() == pytest.approx([height[0], 0, height[0] / 2, height[0] / 4])
    total = [float(size) for size in re.findall(r'<svg role="img" width="(\d+)" height="(\d+)"', shown)[0]]
    assert np.all(y + height == total[1])  # on one line, at the bottom
    assert np.all(y >= 0)
    assert np.all(x[:-1] + width[:-1] < x[1:])
    assert x[-1] + width[-1] < total[0] <= x[-1] + 2 * width[-1]
    assert "histogram from 0 to 1" in shown
