"""Every page in every state is laid out whole, fits a small screen, can be hit with a finger, and shows the focus."""

from collections.abc import Callable, Iterator
from contextlib import nullcontext

import pytest
from playwright.sync_api import Browser, Page

from tests.browser import school
from tests.browser.conftest import SIZES, ZOOMED, assert_accessible, assert_fits, check_layout
from tests.browser.school import CHANGED, DELETED, ERASED, HEAD, PREVIEWED, UNCLEAR, running_school
from tests.conftest import PASSWORD
from tests.server import Server
from tests.web.test_route_matrix import NOBODY, TABLE

Act = Callable[[Page], None]

PAGES = (
    "/",
    "/students",
    "/students?q=a&min_age=12&blank_score=yes",
    "/students?min_age=old",
    "/students?q=nobody-has-this-name",
    f"/students?q={DELETED}",
    "/students?after=6%7Cx",
    "/students?as_of=2100-01-01T00:00",
    "/students?as_of=2000-01-01T00:00",
    "/students/new",
    f"/students/{CHANGED}",
    f"/students/{CHANGED}/delete",
    f"/students/{CHANGED}/delete?version=1",
    f"/students/{CHANGED}/history",
    f"/students/{CHANGED}/revert/1",
    f"/students/{CHANGED}/merge",
    f"/students/{CHANGED}/merge/10",
    f"/students/{CHANGED}/privacy",
    f"/students/{DELETED}/history",
    f"/students/{ERASED}/history",
    f"/students/{ERASED}/privacy",
    "/students/views",
    "/imports",
    "/imports/new",
    *(f"/imports/{import_id}" for import_id in range(1, school.FAILED + 1)),
    *(f"/imports/{PREVIEWED}?verdict={verdict}" for verdict in ("update", "review", "rejected", "all")),
    f"/imports/{PREVIEWED}?q=nobody-has-this-name",
    f"/imports/{PREVIEWED}/missing",
    f"/imports/{PREVIEWED}/columns",
    f"/imports/{UNCLEAR}/columns",
    f"/imports/{school.APPLIED}/undo",
    f"/imports/{school.UNDONE}/undo",
    "/changes",
    "/changes?actor=nobody",
    "/users",
    "/users/1",
    "/users/2",
    "/users/3",
    "/audit",
    "/audit?who=nobody",
    "/profile",
    "/profile/tokens",
    "/profile/second-factor",
    "/profile/passkeys",
    "/profile/authenticator",
    "/profile/recovery-codes",
    "/verify",
    "/signed-in",
    "/nowhere",
    "/changes?from=soon",
)
# What is seen before one is signed in; the last of them with a password, and without the second factor so far.
GATES = ("/login", "/join?token={secret}", "/login/passkey")
HALF_WAY = ("/login/code", "/login/second-factor", "/login/recovery")
# Each way of sending a form that is refused, or that leads to a page without an address.
SENT: dict[str, tuple[str, Act]] = {
    "a student without a name": ("/students/new", lambda page: press(page, "Add the student")),
    "a student with mistakes": (f"/students/{CHANGED}", lambda page: send(page, "Save", age="old", score="a" * 80)),
    "a student whom somebody else has changed": (f"/students/{CHANGED}", lambda page: send(page, "Save", name="Bo", version="1")),
    "a student whom somebody else has added": ("/students/new", lambda page: send(page, "Add the student", id="11", name="Bo")),
    "a deletion of what was changed": (f"/students/{CHANGED}/delete", lambda page: send(page, "Delete Wolfe", version="1")),
    "a view without a name": ("/students?min_age=12", lambda page: keep_view(page)),
    "a kept view without a name": ("/students/views", lambda page: send(page, "Save", **{"1-name": ""})),
    "all students": ("/students", lambda page: press(page, "Edit all")),
    "all students, to no age": ("/students", lambda page: set_all(page, "old")),
    "nobody": ("/students", lambda page: press(page, "Edit selected")),
    "no sheet": ("/imports/new", lambda page: press(page, "Upload and compare")),
    "a row that can't be used": (f"/imports/{PREVIEWED}?verdict=rejected", lambda page: press(page, "Check again")),
    "no column": (f"/imports/{UNCLEAR}/columns", lambda page: press(page, "Read the sheet like this")),
    "nobody's address": ("/users", lambda page: press(page, "Invite")),
    "a name that is an address": ("/users/2", lambda page: send(page, "Save the name", name=HEAD)),
    "no password": ("/profile", lambda page: press(page, "Change the password")),
    "no token": ("/profile/tokens", lambda page: press(page, "Create the token")),
    "a token": ("/profile/tokens", lambda page: make_token(page)),
    "a wrong password": ("/verify", lambda page: send(page, "Continue", password="guess")),
    "an authenticator app": ("/profile/authenticator", lambda page: press(page, "Set up an authenticator app")),
}
# What is no page, and pages that cannot be had: without a user yet, or with a passkey.
NOT_HERE = {
    *("static", "health.alive", "health.ready", "metrics.show", "students.version", "imports.progress", "imports.rejected"),
    *("start.sample", "start.template_csv", "start.template_xlsx", "export.csv", "export.xlsx", "audit.csv"),
    *("privacy.csv", "privacy.as_json", "accounts.welcome", "security.wan_delete", "security.wan_verify"),
}


