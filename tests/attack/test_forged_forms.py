"""Nobody's browser can be made to send a form that its owner did not send."""

import json
import secrets
from urllib.parse import urlencode, urlsplit

import pytest

from tests.attack.school import email_of
from tests.conftest import PASSWORD
from tests.web.test_route_matrix import TABLE

WRITING = [path for (method, path) in TABLE if method == "POST"]
# By this a page's form is refused; other systems bring a token of another kind, and cookies count for nothing there.
NO_TOKEN = 400
# What pages answer to a body that is no form at all.
NO_FORM = 415
# Who is signed in already is led in there by a token of before, as from a second tab, and nothing of the form is acted on.
SIGNING_IN = {"/login", "/login/code", "/login/second-factor", "/login/recovery", "/login/passkey", "/login/passkey/token"}
# One that writes at once, without being asked for anything beside its token.
NEW_STUDENT = {"name": "Mallory", "age": "66"}


@pytest.fixture
def untouched(school):
    """See at the end that nothing was changed, and that what was noted before still is."""
    before, noted = school.everything(), school.noted()
    yield
    assert school.everything() == before
    assert school.noted()[: len(noted)] == noted


def assert_refused(school, untouched, post, status):
    """Try every address that a form can be sent to."""
    assert_status({path: post(path) for path in WRITING}, status)


def assert_status(answers, status):
    expected = {path: 401 if path.startswith("/api/") and status == NO_TOKEN else status for path in answers}
    assert {path: answer.status for path, answer in answers.items()} == expected


def tokens(school):
    """Give what somebody might send in place of the session's own token."""
    other = school.newcomer("editor")
    own = school.member("admin").token()
    return {
        "of another session": other.token(),
        "of a signed-out visitor": school.stranger().token(),
        "cut off": own[:-1],
        "of another signature": f"{own.rpartition('.')[0]}.{secrets.token_urlsafe(20)}",
        "made up": secrets.token_hex(32),
        "blank": "",
    }


def test_a_form_without_a_token_is_refused_everywhere(school, admin, untouched):
    assert_refused(school, untouched, lambda path: admin.post(path, NEW_STUDENT), NO_TOKEN)


def test_a_form_with_a_false_token_is_refused(school, admin, untouched):
    for kind, token in tokens(school).items():
        answer = admin.post("/students/new", {**NEW_STUDENT, "csrf_token": token})
        assert answer.status == 400, f"{kind}: {answer.status}"
        assert admin.post("/students/new", NEW_STUDENT, X_CSRFToken=token).status == 400, kind


def test_a_form_with_another_sessions_token_is_refused_everywhere(school, admin, untouched):
    """It signs nobody in either: whoever is signed in already stays who they are, and is only led to the first page."""
    token = school.newcomer("admin").token()
    fields = {**NEW_STUDENT, "email": email_of("viewer"), "password": PASSWORD, "csrf_token": token}
    noted = school.noted()
    answers = {path: admin.post(path, fields) for path in WRITING}
    led_in = {path: answer.location for path, answer in answers.items() if answer.status == 302}
    assert led_in == dict.fromkeys(SIGNING_IN, "/")
    assert_status({path: answer for path, answer in answers.items() if path not in SIGNING_IN}, NO_TOKEN)
    assert school.noted() == noted
    assert f"You are signed in as {email_of('admin')}" in admin.open("/profile").text


def test_what_the_page_of_another_site_sends_is_refused_everywhere_even_with_the_right_token(school, admin, untouched):
    fields = {**NEW_STUDENT, "csrf_token": admin.token()}
    assert_refused(school, untouched, lambda path: admin.post(path, fields, Origin="https://evil.example"), 403)
    assert_refused(school, untouched, lambda path: admin.post(path, fields, Sec_Fetch_Site="cross-site"), 403)


def test_no_spelling_of_another_origin_passes(school, admin, untouched):
    fields = {**NEW_STUDENT, "csrf_token": admin.token()}
    host, port = urlsplit(school.url).hostname, urlsplit(school.url).port
    for origin in [
        *("null", "", "about:blank", "file://", "chrome-extension://abc"),
        *(f"https://{host}:{port}", f"http://{host}:{port + 1}", f"http://{host}", f"http://localhost:{port}"),
        *(f"http://{host}:{port}.evil.example", f"http://evil.example#{host}:{port}", f"http://{host}:{port}@evil.example"),
        *(f"http://{host}:{port}/", f" http://evil.example, http://{host}:{port}"),
    ]:
        assert admin.post("/students/new", fields, Origin=origin).status == 403, origin
    assert admin.post("/students/new", fields, Sec_Fetch_Site="same-site").status == 403
    assert admin.post("/students/new", fields, Origin=school.url, Sec_Fetch_Site="cross-site").status == 403


def test_what_our_own_page_sends_is_taken(school, admin):
    answer = admin.send("/students/new", {"name": "Sent by our own page"}, Origin=school.url, Sec_Fetch_Site="same-origin")
    assert answer.status == 303


def test_a_token_counts_in_no_other_place(admin, untouched):
    token = admin.token()
    assert admin.post(f"/students/new?{urlencode({'csrf_token': token})}", NEW_STUDENT).status == 400
    assert admin.post("/students/new", NEW_STUDENT, Cookie=f"{admin.cookie_header()}; csrf_token={token}").status == 400


def test_a_form_that_poses_as_something_else_is_refused(admin, untouched):
    fields = {**NEW_STUDENT, "csrf_token": admin.token()}
    for kind, body in {
        "application/json": json.dumps(fields),
        "text/plain": urlencode(fields),
        "text/json": json.dumps(fields),
        "application/xml": "<a/>",
        "multipart/mixed; boundary=x": "--x--",
        "": urlencode(fields),
    }.items():
        answer = admin.ask("POST", "/students/new", body.encode(), {"Content-Type": kind})
        assert answer.status == NO_FORM, f"{kind}: {answer.status}"


def test_no_page_that_is_only_opened_writes(school, admin, untouched):
    """A link or a picture on another site opens pages with the visitor's cookies."""
    for method, path in TABLE:
        if method == "GET" and path not in ("/profile/recovery-codes", "/students.xlsx"):
            admin.open(path, Origin="https://evil.example", Sec_Fetch_Site="cross-site")


def test_no_request_passes_for_one_of_another_method(admin, untouched):
    token = admin.token()
    fields = urlencode({**NEW_STUDENT, "csrf_token": token, "_method": "POST", "version": "1"})
    for path in ("/students/7/delete", "/students/7", "/students/new", "/users/1/deactivate"):
        for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
            assert admin.ask("GET", f"{path}?{fields}", headers={name: "POST"}).status in (200, 405)
            assert admin.ask("POST", path, b"", {name: "GET"}).status == 400
    for method in ("PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "PROPFIND", "post", "GETS"):
        answer = admin.ask(method, "/students/7", fields.encode(), {"Content-Type": "application/x-www-form-urlencoded"})
        assert answer.status in (400, 405, 501), f"{method}: {answer.status}"


def test_nobody_is_signed_out_or_in_by_another_site(school, viewer, untouched):
    assert viewer.post("/logout", {}).status == 400
    assert viewer.open("/logout").status == 405
    assert viewer.is_signed_in()
    victim = school.stranger()
    answer = victim.post("/login", {"email": "viewer@school.example", "password": "correct horse battery staple"})
    assert answer.status == 400
    assert not victim.is_signed_in()
