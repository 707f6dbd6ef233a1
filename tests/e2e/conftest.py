"""A running hub and a real browser."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, Page, Playwright, sync_playwright

from tests.serving import RunningHub, serving

BROWSERS = ("chromium-headless-shell", "chromium", "google-chrome")
"""The first is Chromium without the windows: quicker to install and to start, and alike in what a page sees of it."""
CHROMIUM = next(filter(None, map(shutil.which, BROWSERS)), None)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def hub() -> Iterator[RunningHub]:
    with serving() as running:
        yield running


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    assert CHROMIUM is not None, "These tests drive a real browser: apt-get install chromium-headless-shell"
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
    yield browser
    browser.close()


@dataclass
class Visit:
    """A page, with everything it asked for and complained about."""

    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def pictures(self) -> list[str]:
        """The pictures shown, each as a PNG of its decoded pixels; waits until all have loaded and none is replaced.

        Not for an idle network: the page keeps a stream of events open while anything at all is being drawn.
        """
        self.page.wait_for_function(
            """() => {
                const shown = [...document.querySelectorAll('#pictures img')]
                shown.forEach(image => { image.loading = 'eager' })
                const now = shown.map(image => image.src).join()
                if (now != window.shownBefore) { window.shownBefore = now; window.shownSince = performance.now() }
                const settled = performance.now() - window.shownSince > 500
                return now && settled && shown.every(image => image.complete && image.naturalWidth)
            }"""
        )
        return self.page.evaluate(
            """() => Promise.all([...document.querySelectorAll('#pictures img')].map(async image => {
                await image.decode()
                const canvas = document.createElement('canvas')
                canvas.width = image.naturalWidth; canvas.height = image.naturalHeight
                canvas.getContext('2d').drawImage(image, 0, 0)
                return canvas.toDataURL()
            }))"""
        )


@pytest.fixture
def visit(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Visit]:
    width, height = getattr(request, "param", (1280, 900))
    context = browser.new_context(viewport={"width": width, "height": height}, accept_downloads=True)
    seen = Visit(context.new_page())
    seen.page.on("request", lambda asked: seen.requests.append(asked.url))
    seen.page.on("console", lambda said: seen.complaints.append(said.text) if said.type == "error" else None)
    # On a very slow machine Gradio's client closes its stream and opens another, and says so as an error of its own.
    seen.page.on("pageerror", lambda error: None if error.name == "AbortError" else seen.complaints.append(str(error)))
    yield seen
    context.close()
