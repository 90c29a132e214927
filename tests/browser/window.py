"""A real Chromium: the one on PATH, or the one that `playwright install chromium` brings."""

import shutil
from contextlib import contextmanager

import pytest
from playwright.sync_api import sync_playwright


@pytest.fixture(scope="session")
def chromium():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium") or shutil.which("google-chrome"),
            args=["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
                  "--disable-background-networking", "--disable-component-update"],
        )  # fmt: skip
        yield browser
        browser.close()


SIZE = {"width": 1280, "height": 800}
APART = "Run these tests in a network of their own, as .ci/run does."


@contextmanager
def watched(context):
    """Fail where, meanwhile, a page of this context asks another machine for anything, or the network changes."""
    asked = []

    def note(sent):
        asked.append(sent.url)

    def give_up(sent):
        if sent.failure == "net::ERR_NETWORK_CHANGED":
            for page in context.pages:
                page.close(reason=f"{sent.url}: Chromium gave it up, as a network interface came or went. {APART}")

    listeners = {"request": note, "requestfailed": give_up}
    for event, listener in listeners.items():
        context.on(event, listener)
    yield
    for event, listener in listeners.items():
        context.remove_listener(event, listener)
    outside = [url for url in asked if not url.startswith(("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:"))]
    assert not outside


@pytest.fixture
def context(chromium):
    """A window of 1280 x 800."""
    context = chromium.new_context(viewport=SIZE)
    with watched(context):
        yield context
        context.close()
