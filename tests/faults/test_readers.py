"""What is read from disk may hold anything: a reader gives what is right, or a short error that names the file.

    pytest tests/faults/test_readers.py --faults-trials 50000 --faults-seed 7 -o faulthandler_timeout=0 -n 2

No input may end in another error, hang, or take more memory than `MEMORY` beside the process. An input is made
anew of the seed, the reader and its number, which a failure tells.
"""

import io
import json
import random
import re
import resource
import tempfile
import warnings
import zipfile
from contextlib import redirect_stdout, suppress
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from faults import hostile
from typer.testing import CliRunner

from lab.exercises import check, progress
from lab.exercises.exercise import COURSE
from lxmls_rnn.benchmark.measure.cases import Case
from lxmls_rnn.benchmark.measure.results import Results, Row
from lxmls_rnn.benchmark.show import compare, report
from lxmls_rnn.classroom.students import ANSWERS_FORMAT, PROGRESS_FORMAT, read_class
from lxmls_rnn.classroom.table import as_html
from lxmls_rnn.cli import app
from lxmls_rnn.datasets.corpora import corpus_files
from lxmls_rnn.deep_learning import model_file
from lxmls_rnn.deep_learning.embeddings import embedding_size, extract_embeddings
from lxmls_rnn.deep_learning.events import Metrics
from lxmls_rnn.deep_learning.numpy_rnn import NumpyRNN
from lxmls_rnn.deep_learning.training import Progress, Trainer
from lxmls_rnn.experiment import Settings
from lxmls_rnn.readers.conll import read_lines
from lxmls_rnn.readers.pos_corpus import PostagCorpus
from lxmls_rnn.readers.tags import read_tag_map
from lxmls_rnn.runs import Run, find_runs
from lxmls_rnn.runs.folder import RUN, read_config, read_metrics
from lxmls_rnn.storage.files import UNSAFE, in_words
from lxmls_rnn.sweep import halving
from lxmls_rnn.sweep.results import by_setting
from lxmls_rnn.sweep.sweep import Sweep, find_sweeps

LONGEST = 2000  # characters of a message
MEMORY = 256 << 20  # bytes beside the process
COMMAND_IN = 50  # inputs, of which one is read by the command line too
TRAIN, DEV, _ = map(str, corpus_files("sample"))


