"""Hostile inputs of a random generator: JSON, lines of text and models that are changed by their structure.

Each generator also has `bombs`: inputs that are small, or packed, and would take gigabytes.
"""

import gzip
import io
import json
import os
import socket
import struct
import zipfile

SCALARS = [None, True, False, 0, 1, -1, 0.5, 10**30, 2**63, -(2**63) - 1, 1e308, float("nan"), float("inf")]
SCALARS += ["", "x" * 5000, "\0", "a\nb", "NaN", "*", "../..", "\x1b]0;X\a", "\u202e", "\u00e9", "1", "lxmls-rnn model"]
SIZES = [0, 1, 2, 9, 100, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**62, 2**63 - 1, 2**64 - 1]
LARGE = 300_000_000  # bytes that a bomb unpacks to


def text(rng, longest=8):
    return "".join(chr(rng.choice((rng.randrange(128), rng.randrange(0xD800)))) for _ in range(rng.randrange(longest)))


def anything(rng, depth=3):
    """Any JSON."""
    how = rng.randrange(8) if depth else 0
    if how == 6:
        return [anything(rng, depth - 1) for _ in range(rng.randrange(4))]
    if how == 7:
        return {text(rng): anything(rng, depth - 1) for _ in range(rng.randrange(4))}
    return text(rng, 20) if how == 5 else rng.choice(SCALARS)


