"""What was typed outlives a refusal and a lost connection, in Chromium and in Firefox."""

from collections.abc import Callable

import pytest
from sqlalchemy import delete, select

from merge import record
from models import Student, UserSession, db
from tests.browser.conftest import EMAIL, QuickServer
from tests.browser.drivers import ENTER, Chromium, Firefox, lasting_chromium, suggestions_of_chromium
from tests.conftest import PASSWORD
from tests.provider import rollbook_with, running_provider
from tests.proxy import Proxy

NAME = "Zoë Quüx"

pytestmark = pytest.mark.parametrize("backend", ["sqlite"])


@pytest.fixture
def change(school: QuickServer) -> Callable[..., None]:
    """Change student 1 as somebody else: change(age=17)."""

    def change(**values: object) -> None:
        with school.app.app_context():
            student = db.session.get_one(Student, 1)
            now = {"id": 1, "name": student.name, "age": student.age, "score": student.score}
            record.save(db.session(), now | values, version=student.version, actor="somebody else", reason="form")

    return change


@pytest.fixture
def stored(school: QuickServer) -> Callable[[], list[tuple[object, ...]]]:
    def stored() -> list[tuple[object, ...]]:
        with school.app.app_context():
            rows = db.session.execute(select(Student.name, Student.age, Student.score).order_by(Student.id)).all()
            db.session.rollback()
            return [tuple(row) for row in rows]

    return stored


@pytest.fixture
def line(school: QuickServer):
    """A line to the server that can be lost."""
    line = Proxy(school.port)
    yield line
    line.close()


def test_back_after_a_lost_connection_shows_what_was_typed_over_the_version_it_began_from(school, somebody, line, change, stored):
    driver = somebody(f"http://127.0.0.1:{line.port}")
    driver.sign_in(EMAIL, PASSWORD)
    driver.open("/students/1")
    driver.fill("name", NAME)
    driver.fill("score", "88")
    change(age=17, score=66.0)
    line.lose()
    driver.choose("Save")
    assert driver.has_no_connection()
    line.find()
    driver.back()
    assert driver.until(lambda: driver.value("name") == NAME)
    assert driver.value("score") == "88"
    assert driver.value("age") == "17"
    driver.choose("Save")
    assert driver.has("Someone else changed this student")
    assert stored()[0] == ("Ada Lovelace", 17, 66.0)


def test_a_new_student_sent_once_more_after_a_lost_connection_is_known_again(school, somebody, line, stored):
    driver = somebody(f"http://127.0.0.1:{line.port}")
    driver.sign_in(EMAIL, PASSWORD)
    driver.open("/students/new")
    driver.fill("name", NAME)
    once = driver.value("token")
    line.lose()
    driver.choose("Add the student")
    assert driver.has_no_connection()
    line.find()
    driver.back()
    assert driver.until(lambda: driver.value("name") == NAME)
    assert driver.value("token") == once
    driver.choose("Add the student")
    assert driver.has(f"Added {NAME}"), driver.text
    assert [row[0] for row in stored()].count(NAME) == 1


def test_back_in_chromium_shows_what_was_typed_without_javascript(school, person, line, change, stored):
    page = person(base_url=f"http://127.0.0.1:{line.port}", java_script_enabled=False)
    driver = Chromium(page, f"http://127.0.0.1:{line.port}")
    driver.sign_in(EMAIL, PASSWORD)
    driver.open("/students/1")
    driver.fill("name", NAME)
    change(name="Ada King")
    line.lose()
    driver.choose("Save")
    assert driver.has_no_connection()
    line.find()
    driver.back()
    assert driver.until(lambda: driver.value("name") == NAME)
    driver.choose("Save")
    assert driver.has("Someone else changed this student")
    assert stored()[0][0] == "Ada King"


def test_nothing_that_was_typed_is_in_the_browsers_storage(school, somebody, line):
    driver = somebody(f"http://127.0.0.1:{line.port}")
    driver.sign_in(EMAIL, PASSWORD)
    driver.open("/students/new")
    driver.fill("name", NAME)
    line.lose()
    driver.choose("Add the student")
    assert driver.has_no_connection()
    line.find()
    driver.back()
    assert driver.until(lambda: driver.value("name") == NAME)
    stores = "[Object.entries(localStorage), Object.entries(sessionStorage), document.cookie, window.name, history.state]"
    assert NAME not in str(driver.run(f"JSON.stringify({stores})"))
    driver.choose("Add the student")
    assert driver.has(f"Added {NAME}"), driver.text
    assert driver.run("window.name") == ""


def test_no_browser_suggests_what_was_typed_to_whoever_types_next(school, chromium, firefox, tmp_path):
    with lasting_chromium(chromium, tmp_path, school.url) as driver:
        type_a_name(driver)
        assert driver.until(lambda: ("import", "7") in suggestions_of_chromium(tmp_path))
    assert ("name", NAME) not in suggestions_of_chromium(tmp_path)
    driver = Firefox(firefox, school.url)
    type_a_name(driver)
    assert driver.until(lambda: ("import", "7") in driver.suggestions())
    assert ("name", NAME) not in driver.suggestions()


def type_a_name(driver):
    """Add a student, and look for the changes of an import, which anybody may know."""
    driver.sign_in(EMAIL, PASSWORD)
    driver.open("/students/new")
    driver.fill("name", NAME)
    driver.choose("Add the student")
    assert driver.has(f"Added {NAME}"), driver.text
    driver.open("/changes")
    driver.fill("import", "7")
    driver.press(ENTER)
    assert driver.until(lambda: "import=7" in driver.address)


