"""A real server, with its worker inside, and a real Chromium that people use it with."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.server import ROOT, Server, running_chromium, running_server

OUTPUT = ROOT / "tests" / "output"
SIZES = {"wide": {"width": 1280, "height": 900}, "narrow": {"width": 390, "height": 844}}


@pytest.fixture
def server(tmp_path: Path, database_url: str) -> Iterator[Server]:
    with running_server(tmp_path / "instance", database_url) as running:
        yield running


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with running_chromium() as browser:
        yield browser


@pytest.fixture
def person(chromium: Browser, server: Server) -> Iterator[Callable[..., Page]]:
    """Open a browser window of one's own: person(), or person(java_script_enabled=False)."""
    contexts = []

    def person(**options: object) -> Page:
        context = chromium.new_context(**{"base_url": server.url, "viewport": SIZES["wide"], **options})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        return page

    yield person
    for context in contexts:
        context.close()


@pytest.fixture
def picture(request: pytest.FixtureRequest, database_url: str) -> Callable[[Page, str], None]:
    """Keep how a page looks, light and dark, wide and narrow, and see that it never scrolls sideways."""
    folder = OUTPUT / re.sub(r"\W+", "-", request.node.name).strip("-")
    folder.mkdir(parents=True, exist_ok=True)

    def picture(page: Page, name: str) -> None:
        for size, viewport in SIZES.items():
            page.set_viewport_size(viewport)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{page.url} scrolls sideways when {size}"
            # Both databases show the same pages, so one picture of each will do.
            for scheme in ("light", "dark") if database_url.startswith("sqlite") else ():
                page.emulate_media(color_scheme=scheme)
                page.screenshot(path=folder / f"{name}-{size}-{scheme}.png", full_page=True, animations="disabled")
        page.set_viewport_size(SIZES["wide"])
        page.emulate_media(color_scheme="light")

    return picture
