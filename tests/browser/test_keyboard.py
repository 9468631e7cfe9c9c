"""A day's work without a mouse: everything can be reached, in a sensible order, and one always sees where one is."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.test_first_day import EMAIL, FILES, PASSWORD, create_a_student, set_up

# Where the focus is and how it shows; `free` tells that nothing lies over it.
STOP = """(target) => {
    const at = document.activeElement;
    const { top, bottom, left, width, height } = at.getBoundingClientRect();
    const { outlineStyle, outlineWidth } = getComputedStyle(at);
    const seen = document.elementFromPoint(left + width / 2, Math.min(top + height / 2, innerHeight - 1));
    return {
        name: at.outerHTML.slice(0, 120), top: top + scrollY, bottom: bottom + scrollY, left,
        page: at === document.body, there: at === target,
        outline: outlineStyle === "none" ? 0 : parseFloat(outlineWidth), free: at.contains(seen) || !!seen?.contains(at),
    };
}"""
FURTHEST = 90


@pytest.fixture
def page(server, person):
    page = person(reduced_motion="reduce")
    set_up(page, server.setup_link())
    create_a_student(page)
    page.get_by_role("button", name="Sign out").click()
    return page


@pytest.mark.parametrize("backend", ["sqlite"])
def test_a_day_of_work_by_keyboard_alone(page):
    sign_in(page)
    find_and_edit(page)
    upload_match_and_apply(page)
    undo(page)
    change_many(page)
    resolve_a_conflict(page)


def sign_in(page: Page):
    page.goto("/students")
    go(page, page.get_by_role("link", name="Skip to the content"))
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    write(page, page.get_by_label("E-mail address"), EMAIL)
    write(page, page.get_by_label("Password"), PASSWORD)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/students$"))


def find_and_edit(page: Page):
    write(page, page.get_by_label("Name or ID"), "lovel")
    expect(page.locator("mark")).to_have_text("Lovel")
    press(page, page.get_by_role("link", name="Ada Lovelace"))
    write(page, page.get_by_label("Score"), "90")
    press(page, page.get_by_role("button", name="Save", exact=True))
    expect(page.locator(".flashes")).to_contain_text("Saved Ada Lovelace.")


def upload_match_and_apply(page: Page):
    press(page, page.get_by_role("link", name="Imports", exact=True))
    press(page, page.get_by_role("main").get_by_role("link", name="Import a sheet"))
    go(page, page.get_by_label("Sheet", exact=True))
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Space")
    chooser.value.set_files(FILES / "mixed-errors.csv")
    press(page, page.get_by_role("button", name="Upload and compare"))
    press(page, page.get_by_role("link", name="Edit columns and format"))
    go(page, page.locator(".table-columns select").last)
    page.keyboard.press("Home")
    press(page, page.get_by_role("button", name="Read the sheet like this"))
    press(page, page.get_by_role("link", name=re.compile("Insert")))
    expect(page.get_by_role("link", name=re.compile("Insert"))).to_have_attribute("aria-current", "true")
    press(page, page.get_by_role("button", name=re.compile("^Apply ")))
    expect(page.get_by_role("heading", name="Applied")).to_be_visible()


def undo(page: Page):
    press(page, page.get_by_role("link", name="Undo this import"))
    press(page, page.get_by_role("button", name="Undo this import"))
    expect(page.get_by_role("heading", name="This import was undone")).to_be_visible()


def change_many(page: Page):
    press(page, page.get_by_role("link", name="Students", exact=True))
    go(page, page.get_by_role("checkbox", name="Select Ada Lovelace, 1"))
    page.keyboard.press("Space")
    press(page, page.get_by_role("button", name="Edit selected"), back=True)
    go(page, page.get_by_label("Column"))
    page.keyboard.press("A")
    write(page, page.get_by_label("Value"), "17")
    press(page, page.get_by_role("button", name="See what it would change"))
    press(page, page.get_by_role("button", name="Apply 1 change"))
    expect(page.get_by_role("heading", name="Applied")).to_be_visible()


def resolve_a_conflict(page: Page):
    page.goto("/students/1")
    other = page.context.new_page()
    other.goto("/students/1")
    other.get_by_label("Age", exact=True).fill("18")
    other.get_by_role("button", name="Save", exact=True).click()
    write(page, page.get_by_label("Age", exact=True), "15")
    press(page, page.get_by_role("button", name="Save", exact=True))
    expect(page.get_by_role("heading", level=1)).to_have_text("Someone else changed this student")
    go(page, page.get_by_role("radio", name="Stored now 18"))
    page.keyboard.press("ArrowDown")
    press(page, page.get_by_role("button", name="Save", exact=True))
    expect(page.get_by_label("Age", exact=True)).to_have_value("15")


def write(page: Page, field: Locator, text: str) -> None:
    go(page, field)
    page.keyboard.press("Control+a")
    page.keyboard.type(text)


def press(page: Page, target: Locator, *, back: bool = False) -> None:
    go(page, target, back=back)
    page.keyboard.press("Enter")


def go(page: Page, target: Locator, *, back: bool = False) -> None:
    """Tab there, as somebody does who watches where the focus is."""
    expect(target).to_be_visible()
    before = None
    for _ in range(FURTHEST):
        page.keyboard.press("Shift+Tab" if back else "Tab")
        stop = target.evaluate(STOP)
        # After the last element comes the browser itself, and then the page anew.
        if not stop["page"]:
            assert stop["outline"] >= 2, f"{page.url}: nobody sees that the focus is at {stop['name']}"
            assert stop["free"], f"{page.url}: something lies over {stop['name']}"
            assert back or not before or not _jumps(before, stop), f"{page.url}: {stop['name']} comes after {before['name']}"
        before = None if stop["page"] else stop
        if stop["there"]:
            return
    raise AssertionError(f"{page.url}: {target} can't be reached by keyboard")


def _jumps(before: dict, stop: dict) -> bool:
    """Tell whether the focus went back to the left and up, against how people read."""
    return stop["bottom"] <= before["top"] and stop["left"] <= before["left"]
