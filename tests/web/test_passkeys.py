"""Passkeys: signed in with, and each answer of one counts once."""

import json

import pytest
from sqlalchemy import select, update

from models import AuditEntry, Challenge, Passkey, db, now
from tests.conftest import PASSWORD
from tests.visitor import Visitor
from tests.web.passkey import add_passkey, ceremony
from web.throttle import FREE, FREE_BY_ADDRESS

FAILED, UNCONFIRMED = "sign-in-failed", "not-confirmed"


@pytest.fixture
def passkey(viewer):
    return add_passkey(viewer)


def asked(visitor):
    """Begin to sign in, and give where the answer goes and what is asked."""
    return ceremony(visitor.send("/login/passkey", status=200))


def captured(visitor, passkey):
    """Begin to sign in, and give the whole request that would end it, as somebody on the way might see it."""
    action, options = asked(visitor)
    data = {"credential": passkey.answer(options), "csrf_token": visitor.visit("/login/passkey").values["csrf_token"]}
    return action, data, visitor._client.get_cookie(visitor._app.config["SESSION_COOKIE_NAME"]).value


def replayed(app, action, data, cookie):
    """Send it from another browser with the very same cookie."""
    thief = Visitor(app)
    thief._client.set_cookie(app.config["SESSION_COOKIE_NAME"], cookie)
    thief.open(action, "POST", data=data).close()
    return thief


def test_a_passkey_signs_in_by_itself(app, passkey):
    visitor = Visitor(app)
    action, options = asked(visitor)
    visitor.send(action, {"credential": passkey.answer(options)}, page="/login/passkey", status=302)
    visitor.visit("/students")


@pytest.mark.parametrize("signed_out", [False, True], ids=["while signed in", "after signing out"])
def test_a_captured_answer_never_signs_in_again(app, passkey, signed_out):
    owner = Visitor(app)
    action, data, cookie = captured(owner, passkey)
    owner.post(action, data, status=302)
    owner.visit("/students")
    if signed_out:
        owner.send("/logout", page="/students", status=302)
    replayed(app, action, data, cookie).visit("/students", status=302)


def test_an_answer_that_failed_is_used_up_too(app, passkey):
    owner = Visitor(app)
    action, data, cookie = captured(owner, passkey)
    owner.post(action, data | {"credential": broken(data["credential"])}, status=302)
    replayed(app, action, data, cookie).visit("/students", status=302)


def test_an_answer_that_comes_too_late_is_refused(app, passkey):
    owner = Visitor(app)
    action, data, _cookie = captured(owner, passkey)
    with app.app_context():
        db.session.execute(update(Challenge).values(expires_at=now()))
        db.session.commit()
    owner.post(action, data, status=302)
    owner.visit("/students", status=302)


def test_an_answer_in_another_browser_is_refused(app, passkey):
    action, data, _cookie = captured(Visitor(app), passkey)
    other = Visitor(app)
    other.send(action, {"credential": data["credential"]}, page="/login/passkey", status=302)
    other.visit("/students", status=302)


def broken(credential):
    said = json.loads(credential)
    said["response"]["signature"] = said["response"]["signature"][::-1]
    return json.dumps(said)


def answer(visitor, path, passkey, spoil=lambda credential: credential, status=302):
    action, options = ceremony(visitor.send(path, status=200))
    return visitor.send(action, {"credential": spoil(passkey.answer(options))}, page=path, status=status)


def failures(stored):
    noted = select(AuditEntry.actor, AuditEntry.act, AuditEntry.details).where(AuditEntry.act.in_((FAILED, UNCONFIRMED)))
    return [tuple(entry) for entry in stored(noted)]


def test_answers_in_vain_are_noted_and_have_to_wait_by_the_account_of_the_passkey(app, passkey, stored, clock):
    clock()
    for _ in range(FREE):
        answer(Visitor(app), "/login/passkey", passkey, broken)
    assert failures(stored) == [("viewer@school.example", FAILED, {"secret": "passkey"})] * FREE
    answer(Visitor(app), "/login/passkey", passkey, status=429)
    clock(seconds=2)
    visitor = Visitor(app)
    answer(visitor, "/login/passkey", passkey)
    visitor.visit("/students")
    assert len(failures(stored)) == FREE


def test_answers_of_unknown_passkeys_are_noted_and_have_to_wait_by_their_network_address(app, stored, clock):
    clock()
    visitor = Visitor(app)
    action, _options = asked(visitor)
    for credential in [*("{", "[]", '{"rawId": 5}', '{"rawId": "é"}'), *['{"rawId": "eA"}'] * (FREE_BY_ADDRESS - 4)]:
        visitor.send(action, {"credential": credential}, page="/login/passkey", status=302)
    visitor.send(action, {"credential": "{}"}, page="/login/passkey", status=429)
    assert failures(stored) == [(None, FAILED, {"secret": "passkey"})] * FREE_BY_ADDRESS


def test_who_is_signed_in_can_not_try_passkeys_for_ever_either(viewer, passkey, stored, clock):
    clock()
    for _ in range(FREE - 1):
        answer(viewer, "/verify/passkey", passkey, broken)
    for _ in range(3):
        answer(viewer, "/verify/passkey", passkey)
    answer(viewer, "/verify/passkey", passkey, broken)
    answer(viewer, "/verify/passkey", passkey, status=429)
    assert failures(stored) == [("viewer@school.example", UNCONFIRMED, {"secret": "passkey"})] * FREE


def test_a_passkey_of_somebody_else_does_not_follow_a_password(app, viewer, sign_in):
    """Who finds a key that is only good after a password has a password, too: their own."""
    found, _own = add_passkey(viewer, usage="secondary"), add_passkey(sign_in("editor"), usage="secondary")
    thief = Visitor(app)
    thief.send("/login", {"email": "editor@school.example", "password": PASSWORD}, status=302)
    answer(thief, "/login/passkey", found)
    assert "belongs to another user" in thief.visit("/login/passkey").alerts
    thief.visit("/students", status=302)


def test_a_challenge_is_kept_as_a_hash_and_goes_with_its_answer_or_its_time(app, passkey, stored):
    visitor = Visitor(app)
    _action, options = asked(visitor)
    ((kept,),) = stored(select(Challenge.challenge_hash))
    assert options["challenge"] not in kept
    with app.app_context():
        db.session.execute(update(Challenge).values(expires_at=now()))
        db.session.commit()
    asked(Visitor(app))
    assert len(stored(select(Challenge.challenge_hash))) == 1


def test_two_passkeys_of_a_user_have_two_names(viewer, passkey, stored):
    page = viewer.send("/profile/passkeys", {"name": "Blue key", "usage": "first"}, status=422)
    assert "already" in page.problems["name"]
    assert len(stored(select(Passkey.id))) == 1
