"""Second factors: the authenticator app, the recovery codes, and a role that is let in only with one."""

import json
import re
import threading
from base64 import b64decode, b64encode

import pytest
from passlib.totp import AppWallet
from sqlalchemy import select

import accounts
from models import User, db
from tests.conftest import PASSWORD
from tests.visitor import Visitor
from tests.web.phone import set_up_phone
from web.sealed import SEALED

WRONG = "This code is wrong or was used already."


@pytest.fixture
def phone(app, viewer):
    return set_up_phone(app, viewer)


@pytest.fixture
def half_signed_in(app, phone):
    """Give a visitor whose password was right, and who is asked for the code next."""

    def half_signed_in():
        visitor = Visitor(app)
        sent = visitor.send("/login", {"email": "viewer@school.example", "password": PASSWORD}, status=302)
        assert sent.location.startswith("/login/code")
        visitor.visit("/students", status=302)
        return visitor

    return half_signed_in


def test_after_the_password_comes_the_code(half_signed_in, phone):
    visitor = half_signed_in()
    page = visitor.send("/login/code", {"code": "000000"}, status=422)
    assert WRONG in page.problems["code"]
    visitor.visit("/students", status=302)
    visitor.send("/login/code", {"code": phone.code}, status=302)
    visitor.visit("/students")


@pytest.mark.parametrize(
    ("page", "told"),
    [("/login/code", "Enter the six digits that the app shows."), ("/login/recovery", "Enter one of your recovery codes.")],
)
def test_without_a_code_one_is_told_which_to_type(half_signed_in, page, told):
    assert half_signed_in().send(page, {"code": ""}, status=422).problems["code"].endswith(told)


def test_signing_in_with_a_code_leads_to_the_page_that_was_asked_for(app, phone):
    visitor = Visitor(app)
    login = visitor.visit("/students?q=ada", status=302).location
    code = visitor.send(login, {"email": "viewer@school.example", "password": PASSWORD}, status=302).location
    assert visitor.send(code, {"code": phone.code}, status=302).location == "/students?q=ada"


def test_a_code_works_once(half_signed_in, phone):
    half_signed_in().send("/login/code", {"code": phone.code}, status=302)
    again = half_signed_in()
    assert WRONG in again.send("/login/code", {"code": phone.code}, status=422).text
    again.send("/login/code", {"code": phone.later().code}, status=302)


