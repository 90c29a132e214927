"""A class of four students, as it is handed in."""

from lxmls_rnn.classroom.students import ANSWERS_FORMAT, PROGRESS_FORMAT
from lxmls_rnn.datasets.corpora import corpus_files
from lxmls_rnn.deep_learning.training import Trainer
from lxmls_rnn.experiment import Settings
from lxmls_rnn.runs import Run
from lxmls_rnn.storage import records

RIGHT = {"state": "right", "tries": 3, "hints": 1, "solution": True}
RIGHT |= {"begun": "2026-07-20 14:52", "done": "2026-07-20 15:04"}
OPEN = {"state": "not right", "tries": 7, "hints": 0, "solution": False}


def exercises(entries):
    """Return the text of a file of exercises."""
    return records.entries_text(entries, PROGRESS_FORMAT)


def answers(entries):
    """Return the text of a file of answers."""
    return records.entries_text(entries, ANSWERS_FORMAT)


def hand_in(folder):
    """Write the folders of the students into a folder, and return it.

    Anna has done one exercise and trained; Ben is stuck at it; Cai's file is damaged; Dee has begun nothing.
    """
    progress = {
        "anna": exercises({"forward": RIGHT, "errors": {**OPEN, "tries": 2}}),
        "ben": exercises({"forward": OPEN}),
        "cai": "{",
        "dee": None,
    }
    for name, text in progress.items():
        runs = folder / name / "runs"
        runs.mkdir(parents=True)
        if text is not None:
            (runs / "exercises.json").write_text(text)
    train, dev, _ = map(str, corpus_files("sample"))
    written = {
        "anna": {"Why?": {"text": "[bold]I see <b>no</b> \x1b[2Jreason.\nNone.", "written": "2026-07-20 15:00"}},
        "ben": {
            "Why?": {"text": "Because.", "written": "2026-07-20 15:00"},
            "How deep?": {"text": "10", "written": "2026-07-20 15:01"},
        },
    }
    for name, its in written.items():
        (folder / name / "runs" / "answers.json").write_text(answers(its))
    settings = Settings(train, dev, max_nr_sent=30, n_emb=4, n_hidd=3, trainer=Trainer(epochs=1))
    list(Run.create("first", settings, folder / "anna" / "runs").fit())
    return folder


def misplaced(folder):
    """Add students who handed in nothing, a zip file, runs in the wrong place, and no runs."""
    (folder / "eva").mkdir()
    (folder / "fay.zip").write_bytes(b"PK")
    (folder / "gus/my work/runs").mkdir(parents=True)
    (folder / "gus/my work/runs/exercises.json").write_text(exercises({"forward": RIGHT}))
    (folder / "hal/notebooks").mkdir(parents=True)
    return folder