# axe's own reading of WCAG 2.5.8, which lets a target be smaller in a sentence, or with enough room around it.
TARGETS = {"resultTypes": ["violations"], "runOnly": ["target-size"]}
# A word that is half as long again as in English, and with accents above and below.
STRETCH = """() => {
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) {
        const text = walk.currentNode;
        text.data = text.data.replace(/[a-z]{3,}/gi, (word) => word + "ẍ".repeat(word.length / 2));
    }
}"""
FILL = """(values) => {
    for (const name in values) for (const field of document.getElementsByName(name)) field.value = values[name];
}"""
# The browser shows the focus that a script gives as it does after a Tab, once there was one.
UNSEEN_FOCUS = """() => [...document.querySelectorAll("a[href], button, input, select, summary, [tabindex='0']")]
.filter((target) => {
    target.focus();
    if (document.activeElement !== target) return false;
    const outline = getComputedStyle(target);
    const bar = target.matches("svg a") && target.querySelector(".plot-slot");
    const width = bar ? getComputedStyle(bar).strokeWidth : outline.outlineStyle === "none" ? 0 : outline.outlineWidth;
    return parseFloat(width) < 2;
}).map((target) => target.outerHTML.slice(0, 120))"""

# Enter in the first text field of each form; the browser chooses the button, and the page only says which.
CATCH_SUBMITS = """() => {
    window.sentBy = [];
    addEventListener("submit", (event) => {
        event.preventDefault();
        event.stopImmediatePropagation();
        window.sentBy.push(event.submitter.textContent.trim());
    }, { capture: true });
    return [...document.forms].map((form) => {
        form.noValidate = true;
        const submitters = [...form.elements].filter((element) => element.type === "submit");
        const main = submitters.filter((button) => button.checkVisibility());
        const field = [...form.elements].find((element) => ["text", "search", "email", "password"].includes(element.type));
        if (!field || !field.checkVisibility()) return null;
        field.dataset.enter = "";
        const named = main.find((button) => button.classList.contains("button-primary")) ?? main[0];
        return named.textContent.trim();
    }).filter((named) => named !== null);
}"""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, sqlite_template) -> Iterator[tuple[Server, str]]:
    folder = tmp_path_factory.mktemp("every-page")
    database = folder / "rollbook.db"
    database.write_bytes(sqlite_template.read_bytes())
    with running_school(folder, f"sqlite:///{database}") as running:
        yield running