def peak():
    """Return the most bytes that the process has taken, since its peak was last forgotten."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@pytest.fixture
def place():
    """A folder in memory, where there is one: the disk is not what is tested."""
    shared = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else None) as folder:
        yield Path(folder)


@pytest.fixture
def attack(trials, tell, request):
    """Feed what a generator makes to a reader."""
    name, seed = request.node.name, request.config.getoption("--faults-seed")

    def attack(make, read, path, put=hostile.put, per_byte=0):
        """`read` gets the number of the input; its errors must name `path`.

        What it returns may take `per_byte` bytes for each byte of the input, beside `MEMORY`.
        """
        refused = largest = 0
        path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")  # the peak is counted anew
        before = peak()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for tried in range(trials):
                content = make(random.Random(f"{seed} {name} {tried}"))
                put(path, content)
                try:
                    refused += not accepted(read, tried, path)
                    largest = max(largest, len(content) if isinstance(content, bytes) else 0)
                    assert peak() - before < MEMORY + per_byte * largest, f"{(peak() - before) / 1e6:.0f} MB"
                except Exception as error:
                    shown = content if not isinstance(content, bytes) else content[:500]
                    raise AssertionError(f"input {tried} of the seed {seed}: {shown!r}") from error
        taken = f"{max(0, peak() - before) / 1e6:.0f} MB"
        if request.config.getoption("--faults-trials"):
            tell(f"{name}: inputs  {trials}  {refused} refused  {taken}")

    return attack


def accepted(read, number, path):
    """Return whether an input was read; what refuses it names the file in a short sentence that every screen shows."""
    try:
        read(number)
    except (ValueError, OSError, MemoryError, IndexError) as error:
        message = in_words(error)
        assert str(path) in message, message[:300]
        assert len(message) < LONGEST + 3 * len(str(path)), message[:300]
        assert not UNSAFE.search(message)
        return False
    return True


def command(number, *arguments):
    """Let the command line read too, now and then: it takes longer."""
    if number % COMMAND_IN == 0:
        result = CliRunner().invoke(app, list(map(str, arguments)))
        assert result.exit_code == 0, (result.output, result.exception)
        assert not UNSAFE.search(result.output.replace("\n", ""))


CONFIG = {
    **RUN._asdict(),
    "settings": Settings(TRAIN, DEV, embeddings="e", trainer=Trainer(patience=2, clip=1.0)).to_dict(),
    "checksums": {TRAIN: "0" * 64, DEV: "1" * 64, "e": "2"},
    "versions": {"numpy": "2.0"},
    "diverged": "why",
}
EPOCH = asdict(Metrics(1, 20.5, 0.5, 0.25, 0.5, 1.0, 100.0, True))


def test_configs(attack, place):
    path = place / "runs" / "a" / "config.json"

    def read(number):
        command(number, "runs", "--root", place / "runs")
        assert sum(map(len, find_runs(place / "runs"))) == 1
        assert isinstance(Run.open("a", place / "runs").settings, Settings)

    attack(hostile.Json(CONFIG), read, path)


def test_metrics(attack, place):
    folder = place / "runs" / "a"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(CONFIG))
    change, first = hostile.Json({**EPOCH, "epoch": 2}), json.dumps(EPOCH).encode() + b"\n"

    def read(number):
        command(number, "runs", "--root", place / "runs")
        Run.open("a", place / "runs").metrics()

    attack(lambda rng: first + change(rng) + b"\n", read, folder / "metrics.jsonl")


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


def test_results_of_the_benchmark(attack, place):
    path = place / "a.json"
    whole = results()
    whole.save(path)

    def read(number):
        found = Results.load(path)
        list(report.sections(found))
        report.table(found)
        report.crossover(found), report.not_measured(found), report.without_gpu(found)
        compare.table(list(compare.changes(whole, found)), True)
        compare.differences(whole, found)

    attack(hostile.Json(json.loads(path.read_text())), read, path)


ENTRIES = {"forward": {"state": "right", "tries": 3, "hints": 1, "solution": True, "done": "2026-01-01 10:00"}}
ENTRIES["forward"]["begun"] = "2026-01-01 09:00"
ANSWERS = {"Why?": {"text": "So.", "written": "2026-01-01 10:00"}}


def test_exercises(attack, place, monkeypatch):
    monkeypatch.setenv("LXMLS_RUNS", str(place))

    def read(number):
        check.progress()
        check.hint("forward")
        progress.update("lstm", tries=1)
        assert progress.FILE.read()["lstm"].tries >= 1
        for put_aside in place.glob("*.damaged*"):
            put_aside.unlink()

    attack(hostile.Json({**PROGRESS_FORMAT._asdict(), "entries": ENTRIES}), read, progress.FILE.path)


@pytest.mark.parametrize(
    ("file", "form", "entries"),
    [("exercises.json", PROGRESS_FORMAT, ENTRIES), ("answers.json", ANSWERS_FORMAT, ANSWERS)],
)
def test_files_of_a_class(attack, place, file, form, entries):
    def read(number):
        command(number, "class", "show", place, "--answers")
        of_class = read_class(place, COURSE)
        assert not UNSAFE.search(as_html(of_class).replace("\n", ""))
        for problem in of_class.students[0].problems:
            raise ValueError(problem.text)

    attack(hostile.Json({**form._asdict(), "entries": entries}), read, place / "anna" / "runs" / file)


def saved(path, activation=None, **extra):
    """Write a small model; return its bytes, its entries, and its header."""
    words, tags = ["a", "b", "<unk>"], ["x", "y"]
    model_file.save(
        path, NumpyRNN(3, 2, 2, 2, seed=0, activation=activation), words=words, tags=tags, n_known_words=2, **extra
    )
    with zipfile.ZipFile(path) as archive:
        entries = {name.removesuffix(".npy"): archive.read(name) for name in archive.namelist()}
    return path.read_bytes(), entries, model_file.read_header(path)


def damaged_model(whole, entries, header):
    """Give the maker of models with another header, other entries or other bytes."""
    in_header, in_entries = hostile.Json(header), hostile.Npz(entries)

    def make(rng):
        how = rng.randrange(3)
        if how == 0:
            return hostile.npz({**entries, "header": hostile.npy(in_header(rng))})
        return hostile.damaged(rng, whole) if how == 1 else in_entries(rng)

    return make


def test_models(attack, place):
    path = place / "model.npz"
    make, per_byte = damaged_model(*saved(path, epoch=1)), model_file.PARSED_BYTES_PER_JSON_BYTE
    attack(make, lambda number: model_file.load(path), path, per_byte=per_byte)


SWEEP = Sweep(Path(), replace(Settings(TRAIN, DEV), trainer=Trainer(epochs=2)), {"n_hidd": [2]}, [1])


def with_training(place):
    """Make a sweep of one training; return the folder of its run."""
    sweep = replace(SWEEP, folder=place / "s", checksums={TRAIN: "0", DEV: "1"})
    sweep.folder.mkdir()
    sweep.save()
    (training,) = sweep.trainings()
    folder = sweep.folder / training.name
    folder.mkdir()
    rows = [{**EPOCH, "epoch": epoch} for epoch in (1, 2)]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    saved(folder / "checkpoint.npz", progress=Progress(epoch=2)._asdict())
    return folder


def read_sweeps(place, number):
    command(number, "runs", "--root", place)
    found, damaged = find_sweeps(place)
    assert len(found) + len(damaged) == 1
    for sweep in found:
        results = halving.results(sweep)
        by_setting(results)
        damaged += [result for result in results if result.state == "damaged"]
    for broken in damaged:
        raise ValueError(broken.why)


def test_sweeps(attack, place):
    path = with_training(place).parent / "sweep.json"

    def read(number):
        try:
            read_sweeps(place, number)
        except ValueError as error:  # settings that do not go together name no file
            raise ValueError(f"{path}: {error}") from error

    attack(hostile.Json(json.loads(path.read_text())), read, path)


def test_checkpoints_of_sweeps(attack, place):
    path = with_training(place) / "checkpoint.npz"
    make = damaged_model(*saved(place / "a", progress=Progress(epoch=2)._asdict()))
    attack(make, lambda number: read_sweeps(place, number), path)


CORPUS = b"# text\n1\tThe\t_\t_\tDT\n2\tdog\t_\t_\tNN\n3-4\truns\t_\t_\t_\n3\truns\t_\t_\tVBZ\n\n"
CORPUS += b"1 A _ _ DT\n2 b _ _ NN\n\n"


def test_corpora(attack, place):
    path = place / "a.conll"
    attack(hostile.Lines(CORPUS * 2), lambda number: PostagCorpus().read_sequence_list_conll(path), path)


def test_maps_of_tags(attack, place):
    path = place / "a.map"
    attack(hostile.Lines(b"NN\tNOUN\nVB\tVERB\n\nDT\tDET\n"), lambda number: read_tag_map(path), path)


def read_embeddings(path):
    with redirect_stdout(io.StringIO()):
        extract_embeddings(path, {"the": 0, "dog": 1, "a": 2}, seed=0)


def test_embeddings(attack, place):
    path = place / "a.txt"
    attack(hostile.Lines(b"the 1 2 3\ndog 4 5 6\na 1e3 .5 -1\n"), lambda number: read_embeddings(path), path)


def test_what_is_no_file(attack, place):
    """Pipes, sockets, devices, folders, links in a circle, files without an end."""
    whole = place / "runs" / "whole"
    whole.mkdir(parents=True)
    (whole / "config.json").write_text(json.dumps(CONFIG))
    path = place / "runs" / "a" / "config.json"
    metrics = path.with_name("metrics.jsonl")
    readers = [
        lambda: read_config(path.parent),
        lambda: read_metrics(path.parent),
        lambda: [find_runs(place / "runs"), Run.open("a", place / "runs")],
        lambda: model_file.load(path),
        lambda: model_file.read_header(path),
        lambda: Results.load(path),
        lambda: PostagCorpus().read_sequence_list_conll(path),
        lambda: read_tag_map(path),
        lambda: read_embeddings(path),
        lambda: embedding_size(path),
        lambda: list(read_lines(path)),
    ]

    def put(path, which):
        hostile.remove(path)
        metrics.unlink(missing_ok=True)
        metrics.symlink_to(path.name)
        hostile.SPECIAL[which](path)

    def read(number):
        command(number, "runs", "--root", place / "runs")
        try:
            readers[number % len(readers)]()
        except (ValueError, OSError) as error:
            raise ValueError(
                in_words(error).replace(str(metrics), str(path)).replace(f"{path.parent}:", f"{path}")
            ) from error

    attack(lambda rng: rng.randrange(len(hostile.SPECIAL)), read, path, put)


def test_a_message_is_short_and_has_file_and_line(tmp_path):
    path = tmp_path / "a.conll"
    path.write_bytes(b"1\tThe\t_\t_\tDT\n" + b"x" * 10_000_000)
    with pytest.raises(ValueError, match=re.escape(f"{path}, line 2: ")) as error:
        PostagCorpus().read_sequence_list_conll(path)
    assert len(str(error.value)) < 500
