"""Sessions: kept in the database, timed out, listed and ended."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import func, insert, select, update

from models import Student, User, UserSession, db, now
from tests.conftest import PASSWORD
from tests.visitor import Visitor
from tests.web.conftest import sheet_file
from tests.web.test_route_matrix import API, TABLE

SIGN_IN = {"email": "viewer@school.example", "password": PASSWORD}


@pytest.fixture
def elsewhere(app, viewer):
    """Another browser in which the viewer is signed in."""
    visitor = Visitor(app)
    visitor.send("/login", SIGN_IN, status=302)
    return visitor


def cookie(visitor):
    return visitor._client.get_cookie(visitor._app.config["SESSION_COOKIE_NAME"]).value


def with_cookie(app, value):
    visitor = Visitor(app)
    visitor._client.set_cookie(app.config["SESSION_COOKIE_NAME"], value)
    return visitor


def secret_of(app, visitor):
    with app.test_request_context(headers={"Cookie": f"{app.config['SESSION_COOKIE_NAME']}={cookie(visitor)}"}):
        from flask import session

        return session["token"]


def test_a_session_is_a_row_that_holds_no_secret(app, viewer, stored):
    ((row,),) = stored(select(UserSession))
    secret = secret_of(app, viewer)
    assert len(secret) >= 43
    assert secret not in str(vars(row))


def test_nobody_who_only_looks_gets_a_row(client, stored):
    client.visit("/login")
    client.visit("/students", status=302)
    assert stored(select(func.count()).select_from(UserSession)) == [(0,)]


def test_signing_in_makes_a_new_session_and_a_new_form_token(app, viewer, client):
    planted = cookie(client) if client.visit("/login") else ""
    victim = with_cookie(app, planted)
    token = victim.visit("/login").values["csrf_token"]
    victim.post("/login", SIGN_IN | {"csrf_token": token}, status=302)
    with_cookie(app, planted).visit("/students", status=302)
    victim.post("/logout", {"csrf_token": token}, status=400)
    first = secret_of(app, victim)
    victim.send("/logout", page="/students", status=302)
    victim.send("/login", SIGN_IN, status=302)
    assert secret_of(app, victim) != first


def test_a_copied_cookie_is_worth_nothing_after_signing_out(app, viewer, stored):
    copied = cookie(viewer)
    with_cookie(app, copied).visit("/students")
    viewer.send("/logout", page="/", status=302)
    copy = with_cookie(app, copied)
    assert copy.visit("/students", status=302).location.startswith("/login")
    assert "You have been signed out." in copy.visit("/login").alerts
    assert stored(select(UserSession)) == []


@pytest.mark.parametrize(("idle", "lives"), [(timedelta(minutes=119), True), (timedelta(minutes=121), False)])
def test_a_session_that_nobody_uses_ends(viewer, clock, idle, lives):
    clock(minutes=idle.total_seconds() / 60)
    viewer.visit("/students", status=200 if lives else 302)


def test_a_session_ends_at_last_however_much_it_is_used(viewer, clock):
    for hour in range(1, 12):
        clock(hours=hour)
        viewer.visit("/students")
    clock(hours=12.1)
    viewer.visit("/students", status=302)


def test_what_has_ended_is_cleared_away_when_somebody_signs_in(app, viewer, clock, stored):
    clock(hours=13)
    Visitor(app).send("/login", SIGN_IN, status=302)
    assert stored(select(func.count()).select_from(UserSession)) == [(1,)]


def test_no_cookie_remembers_somebody_for_longer(client, viewer):
    client.send("/login", SIGN_IN | {"remember": "y"}, status=302)
    assert client._client.get_cookie("remember_token") is None


def used_at(stored):
    return stored(select(UserSession.used_at))[0][0]


def test_the_last_use_is_noted_once_a_minute(viewer, clock, stored):
    first = used_at(stored)
    viewer.visit("/students")
    assert used_at(stored) == first
    clock(minutes=2)
    viewer.visit("/students")
    assert used_at(stored) > now() + timedelta(minutes=1)


def test_a_page_is_read_while_somebody_writes_even_when_its_use_is_due_to_be_noted(app, viewer, clock, stored, backend):
    first, answers = used_at(stored), []
    clock(minutes=2)
    with app.app_context():
        db.session.execute(insert(Student).values(id=1, name="Ada", version=1))
        thread = threading.Thread(target=lambda: answers.append(viewer.visit("/students")))
        thread.start()
        thread.join(10)
        waited = thread.is_alive()
        db.session.rollback()
    thread.join()
    assert not waited
    assert (used_at(stored) == first) is (backend == "sqlite")
    viewer.visit("/students")
    assert used_at(stored) > first


def test_the_profile_lists_where_somebody_is_signed_in(app, viewer):
    phone = Visitor(app)
    agent = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile/15E148 Safari/604.1"
    token = phone.visit("/login").values["csrf_token"]
    phone.open("/login", "POST", data=SIGN_IN | {"csrf_token": token}, headers={"User-Agent": agent})
    page = viewer.visit("/profile")
    assert "Safari on iPhone" in page.text
    assert page.text.count("This one") == 1


def test_one_session_is_ended(viewer, elsewhere, stored):
    ids = [session_id for (session_id,) in stored(select(UserSession.id).order_by(UserSession.id))]
    viewer.send(f"/profile/sessions/{ids[1]}/end", page="/profile")
    elsewhere.visit("/students", status=302)
    viewer.visit("/students")


def test_every_other_session_is_ended(viewer, elsewhere):
    viewer.send("/profile/sessions/end", page="/profile")
    elsewhere.visit("/students", status=302)
    viewer.visit("/students")


def test_a_session_of_somebody_else_is_not_there(viewer, editor, stored):
    ((last,),) = stored(select(func.max(UserSession.id)))
    viewer.send(f"/profile/sessions/{last}/end", page="/profile", status=404)
    editor.visit("/students")


ASKED_BY_ITSELF = {"students.version", "imports.progress"}


@pytest.mark.parametrize("backend", ["sqlite"])
def test_a_session_is_used_by_what_a_person_opens_and_by_nothing_that_a_page_asks_for_by_itself(
    app, sign_in, upload, add, work, stored
):
    upload("id,name\n7,Ada\n8,\n")
    add(7, "Ada")
    admin = sign_in("admin")
    using = select(UserSession.used_at).join(User, User.id == UserSession.user_id).where(User.email == "admin@school.example")
    adapter, opened = app.url_map.bind(""), set()
    for method, path in TABLE:
        endpoint, _values = adapter.match(path, method)
        if method != "GET" or endpoint == "static" or path.startswith(API):
            continue
        earlier = now() - timedelta(minutes=30)
        with app.app_context():
            db.session.execute(update(UserSession).values(used_at=earlier))
            db.session.commit()
        admin.open(path).close()
        noted = stored(using)[0][0] > earlier
        assert noted is (endpoint not in ASKED_BY_ITSELF), path
        opened.add(endpoint)
    assert opened >= ASKED_BY_ITSELF
    declared = {endpoint for endpoint, view in app.view_functions.items() if hasattr(view, "polled")}
    assert declared == ASKED_BY_ITSELF


@pytest.mark.parametrize("backend", ["sqlite"])
def test_a_page_that_loads_itself_anew_and_one_that_the_browser_fetches_ahead_use_no_session(editor, clock, stored):
    page = editor.visit(editor.send("/imports/new", {"file": sheet_file("id,name\n7,Ada\n"), "blank": "keep"}).location)
    refresh = next(meta.get("content") for meta in page.all("meta") if meta.get("http-equiv") == "refresh")
    scripted = next(node.get("data-progress-page") for node in page.all("div") if node.get("data-progress-page"))
    address = refresh.partition("url=")[2]
    first = used_at(stored)
    clock(minutes=2)
    for path in (address, scripted):
        assert editor.visit(path).heading == page.heading
    editor.open("/students", headers={"Sec-Purpose": "prefetch;prerender"}).close()
    assert used_at(stored) == first
    editor.visit("/imports/1")
    assert used_at(stored) > first


def test_a_page_that_is_left_open_does_not_keep_its_user_signed_in(viewer, add, clock):
    add(7, "Ada")
    for minutes in range(0, 120, 20):
        clock(minutes=minutes)
        viewer.visit("/students/7/version")
    clock(minutes=121)
    viewer.visit("/students/7/version", status=302)
    viewer.visit("/students", status=302)
