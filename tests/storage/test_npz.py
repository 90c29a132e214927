"""Files of arrays of unknown origin: what NumPy may write is read, what may be an attack or a mistake is named."""

import io
import zipfile

import numpy as np
import pytest

from lxmls_rnn.storage import npz


def archive(*entries, version=None):
    """Open a file that holds (name, array) in this order, in a version of the format .npy."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as written:
        for name, array in entries:
            content = io.BytesIO()
            np.lib.format.write_array(content, array, version)
            written.writestr(f"{name}.npy", content.getvalue())
    return npz.Archive(file)


A = np.arange(6.0).reshape(2, 3)


@pytest.mark.parametrize("version", [(1, 0), (2, 0)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_are_read_as_they_were_written(version, order):
    opened = archive(("a", np.asarray(A, order=order)), ("b", np.float32([7])), version=version)
    assert opened.names == ["a", "b"]
    assert (opened.shape("a"), opened.shape("b")) == ((2, 3), (1,))
    assert np.array_equal(opened.read("a"), A)
    assert opened.read("a").flags.f_contiguous == (order == "F")
    assert opened.read("b").dtype == "float32"


def test_a_damaged_length_of_a_name_makes_no_long_message():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as written:
        written.writestr("a.npy", bytes(5000))
    content = bytearray(file.getvalue())
    content[26:28] = (4000).to_bytes(2, "little")  # of the name in the header of the entry
    with pytest.raises(ValueError, match=r"^File name in directory 'a.npy' and header") as refused:
        npz.Archive(io.BytesIO(content)).shape("a")
    assert len(str(refused.value)) <= 200


def test_a_later_version_of_the_format_is_named():
    opened = archive(("a", A), version=(3, 0))
    with pytest.raises(ValueError, match=r"^'a' has version 3 of the .npy format, expected 1 or 2"):
        opened.shape("a")


def test_so_many_entries_and_each_once():
    names = "abcdefghijk"
    assert archive(*((name, A) for name in names[:10])).names == list(names[:10])
    with pytest.raises(ValueError, match=r"distinct names, got 11: "):
        archive(*((name, A) for name in names))
    twice = r"distinct names, got 2: .'a', 'a'"
    with pytest.warns(UserWarning, match="Duplicate name"), pytest.raises(ValueError, match=twice):
        archive(("a", A), ("a", A))


@pytest.mark.parametrize("dtype", ["int64", "complex64", "longdouble", "bool", "U3"])
def test_what_is_no_number_of_a_model_is_refused(dtype):
    with pytest.raises(ValueError, match=r"^'a' holds .*, expected numbers$"):
        archive(("a", np.zeros(3, dtype))).shape("a")


def test_other_kinds_are_those_asked_for():
    opened = archive(("bytes", np.zeros(3, "u1")), ("wide", np.zeros(3, "u2")))
    assert opened.shape("bytes", kinds="u", largest=1) == (3,)
    with pytest.raises(ValueError, match=r"^'wide' holds uint16, expected numbers$"):
        opened.shape("wide", kinds="u", largest=1)
    with pytest.raises(ValueError, match=r"^'bytes' holds uint8, expected numbers$"):
        opened.shape("bytes")
