"""Who tries secrets in vain has to wait, longer each time; who knows them gets in."""

import threading
from contextlib import nullcontext
from datetime import timedelta

import pytest
from flask_security import user_authenticated
from sqlalchemy import func, select, update

from app import create_app
from models import Throttle, db, now
from tests.conftest import PASSWORD, settings
from tests.visitor import Visitor
from tests.web.phone import set_up_phone
from web.throttle import FREE, FREE_BY_ADDRESS, wait_after

RIGHT = {"email": "viewer@school.example", "password": PASSWORD}
WRONG = RIGHT | {"password": "wrong"}
UNKNOWN = {"email": "nobody@school.example", "password": "wrong"}


@pytest.fixture(autouse=True)
def still(clock):
    """No wait passes while a slow machine works: only `clock` lets time pass."""
    clock()


@pytest.fixture
def stranger(app, viewer):
    """Gives somebody with a browser of their own, in which nobody was signed in before."""
    return lambda: Visitor(app)


def try_in_vain(visitor, times=FREE, data=WRONG):
    for _ in range(times):
        visitor.send("/login", data, status=422)


@pytest.mark.parametrize(("failures", "seconds"), [(0, 0), (4, 0), (5, 1), (6, 2), (7, 4), (14, 512), (15, 900), (5_000, 900)])
def test_the_wait_doubles_up_to_a_quarter_of_an_hour(failures, seconds):
    assert wait_after(failures, 5) == timedelta(seconds=seconds)


@pytest.mark.parametrize("wrong", [WRONG, UNKNOWN])
def test_after_some_tries_the_next_one_has_to_wait(stranger, wrong):
    visitor = stranger()
    try_in_vain(visitor, data=wrong)
    page = visitor.send("/login", wrong, status=429)
    assert page.heading == "Too many tries"
    assert 1 <= int(page.headers["Retry-After"]) <= 2


def test_the_right_password_has_to_wait_too_and_gets_in_afterwards(stranger, clock):
    visitor = stranger()
    try_in_vain(visitor)
    visitor.send("/login", RIGHT, status=429)
    clock(seconds=2)
    visitor.send("/login", RIGHT, status=302)


def test_each_further_failure_makes_the_wait_longer(stranger, clock):
    visitor, passed = stranger(), 0.0
    try_in_vain(visitor)
    for seconds in (1, 2, 4, 8):
        wait = int(visitor.send("/login", WRONG, status=429).headers["Retry-After"])
        assert seconds <= wait <= seconds + 1
        passed += wait
        clock(seconds=passed)
        visitor.send("/login", WRONG, status=422)


def test_tries_that_had_to_wait_do_not_make_it_longer(stranger, stored):
    visitor = stranger()
    try_in_vain(visitor)
    for _ in range(5):
        visitor.send("/login", WRONG, status=429)
    assert sorted(stored(select(Throttle.failures))) == [(FREE,), (FREE,)]


def test_being_right_takes_back_no_try_but_ones_own(stranger, stored):
    visitor = stranger()
    try_in_vain(visitor, FREE - 1)
    visitor.send("/login", RIGHT, status=302)
    assert sorted(stored(select(Throttle.failures))) == [(FREE - 1,), (FREE - 1,)]
    # That browser is known from now on, and is counted by itself.
    visitor.send("/logout", page="/", status=302)
    try_in_vain(visitor, FREE)


def test_being_right_ends_no_wait_that_another_try_began(app, stranger, stored):
    visitor = stranger()
    try_in_vain(visitor, FREE - 1)
    token = visitor.visit("/login").values["csrf_token"]

    def fail_meanwhile(*_arguments, **_more):
        counted = update(Throttle).values(failures=Throttle.failures + 1, until=now() + timedelta(seconds=512))
        with db.engine.begin() if db.engine.dialect.name == "postgresql" else nullcontext(db.session) as other:
            other.execute(counted)

    with user_authenticated.connected_to(fail_meanwhile, app):
        visitor.post("/login", RIGHT | {"csrf_token": token}, status=302)
    assert {failures for (failures,) in stored(select(Throttle.failures))} == {FREE}
    stranger().send("/login", RIGHT, status=429)


@pytest.mark.parametrize("known", [True, False], ids=["known browser", "browser of its own"])
def test_signing_in_between_guesses_frees_no_guess_at_other_accounts(stranger, viewer, known):
    viewer.send("/logout", page="/", status=302)
    guesser, guesses = stranger(), 0
    while guesses < 2 * FREE_BY_ADDRESS:
        data = {"email": f"{guesses}@school.example", "password": "wrong"}
        with guesser.open("/login", "POST", data=data | {"csrf_token": guesser.visit("/login").values["csrf_token"]}) as answer:
            if answer.status_code == 429:
                break
        guesses += 1
        if guesses == FREE_BY_ADDRESS:
            continue  # from now on the address has to wait, for what is right too
        own = viewer if known else stranger()
        own.send("/login", RIGHT, status=302)
        own.send("/logout", page="/", status=302)
    assert guesses == FREE_BY_ADDRESS


