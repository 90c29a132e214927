"""Every notebook runs from top to bottom: as a student gets it, and with the exercises solved."""

import os
import re
from pathlib import Path

import pytest
from environment import HANG_SECONDS

import lab
from lab.exercises.exercise import EXERCISES
from lxmls_rnn.deep_learning.frameworks import FRAMEWORKS, NUMPY, THEANO, TORCH

FOLDER = Path(lab.__file__).parent / "notebooks"
NOTEBOOKS = sorted(path.name for path in FOLDER.glob("*.ipynb"))
EXERCISE_NOTEBOOK, SCHOOL_NOTEBOOK = "01-exercises.ipynb", "04-school-2026.ipynb"
of_school = pytest.mark.nightly("the same as the course, of the school")


def read(name):
    import nbformat  # which takes two seconds

    return nbformat.read(FOLDER / name, as_version=4)


OTHERS = [name for name in EXERCISES if name.startswith("torch_")]  # exercises of other frameworks


SCHOOL = ["backpropagation", "log_forward"]  # exercises of the school's edition of 2026
COURSE = [name for name in EXERCISES if name not in SCHOOL]


def solved(notebook, *frameworks):
    """Solve the exercises of these frameworks, by default of all that are installed."""
    frameworks = frameworks or [framework for framework in FRAMEWORKS.values() if not framework.missing]
    for cell in notebook.cells:
        name = cell.metadata.get("exercise")
        if name and EXERCISES[name].kind.framework in frameworks:
            cell.source = EXERCISES[cell.metadata["exercise"]].solution
    return notebook


def run(notebook, folder, monkeypatch):
    """Run all cells in a new kernel; a cell that fails fails the test."""
    from nbclient import NotebookClient

    monkeypatch.setenv("LXMLS_RUNS", str(folder / "runs"))
    resources = {"metadata": {"path": str(folder)}}
    limits = {"startup_timeout": HANG_SECONDS, "iopub_timeout": HANG_SECONDS}
    NotebookClient(notebook, kernel_name="python3", resources=resources, **limits).execute()
    return notebook


def is_answer(cell):
    return re.fullmatch(r'(from lab import Answer\n\n)?Answer\((\s*"[^"]+",?\n?)+\)', cell.source) is not None


def verdicts(notebook):
    """Return for each exercise what its check said."""
    return {
        cell.metadata["check"]: "".join(output.get("data", {}).get("text/plain", "") for output in cell.outputs)
        for cell in notebook.cells
        if "check" in cell.metadata
    }


@pytest.mark.daily("runs all cells, a quarter of a minute; tests/browser runs the other notebooks as well")
@pytest.mark.usefixtures("small_corpus")
@pytest.mark.parametrize(
    ("name", "exercises"), [(EXERCISE_NOTEBOOK, COURSE), pytest.param(SCHOOL_NOTEBOOK, SCHOOL, marks=of_school)]
)
def test_a_notebook_as_it_is_handed_out_has_no_exercise_done(name, exercises, tmp_path, monkeypatch):
    notebook = run(read(name), tmp_path, monkeypatch)
    texts = [output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", [])]
    assert not any("Traceback" in text for text in texts)
    said = verdicts(notebook)
    assert list(said) == exercises
    assert [name for name, text in said.items() if ": not yet." not in text] == []


def without_theano(notebook, folder, monkeypatch):
    """Run all cells in a new kernel where NumPy is alone."""
    import nbformat

    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]), prepend=os.pathsep)
    notebook.cells.insert(0, nbformat.v4.new_code_cell("import numpy_alone"))
    return run(notebook, folder, monkeypatch)


@pytest.mark.daily("runs all cells, ten seconds")
@pytest.mark.usefixtures("small_corpus")
def test_without_theano_the_welcome_shows_no_fault_and_trains_with_numpy(tmp_path, monkeypatch):
    notebook = without_theano(read("00-welcome.ipynb"), tmp_path, monkeypatch)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    text = "".join(output.get("text") or output["data"]["text/plain"] for output in outputs)
    assert re.search(r"--\S* Theano", text)  # it may have a colour
    assert "!!" not in text
    assert "building NumpyRNN ...\n" in text
    assert f"The run is in {tmp_path}/runs/welcome-" in text


