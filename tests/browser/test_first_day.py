"""What a school does on its first day with Rollbook, in a real browser."""

import re
from pathlib import Path

from playwright.sync_api import Page, expect

FILES = Path(__file__).parent.parent / "files"
EMAIL, PASSWORD = "head@school.example", "correct horse battery staple"

TOO_LATE_TO_FADE = "Transition was aborted because of invalid state. Page already revealed"


def unchecked(_page: Page):
    """Stand in for the check where another test has made it."""


def test_from_the_set_up_link_to_the_first_merged_sheet(server, person, check_page):
    page = person()
    complaints = complaints_of(page)
    set_up(page, server.setup_link(), check_page)
    sign_out_and_in(page, check_page)
    create_a_student(page, check_page)
    edit_the_student(page, check_page)
    upload_a_sheet(page, check_page)
    apply_it(page, check_page)
    see_the_list(page, check_page)
    erase_a_student(page, check_page)
    assert complaints == []


def test_everything_works_without_javascript(server, person):
    page = person(java_script_enabled=False)
    set_up(page, server.setup_link())
    create_a_student(page)
    upload_a_sheet(page)
    apply_it(page)
    see_the_list(page)
    erase_a_student(page)


def set_up(page: Page, link: str, check_page=unchecked):
    page.goto(link)
    page.get_by_label("E-mail address").fill(EMAIL)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password again").fill(PASSWORD)
    check_page(page)
    page.get_by_role("main").get_by_role("button").click()
    expect(page.get_by_role("status")).to_contain_text("Welcome")
    check_page(page)


def sign_in(page: Page):
    page.get_by_label("E-mail address").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Sign in").click()


def sign_out_and_in(page: Page, check_page):
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(re.compile("/login"))
    check_page(page)
    page.goto("/students")
    sign_in(page)
    expect(page).to_have_url(re.compile("/students$"))


def create_a_student(page: Page, check_page=unchecked):
    page.goto("/students/new")
    page.get_by_label("Name").fill("Ada Lovelace")
    page.get_by_label("Age", exact=True).fill("sixteen")
    page.get_by_role("button", name="Add the student").click()
    expect(page.get_by_role("alert")).to_contain_text("“sixteen” is not a whole number.")
    expect(page.get_by_label("Name")).to_have_value("Ada Lovelace")
    check_page(page)
    page.get_by_label("Age", exact=True).fill("16")
    page.get_by_role("button", name="Add the student").click()
    expect(page.get_by_role("status")).to_contain_text("Added Ada Lovelace as student 1.")


def edit_the_student(page: Page, check_page=unchecked):
    page.get_by_label("Score").fill("90")
    check_page(page)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("Saved Ada Lovelace.")
    expect(page.get_by_label("Score")).to_have_value("90")


def upload_a_sheet(page: Page, check_page=unchecked):
    page.goto("/imports/new")
    check_page(page)
    page.get_by_label("Sheet", exact=True).set_input_files(FILES / "mixed-errors.csv")
    page.get_by_role("button", name="Upload and compare").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("mixed-errors.csv")
    check_page(page)
    page.get_by_role("link", name="Update").click()
    expect(page.get_by_role("row", name="Ada Lovelace")).to_contain_text("becomes 97.5")
    check_page(page)
    page.get_by_role("link", name="Rejected").click()
    expect(page.get_by_role("main")).to_contain_text("“seventeen” is not a whole number.")
    check_page(page)


def apply_it(page: Page, check_page=unchecked):
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_role("main")).to_contain_text("applied")
    check_page(page)


def see_the_list(page: Page, check_page=unchecked):
    page.goto("/students")
    for name in ("Ada Lovelace", "Grace Hopper", "Frances Allen", "Adele Goldberg"):
        expect(page.get_by_role("link", name=name)).to_be_visible()
    check_page(page)


def erase_a_student(page: Page, check_page=unchecked):
    page.get_by_role("link", name="Ada Lovelace").click()
    page.get_by_role("link", name="Personal data").click()
    check_page(page)
    page.get_by_role("button", name="Erase Ada Lovelace for good").click()
    expect(page.get_by_role("status")).to_contain_text("Student 1 was erased.")
    expect(page.get_by_role("main")).not_to_contain_text("Lovelace")


def complaints_of(page: Page) -> list[str]:
    """Gather what the browser finds wrong; the answers 4xx that the tests provoke are no fault."""
    complaints: list[str] = []

    def note(error: object) -> None:
        # Chromium leaves the fade out where the next page took long to come, and calls that an error.
        if str(error) != TOO_LATE_TO_FADE:
            complaints.append(str(error))

    page.on("pageerror", note)
    page.on("console", lambda message: complaints.append(message.text) if "Content Security Policy" in message.text else None)
    return complaints