def test_what_was_long_ago_is_forgotten(stranger, clock, stored):
    visitor = stranger()
    try_in_vain(visitor)
    clock(minutes=61)
    visitor.send("/login", WRONG, status=422)
    assert sorted(stored(select(Throttle.failures))) == [(1,), (1,)]


def test_strangers_can_not_keep_the_owner_out(stranger, viewer):
    viewer.send("/logout", page="/", status=302)
    try_in_vain(stranger())
    stranger().send("/login", RIGHT, status=429)
    viewer.send("/login", RIGHT, status=302)


def test_a_known_browser_is_slowed_down_too(viewer):
    viewer.send("/logout", page="/", status=302)
    try_in_vain(viewer)
    viewer.send("/login", RIGHT, status=429)


def test_a_known_browser_is_known_for_its_own_accounts_only(viewer, sign_in):
    sign_in("editor")
    viewer.send("/logout", page="/", status=302)
    try_in_vain(viewer, data={"email": "editor@school.example", "password": "wrong"})
    viewer.send("/login", {"email": "editor@school.example", "password": PASSWORD}, status=429)
    viewer.send("/login", RIGHT, status=302)


def test_one_address_can_not_try_many_accounts(stranger):
    visitor = stranger()
    for number in range(FREE_BY_ADDRESS):
        visitor.send("/login", {"email": f"{number}@school.example", "password": "wrong"}, status=422)
    visitor.send("/login", {"email": "another@school.example", "password": "wrong"}, status=429)


def test_other_addresses_do_not_wait(stranger):
    for number in range(FREE_BY_ADDRESS):
        stranger().send("/login", {"email": f"{number}@school.example", "password": "wrong"}, status=422)
    visitor = stranger()
    token = visitor.visit("/login").values["csrf_token"]
    response = visitor.open("/login", "POST", data=RIGHT | {"csrf_token": token}, environ_base={"REMOTE_ADDR": "192.0.2.7"})
    assert response.status_code == 302


def test_it_is_counted_in_the_database_for_every_process(stranger, database_url, tmp_path):
    try_in_vain(stranger())
    restarted = create_app(settings(tmp_path / "again", database_url))
    Visitor(restarted).send("/login", RIGHT, status=429)
    with restarted.app_context():
        db.engine.dispose()


def test_many_tries_at_once_are_all_counted(stranger, stored):
    visitors = [stranger() for _ in range(12)]
    tokens = [visitor.visit("/login").values["csrf_token"] for visitor in visitors]
    statuses = []

    def send(visitor, token):
        statuses.append(visitor.open("/login", "POST", data=WRONG | {"csrf_token": token}).status_code)

    threads = [threading.Thread(target=send, args=pair) for pair in zip(visitors, tokens, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    counted = stored(select(func.max(Throttle.failures)))[0][0]
    assert statuses.count(422) == counted
    assert statuses.count(422) + statuses.count(429) == 12


def test_somebody_who_is_signed_in_can_not_try_for_ever_either(viewer):
    for _ in range(FREE):
        viewer.send("/verify", {"password": "wrong"}, status=422)
    viewer.send("/verify", {"password": PASSWORD}, status=429)


def test_the_present_password_can_not_be_guessed_on_the_profile_page(viewer):
    weak = {"current": "wrong", "password": "short", "again": "short"}
    for _ in range(FREE):
        viewer.send("/profile/password", weak, page="/profile", status=422)
    viewer.send("/profile/password", weak, page="/profile", status=429)


def test_looking_for_a_good_new_password_is_no_try_in_vain(viewer):
    for _ in range(2 * FREE):
        weak = {"current": PASSWORD, "password": "short", "again": "short"}
        viewer.send("/profile/password", weak, page="/profile", status=422)


def test_codes_can_not_be_guessed_by_who_knows_the_password(app, viewer, stranger, clock):
    phone = set_up_phone(app, viewer)
    for _ in range(FREE):
        visitor = stranger()
        visitor.send("/login", RIGHT, status=302)
        visitor.send("/login/code", {"code": "000000"}, status=422)
    visitor = stranger()
    visitor.send("/login", RIGHT, status=302)
    visitor.send("/login/code", {"code": phone.code}, status=429)
    visitor.send("/login/recovery", {"code": "aaaa"}, status=429)


def test_somebody_signed_in_as_themselves_can_not_reset_the_count_of_another(stranger, editor):
    try_in_vain(stranger())
    token = editor.visit("/").values["csrf_token"]
    editor.open("/login", "POST", data=RIGHT | {"csrf_token": token})
    stranger().send("/login", RIGHT, status=429)


def test_no_address_and_no_account_can_be_read_in_the_table(stranger, stored):
    try_in_vain(stranger())
    kept = str([tuple(vars(row).items()) for (row,) in stored(select(Throttle))])
    assert "viewer" not in kept
    assert "127.0.0.1" not in kept
