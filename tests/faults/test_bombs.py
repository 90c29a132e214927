"""Small files that would need gigabytes, and files without an end: refused in little memory, measured in a child."""

import json
import subprocess
import sys

import pytest

# Makes each bomb, feeds it to its readers, prints the message of each and the peak of the memory that it took beside.
CHILD = """
import gzip, io, json, os, resource, struct, sys, warnings, zipfile
from contextlib import redirect_stdout
from pathlib import Path
from typer.testing import CliRunner
from lab.exercises import progress
from lxmls_rnn.storage import records
from lxmls_rnn.benchmark.measure.results import Results
from lxmls_rnn.cli import app
from lxmls_rnn.datasets.download import digest
from lxmls_rnn.deep_learning import model_file
from lxmls_rnn.deep_learning.embeddings import embedding_size, extract_embeddings
from lxmls_rnn.deep_learning.numpy_rnn import NumpyRNN
from lxmls_rnn.storage.files import in_words
from lxmls_rnn.readers.pos_corpus import PostagCorpus
from lxmls_rnn.readers.tags import read_tag_map
from lxmls_rnn.runs.folder import read_config, read_metrics
from lxmls_rnn.sweep.sweep import Sweep

resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))  # what takes gigabytes is to fail, and not the machine
folder = Path(sys.argv[1])
os.environ["LXMLS_RUNS"] = str(folder)
small = NumpyRNN(3, 2, 2, 2, seed=0)
model_file.save(folder / "m.npz", small, words=["a", "b", "<unk>"], tags=["x", "y"])
records.prepare(dict)

def entries():
    with zipfile.ZipFile(folder / "m.npz") as archive:
        return {name: archive.read(name) for name in archive.namelist()}

def npz(name, begin, compression=zipfile.ZIP_DEFLATED):
    path = folder / "bomb.npz"
    with zipfile.ZipFile(path, "w", compression, compresslevel=1) as archive:
        for entry, content in {**entries(), name: None}.items():
            with archive.open(entry, "w") as file:
                if content is not None:
                    file.write(content)
                    continue
                file.write(begin)
                for _ in range(300):
                    file.write(bytes(1_000_000))
    return path

def npy(length):
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({length},), }}".encode()
    return b"\\x93NUMPY\\x01\\x00" + struct.pack("<H", len(header)) + header

def long_line():
    path = folder / "line.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        for _ in range(300):
            file.write(b"a" * 1_000_000)
    return path

def sparse(name, size=40 * 10**9, begin=b""):
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    with path.open("wb") as file:
        file.write(begin)
        file.truncate(size)
    return path

def many(path, text):
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text)
    return path

def tag(path):
    result = CliRunner().invoke(app, ["tag", str(folder / "m.npz"), "--file", str(path)])
    raise ValueError(result.output)

def embeddings(path):
    with redirect_stdout(io.StringIO()):
        extract_embeddings(path, {"a": 0})

read_line = [PostagCorpus().read_sequence_list_conll, read_tag_map, embeddings, embedding_size, tag]
BOMBS = {
    "header of a model": (lambda: npz("header.npy", npy(300_000_000)), [model_file.load, model_file.read_header]),
    "header of an array": (
        lambda: npz("W_x.npy", b"\\x93NUMPY\\x02\\x00" + struct.pack("<L", 3 * 10**9)),
        [model_file.load],
    ),
    "line": (long_line, read_line),
    "device": (lambda: Path("/dev/zero"), [*read_line, model_file.load, Results.load]),
    "model": (lambda: sparse("sparse.npz"), [model_file.load]),
    "metrics": (lambda: sparse("run/metrics.jsonl"), [lambda path: read_metrics(path.parent)]),
    "config": (lambda: sparse("run/config.json"), [lambda path: read_config(path.parent)]),
    "results": (lambda: sparse("results.json"), [Results.load]),
    "sweep": (
        lambda: many(folder / "sweep" / "sweep.json", b'{"vary": {"seed": [' + b"[]," * 2_000_000 + b"1]}}"),
        [lambda path: Sweep.load("sweep", folder)],
    ),
    "seeds": (
        lambda: many(folder / "sweep" / "sweep.json", b'{"seeds": [' + b'"",' * 190_000 + b'""]}'),
        [lambda path: Sweep.load("sweep", folder)],
    ),
}

def peak():
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]) * 1024

for name, (make, readers) in BOMBS.items():
    path = make()
    for read in readers:
        open("/proc/self/clear_refs", "w").write("5")  # the peak is counted anew
        before = peak()
        try:
            read(path)
            text = "read"
        except (ValueError, OSError, MemoryError) as error:
            text = in_words(error)
        print(json.dumps([name, text, peak() - before]), flush=True)
before = peak()
sparse(progress.FILE.name)
progress.FILE.read()
print(json.dumps(["exercises", f"{progress.FILE.path}", peak() - before]))
"""
BOUND = 256 << 20  # bytes beside the process: JSON whose every value is wrong takes most, a line of text 2 million


@pytest.mark.daily("writes and reads files of hundreds of megabytes, some seconds")
def test_no_reader_takes_more_memory_than_stated(tmp_path):
    done = subprocess.run([sys.executable, "-c", CHILD, str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) == 22
    for name, text, memory in found:
        assert memory < BOUND, (name, text, memory)
        assert str(tmp_path) in text or "/dev/zero" in text, (name, text)
        assert len(text) < 600