def places(value, path=()):
    """Yield the path of every value in JSON."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places(inner, (*path, key))


class Json:
    """JSON with some of its values replaced, left out, renamed or buried, or its text cut or broken; after lines."""

    def __init__(self, value, before=""):
        self.text, self.paths, self.before = json.dumps(value), list(places(value)), before.encode()

    def bombs(self):
        many = [values * times for values in (b"[],", b'"",', b"{},", b"0,") for times in (60_000, 3_000_000)]
        whole = self.before + self.text.encode()
        return [bomb for values in many for bomb in self.with_values(whole, values)]

    @staticmethod
    def with_values(whole, values):
        """Give the first list of JSON more values, and its first value another place."""
        return whole.replace(b"[", b"[" + values, 1), whole.replace(b": ", b": [" + values + b'0], "more": ', 1)

    def __call__(self, rng):
        value = json.loads(self.text)
        for _ in range(rng.randint(1, 3)):
            value = self.change(rng, value)
        content = json.dumps(value).encode()
        how = rng.randrange(16)
        if how == 0:
            content = content[: rng.randrange(len(content) + 1)]
        elif how == 1:
            content = content.replace(b"1", b"1" * 5000)
        elif how == 2:
            at = rng.randrange(len(content) + 1)
            content = content[:at] + rng.randbytes(rng.randrange(5)) + content[at:]
        elif how == 3:
            content = rng.choice((b"[", b'{"a":', b"\xff", b" ")) * rng.choice((1, 10_000)) + content
        return self.before + content

    def change(self, rng, value):
        *path, last = rng.choice(self.paths) or [None]
        if last is None:
            return anything(rng) if rng.randrange(10) == 0 else value
        try:
            at = value
            for key in path:
                at = at[key]
            how = rng.randrange(4)
            if how == 0:
                del at[last]
            elif how == 1 and isinstance(at, dict):
                at[text(rng)] = at[last]
            else:
                at[last] = anything(rng)
        except (KeyError, IndexError, TypeError):  # changed before
            pass
        return value


STRANGE = [b"", b"\t", b" ", b"1" * 5000, b"\xff\xfe", b"1\t" + b"a" * 10_000, b"\r", b"\0", b"# x", b"\x1b]0;X\a"]
STRANGE += [b"9" * 4400 + b"\ta\t_\t_\tNN", b"a" * 2_000_000, b"a " * 600_000, "\u202e\u2028".encode()]


class Lines:
    """Lines with some of them replaced, doubled, joined, cut or broken; at times compressed."""

    def __init__(self, content):
        self.lines = content.split(b"\n")

    def bombs(self):
        part = gzip.compress(b"a" * 1_000_000, 1)  # a file of several such parts is one line
        return [part * (LARGE // 1_000_000), b"a" * 3_000_000]

    def __call__(self, rng):
        lines = list(self.lines)
        for _ in range(rng.randint(1, 4)):
            self.change(rng, lines)
        content = b"\n".join(lines)
        how = rng.randrange(20)
        if how < 2:
            content = gzip.compress(content[:10_000], 1)
        if how == 0:
            content = content[: rng.randrange(len(content) + 1)]
        elif how == 1:
            content = damaged(rng, content)
        return content

    def change(self, rng, lines):
        at = rng.randrange(len(lines))
        fields = lines[at].split(b"\t" if b"\t" in lines[at] else b" ")
        how = rng.randrange(5)
        if how == 0:
            lines[at] = self.strange(rng)
        elif how == 1:
            lines.insert(at, self.strange(rng))
        elif how == 2:
            fields[rng.randrange(len(fields))] = self.strange(rng)
            lines[at] = b"\t".join(fields)
        elif how == 3:
            lines[at : at + 2] = [b"".join(lines[at : at + 2])]
        else:
            lines[at] = b"\t".join(fields[: rng.randrange(len(fields) + 1)])

    @staticmethod
    def strange(rng):
        if rng.randrange(2):
            return rng.randbytes(rng.randrange(30))
        return rng.choice(STRANGE if rng.randrange(100) == 0 else STRANGE[:10])


def damaged(rng, content):
    """Bytes with some of them replaced, by numbers that are large or small too, or cut."""
    content = bytearray(content)
    for _ in range(rng.randint(1, 8)):
        at = rng.randrange(len(content) or 1)
        if rng.randrange(3):
            content[at : at + 1] = bytes([rng.randrange(256)])
        else:
            size = rng.choice((2, 4, 8))
            content[at : at + size] = (rng.choice(SIZES) % 256**size).to_bytes(size, "little")
    return bytes(content[: rng.randrange(len(content) + 1)] if rng.randrange(10) == 0 else content)


def npy(content, length=None):
    """Return an array of bytes, in which some of `length` bytes may be missing."""
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({length or len(content)},), }}".encode()
    return b"\x93NUMPY\x01\0" + struct.pack("<H", len(header)) + header + content


def npz(entries, compression=zipfile.ZIP_STORED, large=None):
    """Return an .npz file; zeros follow on the content of the entry `large`."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression, compresslevel=1) as archive:
        for name, content in entries.items():
            with archive.open(f"{name}.npy", "w") as entry:
                entry.write(content)
                for _ in range(LARGE // 1_000_000 if name == large else 0):
                    entry.write(bytes(1_000_000))
    return file.getvalue()


class Model:
    """A model with another header or other bytes, or arrays that are not what they say, too many or misplaced."""

    def __init__(self, header, entries, whole):
        self.header, self.entries, self.whole = Json(header), entries, whole

    def bombs(self):
        first = next(name for name in self.entries if name != "header")
        lying = b"\x93NUMPY\x02\0" + struct.pack("<L", 3 * 10**9)
        entries = {"header": npy(b"", LARGE), first: lying}
        return [npz({**self.entries, name: entries[name]}, zipfile.ZIP_DEFLATED, name) for name in entries]

    def __call__(self, rng):
        how = rng.randrange(3)
        if how == 0:
            return npz({**self.entries, "header": npy(self.header(rng))})
        return damaged(rng, self.whole) if how == 1 else self.other_entries(rng)

    def other_entries(self, rng):
        entries = dict(self.entries)
        name, how = rng.choice(list(entries)), rng.randrange(6)
        if how == 0:
            shape = tuple(rng.choice(SIZES) for _ in range(rng.randrange(4)))
            kind = rng.choice(("<f8", "<f4", "|u1", "|O", "<U9", "<c16", "<M8[s]", "|V0", "[('a', '<f8')]", "x"))
            order = rng.choice((True, False, None))
            entries[name] = self.array(rng, f"{{'descr': '{kind}', 'fortran_order': {order}, 'shape': {shape}, }}")
        elif how == 1:
            entries[name] = self.array(rng, rng.choice(("(", "-", "1+", "{1:", " ", "'")) * rng.randrange(3000))
        elif how == 2:
            entries[name] = damaged(rng, entries[name])
        elif how == 3:
            entries |= {text(rng).lstrip("\0") or "a": rng.randbytes(9) for _ in range(rng.randrange(20))}
        elif how == 4:
            del entries[name]
        packed = npz(entries, rng.choice((zipfile.ZIP_STORED,) * 5 + (zipfile.ZIP_DEFLATED,)))
        if how == 5 or rng.randrange(3) == 0:  # in the list of entries, which is at the end
            at = packed.rindex(b"PK\1\2", 0, max(4, packed.find(b"PK\1\2") + 4)) if b"PK\1\2" in packed else 0
            packed = packed[:at] + damaged(rng, packed[at:])
        return packed

    @staticmethod
    def array(rng, header):
        version = rng.choice((1, 1, 2, 2, 3, 9))
        written = len(header) if rng.randrange(2) else rng.choice(SIZES)
        length = struct.pack("<H", written % 2**16) if version == 1 else struct.pack("<L", written % 2**32)
        return b"\x93NUMPY" + bytes([version, 0]) + length + header.encode() + bytes(rng.randrange(100))


def _socket(path):
    here = os.open(".", os.O_RDONLY)
    try:
        os.chdir(path.parent)  # the name of a socket is short
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.fchdir(here)
        os.close(here)


def _sparse(path):
    with path.open("wb") as file:
        file.truncate(40 * 10**9)


SPECIAL = [os.mkfifo, os.mkdir, _socket, _sparse]
SPECIAL += [lambda path, to=to: path.symlink_to(to) for to in ("/dev/zero", "/dev/full", "/dev/null", "a/b", ".", "/")]
SPECIAL += [lambda path: path.symlink_to(path.name), lambda path: path.touch(0), lambda path: path.write_bytes(b"\n")]


def remove(path):
    """Remove a file, or what one of `SPECIAL` has made."""
    if path.is_dir() and not path.is_symlink():
        path.rmdir()
    else:
        path.unlink(missing_ok=True)
