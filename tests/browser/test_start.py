"""A new administrator comes from nothing to a first merged sheet, by way of made-up students who are cleared again."""

from playwright.sync_api import Page, expect

from tests.browser.test_first_day import set_up


def test_from_nothing_to_the_first_merged_sheet(server, person, check_page, tmp_path):
    page = person()
    set_up(page, server.setup_link())
    look_around(page, check_page)
    clear(page)
    merge_the_sample(page, tmp_path / "sample.csv")


def look_around(page: Page, check_page):
    page.get_by_role("button", name="Add 200 sample students").click()
    expect(page.get_by_role("main")).to_contain_text("Applied")
    page.get_by_role("link", name="Dashboard").click()
    expect(page.get_by_role("main")).to_contain_text("200 students")
    check_page(page)
    page.get_by_role("link", name="60 to under 70").first.click()
    expect(page.get_by_role("list", name="Filters")).to_contain_text("Score from 60 to under 70")
    page.goto("/")


def clear(page: Page):
    page.get_by_role("link", name="Clear them").click()
    page.get_by_role("button", name="Undo this import").click()
    expect(page.get_by_role("main")).to_contain_text("Undone")
    page.get_by_role("link", name="Dashboard").click()
    expect(page.get_by_role("main")).to_contain_text("0 students")


def merge_the_sample(page: Page, file):
    with page.expect_download() as download:
        page.get_by_role("link", name="Download a sample sheet").click()
    download.value.save_as(file)
    page.get_by_role("link", name="Import a sheet").click()
    page.get_by_label("Sheet", exact=True).set_input_files(file)
    page.get_by_role("button", name="Upload and compare").click()
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_role("main")).to_contain_text("20 students were added")
