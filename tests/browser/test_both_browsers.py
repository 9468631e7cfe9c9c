"""What the browsers do in ways of their own: Enter, ticks after "Back", links within a page, and cells edited in place."""

import pytest
from sqlalchemy import delete

from merge import record
from models import UserSession, db
from tests.browser.conftest import EMAIL
from tests.browser.drivers import ENTER, TAB
from tests.conftest import PASSWORD

AGE = "tr[data-url='/students/1'] td[data-column=age]"
CELL = f'document.querySelector("{AGE}")'

pytestmark = pytest.mark.parametrize("backend", ["sqlite"])


@pytest.fixture
def driver(school, somebody):
    driver = somebody()
    driver.sign_in(EMAIL, PASSWORD)
    return driver


@pytest.mark.parametrize(("path", "saved"), [("/students/1", "Saved Ada King"), ("/students/new", "Added Ada King")])
def test_enter_saves(driver, path, saved):
    driver.open(path)
    driver.fill("name", "Ada King")
    driver.press(ENTER)
    assert driver.has(saved), driver.text


def test_ticks_never_come_back_onto_other_students(school, driver):
    driver.open("/students")
    driver.fill("id", "1")
    driver.open("/students/2")
    with school.app.app_context():
        record.save(db.session(), {"name": "Aaron First", "age": None, "score": None}, version=None, actor="test", reason="form")
    driver.back()
    assert driver.has("Aaron First")
    assert driver.run("[...document.querySelectorAll('input[name=id]:checked')].map((tick) => tick.value)") in ([], ["1"])


def test_the_link_to_the_content_does_not_load_the_page_anew(driver):
    driver.open("/students")
    driver.run("window.sameAsBefore = true")
    driver.press(TAB)
    driver.press(ENTER)
    assert driver.until(lambda: driver.run("document.activeElement.id") == "main")
    assert driver.run("window.sameAsBefore") is True


def test_a_cell_that_can_not_be_saved_keeps_what_was_typed_and_the_focus(driver):
    driver.open("/students")
    driver.double_click(AGE)
    driver.type("4000")
    driver.press(ENTER)
    assert driver.until(lambda: driver.run(f"{CELL}.querySelector('input')?.getAttribute('aria-invalid')") == "true")
    assert driver.run(f"document.activeElement === {CELL}.querySelector('input')") is True
    assert driver.run(f"{CELL}.querySelector('input').value") == "4000"


def test_a_cell_that_was_refused_is_saved_after_signing_in_in_another_tab(school, driver):
    driver.open("/students")
    driver.double_click(AGE)
    driver.type("17")
    with school.app.app_context():
        db.session.execute(delete(UserSession))
        db.session.commit()
    driver.press(ENTER)
    assert driver.has("You are signed out."), driver.text
    driver.new_tab("/login")
    driver.sign_in(EMAIL, PASSWORD)
    driver.turn_to(0)
    driver.press(ENTER)
    assert driver.has("This page had expired."), driver.text
    driver.press(ENTER)
    assert driver.until(lambda: driver.run(f"{CELL}.innerText") == "17"), driver.text
