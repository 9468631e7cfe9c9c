"""What was typed outlives every refusal: each form of the app, refused in each way, is shown again with it."""

import io
import time
from urllib.parse import quote

import pytest
from sqlalchemy import delete, select
from sqlalchemy.exc import TimeoutError as DatabaseTimeout
from werkzeug.exceptions import TooManyRequests

import accounts
import web.sessions
from app import create_app
from forms import is_secret
from models import Base, UserSession, db
from tests.conftest import PASSWORD, settings
from tests.pages import Page, lint_page
from tests.visitor import Visitor
from tests.web.conftest import someone
from web.body_kinds import MAX_FIELD_LENGTH
from web.head_check import TooManyArrive
from web.kept_input import filled

OURS = {"Origin": "http://localhost"}
NAME = "Zoë “Zo” <Quux> & Söhne"

# Each form that keeps what is typed: its address, the page that it is on, what is typed, and where that stands again.
FORMS = {
    "students.create": ("/students/new", "/students/new", {"name": NAME, "age": "twelve", "score": "9.5"}, {}),
    "students.save": ("/students/7", "/students/7", {"name": NAME, "age": "13", "version": "1"}, {}),
    "views.keep": ("/students/views", "/students", {"name": NAME, "address": "q=ada", "shared": "y"}, {}),
    "views.change": ("/students/views/1", "/students/views", {"1-name": NAME}, {}),
    "bulk.choose": ("/students/bulk", "/students", {"id": "7", "within": "q=ada"}, {"ids": "7", "within": "q=ada"}),
    "bulk.set_column": ("/students/bulk/set", "/students", {"ids": "7", "column": "score", "value": "55.25"}, {}),
    "bulk.export": ("/students/bulk/export", "/students", {"ids": "7", "within": "q=ada"}, {}),
    "bulk.delete": ("/students/bulk/delete", "/students", {"ids": "7", "within": "q=ada"}, {}),
    "imports.create": ("/imports/new", "/imports/new", {"blank": "clear"}, {}),
    "corrections.check": ("/imports/1/rows/3", "/imports/1", {"cell-3-1": NAME}, {}),
    "corrections.check_all": ("/imports/1/rows", "/imports/1", {"cell-3-1": NAME}, {}),
    "imports.choose_columns": (
        "/imports/1/columns",
        "/imports/1/columns",
        {"match": "id", "blank": "clear", "decimal": ",", "thousands": "", "column-0": "id", "column-1": "name"},
        {},
    ),
    "users.invite": ("/users", "/users", {"email": "new@school.example", "role": "editor"}, {}),
    "users.require_second_factor": ("/users/second-factor", "/users", {"roles": "viewer"}, {}),
    "users.rename": ("/users/1/name", "/users/1", {"name": NAME}, {}),
    "users.choose_time_zone": ("/users/time-zone", "/users", {"time_zone": "Asia/Kolkata"}, {}),
    "users.change_role": ("/users/1/role", "/users/1", {"role": "viewer"}, {}),
    "profile.change_name": ("/profile/name", "/profile", {"name": NAME}, {}),
    "tokens.make": ("/profile/tokens", "/profile/tokens", {"name": "timetable", "scopes": "read", "days": "365"}, {}),
    "security.login": (
        "/login",
        "/login",
        {"email": "someone@school.example", "password": PASSWORD},
        {"email": "someone@school.example", "password": ""},
    ),
    "security.wan_register": ("/profile/passkeys", "/profile/passkeys", {"name": "Blue key", "usage": "first"}, {}),
}
# There is this form only as long as there is no user.
FIRST_DAY = "accounts.create_first"
OPEN_TO_ALL = ("security.login", FIRST_DAY)
CONFIRMED = (
    "bulk.delete",
    "users.invite",
    "users.require_second_factor",
    "users.rename",
    "users.choose_time_zone",
    "users.change_role",
    "tokens.make",
    "security.wan_register",
)


@pytest.fixture
def school(app, upload, sign_in, add):
    """A school with a student, a sheet with a rejected row, and an administrator with a view; user 1 is an editor."""
    add(7, "Ada")
    upload("id,name\n7,Ada L.\n8,\n")
    admin = sign_in("admin")
    someone(app, "third@school.example", "admin")
    admin.send("/students/views", {"name": "All", "address": ""}, page="/students")
    return admin


