"""A real server, with its worker inside, and a real Chromium that people use it with."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from functools import cache, cached_property
from pathlib import Path

import pysqlite3
import pytest
from axe_playwright_python.base import AXE_SCRIPT, AxeResults
from flask import Flask
from marionette_driver.marionette import Marionette
from playwright.sync_api import Browser, Page, expect

import accounts
import config
from app import create_app
from merge import record
from models import db
from tests.browser.drivers import Chromium, Driver, Firefox, running_firefox
from tests.conftest import EMPTYING, PASSWORD
from tests.server import Server, running_chromium, serving

# axe's makers leave this one of WCAG 2.2 off.
RULES = {"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}}
COLOURS = {"resultTypes": ["violations"], "runOnly": ["color-contrast"]}
SIZES = {"wide": {"width": 1280, "height": 900}, "narrow": {"width": 390, "height": 844}}

# Where a machine has much to do, a page may take longer than the usual five seconds.
PATIENCE_MS = 15_000
expect.set_options(timeout=PATIENCE_MS)

FADED_IN = """async () => {
    await new Promise((next) => requestAnimationFrame(() => requestAnimationFrame(next)));
    await document.activeViewTransition?.finished;
}"""

# A window of 1280 at 200 % and at 400 %.
ZOOMED = ({"width": 640, "height": 450}, {"width": 320, "height": 256})


EMAIL = "head@school.example"


class QuickServer(Server):
    """Its commands run in this process: to start one of their own for each takes longer than what they do."""

    def flask(self, *arguments: str) -> str:
        done = self.app.test_cli_runner().invoke(args=arguments, catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.output

    @cached_property
    def app(self) -> Flask:
        """The same app in this process, over the same database."""
        return create_app(self.settings)

    @property
    def settings(self) -> config.Settings:
        return config.load(self._environ)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.long)])
def backend(request: pytest.FixtureRequest) -> str:
    """What a person does is the same over each database: the long run proves it."""
    return str(request.param)


@pytest.fixture(scope="package")
def served_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("served")


@pytest.fixture
def database_url(backend: str, request: pytest.FixtureRequest, served_folder: Path) -> str:
    """The address of a database that has all tables and nothing in them, emptied under the server that has it open."""
    if backend == "postgresql":
        template = request.getfixturevalue("postgresql_template")
        return request.getfixturevalue("cluster").clean_copy(template, EMPTYING, "served")
    file = served_folder / "rollbook.db"
    with (
        closing(pysqlite3.connect(request.getfixturevalue("sqlite_template"))) as empty,
        closing(pysqlite3.connect(file)) as full,
    ):
        empty.backup(full)
    return f"sqlite:///{file}"


@pytest.fixture(scope="package")
def servers(served_folder: Path) -> Iterator[Callable[[str], QuickServer]]:
    """Start the server of a database once: that takes longer than most of what is done with it."""
    with ExitStack() as running:

        @cache
        def serve(database_url: str) -> QuickServer:
            instance = served_folder / database_url.partition(":")[0]
            return running.enter_context(serving(QuickServer(instance, database_url)))

        yield serve


@pytest.fixture
def server(database_url: str, servers: Callable[[str], QuickServer]) -> QuickServer:
    return servers(database_url)


@pytest.fixture
def school(server: QuickServer) -> QuickServer:
    """A school with Ada Lovelace as student 1, and an administrator."""
    with server.app.app_context():
        accounts.add_user(EMAIL, "admin", PASSWORD)
        accounts.add_user("second@school.example", "admin", PASSWORD)
        for name in ("Ada Lovelace", "Grace Hopper"):
            record.save(db.session(), {"name": name, "age": 16, "score": 77.0}, version=None, actor="test", reason="form")
    return server


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with running_chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def firefox() -> Iterator[Marionette]:
    with running_firefox() as browser:
        yield browser


@pytest.fixture(params=["chromium", pytest.param("firefox", marks=pytest.mark.long)])
def somebody(request: pytest.FixtureRequest, server: Server) -> Iterator[Callable[..., Driver]]:
    """Let each of the two browsers in turn open a window of its own: somebody(), or somebody(url) for another address."""
    with ExitStack() as windows:

        def somebody(url: str = server.url) -> Driver:
            if request.param == "firefox":
                return Firefox(request.getfixturevalue("firefox"), url)
            context = request.getfixturevalue("chromium").new_context(base_url=url, viewport=SIZES["wide"])
            windows.callback(context.close)
            return Chromium(context.new_page(), url)

        yield somebody


@pytest.fixture
def person(chromium: Browser, server: Server) -> Iterator[Callable[..., Page]]:
    """Open a browser window of one's own: person(), or person(java_script_enabled=False)."""
    contexts = []

    def person(**options: object) -> Page:
        context = chromium.new_context(**{"base_url": server.url, "viewport": SIZES["wide"], **options})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        return page

    yield person
    for context in contexts:
        context.close()


