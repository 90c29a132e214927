"""The commands of the documentation run in a checkout; tests/container/test_documentation.py runs them in the lab."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import documentation
import pytest
from documentation import EVERYWHERE, EWT, ROOT, Block, blocks, blocks_of, copy_ewt

if not (ROOT / "docs").is_dir():
    pytest.skip("the documentation is not in the image", allow_module_level=True)

PAGE = """# Title

    first

```bash
second \\
    --option
```

<!-- commands: not run, it needs the internet -->

    third

    fourth

```python
fifth
```
"""


def test_every_block_of_a_page_is_found_with_its_place():
    assert blocks("page.md", PAGE) == [
        Block("page.md", 3, EVERYWHERE, "    first\n"),
        Block("page.md", 6, EVERYWHERE, "second \\\n    --option\n"),
        Block("page.md", 12, "not run, it needs the internet", "    third\n\n    fourth\n"),
    ]


@pytest.mark.parametrize(
    ("comment", "message"),
    [
        ("<!-- commands: never -->\n\n    first\n", "page.md, line 3: expected 'with UD English EWT'"),
        ("<!-- commands: not run, why -->\nNo block.\n", "page.md, line 3: no block of commands follows"),
        ("<!-- command: not run, why -->\n\n    first\n", "page.md, line 3: no block of commands follows"),
    ],
)
def test_a_comment_that_is_not_understood_is_refused(comment, message):
    with pytest.raises(ValueError, match=message):
        blocks("page.md", f"# Title\n\n{comment}")


@pytest.mark.parametrize(("page", "found"), documentation.pages().items())
def test_commands_of_every_page_run_somewhere(page, found):
    assert any(not block.place.startswith(documentation.NOT_RUN) for block in found)


@pytest.fixture
def workplace(tmp_path):
    """A folder in which commands find what they find in a checkout, and keep their runs apart from the real ones."""
    shutil.copytree(ROOT / "data" / "sample", tmp_path / "data" / "sample")
    (tmp_path / "results").mkdir()
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    return tmp_path


def run(block, workplace):
    environ = {name: value for name, value in os.environ.items() if not name.startswith("LXMLS_")}
    environ |= {"PATH": f"{Path(sys.executable).parent}:{environ['PATH']}", "LXMLS_DATA": str(workplace / "data")}
    result = subprocess.run(
        ["bash", "-c", block.script], cwd=workplace, env=environ, text=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert result.returncode == 0, f"{block}\n{result.stdout}"


@pytest.mark.process
@pytest.mark.slow("trains what the pages train, and compiles for it")
@pytest.mark.parametrize("found", blocks_of(EVERYWHERE))
def test_the_commands_of_a_page_run(found, workplace):
    for block in found:
        run(block, workplace)


@pytest.mark.process
@pytest.mark.slow("trains on real English")
@pytest.mark.parametrize("found", blocks_of(EWT))
def test_the_commands_of_a_page_on_real_english_run(found, workplace, ewt_dir):
    copy_ewt(ewt_dir, workplace / "data")
    for block in found:
        run(block, workplace)
