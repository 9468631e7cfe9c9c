"""Who guesses passwords is slowed down by the account that they try, and learns nothing on the way."""

import re
from datetime import timedelta

from sqlalchemy import select, update

from accounts import hash_token
from models import Throttle, now
from tests.conftest import PASSWORD

WAIT = timedelta(minutes=10)

# Ways to write one address that mean the same one, and some that mean another one or none.
SAME = [
    *("{0}@school.example", "{0}@SCHOOL.EXAMPLE", "  {0}@school.example  ", "\t{0}@school.example\r\n", "{0}@School.Example"),
    *("{0}@ｓｃｈｏｏｌ.example", "{0}@school。example", "{0}@\u017fchool.example"),
]
OTHER = ["{0}@sch\u200bool.example", "\ufeff{0}@school.example", "{0}@school.example\x00", "{0}"]


def spellings(name):
    own = [spelling.format(name) for spelling in SAME]
    return [*own, own[0].upper(), own[0].title(), own[0].replace("k", "\u212a"), own[0].replace("é", "e\u0301")]


def tamed(answer):
    """Take what differs from page to page out of an answer: tokens, addresses, its number, and the wait in seconds."""
    content = answer.content.replace(answer.headers["X-Request-ID"], "")
    text = re.sub(r'(?<=name="csrf_token" value=")[^"]+|(?<=name="email")[^>]+|\d+ (seconds?|minutes)', "", content)
    own = {name: value for name, value in answer.headers.items() if name not in ("Content-Length", "X-Request-ID")}
    headers = {name: re.sub(r"\d+|=[^;]+", "", value) for name, value in own.items()}
    return answer.status, text, headers


def let_wait(school, email):
    """Have the next try at this account wait, as after many; only the account's own counter says so."""
    key = hash_token(f"password {email}")
    counted = school.stored(update(Throttle).where(Throttle.key == key).values(until=now() + WAIT).returning(Throttle.failures))
    return [failures for (failures,) in counted]


def test_every_spelling_is_one_account_and_nobody_learns_whether_it_exists(school):
    for name in ("kék", "shutkék"):
        school.add_user(f"{name}@school.example")
    school.deactivate("shutkék@school.example")
    answers = []
    for name in ("kék", "shutkék", "nokék"):
        plain, other, *rest = spellings(name)
        tries = [school.stranger().sign_in(email, "wrong") for email in (plain, other)]
        assert let_wait(school, plain) == [2]
        tries += [school.stranger().sign_in(email, "wrong") for email in rest]
        assert [answer.status for answer in tries] == [422, 422] + [429] * len(rest)
        answers.append([tamed(answer) for answer in tries])
    assert answers[0] == answers[1] == answers[2]


def test_who_types_an_address_in_another_spelling_gets_in(school):
    school.add_user("KéKé@School.example")
    for email in spellings("kéké")[::4]:
        assert school.stranger().sign_in(email, PASSWORD).status == 302, email
    for email in OTHER:
        assert school.stranger().sign_in(email.format("kéké"), PASSWORD).status == 422, email


def test_the_right_password_of_who_is_shut_out_is_answered_as_a_wrong_one(school):
    school.add_user("gone@school.example")
    school.deactivate("gone@school.example")
    right = school.stranger().sign_in("gone@school.example", PASSWORD)
    wrong = school.stranger().sign_in("gone@school.example", "wrong")
    assert tamed(right) == tamed(wrong)


def test_nobody_is_counted_under_a_network_address_that_they_made_up(school):
    liar = school.stranger()
    headers = dict.fromkeys(("X_Forwarded_For", "X_Real_IP", "Client_IP", "True_Client_IP"), "203.0.113.9")
    fields = {"email": "liar@school.example", "password": "wrong", "csrf_token": liar.token()}
    liar.post("/login", fields, **headers, Forwarded="for=203.0.113.9")
    counted = {key for (key,) in school.stored(select(Throttle.key))}
    assert hash_token(f"address {liar.network_address}") in counted
    assert hash_token("address 203.0.113.9") not in counted
