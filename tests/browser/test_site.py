"""The documentation site in Chromium: its first page leads on, search finds, the tagger tags, axe finds no fault."""

import functools
import http.server
import re
import threading
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

SITE = Path(__file__).parents[2] / "build" / "site"

pytestmark = pytest.mark.skipif(not SITE.exists(), reason="there is no site: `make docs` builds it")


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def address():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=SITE)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_the_search_finds_a_term_of_the_glossary_and_a_name_but_no_answers(context, address):
    page = context.new_page()
    page.goto(address)
    expect(page).to_have_url(f"{address}docs/README.html")
    search = page.get_by_placeholder("Search")
    search.fill("peephole")
    search.press("Enter")
    results = page.locator("ul.search li > a")
    expect(results.filter(has_text="NumpyLSTM.peephole_rows")).to_be_visible()
    assert not [title for title in results.all_inner_texts() if "answers" in title]
    results.filter(has_text="Glossary").click()
    expect(page).to_have_url(re.compile("docs/glossary.html"))
    expect(page.get_by_role("heading", name="Glossary")).to_be_visible()


@pytest.mark.parametrize(("sentence", "tag"), [("They watch the old run .", "noun"), ("I saw her run .", "verb")])
def test_the_page_try_it_tags_a_sentence(context, address, sentence, tag):
    page = context.new_page()
    page.goto(address)
    page.get_by_role("link", name="Try it").first.click()
    tagger = page.frame_locator("iframe")
    expect(tagger.get_by_label("Words with their tags")).to_contain_text("watches")  # the sentence of the address
    tagger.get_by_label("Sentence", exact=True).fill(sentence)
    tagger.get_by_role("button", name="Tag").click()
    expect(tagger.get_by_role("listitem").filter(has_text="run")).to_contain_text(tag)


@pytest.mark.parametrize("name", ["README", "docs/hub", "docs/try-it", "docs/where-theano-went"])
def test_a_page_passes_axe_in_both_schemes(context, address, name):
    page = context.new_page()
    page.goto(f"{address}{name}.html")
    for scheme in "light", "dark":
        page.emulate_media(color_scheme=scheme)
        found = Axe().run(page).response["violations"]
        assert not [(rule["id"], [node["html"][:200] for node in rule["nodes"]]) for rule in found]