@pytest.fixture
def everything(app):
    """Give all that is stored but sessions, tries and notes of who signed in."""
    passing = ("sessions", "throttles", "audit", "users", "users_roles")

    def everything():
        tables = [table for table in Base.metadata.sorted_tables if table.name not in passing]
        with app.app_context():
            return {table.name: db.session.execute(select(table)).all() for table in tables}

    return everything


@pytest.fixture
def refuse(app):
    """Have the app refuse every form with an error: refuse(TooManyRequests(retry_after=9)); with None, no more."""
    told = {}

    def check():
        from flask import request

        if told.get("error") and request.method == "POST":
            raise told["error"]

    app.before_request_funcs[None].append(check)
    yield lambda error: told.update(error=error)
    app.before_request_funcs[None].remove(check)


def end_sessions(app):
    with app.app_context():
        db.session.execute(delete(UserSession))
        db.session.commit()


def give_role(app, email, role):
    with app.app_context():
        accounts.change_role(accounts.find_by_address(email), role)


class Refusals:
    """Ways to have a form refused: each does what comes between the page and the form, and gives what lets it pass again."""

    def __init__(self, app, monkeypatch, refuse):
        self.app, self.monkeypatch, self.refuse = app, monkeypatch, refuse

    def session_ended(self, visitor):
        end_sessions(self.app)
        return lambda: sign_in_again(visitor)

    def cookies_gone(self, visitor):
        visitor._client.delete_cookie(self.app.config["SESSION_COOKIE_NAME"])
        return lambda: sign_in_again(visitor)

    def signed_in_again(self, visitor):
        visitor.send("/logout", page="/profile", status=302)
        sign_in_again(visitor)
        return lambda: None

    def too_many_tries(self, _visitor):
        return self._refused_with(TooManyRequests(retry_after=9))

    def too_busy(self, _visitor):
        return self._refused_with(TooManyArrive(retry_after=30))

    def database_away(self, _visitor):
        return self._refused_with(DatabaseTimeout())

    def our_own_fault(self, _visitor):
        return self._refused_with(OSError(28, "no space left on device"))

    def role_changed(self, _visitor):
        give_role(self.app, "admin@school.example", "viewer")
        return lambda: give_role(self.app, "admin@school.example", "admin")

    def second_factor_asked(self, _visitor):
        self._ask_for_second_factors("admin")
        return self._ask_for_second_factors

    def confirmed_long_ago(self, visitor):
        _confirmed(visitor, 2_400)
        return lambda: _confirmed(visitor, 0)

    def _ask_for_second_factors(self, *roles):
        with self.app.app_context():
            accounts.require_second_factor(roles)

    def _refused_with(self, error):
        self.refuse(error)
        return lambda: self.refuse(None)


def _confirmed(visitor, seconds_ago):
    with visitor._client.session_transaction() as session:
        session.pop("fs_gexp", None)
        session["fs_paa"] = time.time() - seconds_ago


REFUSALS = [name for name in vars(Refusals) if not name.startswith("_")]
# What is no refusal for a form that asks for less.
PASSES = {
    "role_changed": (
        *("views.keep", "views.change", "bulk.export", "profile.change_name", "tokens.make"),
        *("security.wan_register", "security.login"),
    ),
    "second_factor_asked": ("security.wan_register", "security.login"),
    "confirmed_long_ago": [name for name in FORMS if name not in CONFIRMED],
    "session_ended": ["security.login"],
    "signed_in_again": ["security.login"],
}


@pytest.mark.parametrize("backend", ["sqlite"])
def test_every_form_of_the_app_keeps_what_is_typed_or_says_that_nothing_is(app):
    views = app.view_functions
    posted = {rule.endpoint for rule in app.url_map.iter_rules() if "POST" in rule.methods and not rule.rule.startswith("/api/")}
    assert {name for name in posted if views[name].kept_form is not None} == {*FORMS, FIRST_DAY}


@pytest.mark.parametrize("backend", ["sqlite"])
def test_a_form_of_which_nobody_said_what_it_keeps_does_not_start_the_app(database_url, tmp_path, monkeypatch):
    from flask import Blueprint

    from web.access import public

    forgotten = Blueprint("forgotten", __name__)
    forgotten.post("/forgotten", endpoint="form")(public(lambda: ""))
    monkeypatch.setattr("app.PAGES", (*__import__("app").PAGES, forgotten))
    with pytest.raises(RuntimeError, match=r"Nothing says what is kept of what is typed at: forgotten\.form"):
        create_app(settings(tmp_path / "instance", database_url))


