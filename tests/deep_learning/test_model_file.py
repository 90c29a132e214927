"""Models on disk: every class, another class of the same family, damaged files refused."""

import io
import json
import struct
import zipfile

import numpy as np
import pytest

from lxmls_rnn import memory
from lxmls_rnn.deep_learning import model_file, models
from lxmls_rnn.deep_learning import rnn as rnns
from lxmls_rnn.storage import records

SIZES = 30, 6, 5, 4
X = [3, 1, 4, 1]


@pytest.fixture
def saved(tmp_path):
    model = rnns.NumpyRNN(*SIZES, seed=0, activation="tanh")
    words = [f"w{n}" for n in range(29)] + ["São"]
    model_file.save(tmp_path / "model.npz", model, words=words, tags=list("abcd"), note="mine")
    return tmp_path / "model.npz", model


@pytest.mark.parametrize(
    ("name", "options"),
    [
        *((name, {}) for name in models.MODELS),
        *((name, {"peepholes": False}) for name in models.MODELS if "LSTM" in name),
    ],
)
def test_every_class_comes_back_bit_for_bit(name, options, tmp_path):
    model = models.model_class(name)(*SIZES, seed=0, **options)
    model_file.save(tmp_path / "m.npz", model)
    loaded, header = model_file.load(tmp_path / "m.npz")
    assert type(loaded) is type(model)
    assert loaded.options == model.options == {key: header[key] for key in model.options}
    for a, b in zip(loaded.get_values().values(), model.get_values().values(), strict=True):
        assert a.tobytes() == b.tobytes()
        assert a.flags.f_contiguous == b.flags.f_contiguous


def test_the_header_says_what_the_file_holds(saved):
    header = model_file.load(saved[0]).header
    assert header["class"] == "NumpyRNN"
    assert header["sizes"] == {"n_words": 30, "n_emb": 6, "n_hidd": 5, "n_tags": 4}
    assert header["activation"] == "tanh"
    assert header["words"][29] == "São"
    assert header["tags"] == ["a", "b", "c", "d"]
    assert header["note"] == "mine"


def test_a_file_can_become_another_class_of_its_family(saved):
    path, model = saved
    scan = model_file.load(path, rnns.RNN).model
    assert scan.activation == "tanh"
    assert np.allclose(scan.forward(X), model.forward(X), rtol=1e-10)


def test_parameters_may_be_larger_than_the_usual_limit_of_zip(tmp_path, monkeypatch):
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 1000)  # of bytes; really 2^31
    model = rnns.NumpyRNN(*SIZES, seed=0)
    assert model.param.W_e.nbytes > 1000
    model_file.save(tmp_path / "m.npz", model)
    assert np.array_equal(model_file.load(tmp_path / "m.npz").model.param.W_e, model.param.W_e)


def test_a_file_of_another_family_is_refused(saved):
    with pytest.raises(ValueError, match="it holds the parameters W_e, W_x, W_h, W_y, expected W_e, W_x, W_h, W_c"):
        model_file.load(saved[0], rnns.NumpyLSTM)


@pytest.mark.parametrize(("holds", "says"), [(True, False), (False, True)])
def test_a_file_with_other_parameters_than_its_header_says_is_refused(tmp_path, monkeypatch, holds, says):
    model = rnns.NumpyLSTM(*SIZES, seed=0, peepholes=holds)
    monkeypatch.setattr(type(model), "options", {"activation": "tanh", "dtype": "float64", "peepholes": says})
    model_file.save(tmp_path / "m.npz", model)
    with pytest.raises(ValueError, match=r"m.npz cannot be loaded: it holds the parameters W_e, W_x, W_h, W_"):
        model_file.load(tmp_path / "m.npz")


def test_a_foreign_or_truncated_file_is_refused(saved):
    for content in (b"", b"hello", saved[0].read_bytes()[:-100]):
        saved[0].write_bytes(content)
        with pytest.raises(ValueError, match="is not a whole model file"):
            model_file.load(saved[0])


@pytest.mark.parametrize(
    ("arrays", "why"),
    [
        ({"a": np.ones(3)}, "the entry 'header' is missing"),
        ({"header": np.zeros(9, "u2")}, "'header' holds uint16"),
        ({"header": np.zeros(9, "u1")}, "header: "),
        ({"header": np.array([{"a": 1}], dtype=object)}, ""),  # a pickle, which is not opened
    ],
)
def test_a_foreign_npz_is_refused(tmp_path, arrays, why):
    np.savez(tmp_path / "f.npz", **arrays)
    with pytest.raises(ValueError, match=f"is not a whole model file of this library: {why}"):
        model_file.load(tmp_path / "f.npz")


