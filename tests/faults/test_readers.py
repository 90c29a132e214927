"""What is read from disk may hold anything: a reader gives what is right, or a short error that names the file."""

import gzip
import io
import json
import random
import re
import time
import warnings
import zipfile
from contextlib import redirect_stdout

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from lab.exercises import check, progress
from lxmls_rnn.benchmark.measure.cases import Case
from lxmls_rnn.benchmark.measure.results import Results, Row
from lxmls_rnn.benchmark.show import compare, report
from lxmls_rnn.cli import app
from lxmls_rnn.deep_learning import model_file
from lxmls_rnn.deep_learning.embeddings import extract_embeddings
from lxmls_rnn.deep_learning.numpy_rnn import NumpyRNN
from lxmls_rnn.deep_learning.training import EpochDone, Trainer
from lxmls_rnn.experiment import Settings, corpus_files
from lxmls_rnn.files import in_words
from lxmls_rnn.readers.pos_corpus import PostagCorpus, read_tag_map
from lxmls_rnn.runs import Run

# the readers are attacked for longer with the thorough random examples
pytestmark = pytest.mark.hypothesis
LONGEST = 2000  # characters of a message
TRAIN, DEV, _ = map(str, corpus_files("sample"))

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
scalars |= st.sampled_from([-1, 0, 10**30, 2**63, 1e308, "", "x" * 5000, "\0", "a\nb", "NaN", "*", "../.."])
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner)
)


