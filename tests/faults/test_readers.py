"""What is read from disk may hold anything: a reader gives what is right, or a short error that names the file.

    pytest tests/faults/test_readers.py --faults-trials 50000 --faults-seed 7 -o faulthandler_timeout=0 -n 2

Each reader is tried with what is no file, with small files that describe gigabytes, and with what a generator makes.
No input may end in another error, hang, or take more memory than `MEMORY` beside the process. An input is made anew of
the seed, the reader and its number, which a failure tells.
"""

import io
import json
import random
import resource
import tempfile
import warnings
import zipfile
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from faults import hostile
from typer.testing import CliRunner

from lab.exercises import check, progress
from lab.exercises.exercise import COURSE
from lxmls_rnn.benchmark.measure.cases import Case
from lxmls_rnn.benchmark.measure.results import Results, Row
from lxmls_rnn.benchmark.show import compare, report, summary
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
from lxmls_rnn.readers.pos_corpus import PostagCorpus
from lxmls_rnn.readers.tags import read_tag_map
from lxmls_rnn.runs import Run, find_runs
from lxmls_rnn.runs.folder import RUN
from lxmls_rnn.storage.messages import UNSAFE, in_words
from lxmls_rnn.sweep.results import by_setting, read_all
from lxmls_rnn.sweep.sweep import Sweep, find_sweeps

LONGEST = 600  # characters of a message
MEMORY = 256 << 20  # bytes beside the process
COMMAND_IN = 50  # inputs, of which one is read by the command line too
TRAIN, DEV, _ = map(str, corpus_files("sample"))
CONFIG = {
    **RUN._asdict(),
    "settings": Settings(TRAIN, DEV, embeddings="e", trainer=Trainer(patience=2, clip=1.0)).to_dict(),
    "checksums": {TRAIN: "0" * 64, DEV: "1" * 64, "e": "2"},
    "versions": {"numpy": "2.0"},
    "diverged": "why",
}
EPOCH = asdict(Metrics(1, 20.5, 0.5, 0.25, 0.5, 1.0, 100.0, True))


def command(number, *arguments):
    """Let the command line read too, now and then: it takes longer."""
    if number % COMMAND_IN == 0:
        result = CliRunner().invoke(app, list(map(str, arguments)))
        assert result.exit_code == 0, (result.output, result.exception)
        assert not UNSAFE.search(result.output.replace("\n", ""))


def config(place):
    def read(number):
        command(number, "runs", "--root", place)
        find_runs(place)
        assert isinstance(Run.open("a", place).settings, Settings)

    return place / "a" / "config.json", hostile.Json(CONFIG), read


def metrics(place):
    path = place / "a" / "metrics.jsonl"
    path.parent.mkdir()
    (path.parent / "config.json").write_text(json.dumps(CONFIG))

    def read(number):
        command(number, "runs", "--root", place)
        Run.open("a", place).metrics()

    return path, hostile.Json({**EPOCH, "epoch": 2}, before=json.dumps(EPOCH) + "\n"), read


def results(place):
    row = Row(
        Case("rnn", "numpy", "cpu", "float32", "step", 2, 1), median=1e-3, q1=1e-3, q3=2e-3, minimum=1e-3, flops=10
    )
    row.repeats, row.calls, row.checked, row.device, row.difference, row.medians = (
        5,
        2,
        [1, 10],
        "cpu",
        1e-8,
        [1e-3] * 3,
    )
    other = Row(Case("rnn", "fused", "cuda", "float32", "step", 2, 1), status="limit", why="too slow")
    machine = {"threads": 1, "processor": "a", "gpus": [], "versions": {"numpy": "2"}}
    whole = Results("2026-01-01", ["bench"], {"threads": 1}, machine, "other programs ran", [row, other])
    path = place / "a.json"
    whole.save(path)

    def read(number):
        found = Results.load(path)
        list(report.sections(found))
        report.table(found)
        summary.answer(found), report.not_measured(found), report.without_gpu(found)
        compare.table(list(compare.changes(whole, found)), True)
        compare.differences(whole, found)

    return path, hostile.Json(json.loads(path.read_text())), read


ENTRIES = {"forward": {"state": "right", "tries": 3, "hints": 1, "solution": True, "done": "2026-01-01 10:00"}}
ENTRIES["forward"]["begun"] = "2026-01-01 09:00"
ANSWERS = {"Why?": {"text": "So.", "written": "2026-01-01 10:00"}}


def exercises(place):
    def read(number):
        check.progress()
        check.hint("forward")
        progress.update("lstm", tries=1)
        assert progress.FILE.read()["lstm"].tries >= 1
        for put_aside in place.glob("*.damaged*"):
            hostile.remove(put_aside)

    return progress.FILE.path, hostile.Json({**PROGRESS_FORMAT._asdict(), "entries": ENTRIES}), read


def students(place, file="exercises.json", form=PROGRESS_FORMAT, entries=ENTRIES):
    def read(number):
        command(number, "class", "show", place, "--answers")
        of_class = read_class(place, COURSE)
        assert not UNSAFE.search(as_html(of_class).replace("\n", ""))
        for problem in of_class.students[0].problems:
            raise ValueError(problem.text)

    return place / "anna" / "runs" / file, hostile.Json({**form._asdict(), "entries": entries}), read


def answers(place):
    return students(place, "answers.json", ANSWERS_FORMAT, ANSWERS)