def test_a_header_may_be_as_large_as_the_error_says(saved, monkeypatch):
    with np.load(saved[0]) as arrays:
        header = arrays["header"].tobytes()
    for module, name, number in (
        (model_file, "MAX_HEADER_BYTES", len(header)),
        (records, "MAX_VALUES", header.count(b"[") + header.count(b"{")),
    ):
        with monkeypatch.context() as patched:
            patched.setattr(module, name, number)
            model_file.read_header(saved[0])
            patched.setattr(module, name, number - 1)
            with pytest.raises(ValueError, match=f"its header has .*(at most|more than) {number - 1:,}"):
                model_file.read_header(saved[0])


def rewrite(path, change):
    with np.load(path) as archive:
        contents = {name: archive[name] for name in archive.files}
    header = json.loads(contents["header"].tobytes())
    change(header, contents)
    contents["header"] = np.frombuffer(json.dumps(header).encode(), np.uint8)
    np.savez(path, **contents)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dtype": "int8"}, "dtype must be one of float64, float32, got 'int8'"),
        ({"version": None}, "cannot be loaded: its format is 'lxmls-rnn model', version None, expected .*, version 1"),
        ({"tags": ["a", "a", "b", "c"]}, "4 names, 3 of them different"),
        ({"sizes": {"n_words": 30}}, "cannot be loaded"),
        ({"sizes": {"n_words": 30, "n_emb": 0, "n_hidd": 5, "n_tags": 4}}, "sizes.n_emb: should be .* 1.*got 0"),
        ({"format": "of another"}, "cannot be loaded: its format is 'of another'"),
        (
            {"sizes": {"n_words": 30, "n_emb": 6, "n_hidd": 6, "n_tags": 4}},
            r"W_x has shape \(5, 6\), expected \(6, 6\)",
        ),
        ({"class": "os.system"}, r"its class is 'os\.system'"),
        ({"sizes": {"n_words": "30", "n_emb": 6, "n_hidd": 5, "n_tags": 4}}, r"cannot be loaded: .*sizes\.n_words"),
        ({"words": [[]] * 200_000}, "its header has more than 200,000 brackets"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_wrong_header_is_refused(saved, change, message):
    rewrite(saved[0], lambda header, _: header.update(change))
    with pytest.raises(ValueError, match=f"model.npz .*{message}"):
        model_file.load(saved[0])


def test_parameters_that_are_no_numbers_are_refused(saved):
    rewrite(saved[0], lambda _, contents: contents.update(W_h=np.full((5, 5), np.nan)))
    with pytest.raises(ValueError, match="W_h holds NaN or infinity"):
        model_file.load(saved[0])


def test_any_flipped_byte_gives_a_value_error_or_the_same_model(saved):
    path, model = saved
    data, rng = path.read_bytes(), np.random.RandomState(0)
    for _ in range(300):
        damaged = bytearray(data)
        damaged[rng.randint(len(data))] ^= 1 << rng.randint(8)
        path.write_bytes(damaged)
        try:
            loaded = model_file.load(path).model
        except ValueError:
            continue
        assert np.array_equal(loaded.forward(X), model.forward(X))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no model file .*nowhere\.npz"):
        model_file.load(tmp_path / "nowhere.npz")


def test_names_must_be_as_many_as_the_sizes_say(tmp_path):
    with pytest.raises(ValueError, match="tags must name all 4 tags of the model, each once: got 1"):
        model_file.save(tmp_path / "m.npz", rnns.NumpyRNN(*SIZES), tags=["noun"])
    with pytest.raises(ValueError, match="words must name all 30 words of the model, each once: got 30 names, 1 of"):
        model_file.save(tmp_path / "m.npz", rnns.NumpyRNN(*SIZES), words=["the"] * 30)
    assert list(tmp_path.iterdir()) == []


def npy_claiming(shape):
    """Bytes of an .npy that claims a shape, and has no numbers."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "<f8", "fortran_order": False, "shape": shape})
    return file.getvalue()


def with_entry(path, name, content, compression=zipfile.ZIP_STORED):
    """Replace an entry of a model file."""
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", compression) as archive:
        for entry, bytes_of_it in {**entries, name: content}.items():
            archive.writestr(entry, bytes_of_it)


LONG = b"{'descr': '<f8', 'fortran_order': False, 'shape': (5, 6)}" + b" " * 20_000


@pytest.mark.parametrize(
    ("content", "compression", "message"),
    [
        (
            npy_claiming((5, 10**9)),
            zipfile.ZIP_STORED,
            r"'W_x' has shape \(5, 1000000000\), which takes 40,000,000,000 bytes, but there are 0",
        ),
        (bytes(10**7), zipfile.ZIP_DEFLATED, "is compressed, expected uncompressed numbers"),
        (
            b"\x93NUMPY\x02\x00" + (3 * 10**9).to_bytes(4, "little") + bytes(2000),
            zipfile.ZIP_STORED,
            r"model.npz .*'W_x' has a header of 3,000,000,000 bytes, expected at most 1,000",
        ),
        # NumPy would advise to allow pickles
        (b"\x93NUMPY\x01\x00" + len(LONG).to_bytes(2, "little") + LONG, zipfile.ZIP_STORED, "has a header of 20,0"),
    ],
    ids=["claims gigabytes", "unpacks to gigabytes", "long header", "header too long for NumPy"],
)
def test_a_small_file_that_would_take_much_memory_is_refused(saved, content, compression, message):
    with_entry(saved[0], "W_x.npy", content, compression)
    with pytest.raises(ValueError, match=message) as error:
        model_file.load(saved[0])
    assert "allow_pickle" not in str(error.value)


def test_a_long_list_of_entries_is_not_read(saved):
    whole = saved[0].read_bytes()
    at = whole.rindex(b"PK\x05\x06")  # the record that says where the list is: its length, its place
    with saved[0].open("wb") as file:
        file.truncate(5 * 10**9)  # takes no place on the disk
        file.seek(5 * 10**9 - 22)
        file.write(whole[at : at + 12] + (4 * 10**9).to_bytes(4, "little") + bytes(4) + bytes(2))
    said = "list of entries has 4,000,000,000 bytes, expected at most 1,048,576"
    with pytest.raises(ValueError, match=f"{said}|it is not an .npz file"):  # the second from Python 3.14 on
        model_file.load(saved[0])


def patched(path, magic, offset, *numbers):
    """Write 32-bit numbers at an offset from where a magic string is first."""
    data = bytearray(path.read_bytes())
    at = data.index(magic) + offset
    data[at : at + 4 * len(numbers)] = struct.pack(f"<{len(numbers)}L", *numbers)
    path.write_bytes(data)


def test_an_entry_before_the_file_begins_is_damage_and_not_an_invalid_argument(saved):
    place = saved[0].read_bytes().index(b"PK\x01\x02")
    patched(saved[0], b"PK\x05\x06", 16, place + 10)  # where the list of entries is to begin
    with pytest.raises(ValueError, match=r"model.npz is not a whole model file .*: its list of entries is damaged"):
        model_file.load(saved[0])


def test_an_entry_that_is_larger_than_the_file_is_refused(saved):
    patched(saved[0], b"PK\x01\x02", 20, 50_000_000, 50_000_000)  # its size in the file, and unpacked
    with pytest.raises(ValueError, match=r"'header.npy', 50,000,000 bytes, does not fit a file of \d,\d+ bytes"):
        model_file.load(saved[0])


def test_a_header_is_read_without_the_parameters(saved):
    assert model_file.read_header(saved[0])["class"] == type(saved[1]).__name__
    with pytest.raises(FileNotFoundError, match="no model file"):
        model_file.read_header(saved[0].with_name("nowhere"))


def test_a_model_that_does_not_fit_into_memory_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    path = tmp_path / "m.npz"
    model_file.save(path, rnns.NumpyRNN(200_000, 60, 5, 4, seed=0))
    monkeypatch.setattr(memory, "free", lambda: 10**8)
    with pytest.raises(MemoryError, match=r"the model in .*m\.npz needs about 288 MB, and 66 MB are free here"):
        model_file.load(path)


def test_a_model_that_could_not_be_read_again_is_not_saved(tmp_path):
    model = rnns.NumpyRNN(*SIZES, seed=0)
    model.param.W_h[0, 0] = np.nan
    with pytest.raises(FloatingPointError, match="W_h holds NaN or infinity: the model has diverged"):
        model_file.save(tmp_path / "m.npz", model)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("name", "model_class"), [("FastLSTM", rnns.NumpyLSTM), ("TorchRNN", rnns.NumpyRNN)])
def test_a_model_of_any_framework_is_read_as_the_numpy_model_of_its_family(tmp_path, name, model_class):
    model = model_class(*SIZES, seed=0)
    model_file.save(tmp_path / "a.npz", model)
    header = model_file.read_header(tmp_path / "a.npz")
    for written in (name, "Other"):
        model_file.write(tmp_path / f"{written}.npz", {**header, "class": written}, model.get_values())
    read, found = model_file.load_in_numpy(tmp_path / f"{name}.npz")
    assert (type(read), found["class"]) == (model_class, name)
    with pytest.raises(ValueError, match="its class is 'Other', expected one of NumpyRNN"):
        model_file.load_in_numpy(tmp_path / "Other.npz")
