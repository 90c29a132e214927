"""A real Chromium: the one on PATH, or the one that `playwright install chromium` brings."""

import shutil

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


@pytest.fixture
def context(chromium, request):
    """A window of 1280 x 800; the test fails if its page asks another machine for anything."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    asked = []
    context.on("request", lambda sent: asked.append(sent.url))
    yield context
    context.close()
    outside = [url for url in asked if not url.startswith(("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:"))]
    assert not outside