def save(path, **extra):
    """Write a small model; return its header, its entries and its bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    model = NumpyRNN(3, 2, 2, 2, seed=0, activation="tanh")
    model_file.save(path, model, words=["a", "b", "<unk>"], tags=["x", "y"], n_known_words=2, **extra)
    with zipfile.ZipFile(path) as archive:
        entries = {name.removesuffix(".npy"): archive.read(name) for name in archive.namelist()}
    return model_file.read_header(path), entries, path.read_bytes()


def model(place):
    path, readers = place / "model.npz", (model_file.load, model_file.read_header)
    return path, hostile.Model(*save(path, epoch=1)), lambda number: readers[number % 2](path)


def with_training(place):
    """Make a sweep of one training; return the folder of its run, and a reader."""
    settings = replace(Settings(TRAIN, DEV), trainer=Trainer(epochs=2))
    sweep = Sweep(place / "s", settings, {"n_hidd": [2]}, [1], checksums={TRAIN: "0", DEV: "1"})
    sweep.folder.mkdir()
    sweep.save()
    (training,) = sweep.trainings()
    folder = sweep.folder / training.name
    save(folder / "checkpoint.npz", progress=Progress(epoch=2)._asdict())
    rows = [{**EPOCH, "epoch": epoch} for epoch in (1, 2)]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))

    def read(number):
        command(number, "runs", "--root", place)
        found, damaged = find_sweeps(place)
        for sweep in found:
            results = read_all(sweep)
            by_setting(results)
            damaged += [result for result in results if result.state == "damaged"]
        for broken in damaged:
            raise ValueError(broken.why)

    return folder, read


def sweep(place):
    folder, read_sweeps = with_training(place)
    path = folder.with_name("sweep.json")

    def read(number):
        try:
            read_sweeps(number)
        except ValueError as error:  # settings that do not go together name no file
            raise ValueError(f"{path}: {error}") from error

    return path, hostile.Json(json.loads(path.read_text())), read


def checkpoint(place):
    folder, read = with_training(place)
    saved = save(place / "a.npz", progress=Progress(epoch=2)._asdict())
    return folder / "checkpoint.npz", hostile.Model(*saved), read


CORPUS = b"# text\n1\tThe\t_\t_\tDT\n2\tdog\t_\t_\tNN\n3-4\truns\t_\t_\t_\n3\truns\t_\t_\tVBZ\n\n"
CORPUS += b"1 A _ _ DT\n2 b _ _ NN\n\n"


def corpus(place):
    path = place / "a.conll"
    return path, hostile.Lines(CORPUS * 2), lambda number: PostagCorpus().read_sequence_list_conll(path)


def tag_map(place):
    path = place / "a.map"
    return path, hostile.Lines(b"NN\tNOUN\nVB\tVERB\n\nDT\tDET\n"), lambda number: read_tag_map(path)


def embeddings(place):
    path = place / "a.txt"

    def read(number):
        with redirect_stdout(io.StringIO()):
            extract_embeddings(path, {"the": 0, "dog": 1, "a": 2}, seed=0)
        embedding_size(path)

    return path, hostile.Lines(b"the 1 2 3\ndog 4 5 6\na 1e3 .5 -1\n"), read


def sentences(place):
    """Let the command `tag` read its file."""
    path = place / "a.txt"
    save(place / "m.npz")

    def read(number):
        done = CliRunner().invoke(app, ["tag", str(place / "m.npz"), "--file", str(path)])
        if done.exit_code:
            raise ValueError(done.output.splitlines()[-1])

    return path, hostile.Lines(b"a b c\n\nb a\n"), read


READERS = [config, metrics, results, exercises, students, answers, model, sweep, checkpoint, corpus, tag_map]


gigabytes = pytest.mark.daily("writes and reads files of hundreds of megabytes, twenty seconds")


@pytest.mark.parametrize("bombs", [False, pytest.param(True, marks=gigabytes)])
@pytest.mark.parametrize("reader", [*READERS, embeddings, sentences])
def test_a_reader_refuses_what_is_wrong_in_one_sentence_and_little_memory(
    reader, bombs, trials, tell, request, monkeypatch
):
    seed, shared = request.config.getoption("--faults-seed"), Path("/dev/shm")  # the disk is not what is tested
    with tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else None) as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        monkeypatch.setenv("LXMLS_RUNS", folder)
        path, maker, read = reader(Path(folder))
        path.parent.mkdir(parents=True, exist_ok=True)
        assert not path.exists() or accepted(read, -1, path)  # what is spoilt below is right
        inputs = maker.bombs() if bombs else [*hostile.SPECIAL, *range(trials)]
        refused, before = 0, forget_peak()
        for number, content in enumerate(inputs):
            if isinstance(content, int):
                content = maker(random.Random(f"{seed} {reader.__name__} {content}"))
            hostile.remove(path)
            content(path) if callable(content) else path.write_bytes(content)
            try:
                with bounded():
                    refused += not accepted(read, number, path)
                assert peak() - before < MEMORY, f"{(peak() - before) / 1e6:.0f} MB"
            except Exception as error:
                shown = content if callable(content) else content[:500]
                raise AssertionError(f"input {number} of the seed {seed}: {shown!r}") from error
        hostile.remove(path)
        taken = f"{max(0, peak() - before) / 1e6:.0f} MB"
    assert bombs or refused < len(inputs), "every input is refused: what follows the check of a file is not tried"
    if request.config.getoption("--faults-trials"):
        tell(f"{reader.__name__}: inputs  {len(inputs)}  {refused} refused  {taken}")


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


def peak():
    """Return the most bytes that the process has taken, since its peak was last forgotten."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@contextmanager
def bounded():
    """Let what takes gigabytes fail, and not the machine."""
    taken, before = int(Path("/proc/self/statm").read_text().split()[0]), resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (taken * resource.getpagesize() + 8 * MEMORY, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def forget_peak():
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")  # the peak is counted anew
    return peak()