def places(value, path=()):
    """Yield the path of every value in JSON."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places(inner, (*path, key))


@st.composite
def changed(draw, value):
    """JSON with some of its values replaced, left out, doubled or buried, or its text cut or broken."""
    value = json.loads(json.dumps(value))
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(sorted(places(value), key=repr)))
        if not path:
            value = draw(anything) if draw(st.integers(0, 9)) == 0 else value
            continue
        at = value
        for key in path[:-1]:
            at = at[key]
        how = draw(st.integers(0, 3))
        if how == 0:
            del at[path[-1]]
        elif how == 1 and isinstance(at, dict):
            at[draw(st.text(max_size=8))] = at[path[-1]]
        else:
            at[path[-1]] = draw(anything)
    text = json.dumps(value).encode()
    how = draw(st.integers(0, 12))
    if how == 0:
        text = text[: draw(st.integers(0, len(text)))]
    elif how == 1:
        text = b"[" * 10_000 + text
    elif how == 2:
        text = text.replace(b"1", b"1" * 5000)
    elif how == 3:
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(st.binary(max_size=4)) + text[at:]
    return text


@st.composite
def changed_lines(draw, text):
    """Lines with some of them replaced, doubled, joined, cut or broken; at times compressed."""
    lines = text.split(b"\n")
    strange = st.binary(max_size=30) | st.sampled_from(
        [
            b"",
            b"\t",
            b" ",
            b"1" * 5000,
            b"\xff\xfe",
            b"1\t" + b"a" * 10_000,
            b"\r",
            b"9" * 4400 + b"\ta\t_\t_\tNN",
            b"\0",
            b"# x",
        ]
    )
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(lines) - 1))
        fields = lines[at].split(b"\t" if b"\t" in lines[at] else b" ")
        how = draw(st.integers(0, 4))
        if how == 0:
            lines[at] = draw(strange)
        elif how == 1:
            lines.insert(at, draw(strange))
        elif how == 2:
            fields[draw(st.integers(0, len(fields) - 1))] = draw(strange)
            lines[at] = b"\t".join(fields)
        elif how == 3:
            lines[at : at + 2] = [b"".join(lines[at : at + 2])]
        else:
            lines[at] = b"\t".join(fields[: draw(st.integers(0, len(fields)))])
    content = b"\n".join(lines)
    if draw(st.integers(0, 9)) == 0:
        content = gzip.compress(content, mtime=0)
        content = content[: draw(st.integers(0, len(content)))] if draw(st.booleans()) else content
    return content


@pytest.fixture
def attack(seconds, tell, request):
    """Feed what a strategy makes to a reader, until the time is up."""

    def attack(strategy, read, path, tells=()):
        """`tells`: the kinds of error that a reader may raise; all of them must name the file."""
        tried, refused, end, quick = (
            0,
            0,
            time.monotonic() + seconds,
            settings(
                max_examples=25,
                deadline=None,
                database=None,
                suppress_health_check=list(HealthCheck),
                phases=[Phase.generate],
            ),
        )

        def one(content):
            nonlocal tried, refused
            tried += 1
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    read()
            except (ValueError, OSError, MemoryError, IndexError) as error:
                refused += 1
                text = in_words(error)
                assert str(path) in text, text[:300]
                assert len(text) < LONGEST + 3 * len(str(path)), text[:300]

        number = 0
        while number == 0 or time.monotonic() < end:
            seed(number)(quick(given(strategy)(one)))()
            number += 1
        tell(f"{request.node.name}: inputs", tried=tried, refused=f"{refused} refused")

    return attack


CONFIG = {
    "settings": Settings(TRAIN, DEV, embeddings="e", trainer=Trainer(patience=2, clip=1.0)).to_dict(),
    "checksums": {TRAIN: "0" * 64, DEV: "1" * 64, "e": "2"},
    "versions": {"numpy": "2.0"},
    "diverged": "why",
}
EPOCH = EpochDone(1, 20.5, 0.5, 0.25, 0.5, 1.0, 100.0, True, None).metrics()


def runs_command(root):
    result = CliRunner().invoke(app, ["runs", "--root", str(root)])
    assert result.exit_code == 0, (result.output, result.exception)


def test_configs(attack, tmp_path):
    path = tmp_path / "runs" / "a" / "config.json"

    def read():
        runs_command(tmp_path / "runs")
        assert isinstance(Run.open("a", tmp_path / "runs").settings, Settings)

    attack(changed(CONFIG), read, path)


def test_metrics(attack, tmp_path):
    folder = tmp_path / "runs" / "a"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(CONFIG))

    def read():
        runs_command(tmp_path / "runs")
        Run.open("a", tmp_path / "runs").metrics()

    attack(
        changed(EPOCH).map(lambda line: json.dumps(EPOCH).encode() + b"\n" + line + b"\n"),
        read,
        folder / "metrics.jsonl",
    )


def results():
    row = Row(
        Case("rnn", "numpy", "cpu", "float32", "step", 2, 1), median=1e-3, q1=1e-3, q3=2e-3, minimum=1e-3, flops=10
    )
    row.repeats, row.calls, row.checked, row.device, row.difference, row.share = 5, 2, [1, 10], "cpu", 1e-8, 0.5
    other = Row(Case("rnn", "fused", "cuda", "float32", "step", 2, 1), status="limit", why="too slow")
    machine = {"threads": 1, "processor": "a", "gpus": [], "versions": {"numpy": "2"}}
    return Results(
        "2026-01-01", ["bench"], {"threads": 1}, machine, {"cpu float32": {"flops": 1.0, "bytes": 1.0}}, [row, other]
    )


def test_results_of_the_benchmark(attack, tmp_path):
    path = tmp_path / "a.json"
    whole = results()
    whole.save(path)
    content = json.loads(path.read_text())

    def read():
        found = Results.load(path)
        list(report.sections(found))
        report.table(found)
        report.crossover(found), report.not_measured(found), report.ratios(found), report.without_gpu(found)
        compare.table(list(compare.changes(whole, found)), True)
        compare.differences(whole, found)

    attack(changed(content), read, path)


def test_exercises(attack, tmp_path, monkeypatch):
    monkeypatch.setenv("LXMLS_RUNS", str(tmp_path))
    entries = {"forward": {"state": "right", "tries": 3, "hints": 1, "solution": True, "done": "2026-01-01 10:00"}}

    def read():
        check.progress()
        check.hint("forward")
        progress.update("lstm", lambda entry: {"tries": entry["tries"] + 1})
        assert progress.get("lstm")["tries"] >= 1

    attack(changed(entries), read, progress.path())


def npz(arrays, compression=zipfile.ZIP_STORED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, content in arrays.items():
            archive.writestr(f"{name}.npy", content)
    return file.getvalue()


def test_headers_of_models(attack, tmp_path):
    path = tmp_path / "model.npz"
    model_file.save(
        path, NumpyRNN(3, 2, 2, 2, seed=0), words=["a", "b", "<unk>"], tags=["x", "y"], n_known_words=2, epoch=1
    )
    with zipfile.ZipFile(path) as archive:
        arrays = {name.removesuffix(".npy"): archive.read(name) for name in archive.namelist()}
    header = json.loads(np.load(io.BytesIO(arrays["header"])).tobytes())

    def with_header(text):
        file = io.BytesIO()
        np.save(file, np.frombuffer(text, np.uint8))
        return npz({**arrays, "header": file.getvalue()})

    attack(changed(header).map(with_header), lambda: model_file.load(path), path)


def test_bytes_of_models(attack, tmp_path):
    path = tmp_path / "model.npz"
    model_file.save(path, NumpyRNN(3, 2, 2, 2, seed=0), words=["a", "b", "<unk>"], tags=["x", "y"], n_known_words=2)
    whole = path.read_bytes()

    def damaged(number):
        rng, content = random.Random(number), bytearray(whole)
        for _ in range(rng.randint(1, 8)):
            content[rng.randrange(len(content))] = rng.randrange(256)
        return bytes(content[: rng.randrange(len(content))] if rng.random() < 0.1 else content)

    attack(st.integers(0, 10**9).map(damaged), lambda: model_file.load(path), path)


def test_corpora(attack, tmp_path):
    lines = b"# text\n1\tThe\t_\t_\tDT\n2\tdog\t_\t_\tNN\n3-4\truns\t_\t_\t_\n3\truns\t_\t_\tVBZ\n\n"
    lines += b"1 A _ _ DT\n2 b _ _ NN\n\n"
    path = tmp_path / "a.conll"
    attack(changed_lines(lines * 2), lambda: PostagCorpus().read_sequence_list_conll(path), path)


def test_maps_of_tags(attack, tmp_path):
    path = tmp_path / "a.map"
    attack(changed_lines(b"NN\tNOUN\nVB\tVERB\n\nDT\tDET\n"), lambda: read_tag_map(path), path)


def test_embeddings(attack, tmp_path):
    path = tmp_path / "a.txt"

    def read():
        with redirect_stdout(io.StringIO()):
            extract_embeddings(path, {"the": 0, "dog": 1, "a": 2}, seed=0)

    attack(changed_lines(b"the 1 2 3\ndog 4 5 6\na 1e3 .5 -1\n"), read, path)


def test_a_message_is_short_and_has_file_and_line(tmp_path):
    path = tmp_path / "a.conll"
    path.write_bytes(b"1\tThe\t_\t_\tDT\n" + b"x" * 10_000_000)
    with pytest.raises(ValueError, match=re.escape(f"{path}, line 2: ")) as error:
        PostagCorpus().read_sequence_list_conll(path)
    assert len(str(error.value)) < 500