@pytest.fixture
def check_page(database_url: str) -> Callable[[Page], None]:
    """See that a page is laid out whole, that axe finds no fault, and that nothing scrolls sideways."""

    def check_page(page: Page) -> None:
        # Both databases show the same pages, so axe looks at those of one.
        check_layout(page, accessible=database_url.startswith("sqlite"))
        for viewport in ZOOMED:
            page.set_viewport_size(viewport)
            assert_fits(page)
        page.set_viewport_size(SIZES["wide"])
        page.emulate_media(color_scheme="light", reduced_motion="no-preference")

    return check_page


def check_layout(page: Page, *, accessible: bool) -> None:
    """See that a page fits and no control covers another, wide and narrow; and, if asked, that axe finds no fault."""
    # A click waits only until the page that it leads to begins to come, and that page fades in.
    page.wait_for_load_state()
    page.evaluate(FADED_IN)
    page.mouse.move(0, 0)
    for viewport in SIZES.values():
        page.set_viewport_size(viewport)
        assert_fits(page)
        assert page.evaluate(OVERLAPPING) == [], f"{page.url} {page.viewport_size}"
        for scheme in ("light", "dark") if accessible else ():
            # Half-way through a transition a colour is none of ours.
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            assert_accessible(page, RULES if scheme == "light" else COLOURS)


# Controls that are drawn over one another, but for those that contain each other or stay in view while the page scrolls.
OVERLAPPING = """() => {
    const stays = (at) => at && (["fixed", "sticky"].includes(getComputedStyle(at).position) || stays(at.parentElement));
    const shown = [...document.querySelectorAll("a[href], button, input, select, textarea, summary")]
        .filter((at) => at.checkVisibility({ opacityProperty: true, visibilityProperty: true }))
        .filter((at) => !at.closest("svg") && !stays(at));
    const boxes = shown
        .map((at) => ({ at, box: at.getBoundingClientRect() }))
        .filter(({ box }) => box.width > 1 && box.height > 1);
    const cover = (a, b) =>
        Math.min(a.right, b.right) - Math.max(a.left, b.left) > 2 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 2;
    return boxes.flatMap((a, place) => boxes.slice(place + 1)
        .filter((b) => !a.at.contains(b.at) && !b.at.contains(a.at) && cover(a.box, b.box))
        .map((b) => `${a.at.outerHTML.slice(0, 90)} covers ${b.at.outerHTML.slice(0, 90)}`));
}"""


# Read from left to right and from right to left.
FITS = """() => {
    const root = document.documentElement;
    return ["ltr", "rtl"].every((direction) => {
        const before = root.dir;
        root.dir = direction;
        const fits = root.scrollWidth <= innerWidth;
        root.dir = before;
        return fits;
    });
}"""


def assert_fits(page: Page) -> None:
    """See that the page does not scroll sideways, read from either side; a wide table in it may, in a box of its own."""
    assert page.evaluate(FITS), f"{page.url} scrolls sideways: {page.viewport_size}"


def assert_accessible(page: Page, rules: dict[str, object]) -> None:
    """Let axe look for faults."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    found = AxeResults(page.evaluate("rules => axe.run(rules)", rules))
    assert not found.response["violations"], f"{page.url} {page.viewport_size}: {found.generate_report()}"