def test_of_two_who_send_the_same_code_at_once_one_gets_in(half_signed_in, phone):
    visitors = [half_signed_in(), half_signed_in()]
    tokens = [visitor.visit("/login/code").values["csrf_token"] for visitor in visitors]
    statuses = []

    def send(visitor, token):
        statuses.append(visitor.open("/login/code", "POST", data={"code": phone.code, "csrf_token": token}).status_code)

    threads = [threading.Thread(target=send, args=pair) for pair in zip(visitors, tokens, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(statuses) == [302, 422]


@pytest.mark.parametrize("steps", [-1, 0, 1])
def test_a_phone_whose_clock_is_off_by_one_step_is_let_in(half_signed_in, phone, steps):
    phone.later(5)
    half_signed_in().send("/login/code", {"code": phone.code_off_by(steps)}, status=302)


@pytest.mark.parametrize("steps", [-3, -2, 2, 3])
def test_a_phone_whose_clock_is_off_by_more_is_told_to_check_it(half_signed_in, phone, steps):
    phone.later(5)
    page = half_signed_in().send("/login/code", {"code": phone.code_off_by(steps)}, status=422)
    assert "check that the phone’s clock is right" in page.problems["code"]


@pytest.mark.parametrize("path", ["/login/code", "/login/recovery", "/login/second-factor"])
def test_there_is_no_second_step_without_the_first(client, phone, path):
    assert client.visit(path, status=302).location == "/login"


def test_who_takes_too_long_between_the_two_steps_begins_again(half_signed_in, phone, clock):
    visitor = half_signed_in()
    token = visitor.visit("/login/code").values["csrf_token"]
    clock(minutes=11)
    visitor.post("/login/code", {"code": phone.code, "csrf_token": token}, status=302)
    visitor.visit("/students", status=302)
    assert "Start again." in visitor.visit("/login").alerts


def test_the_code_is_asked_for_after_a_new_password_too(app, half_signed_in, phone):
    with app.app_context():
        link = accounts.make_link(accounts.find_by_address("viewer@school.example"))
    visitor = Visitor(app)
    visitor.send(f"/join?token={link}", {"password": "quite another sentence", "again": "quite another sentence"})
    sent = visitor.send("/login", {"email": "viewer@school.example", "password": "quite another sentence"}, status=302)
    assert sent.location.startswith("/login/code")


def test_the_secret_of_the_app_is_encrypted_where_it_is_stored(viewer, phone, stored):
    ((secret,),) = stored(select(User.tf_totp_secret))
    assert '"enckey"' in secret
    assert phone._shared.base32_key not in secret


def test_a_secret_that_was_changed_where_it_is_stored_fits_no_code(app, half_signed_in, phone):
    with app.app_context():
        user = accounts.find_by_address("viewer@school.example")
        kept = json.loads(user.tf_totp_secret)
        sealed = bytearray(b64decode(kept["enckey"]["k"]))
        sealed[0] ^= 1
        kept["enckey"]["k"] = b64encode(sealed).decode()
        user.tf_totp_secret = json.dumps(kept)
        db.session.commit()
    half_signed_in().send("/login/code", {"code": phone.code}, status=422)


def test_a_secret_that_was_stored_without_a_seal_is_sealed_when_it_is_used(app, half_signed_in, phone, stored):
    with app.app_context():
        apps, user = app.extensions["security"].totp_factory, accounts.find_by_address("viewer@school.example")
        shared = apps._totp.from_source(user.tf_totp_secret)
        unsealed = AppWallet.encrypt_key(apps._totp.wallet, shared.key)
        user.tf_totp_secret = json.dumps({**shared.to_dict(encrypt=True), "enckey": unsealed})
        db.session.commit()
    half_signed_in().send("/login/code", {"code": phone.code}, status=302)
    ((secret,),) = stored(select(User.tf_totp_secret))
    assert json.loads(secret)["enckey"]["v"] == SEALED
    half_signed_in().send("/login/code", {"code": phone.later().code}, status=302)


def test_a_wrong_code_while_setting_up_changes_nothing(viewer, stored):
    page = viewer.send("/profile/authenticator", {"setup": "authenticator"}, page="/profile/second-factor", status=200)
    action = next(form.get("action") for form in page.all("form") if "/profile/authenticator/" in form.get("action"))
    viewer.send(action, {"code": "123"}, page="/profile", status=302)
    assert WRONG in viewer.visit("/profile/authenticator").text
    assert stored(select(User.tf_primary_method)) == [(None,)]


def test_the_app_can_be_turned_off(app, viewer, phone, client):
    viewer.send("/profile/authenticator", {"setup": "disable"}, page="/profile/second-factor", status=302)
    assert "is turned off" in viewer.visit("/profile/second-factor").alerts
    client.send("/login", {"email": "viewer@school.example", "password": PASSWORD}, status=302)
    client.visit("/students")


def test_setting_up_asks_who_has_not_proven_lately_who_they_are(viewer, monkeypatch):
    from datetime import timedelta

    monkeypatch.setitem(viewer._app.config, "SECURITY_FRESHNESS", timedelta(microseconds=1))
    sent = viewer.send("/profile/authenticator", {"setup": "authenticator"}, page="/profile/second-factor", status=302)
    assert sent.location.startswith("/verify?next=")


@pytest.fixture
def codes(viewer, phone):
    page = viewer.send("/profile/recovery-codes", page="/profile", status=200)
    return re.findall(r"\b[a-z0-9]{4}(?:-[a-z0-9]{4}){3}\b", page.text)


def test_recovery_codes_are_shown_once_and_kept_as_hashes(viewer, codes, stored):
    assert len(set(codes)) == 10
    assert not any(code in viewer.visit("/profile/recovery-codes?show_codes=1").html for code in codes)
    ((kept,),) = stored(select(User.mf_recovery_codes))
    assert len(kept) == 10
    assert not set(kept) & set(codes)


def test_a_recovery_code_lets_in_once_however_it_is_typed(half_signed_in, codes, viewer):
    visitor = half_signed_in()
    page = visitor.send("/login/recovery", {"code": "aaaa-aaaa-aaaa-aaaa"}, status=422)
    assert "isn’t one of your unused recovery codes" in page.problems["code"]
    visitor.send("/login/recovery", {"code": f" {codes[3].upper().replace('-', ' ')} "}, status=302)
    visitor.visit("/students")
    half_signed_in().send("/login/recovery", {"code": codes[3]}, status=422)
    assert "You have 9 codes left." in viewer.visit("/profile/second-factor").text


def test_new_recovery_codes_make_earlier_ones_void(half_signed_in, codes, viewer):
    viewer.send("/profile/recovery-codes", page="/profile", status=200)
    half_signed_in().send("/login/recovery", {"code": codes[0]}, status=422)


@pytest.fixture
def required(app):
    with app.app_context():
        accounts.require_second_factor(["viewer"])


def test_a_role_that_needs_a_second_factor_is_let_in_only_with_one(app, viewer, add, required):
    add(7, "Ada")
    for path in ("/", "/students", "/students/7", "/imports"):
        assert viewer.visit(path, status=302).location == "/profile/second-factor"
    assert "Your role requires two-step verification." in viewer.visit("/profile/second-factor").alerts
    phone = set_up_phone(app, viewer)
    viewer.visit("/students/7")
    again = Visitor(app)
    again.send("/login", {"email": "viewer@school.example", "password": PASSWORD}, status=302)
    again.send("/login/code", {"code": phone.code}, status=302)
    again.visit("/students/7")


def test_who_needs_a_second_factor_can_not_turn_it_off(app, viewer, phone, required, stored):
    sent = viewer.send("/profile/authenticator", {"setup": "disable"}, page="/profile/second-factor", status=422)
    assert "you can’t turn it off" in sent.alerts
    assert stored(select(User.tf_primary_method)) == [("authenticator",)]


def test_other_roles_are_not_asked(editor, required):
    editor.visit("/students")


def test_a_reset_second_factor_is_gone(app, half_signed_in, codes, stored):
    visitor = half_signed_in()
    with app.app_context():
        accounts.reset_second_factor(db.session.scalars(select(User)).unique().one())
    visitor.send("/login/recovery", {"code": codes[0]}, status=422)
    client = Visitor(app)
    client.send("/login", {"email": "viewer@school.example", "password": PASSWORD}, status=302)
    client.visit("/students")