@pytest.mark.parametrize("backend", ["sqlite"])
def test_no_password_code_token_or_file_is_ever_kept(app):
    with app.test_request_context():
        for form in {view.kept_form for view in app.view_functions.values() if getattr(view, "kept_form", None)}:
            for field in filled(form, {}):
                looks_secret = field.type in ("PasswordField", "FileField") or "code" in (field.render_kw or {}).get(
                    "autocomplete", ""
                )
                assert is_secret(field) or not looks_secret, f"{form.__name__}.{field.name}"


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_refused_form_is_held_and_shown_again_and_saves_nothing(app, school, everything, monkeypatch, refuse, refusal):
    for form, (path, page, typed, again) in FORMS.items():
        if form in PASSES.get(refusal, ()):
            continue
        visitor = Visitor(app) if form in OPEN_TO_ALL else school
        opened = visitor.visit(page).values
        before = everything()
        mend = getattr(Refusals(app, monkeypatch, refuse), refusal)(visitor)
        refused = post(visitor, path, typed | {name: opened[name] for name in ("csrf_token", "author") if name in opened})
        assert refused.status_code >= 400, f"{form} was not refused: {refused.status}"
        kept = Page(refused.text)
        assert_held(kept, form, typed)
        if form not in OPEN_TO_ALL or refusal != "cookies_gone":
            mend()
        continued = post(visitor, path, continue_form(kept))
        assert everything() == before, form
        assert continued.status_code == 200, f"{form}: {continued.status} {continued.text}"
        assert_shown(Page(continued.text), form, again or typed)


def test_the_first_administrators_address_outlives_a_refusal(app, client, refuse):
    from accounts import setup_token

    path = f"/setup?token={setup_token(app.config['SECRET_KEY'])}"
    typed = {"email": "first@school.example", "password": PASSWORD, "again": PASSWORD}
    token = client.visit(path).values["csrf_token"]
    refuse(TooManyArrive(retry_after=30))
    refused = post(client, path, typed | {"csrf_token": token})
    assert PASSWORD not in refused.text
    refuse(None)
    continued = post(client, path, continue_form(Page(refused.text)))
    assert continued.status_code == 200
    assert Page(continued.text).values["email"] == "first@school.example"


def test_a_file_has_to_be_chosen_again(app, school):
    token = school.visit("/imports/new").values["csrf_token"]
    end_sessions(app)
    sheet = {"file": (io.BytesIO(b"id,name\n9,Secret Person\n"), "class.csv"), "blank": "clear", "csrf_token": token}
    kept = Page(post(school, "/imports/new", sheet).text)
    assert "Sheet Choose the file again." in kept.text
    assert "Secret Person" not in kept.html


