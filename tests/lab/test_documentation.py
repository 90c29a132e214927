"""The documentation as Jupyter's server serves it, and what notebooks, panels and messages say of its pages."""

import asyncio
import json
import re
from pathlib import Path

import pytest
from tornado.httpclient import AsyncHTTPClient
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port

from lab.drawing.html import linked
from lab.jupyter import documentation

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGE = r"docs/([\w-]+\.md)(?:#([\w-]+))?"


@pytest.fixture
def ask(tmp_path, monkeypatch):
    """Ask a server of a hub for paths, with its token unless another is given; return the answers."""
    from jupyter_server.serverapp import ServerApp  # a second and a half, which other tests need not wait for

    monkeypatch.setattr(documentation, "SITE", tmp_path / "site")
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path))
    hub = {"headers": {"Content-Security-Policy": "frame-ancestors 'none'"}}

    async def answers(paths, token):
        server = ServerApp(base_url="/user/anna/", tornado_settings=hub, root_dir=str(tmp_path))
        server.initialize([], find_extensions=False, new_httpserver=False)
        server.identity_provider.token = "secret"
        documentation._load_jupyter_server_extension(server)
        socket, port = bind_unused_port()
        web = HTTPServer(server.web_app)
        web.add_socket(socket)
        options = {"headers": {"Authorization": f"token {token}"}, "follow_redirects": False, "raise_error": False}
        try:
            address, client = f"http://127.0.0.1:{port}/user/anna/", AsyncHTTPClient()
            return [await client.fetch(address + path, **options) for path in paths]
        finally:
            web.stop()
            await server._cleanup()
            ServerApp.clear_instance()

    return lambda *paths, token="secret": asyncio.run(answers(paths, token))


PATHS = "docs/gpu.md", "site/docs/gpu.html"


def test_a_page_is_served_to_those_who_are_logged_in_and_the_lab_may_frame_it(ask, tmp_path):
    (tmp_path / "site/docs").mkdir(parents=True)
    (tmp_path / "site/docs/gpu.html").write_text("<h1>GPUs")
    link, page, missing, outside = ask(*PATHS, "site/docs/none.html", "site/%2e%2e/secret")
    assert (link.code, link.headers["Location"]) == (302, "/user/anna/site/docs/gpu.html")
    assert (page.code, page.body) == (200, b"<h1>GPUs")
    assert page.headers["Content-Security-Policy"].startswith("default-src 'self'")
    assert page.headers["Content-Security-Policy"].endswith("frame-ancestors 'self'")
    assert (missing.code, outside.code) == (404, 403)
    for refused in ask(*PATHS, token="guessed"):
        assert (refused.code, refused.headers["Location"].partition("?")[0]) == (302, "/user/anna/login")


def test_a_checkout_without_a_site_says_what_builds_it(ask):
    for page in ask(*PATHS):
        assert page.code == 404
        assert "<code>make docs</code> builds it" in page.body.decode()


def test_a_message_links_to_the_pages_that_it_names_and_shows_all_else_as_text():
    assert linked("<b>, see docs/gpu.md#pygpu.") == (
        '&lt;b&gt;, see <a href="../../docs/gpu.md#pygpu" target="_blank">docs/gpu.md#pygpu</a>.'
    )
    assert linked("/home/anna/docs/gpu.md") == "/home/anna/docs/gpu.md"


def places(page):
    """The names that GitHub and the site give to the headings of a page."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.skipif(not DOCS.is_dir(), reason="the documentation is not in the image")
def test_every_page_that_notebooks_panels_and_messages_name_is_in_the_site():
    files = [ROOT / "docker/advice.json", *(ROOT / "lab/exercises/catalogue").iterdir()]
    files += [file for kind in ("lab/**/*.py", "lab/**/*.ipynb", "lxmls_rnn/**/*.py") for file in ROOT.glob(kind)]
    named = {(file, *found) for file in files for found in re.findall(PAGE, file.read_text(encoding="utf-8"))}
    assert len(named) > 8
    assert not [
        (file.name, page, place)
        for file, page, place in sorted(named)
        if page == "answers.md" or not (DOCS / page).is_file() or (place and place not in places(DOCS / page))
    ]


@pytest.mark.parametrize("file", sorted((ROOT / "lab/notebooks").glob("*.ipynb")), ids=lambda file: file.stem)
def test_a_notebook_names_pages_as_links(file):
    for cell in json.loads(file.read_text(encoding="utf-8"))["cells"]:
        text = "".join(cell["source"])
        assert len(re.findall(r"docs/[\w-]+\.md", text)) == len(re.findall(rf"\]\(\.\./\.\./{PAGE}\)", text)), text