@pytest.fixture(scope="module")
def window(chromium: Browser, running):
    """Open one window after the other."""
    contexts = []

    def window() -> Page:
        contexts.append(chromium.new_context(base_url=running[0].url, reduced_motion="reduce"))
        return contexts[-1].new_page()

    yield window
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def head(window) -> Page:
    page = window()
    sign_in(page, HEAD)
    return page


@pytest.mark.parametrize("address", PAGES)
def test_a_page_is_laid_out_whole_can_be_hit_and_shows_the_focus(head, address):
    head.goto(address)
    assert_open_to_everyone(head)


@pytest.mark.parametrize("what", SENT)
def test_so_does_what_a_form_leads_to(head, what):
    address, act = SENT[what]
    head.goto(address)
    act(head)
    assert_open_to_everyone(head)


@pytest.mark.parametrize("address", GATES)
def test_so_does_what_is_seen_before_one_is_signed_in(window, running, address):
    page = window()
    page.goto(address.format(secret=running[1]))
    assert_open_to_everyone(page)
    press(page, "")
    assert_open_to_everyone(page)


@pytest.mark.parametrize("address", HALF_WAY)
def test_so_does_what_asks_for_a_second_factor(window, address):
    page = window()
    sign_in(page, school.CAREFUL)
    page.goto(address)
    assert_open_to_everyone(page)
    press(page, "")
    assert_open_to_everyone(page)


@pytest.mark.parametrize("backend", ["sqlite"])
def test_no_page_is_left_out(app):
    addresses = app.url_map.bind("")
    opened = {addresses.match(address.split("?")[0])[0] for address in (*PAGES, *GATES, *HALF_WAY) if address != "/nowhere"}
    public = [address for (method, address), lowest in TABLE.items() if method == "GET" and lowest != NOBODY]
    there = {addresses.match(address)[0] for address in public if not address.startswith("/api/")}
    assert there - NOT_HERE == opened


def assert_open_to_everyone(page: Page) -> None:
    check_layout(page, accessible=True)
    page.evaluate("() => document.querySelectorAll('details').forEach((details) => { details.open = true; })")
    for viewport in ZOOMED:
        page.set_viewport_size(viewport)
        assert_fits(page)
        assert_accessible(page, TARGETS)
    page.keyboard.press("Tab")
    assert page.evaluate(UNSEEN_FOCUS) == []
    assert_enter_does_the_main_thing(page)
    page.evaluate(STRETCH)
    for viewport in (*ZOOMED, *SIZES.values()):
        page.set_viewport_size(viewport)
        assert_fits(page)


def assert_enter_does_the_main_thing(page: Page) -> None:
    main = page.evaluate(CATCH_SUBMITS)
    for field in page.locator("[data-enter]").all():
        field.press("Enter")
    assert page.evaluate("window.sentBy") == main


def sign_in(page: Page, email: str) -> None:
    page.goto("/login")
    send(page, "Sign in", email=email, password=PASSWORD)


def send(page: Page, button: str, **values: str) -> None:
    """Fill in fields by their names, hidden ones too, and send the form."""
    page.evaluate(FILL, values)
    press(page, button)


def press(page: Page, button: str) -> None:
    # What a browser would keep back is refused by the server: its page is the one that is seen.
    page.evaluate("() => { for (const form of document.forms) form.noValidate = true; }")
    target = page.get_by_role("main").get_by_role("button", name=button).first
    # Such a form goes only once the server has answered that it is there.
    asks_first = target.evaluate("(button) => !!button.form?.closest('[data-unreached]')")
    with page.expect_navigation() if asks_first else nullcontext():
        target.click()


def set_all(page: Page, age: str) -> None:
    press(page, "Edit all")
    page.get_by_label("Column").select_option("age")
    send(page, "See what it would change", value=age)


def keep_view(page: Page) -> None:
    page.locator("#views summary").click()
    press(page, "Save view")


def make_token(page: Page) -> None:
    page.get_by_role("checkbox", name="Read").check()
    send(page, "Create the token", name="Timetable")
