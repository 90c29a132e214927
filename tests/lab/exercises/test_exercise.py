"""Reading a file of the catalogue."""

import pytest

from lab.exercises.exercise import EXERCISES, FOLDER, read

FILE = FOLDER / "01-forward.md"


def test_a_mistake_is_the_solution_with_other_lines():
    patch = EXERCISES["forward"].patches[0]
    assert patch.cause.startswith("W_h is transposed")
    assert "W_h.T @ h[:, t]" in patch.code.splitlines()[12]
    assert FILE.read_text().splitlines()[patch.line - 1] == "- W_h @ h[:, t]"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("## Hints\n", "", "the section ## Hints is missing"),
        ("- number: 6.1\n", "- nummer: 6.1\n", "unknown fact 'nummer', expected one of number"),
        ("- inputs: by hand\n", "", "the fact 'inputs' is missing"),
        ("- kind: numpy\n", "- kind: scipy\n", "unknown kind 'scipy', expected one of numpy, words"),
        ("# Forward pass", "Forward pass", "the first line should be the title"),
        ("- W_h @ h[:, t]\n", "- W_h @ g\n", "line {line}: the solution has no 'W_h @ g'"),
    ],
)
def test_a_damaged_file_is_named_with_the_place(tmp_path, old, new, message):
    text = FILE.read_text()
    assert old in text
    file = tmp_path / "01-forward.md"
    changed = text.replace(old, new, 1)
    file.write_text(changed)
    place = changed.split("\n").index("- W_h @ g") + 1 if "W_h @ g" in changed else 0
    with pytest.raises(ValueError, match=r"01-forward\.md") as error:
        read(file)
    assert message.format(line=place) in str(error.value)