@pytest.mark.daily("runs all cells, a quarter of a minute")
@pytest.mark.usefixtures("small_corpus")
def test_without_theano_its_cells_say_so_and_those_in_numpy_run_to_the_end(tmp_path, monkeypatch):
    notebook = without_theano(solved(read(EXERCISE_NOTEBOOK), NUMPY), tmp_path, monkeypatch)
    wheel = "`pip install` the wheel of Theano that `make dist` writes on Linux"
    sentence = f"Theano is not installed: run `make setup`, which builds it, or {wheel}."
    assert printed(notebook, "theano") == f"{sentence}\n"
    expected = {NUMPY: ": right.", THEANO: f": not yet. {sentence}"}
    of = {name: EXERCISES[name].kind.framework for name in COURSE}
    said = {name: text for name, text in verdicts(notebook).items() if of[name] in expected}
    assert [text for name, text in said.items() if expected[of[name]] not in text] == []


@pytest.mark.daily("compiles and trains all the day's models, most of a minute")
@pytest.mark.usefixtures("small_corpus")
def test_the_solved_exercises_are_all_right_and_agree_with_the_library(tmp_path, monkeypatch):
    notebook = run(solved(read(EXERCISE_NOTEBOOK)), tmp_path, monkeypatch)
    assert [name for name, text in verdicts(notebook).items() if ": right." not in text and name not in OTHERS] == []
    text = "".join(output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", []))
    assert "NumPy and Theano agree on all gradients." in text
    assert text.count("accuracy on new sentences") == 3
    of_guide, of_glorot = re.findall(r"epoch 5: cost +(\S+),", printed(notebook, "train-lstm"))
    assert float(of_glorot) < float(of_guide)
    in_graph = re.findall(r"(\S+) by T\.grad, (\S+) by hand", printed(notebook, "graph"))
    assert len(in_graph) == 5
    assert all(by_theano == by_hand for by_theano, by_hand in in_graph)
    sizes = [int(line.split()[0]) for line in printed(notebook, "vocabulary").splitlines()]
    assert sizes == sorted(sizes, reverse=True)
    assert "Not yet" not in text
    unknown = re.findall(r"never (\d+\.\d)%", printed(notebook, "compare-unknown-words"))
    assert len(unknown) == 2
    stopped = re.findall(r"(\d+\.\d%)(?: of dev)?, cost (\d\.\d+)", printed(notebook, "stop-early"))
    assert stopped[0] == stopped[1]
    assert float(re.search(r"difference (\S+)", printed(notebook, "compare-batch"))[1]) < 1e-12
    assert printed(notebook, "compare-clip").count("dev") == 2
    shares = re.findall(r"one way (\S+)%, both ways (\S+)%", printed(notebook, "both-ways-training"))
    assert all(float(one) < 60 and float(both) == 100 for one, both in shares[2:])  # a later word decides
    assert len(shares) == 4
    n = sum(not exercise.optional for exercise in EXERCISES.values())
    assert f"{n} of {n} done" in notebook.cells[-1].outputs[0].data["text/plain"]


def one_exercise(begin, end):
    """Return the notebook with one exercise alone, solved, and with what it needs."""
    notebook = read(EXERCISE_NOTEBOOK)
    ids = [cell.id for cell in notebook.cells]
    needed = {"setup", "load", "numpy-rnn", "compare-gradients", "progress", *ids[ids.index(begin) : ids.index(end)]}
    notebook.cells = [cell for cell in notebook.cells if cell.id in needed]
    return solved(notebook)


def printed(notebook, id):
    (cell,) = [cell for cell in notebook.cells if cell.id == id]
    return "".join(output.get("text", "") for output in cell.outputs)


@pytest.mark.usefixtures("small_corpus")
@pytest.mark.skipif(bool(TORCH.missing), reason=TORCH.missing)
def test_the_solved_exercise_on_another_framework_equals_numpy(tmp_path, monkeypatch):
    notebook = run(one_exercise("e65", "e66"), tmp_path, monkeypatch)
    said = verdicts(notebook)
    assert list(said) == OTHERS
    assert [text for text in said.values() if ": right." not in text] == []
    differences = re.findall(r"\d\.\de[+-]\d+", printed(notebook, "compare-torch"))
    assert len(differences) == 6
    assert max(map(float, differences)) < 1e-10
    assert float(re.search(r"(\S+)$", printed(notebook, "torch-curve"))[1]) < 1e-8
    assert "0 of 12 done, 4 of 13 optional" in notebook.cells[-1].outputs[0].data["text/plain"]


@of_school
@pytest.mark.usefixtures("small_corpus")
def test_the_solved_exercises_of_the_school_train_and_agree(tmp_path, monkeypatch):
    notebook = run(solved(read(SCHOOL_NOTEBOOK)), tmp_path, monkeypatch)
    said = verdicts(notebook)
    assert ": right." in said["backpropagation"]
    losses = [float(loss) for loss in re.findall(r"loss (\d\.\d+)", printed(notebook, "train"))]
    assert len(losses) == 5
    assert losses == sorted(losses, reverse=True)
    if TORCH.missing:
        assert printed(notebook, "frameworks") == f"{TORCH.missing}.\n"
        assert f": not yet. {TORCH.missing}." in said["log_forward"]
    else:
        differences = re.findall(r"\d\.\de[+-]\d+", printed(notebook, "compare"))
        assert len(differences) == 4
        assert max(map(float, differences)) < 1e-4  # float32
    done = 1 if TORCH.missing else 2
    assert f"0 of 12 done, {done} of 13 optional" in notebook.cells[-1].outputs[0].data["text/plain"]


def test_every_exercise_has_its_cell_that_defines_what_its_solution_defines_and_its_check():
    def header(code):
        return [line for line in code.splitlines() if line.startswith(("def ", "class "))]

    cells = [cell for name in (EXERCISE_NOTEBOOK, SCHOOL_NOTEBOOK) for cell in read(name).cells]
    given = {cell.metadata["exercise"]: cell.source for cell in cells if "exercise" in cell.metadata}
    checks = [cell.metadata["check"] for cell in cells if "check" in cell.metadata]
    assert list(given) == checks == list(EXERCISES)
    for name, source in given.items():
        assert "...  # your code here" in source
        assert "..." not in EXERCISES[name].solution.split("def ", 1)[1].replace("h_1 ... h_L", "")
        assert header(source) == header(EXERCISES[name].solution)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_is_valid_and_its_links_lead_somewhere(name):
    import nbformat

    notebook = read(name)
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    ids = [cell.get("id") for cell in notebook.cells]
    assert None not in ids
    assert len(set(ids)) == len(ids)
    text = "".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    assert [link for link in re.findall(r"\]\(([^)]*\.ipynb)\)", text) if not (FOLDER / link).is_file()] == []


def test_optional_exercises_are_folded_with_their_time_and_the_hours_are_those_of_the_class():
    title, *cells = read(EXERCISE_NOTEBOOK).cells
    headings = [cell for cell in cells if cell.source.startswith("## Exercise")]
    folded = [cell.metadata.get("jp-MarkdownHeadingCollapsed", False) for cell in headings]
    assert folded == [False] * 4 + [True] * 3
    times = [bool(re.match(r"## [^(]+\(optional, \d+ minutes\): ", cell.source)) for cell in headings]
    assert times == folded
    hours = re.findall(r"\d:\d\d", title.source)
    page = FOLDER.parents[1] / "docs/classroom.md"
    assert len(hours) == 5
    assert not page.exists() or set(hours) <= set(re.findall(r"^\| (\d:\d\d)", page.read_text(), re.MULTILINE))


def test_the_experiments_hide_the_code_of_panels_and_questions():
    for cell in read("02-experiments.ipynb").cells:
        if cell.cell_type == "code":
            is_panel = re.fullmatch(r"from lab import (\w+Panel)\n\n\1\(\)", cell.source)
            is_hidden = cell.metadata.get("jupyter", {}).get("source_hidden", False)
            assert is_hidden == bool(is_panel or is_answer(cell) or cell.id in ("rounds", "parallel-code")), cell.id


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("...", "scan: its line is not filled in"),
        ("a1 * a2, a1 * b2 + b1", "scan: not right; put a1 * s + b1 into a2 * s + b2"),
        ("a1 * a2, a2 * b1 + b2", "right: the same states"),
    ],
)
def test_the_scan_has_the_states_of_the_loop_once_its_line_joins_two_steps(line, said, capsys):
    (cell,) = [cell for cell in read("02-experiments.ipynb").cells if cell.id == "scan-operator"]
    exec(cell.source.replace("...  # your code here", line), {})
    assert [text.endswith(said) for text in capsys.readouterr().out.splitlines()] == [True] * 3


def test_each_question_has_a_field_of_its_own():
    """By its text an answer is found again, so no question is there twice."""
    cells = [cell for name in NOTEBOOKS for cell in read(name).cells if "Answer(" in cell.source]
    assert all(map(is_answer, cells))
    questions = [question for cell in cells for question in re.findall(r'"(.+?)"', cell.source)]
    assert len(questions) == len(set(questions)) > 40
    texts = [cell.source for name in NOTEBOOKS for cell in read(name).cells if cell.cell_type == "markdown"]
    assert not any("Think about it" in text for text in texts)