@pytest.mark.parametrize("headers", [{}, {"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}])
def test_what_no_page_of_ours_sent_is_not_carried(app, school, headers):
    token = school.visit("/students/new").values["csrf_token"]
    end_sessions(app)
    answer = school.open("/students/new", "POST", data={"name": NAME, "csrf_token": token}, headers=headers)
    assert answer.status_code in (302, 403)
    assert "Zoë" not in answer.text


@pytest.mark.parametrize("headers", [{}, {"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "same-site"}])
def test_what_was_held_is_shown_to_our_own_page_alone(app, school, headers):
    kept = refused_student(app, school)
    sign_in_again(school)
    answer = school.open("/students/new", "POST", data=continue_form(kept), headers=headers)
    assert answer.status_code in (400, 403)
    assert "Zoë" not in answer.text


@pytest.mark.parametrize("named", ["in the form", "by the session that has ended"])
def test_somebody_else_who_signs_in_gets_a_notice_and_the_author_gets_the_values(app, school, named):
    kept = refused_student(app, school, author=named == "in the form")
    assert "What admin@school.example typed" in kept.text
    other = someone(app, "second@school.example", "editor")
    answer = post(other, "/students/new", continue_form(kept))
    notice = Page(answer.text)
    assert answer.status_code == 403
    assert not lint_page(answer.text)
    assert (
        "This was typed by admin@school.example, and you are signed in as second@school.example, so it is not shown."
        in notice.text
    )
    assert "Zoë" not in answer.text
    sign_in_again(school)
    continued = post(school, "/students/new", continue_form(notice))
    assert Page(continued.text).values["name"] == NAME


def test_a_form_of_another_user_in_the_same_browser_is_held_without_being_shown(app, school):
    opened = school.visit("/students/new").values
    school.send("/logout", page="/profile", status=302)
    with app.app_context():
        accounts.add_user("second@school.example", "editor", PASSWORD)
    sign_in_again(school, "second@school.example")
    answer = post(school, "/students/new", {"name": NAME, "csrf_token": opened["csrf_token"], "author": opened["author"]})
    assert "Zoë" not in answer.text
    assert "This was typed by admin@school.example" in Page(answer.text).text


def test_an_author_who_is_made_up_is_not_believed(app, school):
    with app.app_context():
        from itsdangerous import URLSafeSerializer

        forged = URLSafeSerializer("not the key", salt="author").dumps([1, "mallory@school.example"])
    kept = refused_student(app, school, marker=forged)
    assert "mallory" not in kept.text
    assert "What admin@school.example typed" in kept.text


@pytest.mark.parametrize("change", ["another address", "another seal"])
def test_what_was_held_is_bound_to_its_form_and_its_seal(app, school, change):
    held = continue_form(refused_student(app, school))
    sign_in_again(school)
    path = "/students/7" if change == "another address" else "/students/new"
    held["kept"] = held["kept"] if change == "another address" else held["kept"][:-4] + "AAA="
    assert post(school, path, held).status_code == 400


def test_continuing_shows_the_record_as_it_now_is_and_saving_merges(app, school, change, students):
    opened = school.visit("/students/7").values
    end_sessions(app)
    sent = {name: opened[name] for name in ("csrf_token", "author", "version")}
    kept = Page(post(school, "/students/7", sent | {"name": "Ada", "age": "14", "score": ""}).text)
    change(7, score=61.5)
    sign_in_again(school)
    shown = Page(post(school, "/students/7", continue_form(kept)).text)
    assert (shown.values["age"], shown.values["score"]) == ("14", "61.5")
    assert students() == [(7, "Ada", None, 61.5)]
    assert post(school, "/students/7", shown.values).status_code == 303
    assert students() == [(7, "Ada", 14, 61.5)]


def test_continuing_onto_a_deleted_record_keeps_what_was_typed(app, school, students):
    opened = school.visit("/students/7").values
    end_sessions(app)
    sent = {name: opened[name] for name in ("csrf_token", "author", "version")}
    kept = Page(post(school, "/students/7", sent | {"name": NAME, "age": "14", "score": ""}).text)
    sign_in_again(school)
    school.send("/students/7/delete", {"version": "1"}, page="/students/7")
    shown = post(school, "/students/7", continue_form(kept))
    assert shown.status_code == 409
    assert Page(shown.text).values["name"] == NAME


def test_a_form_that_is_continued_while_the_refusal_lasts_is_held_on(app, school):
    kept = refused_student(app, school)
    for _ in range(3):
        kept = Page(post(school, "/students/new", continue_form(kept)).text)
        assert_held(kept, "students.create", {"name": NAME})
    sign_in_again(school)
    assert Page(post(school, "/students/new", continue_form(kept)).text).values["name"] == NAME


def test_a_form_is_held_while_not_even_who_sent_it_can_be_looked_up(school, monkeypatch):
    opened = school.visit("/students/new").values
    with monkeypatch.context() as away:
        away.setattr(web.sessions, "_find", lambda _hash: (_ for _ in ()).throw(DatabaseTimeout()))
        sent = {"name": NAME, "csrf_token": opened["csrf_token"], "author": opened["author"]}
        refused = post(school, "/students/new", sent)
        kept = Page(post(school, "/students/new", continue_form(Page(refused.text))).text)
    assert refused.status_code == 503
    assert "What admin@school.example typed" in kept.text
    assert Page(post(school, "/students/new", continue_form(kept)).text).values["name"] == NAME


@pytest.mark.parametrize("letters", ["x", "é", "語", "0123456789abcdef"])
def test_as_much_as_a_form_may_bring_is_held(app, school, letters):
    opened = school.visit("/students/new").values
    end_sessions(app)
    text = letters * (MAX_FIELD_LENGTH // len(letters))
    fields = (app.config["MAX_FORM"] - 2_000) // (len(quote(text)) + len("other-00=&"))
    others = {f"other-{number}": text for number in range(1, fields)}
    refused = post(school, "/students/new", {**others, "name": text, "csrf_token": opened["csrf_token"]})
    assert refused.status_code == 401
    sign_in_again(school)
    assert Page(post(school, "/students/new", continue_form(Page(refused.text))).text).values["name"] == text


def test_field_too_long_is_refused_again_when_the_page_that_held_it_sends_it(school):
    opened = school.visit("/students/new").values
    refused = post(school, "/students/new", {"name": "x" * (MAX_FIELD_LENGTH + 1), "csrf_token": opened["csrf_token"]})
    again = post(school, "/students/new", continue_form(Page(refused.text)))
    assert (refused.status_code, again.status_code) == (413, 413)
    assert "x" * (MAX_FIELD_LENGTH + 1) in again.text


def test_a_refused_cell_of_the_list_is_told_at_the_cell_and_can_be_saved_after_signing_in(app, school, students):
    opened = school.visit("/students").values
    cell = {"column": "age", "value": "13", "version": "1", "author": opened["author"], "csrf_token": opened["csrf_token"]}
    end_sessions(app)
    refused = post(school, "/students/7/cell", cell)
    assert (refused.status_code, list(refused.json)) == (401, ["sentence"])
    assert refused.json["sentence"].startswith("You are signed out. Nothing was saved.")
    sign_in_again(school)
    expired = post(school, "/students/7/cell", cell)
    assert expired.status_code == 400
    assert post(school, "/students/7/cell", cell | {"csrf_token": expired.json["csrf_token"]}).status_code == 200
    assert students() == [(7, "Ada", 13, None)]


def test_a_cell_that_somebody_else_typed_gets_no_token(app, school, students):
    opened = school.visit("/students").values
    cell = {"column": "age", "value": "13", "version": "1", "author": opened["author"], "csrf_token": opened["csrf_token"]}
    other = someone(app, "second@school.example", "editor")
    assert "csrf_token" not in post(other, "/students/7/cell", cell).json
    assert students() == [(7, "Ada", None, None)]


# Forms that are answered with a page, by what makes them so: what was typed does not fit, or a page is all they ask for.
ANSWERED = {
    "students.create": {},
    "students.save": {"age": "thirteen"},
    "views.keep": {"name": ""},
    "views.change": {"1-name": ""},
    "bulk.choose": {},
    "bulk.set_column": {"value": "a lot"},
    "imports.create": {},
    "corrections.check": {"cell-3-1": ""},
    "corrections.check_all": {"cell-3-1": ""},
    "imports.choose_columns": {"column-1": "id"},
    "users.invite": {"email": "no address"},
    "users.change_role": {"role": "viewer"},
    "tokens.make": {"name": ""},
    "security.login": {},
    "security.wan_register": {"name": ""},
}


def test_a_language_that_is_chosen_on_a_page_that_answered_a_form_shows_that_page_with_what_was_typed(app, school, everything):
    with app.app_context():
        accounts.change_role(accounts.find_by_address("third@school.example"), "viewer")
    for form, wrong in ANSWERED.items():
        path, page, typed, again = FORMS[form]
        path = path.replace("/users/1", "/users/2")  # the only administrator's role can't be changed
        visitor = Visitor(app) if form in OPEN_TO_ALL else school
        token = visitor.visit(page).values["csrf_token"]
        answer = Page(post(visitor, path, {**typed, **wrong, "csrf_token": token}).text)
        before = everything()
        (languages,) = [form for form in answer.all("form") if form.get("class") == "languages"]
        chosen = {field.get("name"): field.get("value") for field in languages.all("input")} | {"language": "de"}
        with visitor.open(languages.get("action"), "POST", data=chosen, headers=OURS) as shown:
            assert shown.status_code == 200, f"{form}: {shown.status}"
            assert 'lang="de"' in shown.text, form
            assert_shown(Page(shown.text), form, again or {**typed, **wrong})
        assert everything() == before, form
        assert 'lang="de"' in visitor.visit("/login" if form in OPEN_TO_ALL else "/profile").html
        visitor.send("/language", {"language": "en"}, page="/login" if form in OPEN_TO_ALL else "/profile")


def test_a_language_that_is_chosen_beside_a_secret_shown_once_leads_to_the_page_before(school):
    opened = school.visit("/profile/tokens").values
    sent = {"name": "timetable", "scopes": "read", "days": "30", "csrf_token": opened["csrf_token"]}
    answer = Page(post(school, "/profile/tokens", sent).text)
    (languages,) = [form for form in answer.all("form") if form.get("class") == "languages"]
    assert languages.get("action") == "/language?next=/profile/tokens"


def test_the_second_of_two_tabs_that_sign_in_leads_in(app, sign_in):
    sign_in("editor")
    visitor = Visitor(app)
    token = visitor.visit("/login?next=/students").values["csrf_token"]
    sign_in_again(visitor, "editor@school.example")
    second = post(visitor, "/login?next=/students", {"email": "editor@school.example", "password": PASSWORD, "csrf_token": token})
    assert (second.status_code, second.location) == (302, "/students")
    assert "You are signed in as editor@school.example." in visitor.visit("/students").alerts
    elsewhere = post(visitor, "/login/code?next=//evil.example", {"code": "123456", "csrf_token": token})
    assert elsewhere.location == "/"


def test_signing_out_still_takes_the_pages_own_token(editor):
    assert post(editor, "/logout", {"csrf_token": "made up"}).status_code == 400
    editor.visit("/students")


@pytest.mark.parametrize(
    ("path", "page"),
    [
        ("/students/bulk", "/students"),
        ("/students/bulk/delete", "/students"),
        ("/students/7/delete", "/students/7/delete"),
        ("/imports/1/rows/3", "/imports/1"),
        ("/imports/1/apply", "/imports/1"),
        ("/users/1/deactivate", "/users/1"),
        ("/profile/sessions/end", "/profile"),
        ("/start/students", "/"),
    ],
)
def test_signing_in_after_a_button_leads_to_the_page_that_has_it(app, school, path, page):
    token = school.visit("/profile").values["csrf_token"]
    end_sessions(app)
    sent_away = school.open(path, "POST", data={"csrf_token": token})
    assert sent_away.location == f"/login?next={page}"
    came_from = school.open(path, "POST", data={"csrf_token": token}, headers={"Referer": "http://localhost/students/bulk/set"})
    assert came_from.location == f"/login?next={page}"
    sign_in_again(school)
    school.visit(page)


def post(visitor, path, data):
    """Send a form as a browser does that says which page sent it."""
    with visitor.open(path, "POST", data=dict(data), headers=OURS) as response:
        assert response.data is not None  # read it before it is closed
        return response


def sign_in_again(visitor, email="admin@school.example"):
    """Sign in as in a second tab of the same browser."""
    visitor.send("/login", {"email": email, "password": PASSWORD}, status=302)


def refused_student(app, visitor, *, author=True, marker=None):
    opened = visitor.visit("/students/new").values
    end_sessions(app)
    sent = {"name": NAME, "csrf_token": opened["csrf_token"]}
    if author:
        sent["author"] = marker or opened["author"]
    return Page(post(visitor, "/students/new", sent).text)


def continue_form(page):
    (form,) = [form for form in page.all("form") if form.all("input") and "data-unsaved" in form.attributes]
    return {field.get("name"): field.get("value") for field in form.all("input")}


def assert_held(page, form, typed):
    """See that the page shows what was typed, names its author, and holds no secret."""
    assert not lint_page(page.html), f"{form}: {lint_page(page.html)}"
    for name in ("name", "value", "email", "1-name", "cell-3-1"):
        assert typed.get(name, "") in page.text, f"{form}: {name} is not shown"
    assert form in OPEN_TO_ALL or "admin@school.example" in page.text or "readable" not in page.text
    assert PASSWORD not in page.html


def assert_shown(page, form, expected):
    """See that the form stands there with these values."""
    fields = {}
    for field in page.fields:
        fields.setdefault(field.get("name"), []).append(field)
    for name, text in expected.items():
        shown = [values_of_field(field) for field in fields.get(name, [])]
        assert text in shown, f"{form}: {name} is {shown}, not {text}"


def values_of_field(field):
    from tests.pages import _is_sent, _value

    return _value(field) if _is_sent(field) else None
