"""Finding students in a real browser: search, chips, views, and how little a page asks for."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.test_first_day import set_up


def test_students_are_searched_filtered_and_the_list_is_kept_under_a_name(server, person, check_page):
    page = person()
    set_up(page, server.setup_link())
    server.flask("demo", "240")
    page.goto("/students")
    check_page(page)
    page.get_by_label("Name or ID").fill("an")
    page.keyboard.press("Enter")
    expect(page.locator("mark").first).to_be_visible()
    page.get_by_text("Filter the list").click()
    page.get_by_label("from Age").fill("old")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.get_by_label("from Age")).to_have_accessible_description("“old” is not a whole number.")
    check_page(page)
    page.get_by_label("from Age").fill("13")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.get_by_role("link", name="Age at least 13")).to_be_visible()
    page.get_by_text("Views", exact=True).click()
    page.get_by_label("Save this list as").fill("Teenagers with “an”")
    check_page(page)
    page.get_by_role("button", name="Save view").click()
    expect(page.get_by_role("status")).to_contain_text("Saved the view “Teenagers with “an””.")
    page.get_by_role("link", name="Age at least 13").click()
    expect(page.get_by_role("link", name="Age at least 13")).to_have_count(0)
    page.goto("/students/views")
    check_page(page)
    page.get_by_role("link", name="Teenagers").click()
    expect(page.get_by_role("link", name="Age at least 13")).to_be_visible()
    page.goto("/students?q=7")
    expect(page).to_have_url(f"{server.url}/students/7")


def test_the_list_is_searched_while_somebody_types(server, person):
    page = person()
    set_up(page, server.setup_link())
    server.flask("demo", "240")
    page.goto("/students?sort=-score")
    page.get_by_text("Views", exact=True).click()
    search, told = page.get_by_label("Name or ID"), page.locator("#announced")
    search.press_sequentially("an")
    expect(page.locator("mark").first).to_be_visible()
    expect(page).to_have_url(f"{server.url}/students?q=an&sort=-score")
    expect(search).to_be_focused()
    expect(told).to_have_text(re.compile(r"^[0-9]+ students found\.$"))
    expect(page.get_by_label("Save this list as")).to_be_visible()
    search.press_sequentially("zz")
    expect(page.get_by_role("heading", name="No student matches")).to_be_visible()
    expect(told).to_have_text("0 students found.")
    search.fill("7")
    expect(told).to_contain_text("Press Enter to open the record.")
    expect(page.get_by_role("heading", name="No student matches")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{server.url}/students/7")
    page.go_back()
    page.go_back()
    expect(page).to_have_url(f"{server.url}/students?sort=-score")
    expect(page.locator("tbody tr")).to_have_count(50)


def test_what_was_found_while_typing_is_worked_like_any_list(server, person):
    page = person()
    set_up(page, server.setup_link())
    server.flask("demo", "30")
    page.goto("/students")
    page.get_by_label("Name or ID").press_sequentially("a")
    expect(page.locator("mark").first).to_be_visible()
    page.get_by_role("heading", level=1).click()
    page.keyboard.press("j")
    expect(page.locator("tbody a").first).to_be_focused()
    page.keyboard.press("e")
    page.locator("td[data-column] input").fill("17")
    page.keyboard.press("Enter")
    expect(page.locator("#announced")).to_have_text(re.compile("^Age of .+ is saved: 17.$"))


@pytest.mark.parametrize("backend", ["sqlite"])
def test_the_list_is_worked_by_keyboard(server, person):
    page = person()
    set_up(page, server.setup_link())
    server.flask("demo", "30")
    page.goto("/students")
    names = page.locator("tbody a")
    for key, row in (("j", 0), ("ArrowDown", 1), ("j", 2), ("k", 1), ("ArrowUp", 0)):
        page.keyboard.press(key)
        expect(names.nth(row)).to_be_focused()
    page.keyboard.press("?")
    expect(page.get_by_text("to the next or the previous student")).to_be_visible()
    page.keyboard.press("?")
    expect(page.get_by_text("to the next or the previous student")).to_be_hidden()
    page.keyboard.press("/")
    search = page.get_by_label("Name or ID")
    expect(search).to_be_focused()
    page.keyboard.type("je?/")
    expect(search).to_have_value("je?/")
    page.goto("/students")
    chosen = names.nth(1).inner_text()
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Name")).to_have_value(chosen)


def test_a_cell_is_edited_where_it_stands_and_nothing_typed_is_lost(server, person):
    page = person()
    set_up(page, server.setup_link())
    server.flask("demo", "30")
    page.goto("/students?blank_age=no&blank_score=no")
    cells, field = page.locator("td[data-column]"), page.locator("td[data-column] input")
    was = cells.nth(1).inner_text()
    page.keyboard.press("j")
    page.keyboard.press("e")
    field.fill("17")
    page.keyboard.press("Tab")
    expect(cells.nth(0)).to_have_text("17")
    expect(cells.nth(1).locator("input")).to_be_focused()
    field.fill("101")
    page.keyboard.press("Enter")
    expect(cells.nth(1)).to_contain_text("Score must be between 0 and 100, not 101.")
    expect(field).to_have_value("101")
    expect(field).to_be_focused()
    expect(field).to_have_accessible_description("Score must be between 0 and 100, not 101.")
    page.keyboard.press("Escape")
    expect(cells.nth(1)).to_have_text(was)
    cells.nth(1).dblclick()
    field.fill("12.5")
    page.get_by_role("heading", level=1).click()
    expect(cells.nth(1)).to_have_text("12.5")
    other = page.context.new_page()
    other.goto(page.url)
    other.locator("td[data-column]").nth(0).dblclick()
    other.locator("td[data-column] input").fill("16")
    other.keyboard.press("Enter")
    expect(other.locator("td[data-column]").nth(0)).to_have_text("16")
    cells.nth(0).dblclick()
    field.fill("15")
    page.keyboard.press("Enter")
    expect(cells.nth(0).get_by_role("link")).to_contain_text("changed it to 16 while you were editing")
    expect(field).to_have_value("15")
    page.on("dialog", lambda dialog: dialog.accept())
    page.reload()
    expect(cells.nth(0)).to_have_text("16")
    expect(cells.nth(1)).to_have_text("12.5")


@pytest.fixture
def list_page(server, person):
    """The list of 30 students, each with an age and a score."""
    page = person()
    set_up(page, server.setup_link())
    server.flask("demo", "30")
    page.goto("/students?blank_age=no&blank_score=no")
    return page


@pytest.mark.parametrize("backend", ["sqlite"])
def test_a_link_that_a_cell_is_left_for_waits_until_it_is_saved(list_page):
    cells, field = list_page.locator("td[data-column]"), list_page.locator("td[data-column] input")
    cells.nth(0).dblclick()
    field.fill("old")
    list_page.get_by_role("link", name="Imports", exact=True).click()
    expect(cells.nth(0)).to_contain_text("“old” is not a whole number.")
    expect(field).to_have_value("old")
    field.fill("18")
    list_page.get_by_role("link", name="Imports", exact=True).click()
    expect(list_page).to_have_url(re.compile("/imports$"))
    list_page.go_back()
    expect(cells.nth(0)).to_have_text("18")


@pytest.mark.parametrize("backend", ["sqlite"])
def test_a_selection_is_never_restored_by_position(list_page):
    ticks = list_page.get_by_role("checkbox", name="Select")
    for place in range(3):
        ticks.nth(place).check()
    list_page.locator("tbody a").first.click()
    list_page.get_by_role("button", name="Delete").click()
    list_page.get_by_role("button", name="Delete").click()
    expect(list_page.get_by_role("status")).to_contain_text("Deleted ")
    for _ in range(3):
        list_page.go_back()
    expect(list_page).to_have_url(re.compile(r"/students\?blank_age=no&blank_score=no$"))
    expect(list_page.locator("tbody input:checked")).to_have_count(0)


@pytest.mark.parametrize("backend", ["sqlite"])
def test_a_page_asks_for_four_things_the_first_time_and_for_one_the_next(server, person):
    page = person()
    set_up(page, server.setup_link())
    cookies = page.context.storage_state()
    fresh = person(storage_state=cookies)
    asked: list[str] = []
    fresh.on("request", lambda request: asked.append(request.url))
    fresh.on("requestfailed", lambda request: asked.append(f"{request.url} failed"))
    fresh.goto("/students", wait_until="networkidle")
    assert len(asked) <= 4, asked
    # The icon of the window may still be on its way.
    fresh.goto("/students?sort=name", wait_until="networkidle")
    served = _served(fresh)
    fresh.goto("/students?sort=id", wait_until="networkidle")
    assert list(served.values()) == [f"{server.url}/students?sort=id"]


def _served(page):
    """Watch what the server is asked for: what the browser had kept is left out."""
    served: dict[str, str] = {}
    line = page.context.new_cdp_session(page)
    line.send("Network.enable")
    line.on("Network.requestWillBeSent", lambda event: served.update({event["requestId"]: event["request"]["url"]}))
    line.on("Network.requestServedFromCache", lambda event: served.pop(event["requestId"]))
    line.on(
        "Network.responseReceived",
        lambda event: served.pop(event["requestId"], None) if event["response"]["fromDiskCache"] else None,
    )
    return served
