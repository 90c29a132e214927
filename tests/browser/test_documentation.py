"""The documentation in the lab of a hub: the entry of the Help menu, and a reference of each kind."""

import json

import pytest
from browser.conftest import BIN
from browser.page import LabPage, Server, button
from browser.test_benchmark import only
from playwright.sync_api import expect

from lab.jupyter.documentation import SITE

pytestmark = pytest.mark.skipif(not SITE.exists(), reason="there is no site: `make docs` builds it")

BASE = "/user/anna"
HUB = {"headers": {"Content-Security-Policy": "frame-ancestors 'none'"}}
ADVICE = """import json, os
from lxmls_rnn.device.problems import ADVICE
for name in ("no driver", "a card without driver"):
    ADVICE[name] = "the driver is missing; build the image again, see docs/image.md#settings"
with open("advice.json", "w") as file:
    json.dump(ADVICE, file)
os.environ["LXMLS_ADVICE"] = os.path.abspath("advice.json")"""
VERDICT = """from IPython.display import HTML
from lab.drawing.html import linked
HTML(linked("See docs/gpu.md#pygpu."))"""
TEXT = "The [words](../../docs/glossary.md#runs)."


@pytest.fixture
def lab(context, workplace, environ):
    """The lab in a window, below the address of a student and with the headers of a hub."""
    options = ["--no-browser", f"--ServerApp.base_url={BASE}", f"--ServerApp.tornado_settings={HUB}"]
    command = [BIN / "lxmls-rnn", "lab", *options]
    with Server.start(command, "--ServerApp.port", workplace, environ, BASE) as server:
        yield LabPage(context.new_page(), server, workplace / "work")


@pytest.fixture
def notebook(lab):
    """A notebook whose text, output and panel name a page each."""
    name = lab.write(VERDICT, ADVICE, "from lab import BenchmarkPanel\nBenchmarkPanel()")
    content = json.loads((lab.folder / name).read_text())
    content["cells"].insert(0, {"cell_type": "markdown", "id": "text", "metadata": {}, "source": TEXT})
    (lab.folder / name).write_text(json.dumps(content))
    return name


def test_the_help_menu_and_links_in_text_output_and_panel_open_pages(lab, notebook, picture):
    lab.open(notebook)
    page = lab.page.frame_locator("#lxmls-rnn-lab\\:documentation iframe")
    lab.page.get_by_role("menuitem", name="Help", exact=True).click()
    picture(lab.page.locator("#main"), "help-menu", height=800)
    lab.page.get_by_text("Documentation of the Lab", exact=True).click()
    drawn = page.get_by_alt_text("A student's wrong answer")
    expect(drawn).to_be_visible()
    assert drawn.evaluate("async picture => { await picture.decode(); return picture.naturalWidth }") > 500
    picture(lab.page.locator("#main"), "documentation", height=800)
    page.locator(".nav-overlay-icon").click()  # of a narrow page, by its style sheet
    page.get_by_placeholder("Search").fill("peephole")
    page.get_by_placeholder("Search").press("Enter")
    page.locator("ul.search li > a").filter(has_text="Glossary").click()
    expect(page.get_by_role("heading", name="Glossary")).to_be_visible()

    tabs = lab.page.locator("#jp-main-dock-panel .lm-TabBar-tab")
    expect(tabs).to_have_count(2)
    for link, heading in (("words", "Runs"), ("docs/gpu.md#pygpu", "pygpu"), ("docs/image.md#settings", "Settings")):
        tabs.filter(has_text=notebook).click()
        if heading == "pygpu":
            lab.run_all()
        if heading == "Settings":
            panel = lab.find("BenchmarkPanel")
            only(panel, "rnn", "fused", "cuda", "backward", "float32")
            button(panel, "Run").click()
        lab.page.locator(".jp-NotebookPanel").get_by_role("link", name=link, exact=True).first.click()
        expect(page.get_by_role("heading", name=heading, exact=True)).to_be_in_viewport()
    expect(tabs).to_have_count(2)
    expect(page.locator("body")).to_have_attribute("data-theme", "light")
    with lab.dark():
        tabs.filter(has_text=notebook).click()
        lab.page.locator(".jp-NotebookPanel").get_by_role("link", name="words", exact=True).first.click()
        expect(page.get_by_role("heading", name="Runs", exact=True)).to_be_in_viewport()
        expect(page.locator("body")).to_have_attribute("data-theme", "dark")
    assert not lab.complaints