def test_a_refused_form_is_continued_after_signing_in_in_another_tab(school, somebody, stored):
    driver = somebody()
    driver.sign_in(EMAIL, PASSWORD)
    driver.open("/students/1")
    driver.fill("name", NAME)
    end_sessions(school)
    driver.choose("Save")
    assert driver.has(f"What {EMAIL} typed")
    assert NAME in driver.text
    driver.click("//main//a[@target='_blank']")
    driver.turn_to(1)
    driver.fill("email", EMAIL)
    driver.fill("password", PASSWORD)
    driver.choose("Sign in")
    assert driver.has("You can continue")
    driver.turn_to(0)
    driver.choose("Continue")
    assert driver.has("Nothing is saved yet.")
    assert driver.value("name") == NAME
    assert stored()[0][0] == "Ada Lovelace"
    driver.choose("Save")
    assert driver.has(f"Saved {NAME}"), driver.text


def test_a_refused_form_is_continued_after_signing_in_by_way_of_another_site(school, somebody, stored):
    with running_provider(EMAIL) as provider, rollbook_with(provider, school.settings) as url:
        driver = somebody(url)
        driver.open("/login")
        driver.choose(f"I am {EMAIL}")
        assert driver.until(lambda: driver.address == "/"), driver.text
        driver.open("/students/1")
        driver.fill("name", NAME)
        end_sessions(school)
        driver.choose("Save")
        assert driver.has(f"What {EMAIL} typed"), driver.text
        driver.click("//main//a[@target='_blank']")
        driver.turn_to(1)
        driver.choose(f"I am {EMAIL}")
        assert driver.has("You can continue"), driver.text
        driver.turn_to(0)
        driver.choose("Continue")
        assert driver.has("Nothing is saved yet."), driver.text
        assert driver.value("name") == NAME
        assert stored()[0][0] == "Ada Lovelace"
        driver.choose("Save")
        assert driver.has(f"Saved {NAME}"), driver.text


def test_somebody_else_who_signs_in_does_not_see_what_was_typed(school, somebody):
    driver = somebody()
    driver.sign_in(EMAIL, PASSWORD)
    driver.open("/students/1")
    driver.fill("name", NAME)
    driver.new_tab("/profile")
    driver.choose("Sign out")
    driver.sign_in("second@school.example", PASSWORD)
    driver.turn_to(0)
    driver.choose("Save")
    assert driver.has(f"This was typed by {EMAIL}, and you are signed in as second@school.example, so it is not shown.")
    assert NAME not in driver.text


@pytest.mark.parametrize("typed", ["sent without a connection", "and left"])
def test_somebody_else_who_signs_in_and_goes_back_does_not_see_what_was_typed(school, somebody, line, typed):
    driver = somebody(f"http://127.0.0.1:{line.port}")
    driver.sign_in(EMAIL, PASSWORD)
    driver.open("/students/1")
    driver.fill("name", NAME)
    if typed == "and left":
        driver.open("/profile")
        driver.choose("Sign out")
        driver.sign_in("second@school.example", PASSWORD)
        for _page in range(6):
            driver.back()
            if driver.address.startswith("/students/1"):
                break
    else:
        line.lose()
        driver.choose("Save")
        assert driver.has_no_connection()
        line.find()
        driver.new_tab("/profile")
        driver.choose("Sign out")
        driver.sign_in("second@school.example", PASSWORD)
        driver.turn_to(0)
        driver.back()
    assert driver.until(lambda: driver.address.startswith("/students/1") and driver.run("document.readyState") == "complete")
    assert driver.has("second@school.example")
    assert driver.value("name") == "Ada Lovelace"
    assert driver.run("window.name") == ""


def test_what_a_tab_holds_is_gone_with_its_next_page_and_no_other_site_is_told(school, somebody, line):
    driver = somebody(f"http://127.0.0.1:{line.port}")
    driver.sign_in(EMAIL, PASSWORD)
    for next_page in (f"http://localhost:{school.port}/healthz", "/login", "/nowhere"):
        driver.open("/students/new")
        driver.fill("name", NAME)
        line.lose()
        driver.choose("Add the student")
        assert driver.has_no_connection()
        line.find()
        driver.open(next_page)
        assert driver.run("window.name") == "", next_page
        driver.open("/students/new")
        assert driver.value("name") == ""


def test_the_second_of_two_sign_in_tabs_leads_in(school, somebody):
    driver = somebody()
    driver.open("/login?next=/students/1")
    driver.new_tab("/login")
    driver.sign_in(EMAIL, PASSWORD)
    driver.turn_to(0)
    driver.fill("email", EMAIL)
    driver.fill("password", PASSWORD)
    driver.choose("Sign in")
    assert driver.has(f"You are signed in as {EMAIL}.")
    assert driver.address == "/students/1"


def test_a_language_that_is_chosen_after_a_form_failed_shows_it_with_what_was_typed(school, somebody):
    driver = somebody()
    driver.sign_in(EMAIL, PASSWORD)
    driver.open("/students/1")
    driver.fill("name", NAME)
    driver.fill("age", "sixteen")
    driver.choose("Save")
    assert driver.has("There is a problem")
    driver.choose("Deutsch")
    assert driver.until(lambda: driver.run("document.documentElement.lang") == "de")
    assert (driver.value("name"), driver.value("age")) == (NAME, "sixteen")


def end_sessions(school: QuickServer) -> None:
    with school.app.app_context():
        db.session.execute(delete(UserSession))
        db.session.commit()
