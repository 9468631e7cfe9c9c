"""Two members of staff open the same record, in two browsers."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_first_day import create_a_student, set_up, sign_in


@pytest.fixture
def two(server, person):
    """Two people who have the same student's form open: Ada Lovelace, 16, without a score."""
    first = person()
    set_up(first, server.setup_link())
    create_a_student(first)
    second = person()
    second.goto("/login")
    sign_in(second)
    for page in (first, second):
        page.goto("/students/1")
    return first, second


def test_edits_of_different_fields_are_both_kept(two):
    first, second = two
    save(first, "Score", "77")
    save(second, "Age", "17")
    expect(second.get_by_role("status")).to_contain_text("Score from head@school.example, Age from you.")
    expect(second.get_by_label("Score")).to_have_value("77")
    expect(second.get_by_label("Age", exact=True)).to_have_value("17")


def test_a_clash_is_decided_by_keyboard_and_the_history_tells_it_all(two, check_page):
    first, second = two
    first.get_by_label("Name").fill("Ada King")
    save(first, "Age", "17")
    second.get_by_label("Score").fill("88")
    save(second, "Age", "18")
    expect(second.get_by_role("heading", level=1)).to_have_text("Someone else changed this student")
    check_page(second)
    second.get_by_role("radio", name="What you typed 18").focus()
    second.keyboard.press("Space")
    second.keyboard.press("Control+s")
    expect(second.get_by_role("heading", level=1)).to_have_text("Ada King")
    expect(second.get_by_label("Age", exact=True)).to_have_value("18")
    expect(second.get_by_label("Score")).to_have_value("88")
    check_page(second)
    second.get_by_role("link", name="History").click()
    expect(second.get_by_role("row")).to_have_count(4)
    check_page(second)
    second.get_by_role("link", name="Restore version 2").click()
    check_page(second)
    second.get_by_role("button", name="Restore").click()
    expect(second.get_by_label("Age", exact=True)).to_have_value("17")
    second.get_by_role("link", name="Changes", exact=True).click()
    check_page(second)
    first.get_by_role("button", name="Delete Ada King").click()
    expect(first.get_by_role("heading", level=1)).to_have_text("Delete Ada King?")
    expect(first.get_by_text("changed this record")).to_be_visible()
    check_page(first)
    first.get_by_role("button", name="Delete Ada King").click()
    expect(first.get_by_role("status")).to_contain_text("Deleted Ada King.")
    check_page(first)
    first.get_by_role("button", name="Undo").click()
    expect(first.get_by_role("status")).to_contain_text("Undone: Ada King is in the list again.")
    second.goto("/students?as_of=2999-01-01T00:00")
    check_page(second)


def test_an_open_form_says_so_when_somebody_else_saves_and_merges_at_a_click(two, check_page):
    first, second = two
    second.get_by_label("Name").fill("Ada King")
    save(first, "Score", "77")
    line = second.get_by_text("head@school.example has saved this record since you opened it.")
    expect(line).to_be_visible(timeout=10_000)
    check_page(second)
    second.get_by_role("button", name="Add these changes to the form").click()
    expect(second.get_by_label("Score")).to_have_value("77")
    expect(second.get_by_label("Name")).to_have_value("Ada King")
    expect(second.get_by_role("status")).to_contain_text("Nothing of it is saved yet.")


def test_leaving_with_something_unsaved_asks_first(two):
    first, _ = two
    asked = []
    first.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    first.get_by_label("Age", exact=True).fill("17")
    first.get_by_role("link", name="Imports").click(no_wait_after=True)
    expect(first).to_have_url(re.compile("/students/1$"))
    first.wait_for_timeout(300)
    assert asked == ["beforeunload"]
    save(first, "Age", "17")
    first.get_by_role("link", name="Imports").click()
    expect(first).to_have_url(re.compile("/imports$"))
    assert asked == ["beforeunload"]


def save(page: Page, label: str, text: str):
    page.get_by_label(label, exact=True).fill(text)
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_load_state()
