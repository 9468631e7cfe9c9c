"""On paper: the list and a record without what only a screen needs."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_first_day import set_up

# All of it is between the browser and the server's pages, whichever database is behind them.
pytestmark = pytest.mark.parametrize("backend", ["sqlite"])

PEOPLE = 120


def test_the_list_and_a_record_print_as_clean_pages(server, person):
    page = person()
    set_up(page, server.setup_link())
    server.flask("demo", str(PEOPLE))
    page.emulate_media(media="print")
    page.goto("/students?min_score=0&per_page=250")
    assert_clean(page)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.get_by_text("Score at least 0")).to_be_visible()
    for heading in ("Student ID", "Name", "Age", "Score"):
        expect(page.get_by_role("columnheader", name=heading)).to_be_visible()
    assert 2 <= pages(page) <= 4
    page.goto("/students/7")
    assert_clean(page)
    expect(page.get_by_label("Name")).to_be_visible()
    assert pages(page) == 1


def assert_clean(page: Page):
    """See that nothing is left that only a screen can use, and that nothing is cut off at the edge of the paper."""
    for which in ("nav", "button", "summary", "input[type=checkbox]", "input[type=search]", ".who", ".foot"):
        for element in page.locator(which).all():
            expect(element).to_be_hidden()
    page.set_viewport_size({"width": 680, "height": 960})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def pages(page: Page) -> int:
    """Print it, and count the sheets of paper."""
    return len(re.findall(rb"/Type\s*/Page\b", page.pdf(format="A4", prefer_css_page_size=True)))
