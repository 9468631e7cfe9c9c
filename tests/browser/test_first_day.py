"""What a school does on its first day with Rollbook, in a real browser."""

import re
from pathlib import Path

from playwright.sync_api import Page, expect

FILES = Path(__file__).parent.parent / "files"
EMAIL, PASSWORD = "head@school.example", "correct horse battery staple"

TOO_LATE_TO_FADE = "Transition was aborted because of invalid state. Page already revealed"


def test_from_the_set_up_link_to_the_first_merged_sheet(server, person, picture):
    page = person()
    complaints = complaints_of(page)
    set_up(page, server.setup_link(), picture)
    sign_out_and_in(page, picture)
    create_a_student(page, picture)
    edit_the_student(page, picture)
    upload_a_sheet(page, picture)
    apply_it(page, picture)
    see_the_list(page, picture)
    erase_a_student(page, picture)
    assert complaints == []


def test_everything_works_without_javascript(server, person):
    page = person(java_script_enabled=False)
    set_up(page, server.setup_link())
    create_a_student(page)
    upload_a_sheet(page)
    apply_it(page)
    see_the_list(page)
    erase_a_student(page)


def set_up(page: Page, link: str, picture=None):
    page.goto(link)
    page.get_by_label("E-mail address").fill(EMAIL)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password again").fill(PASSWORD)
    _keep(picture, page, "1-set-up")
    page.get_by_role("main").get_by_role("button").click()
    expect(page.get_by_role("status")).to_contain_text("Welcome")
    _keep(picture, page, "2-dashboard-empty")


def sign_in(page: Page):
    page.get_by_label("E-mail address").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Sign in").click()


def sign_out_and_in(page: Page, picture):
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(re.compile("/login"))
    _keep(picture, page, "3-login")
    page.goto("/students")
    sign_in(page)
    expect(page).to_have_url(re.compile("/students$"))


def create_a_student(page: Page, picture=None):
    page.goto("/students/new")
    page.get_by_label("Name").fill("Ada Lovelace")
    page.get_by_label("Age", exact=True).fill("sixteen")
    page.get_by_role("button", name="Add the student").click()
    expect(page.get_by_role("alert")).to_contain_text("“sixteen” is not a whole number.")
    expect(page.get_by_label("Name")).to_have_value("Ada Lovelace")
    _keep(picture, page, "4-form-with-an-error")
    page.get_by_label("Age", exact=True).fill("16")
    page.get_by_role("button", name="Add the student").click()
    expect(page.get_by_role("status")).to_contain_text("Ada Lovelace is saved as student 1.")


def edit_the_student(page: Page, picture=None):
    page.get_by_label("Score").fill("90")
    _keep(picture, page, "5-form")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("is saved")
    expect(page.get_by_label("Score")).to_have_value("90")


def upload_a_sheet(page: Page, picture=None):
    page.goto("/imports/new")
    _keep(picture, page, "6-upload")
    page.get_by_label("Sheet", exact=True).set_input_files(FILES / "mixed-errors.csv")
    page.get_by_role("button", name="Upload and compare").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("mixed-errors.csv")
    _keep(picture, page, "7-preview")
    page.get_by_role("link", name="Update").click()
    expect(page.get_by_role("row", name="Ada Lovelace")).to_contain_text("becomes 97.5")
    _keep(picture, page, "8-preview-update")
    page.get_by_role("link", name="Rejected").click()
    expect(page.get_by_role("main")).to_contain_text("“seventeen” is not a whole number.")
    _keep(picture, page, "9-preview-rejected")


def apply_it(page: Page, picture=None):
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_role("main")).to_contain_text("applied")
    _keep(picture, page, "10-result")


def see_the_list(page: Page, picture=None):
    page.goto("/students")
    for name in ("Ada Lovelace", "Grace Hopper", "Frances Allen", "Adele Goldberg"):
        expect(page.get_by_role("link", name=name)).to_be_visible()
    _keep(picture, page, "11-list")


def erase_a_student(page: Page, picture=None):
    page.get_by_role("link", name="Ada Lovelace").click()
    page.get_by_role("link", name="What is held").click()
    _keep(picture, page, "12-what-is-held")
    page.get_by_role("button", name="Erase Ada Lovelace for good").click()
    expect(page.get_by_role("status")).to_contain_text("Student 1 was erased.")
    expect(page.get_by_role("main")).not_to_contain_text("Lovelace")


def _keep(picture, page: Page, name: str):
    if picture:
        picture(page, name)


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
