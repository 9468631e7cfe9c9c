"""What browsers do in ways of their own: Enter, going back, links within a page, cells edited in place, and rows corrected."""

import pytest
from sqlalchemy import delete, func, select

from merge import record
from models import Revision, UserSession, db
from tests.browser.conftest import EMAIL
from tests.browser.drivers import ENTER, TAB
from tests.conftest import PASSWORD

AGE = "tr[data-url='/students/1'] td[data-column=age]"
CELL = f'document.querySelector("{AGE}")'
HEADING = "//main//h1"
LIST = "/students?q=ada&sort=-age&min_age=10&per_page=2"

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


@pytest.fixture
def revisions(school):
    """Count the versions of student 1."""

    def revisions():
        with school.app.app_context():
            return db.session.scalar(select(func.count()).select_from(Revision).where(Revision.student_id == 1))

    return revisions


def add(school, name, age=None):
    with school.app.app_context():
        record.save(db.session(), {"name": name, "age": age, "score": None}, version=None, actor="test", reason="form")


def test_ticks_never_come_back_onto_other_students(school, driver):
    driver.open("/students")
    driver.fill("id", "1")
    driver.open("/students/2")
    add(school, "Aaron First")
    driver.back()
    assert driver.has("Aaron First")
    assert driver.run("[...document.querySelectorAll('input[name=id]:checked')].map((tick) => tick.value)") in ([], ["1"])


def test_the_link_to_the_content_does_not_load_the_page_anew(driver):
    driver.open("/students")
    driver.run("void addEventListener('beforeunload', () => { window.left = true; })")
    driver.run("void addEventListener('popstate', () => setTimeout(() => { window.steps = (window.steps ?? 0) + 1; }))")
    driver.press(TAB)
    driver.press(ENTER)
    assert driver.until(lambda: driver.run("document.activeElement.id") == "main")
    driver.back()
    assert driver.until(lambda: driver.address == "/students" and driver.run("window.steps") == 2)
    assert driver.run("!!window.left") is False


def test_each_way_back_from_a_record_leads_to_the_same_page_of_the_list(school, driver):
    for age in (11, 12, 13, 14):
        add(school, f"Ada {age}", age)
    driver.open(LIST)
    driver.click("//a[@rel='next']")
    assert driver.has("Ada 13"), driver.text
    listed = driver.address
    driver.choose("Ada 13")
    driver.back()
    assert driver.until(lambda: driver.address == listed)
    driver.choose("Ada 13")
    driver.choose("Back to the list")
    assert driver.until(lambda: driver.address == listed)
    driver.choose("Ada 13")
    driver.choose("Delete Ada 13")
    assert driver.has("Delete Ada 13?")
    driver.choose("Delete Ada 13")
    assert driver.has("Deleted Ada 13."), driver.text
    assert driver.address == listed


def test_a_cell_that_can_not_be_saved_says_so_until_it_is_and_leaving_it_saves_says_so_and_offers_undo(driver):
    driver.open("/students")
    driver.double_click(AGE)
    driver.type("4000")
    driver.press(ENTER)
    assert driver.until(lambda: driver.run(f"{CELL}.querySelector('input')?.getAttribute('aria-invalid')") == "true")
    assert driver.run(f"document.activeElement === {CELL}.querySelector('input')") is True
    assert driver.run(f"{CELL}.querySelector('input').value") == "4000"
    assert "Age must be between 0 and 150, not 4000." in driver.run(f"{CELL}.innerText")
    driver.run(f"{CELL}.querySelector('input').select()")
    driver.type("old")
    driver.click(HEADING)
    assert driver.has("“old” is not a whole number."), driver.text
    assert driver.until(lambda: driver.run(f"document.activeElement === {CELL}.querySelector('input')"))
    driver.run(f"{CELL}.querySelector('input').select()")
    driver.type("17")
    driver.click(HEADING)
    assert driver.has("Age of Ada Lovelace is saved: 17."), driver.text
    assert driver.run(f"{CELL}.innerText") == "17"
    assert "is not a whole number" not in driver.text
    driver.click("//*[@role='status']//button[normalize-space(.)='Undo']")
    assert driver.has("is as before."), driver.text
    assert (driver.address, driver.run(f"{CELL}.innerText")) == ("/students", "16")


def test_enter_ends_a_word_that_an_input_method_puts_together_and_does_not_save(driver, revisions):
    before = revisions()
    driver.open("/students")
    driver.double_click(AGE)
    driver.compose("1")
    assert driver.until(lambda: driver.run(f"{CELL}.querySelector('input').value") == "1")
    driver.type("8")
    driver.press(ENTER)
    assert driver.until(lambda: driver.run(f"{CELL}.innerText") == "18"), driver.text
    assert revisions() == before + 1


def test_control_and_s_saves_also_with_caps_lock(driver):
    driver.open("/students")
    driver.double_click(AGE)
    driver.type("18")
    driver.press_with_control("S")
    assert driver.until(lambda: driver.run(f"{CELL}.innerText") == "18"), driver.text
    driver.choose("Ada Lovelace")
    driver.fill("score", "78")
    driver.press_with_control("S")
    assert driver.has("Saved Ada Lovelace"), driver.text
    assert driver.value("score") == "78"


def test_rejected_rows_are_corrected_together_and_enter_in_any_of_them_checks_all(driver, tmp_path):
    # So many good rows that nobody is asked what the column means.
    others = "".join(f"{n},Other {n},12\n" for n in range(101, 141))
    (tmp_path / "class.csv").write_text(f"id,name,age\n1,Ada Lovelace,old\n2,Bo,older\n3,Cy,12\n4,Di,oldest\n{others}")
    driver.open("/imports/new")
    driver.fill("file", str(tmp_path / "class.csv"))
    driver.choose("Upload and compare")
    assert driver.until(lambda: driver.run("!!document.querySelector('[href$=\"verdict=rejected\"]')")), driver.text
    driver.open("/imports/1?verdict=rejected")
    driver.fill("cell-2-2", "12")
    driver.fill("cell-3-1", "Bob")
    driver.fill("cell-5-2", "14")
    driver.choose("Check again line 5")
    assert driver.has("Line 5 can be used now"), driver.text
    assert (driver.value("cell-2-2"), driver.value("cell-3-1"), driver.value("cell-5-2")) == ("12", "Bob", "")
    driver.run("document.getElementsByName('cell-2-2')[0].focus()")
    driver.press(ENTER)
    assert driver.has("Line 2 can be used now"), driver.text
    assert driver.has("Line 3 can’t be used yet")
    assert driver.until(lambda: driver.run("document.activeElement.id") == "error-summary")
    assert driver.value("cell-3-1") == "Bob"
    driver.fill("cell-3-2", "13")
    driver.choose("Check all")
    assert driver.has("Line 3 can be used once its student is confirmed"), driver.text


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
