"""Settings of the documentation site, which `make docs` builds with Sphinx from these pages and the docstrings.

The source folder is that of the project, so links between pages are the same here and on GitHub.
"""

import inspect
import re
import sys
from graphlib import TopologicalSorter
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import lxmls_rnn  # noqa: E402
from lab.panels.scan import graph_drawing  # noqa: E402

project = "LxMLS RNN lab"
author = "The LxMLS RNN lab developers"
copyright = f"{author}, MIT licence"
version = release = lxmls_rnn.__version__
root_doc = "docs/README"
include_patterns = ["*.md", "docs/*", "data/README.md"]
exclude_patterns = [".*", "build", "docs/answers.md"]  # students search this site
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
highlight_language = "text"

myst_heading_anchors = 4  # of the names that GitHub gives them
myst_fence_as_directive = ["mermaid"]

default_role = "code"
autodoc_mock_imports = ["jax", "torch"]
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
napoleon_google_docstring = False
napoleon_use_ivar = True

html_theme = "furo"
html_title = f"{project} {release}"
html_extra_path = ["site/index.html"]
html_static_path = ["site/style.css"]
html_css_files = ["style.css"]
html_copy_source = False
html_show_sphinx = False


class Mermaid(SphinxDirective):
    """A graph of lines `a --> b` as a drawing, made here: Mermaid's own program would come from the network."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Return the drawing."""
        edges = [tuple(line.split(" --> ")) for line in map(str.strip, self.content) if " --> " in line]
        order = list(
            TopologicalSorter({begin: {e for b, e in edges if b == begin} for begin, _ in edges}).static_order()
        )
        names = order[::-1]
        drawing = graph_drawing.Drawing([graph_drawing.Node(name, name, "operation") for name in names])
        for begin, end in sorted((names.index(begin), names.index(end)) for begin, end in edges):
            drawing.edges[begin, end] = []
        graph_drawing.lay_out(drawing)
        return [nodes.raw("", f'<div class="drawing">{graph_drawing.svg(drawing)}</div>', format="html")]


def adapt(app: Sphinx, page: str, source: list[str]) -> None:
    """Make the table of contents from the sections and links of docs/README.md; leave out links to the answers."""
    source[0] = re.sub(r"\[[^]]*\]\([^)]*\banswers\.md\)", "`docs/answers.md`", source[0])
    if page != root_doc:
        return
    for section in source[0].split("\n## ")[1:]:
        links = re.findall(r"^- \[([^]]+)\]\(([^)#]+)\)", section, re.MULTILINE)
        lines = "\n".join(f"{title} <{link}>" for title, link in links)
        source[0] += f"\n```{{toctree}}\n:hidden:\n:caption: {section.splitlines()[0]}\n\n{lines}\n```\n"


def add_fields(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Add the comments beside the fields of a class to its documentation."""
    if inspect.isclass(obj) and what == "class":
        fields = re.findall(r"^    (\w+): .*?  # (.*)$", inspect.getsource(obj), re.MULTILINE)
        lines += ["", *(f":ivar {field}: {comment}" for field, comment in fields)]


def setup(app: Sphinx) -> None:
    """Connect the parts above with Sphinx."""
    app.add_directive("mermaid", Mermaid)
    app.connect("source-read", adapt)
    app.connect("autodoc-process-docstring", add_fields)
