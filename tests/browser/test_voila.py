import json
import re
import urllib.error

import pytest
from browser.page import button, download, fill, message
from playwright.sync_api import expect

from lxmls_rnn.export import files

PANELS = ("CorpusPanel", "ModelPanel", "TrainingPanel", "InspectionPanel", "GradientCheckPanel")


def test_the_experiments_are_a_page_without_code(lab, picture, tmp_path):
    page = lab.page
    page.goto(f"{lab.server.url}/voila/render/02-experiments.ipynb?token={lab.server.token}")
    for panel in PANELS:
        expect(page.locator(f".lab-{panel}").first).to_be_visible()
    expect(page.locator(".jp-InputArea-editor")).to_have_count(0)
    corpus = lab.find("CorpusPanel")
    button(corpus, "Read").click()
    expect(message(corpus)).to_contain_text("Read.")
    training = lab.find("TrainingPanel")
    fill(training, "Epochs", 2)
    fill(training, "Run name", "voila")
    button(training, "Start").click()
    expect(message(training)).to_contain_text("All 2 epochs done")
    exported = files.export(lab.folder.parent / "runs/voila", "html")
    assert download(training, "voila.html", tmp_path) == exported.content
    picture(page.locator("body"), "voila")


def test_formulas_are_typeset_without_the_network(lab):
    name = lab.write("from IPython.display import Markdown\nMarkdown(r'$\\sqrt{h_t}$')")
    lab.page.goto(f"{lab.server.url}/voila/render/{name}?token={lab.server.token}")
    expect(lab.page.locator("mjx-container mjx-msqrt").first).to_be_visible()


def test_a_page_of_another_site_starts_no_kernel(chromium, server):
    """The names localhost and 127.0.0.1 are two sites to a browser."""
    page = chromium.new_page()
    page.goto(f"{server.url}/lab?token={server.token}")  # leaves the cookie
    before = json.loads(server.ask("api/kernels"))
    address = f"{server.url}/voila/render/00-welcome.ipynb"
    page.goto(f"{server.url.replace('127.0.0.1', 'localhost')}/login")
    page.evaluate(
        "address => new Promise(done => { const a = new Image(); a.onerror = done; a.src = address; })", address
    )
    page.evaluate("address => { location = address; }", address)
    expect(page).to_have_url(re.compile(rf"{server.url}/login"))
    assert json.loads(server.ask("api/kernels")) == before
    page.close()


def test_a_request_that_another_site_causes_is_refused_though_it_has_the_token(server):
    """As with a hub, whose cookies come with links of other sites."""
    before = json.loads(server.ask("api/kernels"))
    with pytest.raises(urllib.error.HTTPError) as refused:
        server.ask("voila/render/00-welcome.ipynb", **{"Sec-Fetch-Site": "cross-site"})
    assert refused.value.code == 403
    assert "no page of another site may open it" in refused.value.read().decode()
    assert json.loads(server.ask("api/kernels")) == before
