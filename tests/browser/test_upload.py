"""A sheet is dropped on the page, and is seen on its way."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_first_day import FILES, set_up

# All of it is between the browser and the server's pages, whichever database is behind them.
pytestmark = pytest.mark.parametrize("backend", ["sqlite"])

DROP = """(place, names) => {
    const dataTransfer = new DataTransfer();
    for (const name of names) dataTransfer.items.add(new File(["name,age\\nAda,16\\n"], name, { type: "text/csv" }));
    const options = { dataTransfer, bubbles: true, cancelable: true };
    for (const kind of ["dragover", "drop"]) place.dispatchEvent(new DragEvent(kind, options));
}"""


@pytest.fixture
def page(server, person):
    """Somebody who is about to upload a sheet."""
    page = person()
    set_up(page, server.setup_link())
    page.goto("/imports/new")
    return page


def test_a_sheet_that_is_dropped_is_taken_and_two_are_not(page):
    page.get_by_role("heading", level=1).evaluate(DROP, ["one.csv", "two.csv"])
    expect(page.get_by_text("Drop one file at a time.")).to_be_visible()
    page.get_by_role("heading", level=1).evaluate(DROP, ["class.csv"])
    expect(page.locator("#announced")).to_have_text("class.csv")
    expect(page.get_by_label("Sheet", exact=True)).to_be_focused()
    page.get_by_role("button", name="Upload and compare").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("class.csv")


def test_a_sheet_on_its_way_shows_how_far_it_is_and_can_be_stopped(page, tmp_path, check_page):
    sheet = tmp_path / "large.csv"
    sheet.write_bytes(b"name,age\n" + b"Ada,16\n" * 3_000_000)
    slow_down(page, bytes_a_second=1_000_000)
    page.get_by_label("Sheet", exact=True).set_input_files(sheet)
    page.get_by_role("button", name="Upload and compare").click()
    expect(page.locator("#announced")).to_have_text(re.compile(r"^[1-9]0 % of the sheet has been sent\.$"))
    assert 0 < page.get_by_label("Upload progress").evaluate("bar => bar.value") < 1
    expect(page.get_by_role("button", name="Stop sending")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Upload and compare")).to_be_visible()
    slow_down(page, bytes_a_second=-1)
    page.goto("/imports")
    expect(page.get_by_role("heading", name="No imports yet")).to_be_visible()


def test_what_is_wrong_with_a_sheet_stands_beside_the_field_as_it_does_without_javascript(page, tmp_path):
    (tmp_path / "picture.csv").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(200))
    page.get_by_label("Sheet", exact=True).set_input_files(tmp_path / "picture.csv")
    page.get_by_role("button", name="Upload and compare").click()
    expect(page.get_by_role("alert")).to_be_focused()
    expect(page.get_by_role("alert")).to_contain_text("We couldn’t read this file")
    page.get_by_label("Sheet", exact=True).set_input_files(FILES / "mixed-errors.csv")
    page.get_by_role("button", name="Upload and compare").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("mixed-errors.csv")


def slow_down(page: Page, bytes_a_second: int) -> None:
    line = page.context.new_cdp_session(page)
    line.send("Network.enable")
    limits = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": bytes_a_second}
    line.send("Network.emulateNetworkConditions", limits)
