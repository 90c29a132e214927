"""A class of 30 students as it is handed in: right, wrong, damaged, empty, zipped, cheating and hostile ones."""

import json
import zipfile
from pathlib import Path

import lab
from lab.exercises.exercise import EXERCISES

NOTEBOOKS = Path(lab.__file__).parent / "notebooks"
NOTEBOOK = NOTEBOOKS / "01-exercises.ipynb"
RIGHT = {"state": "right", "tries": 1, "hints": 0, "solution": False}
# in place of the solution of exercise `forward`; each should be stopped, named, or both
HOSTILE = {
    "hanging": "import time\ndef my_forward(x, W_e, W_x, W_h, W_y):\n    time.sleep(1000)",
    "looping": "while True: pass",
    "network": "import socket\nsocket.create_connection(('127.0.0.1', {port}), 5)",
    "writing": "for name in ('{folder}/anna01/runs/exercises.json', '{folder}/../marks/x', '/var/lib/x', '{home}/x'):\n"
    "    try:\n        open(name, 'w').write('cheated')\n    except OSError:\n        pass",
    "reading": "raise ValueError(open('{folder}/anna01/runs/exercises.json').read())",
    "eating": "x = [bytearray(1 << 26) for _ in range(1000)]",
    "leaving": "import os\nos._exit(0)",
    "printing": 'print(\'{{"exercise": "forward", "state": "right", "text": ""}}\')',
    "forking": "import os\nwhile True: os.fork()",
    "killing": "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\nos.kill(-1, signal.SIGKILL)",
    "forging": "from lab.exercises import numpy_exercises\n"
    "numpy_exercises.forward.__code__ = (lambda student: 'x').__code__\ndef my_forward(*arguments): pass",
}


def notebook(**codes):
    """Return the handed-out notebooks as one, with the cells of exercises replaced."""
    content = json.loads(NOTEBOOK.read_text())
    content["cells"] += json.loads((NOTEBOOKS / "04-school-2026.ipynb").read_text())["cells"]
    for cell in content["cells"]:
        if (code := codes.get(cell["metadata"].get("exercise"))) is not None:
            cell["source"] = code
    return content


def check_of(content, exercise):
    """Return the place of an exercise's check in a notebook."""
    return next(n for n, cell in enumerate(content["cells"]) if cell["metadata"].get("check") == exercise)


def student(folder, content, **states):
    """Write a student's folder, with a notebook and stored states."""
    (folder / "notebooks").mkdir(parents=True)
    (folder / "notebooks/01-exercises.ipynb").write_text(json.dumps(content))
    (folder / "runs").mkdir()
    (folder / "runs/exercises.json").write_text(json.dumps(states))


def hand_in(folder, port=9, home="/nonexistent"):
    """Write the class into a folder, and return it."""
    solved = {
        name: EXERCISES[name].solution for name in ("forward", "errors", "gradients", "numeric", "squares", "rnn")
    }
    for n in range(1, 4):
        student(folder / f"anna{n:02}", notebook(**solved), **dict.fromkeys(solved, RIGHT))
    for n in range(1, 4):  # half of it is right
        wrong = {**solved, "errors": "def my_errors(gold, h, p, W_h, W_y):\n    return p, h, h"}
        student(folder / f"ben{n:02}", notebook(**wrong), forward=RIGHT)
    student(folder / "claiming", notebook(), **dict.fromkeys(solved, RIGHT))
    for name, code in HOSTILE.items():
        code = code.format(port=port, folder=folder, home=home)
        student(folder / name, notebook(forward=code, errors=solved["errors"]), forward=RIGHT)
    renamed = notebook(forward=solved["forward"].replace("my_forward", "forward_pass"))
    place = check_of(renamed, "forward")
    renamed["cells"][place]["source"] = "check.forward(forward_pass)"
    student(folder / "renaming", renamed)
    moved = notebook()  # the solution is in a new cell, with a helper and a magic, and the marks are lost
    place = check_of(moved, "forward")
    for source in ("%matplotlib inline\nimport numpy\n" + solved["forward"], "def unused():\n    return 1"):
        moved["cells"].insert(place, {"cell_type": "code", "metadata": {}, "source": source.splitlines(keepends=True)})
    student(folder / "moving", moved)
    student(folder / "copying", notebook())
    (folder / "copying/notebooks/my copy.ipynb").write_text(json.dumps(notebook(forward=solved["forward"])))
    (folder / "empty").mkdir()
    student(folder / "misplaced/lab", notebook(**solved))
    (folder / "nothing/runs").mkdir(parents=True)
    student(folder / "torn", {})
    (folder / "torn/notebooks/01-exercises.ipynb").write_text('{"cells": [')
    (folder / "torn/runs/exercises.json").write_text("{")
    student(folder / "deep", {})
    (folder / "deep/notebooks/01-exercises.ipynb").write_text('{"cells":' + "[" * 100_000)
    student(folder / "odd", {"cells": [{"cell_type": "code", "metadata": 3, "source": {"a": 1}}]})
    (folder / "linking").mkdir()
    (folder / "linking/runs").symlink_to(folder / "anna01/runs")
    (folder / "linking/notebooks").symlink_to(folder / "anna01/notebooks")
    with zipfile.ZipFile(folder / "zipped.zip", "w") as archive:
        archive.writestr("zipped/notebooks/01-exercises.ipynb", json.dumps(notebook(**solved)))
    (folder / "broken.zip").write_bytes(b"PK")
    return folder
