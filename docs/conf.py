"""Settings of the documentation site, which `make docs` builds with Sphinx from these pages and the docstrings.

The source folder is that of the project, so links between pages are the same here and on GitHub.
"""

import inspect
import re
import sys
from pathlib import Path

from sphinx.application import Sphinx

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import lxmls_rnn  # noqa: E402

project = "LxMLS RNN lab"
author = "The LxMLS RNN lab developers"
copyright = f"{author}, MIT licence"
version = release = lxmls_rnn.__version__
root_doc = "docs/README"
include_patterns = ["*.md", "docs/*", "data/README.md", "packages/*/README.md"]
exclude_patterns = [".*", "build", "docs/answers.md"]  # students search this site
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
highlight_language = "text"

myst_heading_anchors = 4  # of the names that GitHub gives them
myst_links_external_new_tab = True  # the lab shows the pages in a frame, where other sites refuse to be

default_role = "code"
autodoc_mock_imports = ["torch"]
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
napoleon_google_docstring = False
napoleon_use_ivar = True

html_theme = "furo"
html_title = f"{project} {release}"
html_extra_path = ["site/index.html"]
html_static_path = ["site/style.css", "site/page.js"]
html_css_files, html_js_files = ["style.css"], ["page.js"]
html_copy_source = False
html_show_sphinx = False


# the page that `make docs` exports
TAGGER = '<iframe src="tagger.html?sentence=The+old+man+watches+her+run+." title="The tagger"></iframe>'


def adapt(app: Sphinx, page: str, source: list[str]) -> None:
    """Make the table of contents from docs/README.md; leave out links to the answers; place the tagger."""
    source[0] = re.sub(r"\[[^]]*\]\([^)]*\banswers\.md\)", "`docs/answers.md`", source[0])
    source[0] = source[0].replace("<!-- tagger -->", TAGGER)
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
    app.connect("source-read", adapt)
    app.connect("autodoc-process-docstring", add_fields)
