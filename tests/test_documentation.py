"""The blocks of commands of the documentation are found; tests/container/test_documentation.py runs them in the lab."""

import documentation
import pytest
from documentation import EVERYWHERE, ROOT, Block, blocks

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
