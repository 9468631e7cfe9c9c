"""Markup that somebody types is shown as they typed it: in Chromium nothing of it runs, on no page, without the CSP's help."""

import re
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from merge.columns import COLUMNS
from tests.attack.school import email_of
from tests.conftest import PASSWORD
from tests.server import running_chromium
from tests.web.test_route_matrix import TABLE

# Each runs, or leaves an element behind, wherever it is taken for markup.
MARKUP = [
    "<img src=x onerror=ran() data-planted>",
    '"><script data-planted>ran()</script>',
    "'><svg onload=ran() data-planted>",
    "</title></textarea></option><b data-planted>",
    '" onfocus=ran() autofocus data-planted x="',
    "javascript:ran()//{{1337*7331}}",
]
TEXTS = [column.name for column in COLUMNS if column.kind is str]
WATCH = "window.ran = () => { window.hasRun = true }"
FOUND = "window.hasRun === true || document.querySelector('[data-planted]') !== null"


@pytest.fixture(scope="module")
def page(school):
    """A window in which the administrator is signed in, and that the Content-Security-Policy does not protect."""
    with running_chromium() as chromium:
        context = chromium.new_context(base_url=school.url, bypass_csp=True)
        context.add_init_script(WATCH)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("dialog", lambda dialog: dialog.accept())
        page.goto("/login")
        page.get_by_label("E-mail address").fill(email_of("admin"))
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("main").get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{school.url}/")
        yield page
        context.close()


@pytest.fixture(scope="module")
def planted(school):
    """Put markup wherever a text is kept, and give the pages that show it."""
    admin, editor = school.member("admin"), school.member("editor")
    pages = []
    for markup in MARKUP:
        assert admin.send("/students/views", {"name": markup, "shared": "y", "address": f"q={quote(markup)}"}).status == 303
    for markup in (" ".join(MARKUP[:3]), " ".join(MARKUP[3:])):
        made = editor.send("/students/new", dict.fromkeys(TEXTS, markup))
        assert made.status == 303
        pages += [made.location, f"{made.location}/history", f"{made.location}/revert/1"]
    sheet = "\n".join(
        [
            f'id,name,age,"{_quoted(MARKUP[0])}"',
            *(f'{number},"{_quoted(m)}",{_quoted(m[:9])},x' for number, m in enumerate(MARKUP, 9000)),
        ]
    )
    for filename in (f"{MARKUP[0]}.csv", f"{MARKUP[2]}.csv"):
        address = school.upload(f'{sheet}\n9100,"{_quoted(MARKUP[2])}",12,x\n'.encode(), filename.encode())
        pages += [f"{address}{more}" for more in ("", "?verdict=rejected", "?verdict=insert", "/columns", "/missing")]
    school.answer(address, "reject")
    school.apply(address)
    admin.send("/students/bulk/set", {"within": "q=", "ids": "7", "column": "name", "value": MARKUP[0]})
    admin.send("/students/8", {"id": "8", "name": MARKUP[1], "version": "1"})
    assert editor.send("/profile/name", {"name": "".join(MARKUP[:2])}).status == 303
    liar = school.stranger()
    fields = {"email": email_of("admin"), "password": PASSWORD, "csrf_token": liar.token()}
    liar.post("/login", fields, User_Agent=MARKUP[0])
    return [*pages, f"{address}/undo"]


def _quoted(markup: str) -> str:
    return markup.replace('"', '""')


def assert_inert(page: Page) -> None:
    assert not page.evaluate(FOUND), page.url


def test_the_watch_sees_what_runs(page):
    """Or the tests below would prove nothing."""
    for markup in (MARKUP[0], MARKUP[2]):
        page.goto("/healthz")
        page.set_content(f"<!doctype html><p>{markup}")
        page.wait_for_function("window.hasRun === true")
    page.goto("/healthz")
    page.set_content(f"<title>{MARKUP[3]}</title>")
    assert page.evaluate(FOUND)


def test_stored_markup_runs_on_no_page(school, page, planted):
    answers = {path: school.member("admin").open(path) for method, path in TABLE if method == "GET"}
    own = [path for path, answer in answers.items() if answer.headers.get_content_type() == "text/html"]
    for path in dict.fromkeys([*own, *planted]):
        page.goto(path, wait_until="load")
        assert_inert(page)
    page.goto("/students?per_page=500")
    for markup in MARKUP:
        assert page.locator("tbody").get_by_text(markup).count()


def test_markup_in_an_address_runs_on_no_page(page):
    for path in (
        *("/students?q={}", "/students?sort={}", "/students?per_page={}", "/students?min_age={}", "/students?after={}"),
        *("/students?as_of={}", "/students?since={}", "/students/7?within={}", "/changes?actor={}", "/changes?from={}"),
        *(
            "/imports/1?verdict={}",
            "/imports/1?q={}",
            "/imports/2/columns?encoding={}",
            "/login?next={}",
            "/verify?next={}",
            "/{}",
        ),
    ):
        page.goto(path.format(quote("".join(MARKUP), safe="")), wait_until="load")
        assert_inert(page)


def test_markup_that_is_typed_runs_in_no_form_and_no_cell(page):
    page.goto("/students/new")
    for field in TEXTS:
        page.get_by_label(next(column.label for column in COLUMNS if column.name == field), exact=True).fill(MARKUP[0] * 9)
    page.get_by_role("main").get_by_role("button").first.click()
    expect(page.get_by_role("alert")).to_be_visible()
    assert_inert(page)
    page.goto("/students?q=lovelace")
    page.get_by_role("searchbox").fill(MARKUP[0])
    page.wait_for_url(re.compile("q=%3Cimg"))
    assert_inert(page)
    cell = page.locator("td[data-column], th[data-column]").first
    for markup, key in ((MARKUP[0], "Escape"), (MARKUP[2], "Enter")):
        cell.dblclick()
        page.locator(".cell-input").fill(markup)
        page.keyboard.press(key)
        assert_inert(page)
