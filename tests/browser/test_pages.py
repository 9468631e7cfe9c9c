"""What every page has: it comes without a flash, keeps still for who wants that, and is read out."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_first_day import set_up

# All of it is between the browser and the server's pages, whichever database is behind them.
pytestmark = pytest.mark.parametrize("backend", ["sqlite"])

# A page may be revealed only after it is all there.
WATCH = """window.fades = new Promise((resolve) =>
    addEventListener("pagereveal", (event) => resolve(Boolean(event.viewTransition))))"""

WATCH_FLASHES = """new MutationObserver((changes) => {
    for (const change of changes) for (const node of change.addedNodes) told.push(node.textContent);
}).observe(document.querySelector(".flashes"), { childList: true, subtree: true });"""

# Playwright's own waiting asks the page to evaluate text, which the content security policy forbids.
UNTIL_WELCOMED = """() => new Promise((resolve) => {
    const look = () => told.join().includes("Welcome") ? resolve() : setTimeout(look, 20);
    look();
})"""


def test_pages_change_without_a_flash_and_at_once_for_who_wants_no_motion(server, person):
    page = person()
    page.add_init_script(WATCH)
    set_up(page, server.setup_link())
    assert fades_to_the_imports(page) is True
    page.emulate_media(reduced_motion="reduce")
    page.goto("/")
    assert fades_to_the_imports(page) is False


def fades_to_the_imports(page: Page) -> bool:
    page.get_by_role("link", name="Imports", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Imports")
    return page.evaluate("fades")


def test_nothing_moves_for_who_wants_no_motion(server, person):
    page = person(reduced_motion="reduce")
    set_up(page, server.setup_link())
    moving = """() => [...document.querySelectorAll("*")].map((element) => getComputedStyle(element))
        .filter((style) => style.transitionDuration !== "0s" || style.animationName !== "none").length"""
    page.goto("/imports/new")
    assert page.evaluate(moving) == 0
    page.emulate_media(reduced_motion="no-preference")
    assert page.evaluate(moving) > 0


def test_what_a_page_says_at_its_top_is_said_once_it_is_there(server, person):
    page = person()
    page.add_init_script("addEventListener('DOMContentLoaded', () => { window.told = []; " + WATCH_FLASHES + " })")
    set_up(page, server.setup_link())
    page.evaluate(UNTIL_WELCOMED)
