"""A session belongs to who began it, and ends when it ends; what is somebody else's stays theirs."""

import base64
import json
from urllib.parse import quote

import pytest
from sqlalchemy import select

from models import User, UserSession, View
from tests.attack.school import email_of
from tests.conftest import PASSWORD


def with_session(school, cookie):
    """Give somebody who has laid hands on a session cookie, or has made one up."""
    thief = school.stranger()
    thief.cookies[school.cookie("session")] = cookie
    return thief


def test_a_planted_session_is_not_the_one_that_is_signed_in(school):
    attacker = school.stranger()
    attacker.open("/login")
    planted = attacker.cookies[school.cookie("session")]
    token = attacker.token()
    victim = with_session(school, planted)
    assert victim.sign_in(email_of("viewer"), PASSWORD).status == 302
    assert victim.is_signed_in()
    assert victim.cookies[school.cookie("session")] != planted
    assert not with_session(school, planted).is_signed_in()
    assert victim.post("/logout", {"csrf_token": token}).status == 400


def test_an_old_cookie_is_worth_nothing(school):
    victim = school.newcomer("viewer")
    copied = victim.cookies[school.cookie("session")]
    assert with_session(school, copied).is_signed_in()
    victim.send("/logout")
    assert not with_session(school, copied).is_signed_in()
    assert with_session(school, copied).post("/students/views", {"name": "Stolen"}).status == 400


def test_a_new_password_ends_every_other_session(school):
    school.add_user("changes@school.example")
    victim = school.stranger()
    victim.sign_in("changes@school.example", PASSWORD)
    before = victim.cookies[school.cookie("session")]
    new = f"{PASSWORD} twice"
    assert victim.send("/profile/password", {"current": PASSWORD, "password": new, "again": new}).status == 303
    assert victim.is_signed_in()
    assert not with_session(school, before).is_signed_in()


def test_a_cookie_that_rollbook_did_not_sign_lets_nobody_in(school, admin):
    said = base64.urlsafe_b64encode(json.dumps({"_user_id": "1", "_fresh": True, "token": "x"}).encode()).decode()
    payload, time, signature = admin.cookies[school.cookie("session")].rsplit(".", 2)
    for cookie in [
        *(f"{said}..", f"{said}.{time}.{signature}", f"{payload}.{time}.{signature[:-2]}aa", f"{payload}.{time}.", payload),
        *("", ".", "..", "....", "0", "null", "\xff\xfe", "%00", "a" * 4000, f'"{said}"', "{{7*7}}", "' OR 1=1 --"),
    ]:
        thief = with_session(school, cookie)
        assert thief.open("/students").status == 302, cookie
        for name in (school.cookie("device"), school.cookie("language"), "remember_token"):
            assert school.stranger().open("/login", Cookie=f"{name}={cookie}").status == 200, cookie


def test_two_cookies_of_one_name_give_nobody_more(school, viewer):
    name = school.cookie("session")
    own = viewer.cookies[name]
    for header in (f"{name}=x; {name}={own}", f"{name}={own}; {name}=x", f"{name}={own}; {name}="):
        answer = school.stranger().open("/users", Cookie=header)
        assert answer.status in (302, 403), header


def test_the_cookies_are_out_of_reach_of_scripts_and_other_sites(school):
    somebody = school.stranger()
    answer = somebody.sign_in(email_of("viewer"), PASSWORD)
    lines = answer.headers.get_all("Set-Cookie")
    assert {line.partition("=")[0] for line in lines} == {school.cookie("session"), school.cookie("device")}
    for line in lines:
        assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(line.split("; "))
        assert "Domain" not in line


@pytest.fixture
def foreign_import(school):
    """An import that the administrator has applied."""
    address = school.upload(b"id,name\n7001,Charles Babbage\n7002,\n", role="admin")
    school.apply(address, role="admin")
    return address


def test_somebody_elses_import_can_not_be_taken_back(school, editor, viewer, foreign_import):
    before = school.everything()
    assert editor.send(f"{foreign_import}/undo").status == 403
    assert editor.open(f"{foreign_import}/undo").status == 403
    for act in ("apply", "cancel", "undo", "columns", "rows/3"):
        assert viewer.send(f"{foreign_import}/{act}", {"cell-3-1": "Mallory"}).status == 403, act
    assert school.everything() == before


def test_an_id_that_nobody_gave_out_leads_nowhere(school, admin):
    before = school.everything()
    for number in (
        "0",
        "999",
        "9223372036854775807",
        "9223372036854775808",
        "-1",
        "1.0",
        "1e0",
        "٣",
        "0x1",
        "1%00",
        "1'--",
        "1/",
    ):
        for path in (f"/imports/{number}", f"/imports/{number}/rejected.csv", f"/users/{number}"):
            assert admin.open(quote(path, safe="/%'")).status in (308, 404), path
        for path in (
            f"/imports/{number}/apply",
            f"/imports/{number}/undo",
            f"/users/{number}/deactivate",
            f"/students/views/{number}",
        ):
            assert admin.send(quote(path, safe="/%'"), {"name": "Mallory"}).status in (308, 404, 405), path
    assert school.everything() == before


def test_what_a_colleague_keeps_is_not_there_for_others(school, editor):
    before = school.everything()
    ((view,),) = school.stored(select(View.id).order_by(View.id).limit(1))
    sessions = school.stored(
        select(UserSession.id).join(User, User.id == UserSession.user_id).where(User.email == email_of("viewer"))
    )
    assert editor.send(f"/students/views/{view}", {f"{view}-name": "Mallory", f"{view}-shared": "y"}).status == 404
    assert editor.send(f"/students/views/{view}/delete").status == 404
    assert sessions
    for (session_id,) in sessions:
        assert editor.send(f"/profile/sessions/{session_id}/end").status == 404
    assert school.everything() == before
