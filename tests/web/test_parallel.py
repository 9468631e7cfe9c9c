"""What reads, decides and then writes, eight times at the same moment: the database decides, and only once."""

import re
import threading
from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import func, select

import accounts
import backup
import models
from accounts import setup_token
from merge import views
from merge.decisions import WrongState
from merge.imports import lifecycle
from models import AuditEntry, Import, Role, Student, Throttle, Token, User, UserSession, View, db, now
from tests.conftest import PASSWORD, SECRET
from tests.visitor import Visitor
from tests.web.conftest import someone
from tests.web.passkey import BY_ITSELF, Passkey, add_passkey, ceremony
from tests.web.phone import set_up_phone
from web.throttle import FREE

EIGHT = 8
PATIENCE_S = 60
CHOSEN = {"password": "a sentence of their own", "again": "a sentence of their own"}
VIEWER = {"email": "viewer@school.example", "password": PASSWORD}


def at_once(act, number=EIGHT):
    """Run act(0), act(1), … at the same moment, and give what each returned or raised."""
    start, outcomes = threading.Barrier(number), [None] * number

    def run(place):
        start.wait(PATIENCE_S)
        try:
            outcomes[place] = act(place)
        except Exception as error:  # what it was is compared below
            outcomes[place] = error

    threads = [threading.Thread(target=run, args=(place,)) for place in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    return outcomes


@pytest.fixture
def send_at_once(app):
    """Have each of eight visitors open a page and then, at the same moment, send its form; give the statuses' counts."""

    def send_at_once(visitors, path, data, page=None):
        tokens = [visitor.visit(page or path).values["csrf_token"] for visitor in visitors]
        forms = [data(place) if callable(data) else data for place in range(len(visitors))]

        def send(place):
            with visitors[place].open(path, "POST", data=forms[place] | {"csrf_token": tokens[place]}) as response:
                return response.status_code

        return Counter(map(str, at_once(send, len(visitors))))

    return send_at_once


@pytest.fixture
def service(app):
    """Call a function of the service eight times at the same moment, each in a request's surroundings of its own."""

    def service(act):
        def run(place):
            with app.app_context():
                return act(place)

        return at_once(run)

    return service


@pytest.fixture
def entries(stored):
    """Count the audit log's entries of an act."""
    return lambda act: stored(select(func.count()).select_from(AuditEntry).where(AuditEntry.act == act))[0][0]


def strangers(app, number=EIGHT):
    return [Visitor(app) for _ in range(number)]


def signed_in(app, number=EIGHT):
    """Sign the viewer in, in this many browsers."""
    visitors = strangers(app, number)
    for visitor in visitors:
        visitor.send("/login", VIEWER, status=302)
    return visitors


def failures(outcomes, kind=Exception):
    return [outcome for outcome in outcomes if isinstance(outcome, kind)]


def one_user(app, email="viewer@school.example"):
    user = accounts.find_by_address(email)
    assert user is not None
    return user


def test_setup_makes_one_administrator(app, send_at_once, stored):
    link = f"/setup?token={setup_token(SECRET)}"
    chosen = {"password": PASSWORD, "again": PASSWORD}
    statuses = send_at_once(strangers(app), link, lambda place: chosen | {"email": f"head{place}@school.example"})
    assert statuses == {"303": 1, "404": EIGHT - 1}
    assert len(stored(select(User.id))) == 1


def test_an_invitation_is_accepted_once(app, send_at_once, entries):
    with app.app_context():
        _user, token = accounts.invite("new@school.example", "editor")
    assert send_at_once(strangers(app), f"/join?token={token}", CHOSEN) == {"303": 1, "404": EIGHT - 1}
    assert entries("password-changed") == 1


def test_an_address_is_invited_once(service, stored):
    outcomes = service(lambda _: accounts.invite("new@school.example", "editor")[1])
    assert len(failures(outcomes, accounts.AddressTaken)) == len(failures(outcomes)) == EIGHT - 1
    assert len(stored(select(User.id))) == 1


@pytest.mark.parametrize(
    "act",
    [accounts.deactivate, lambda user: accounts.change_role(user, "viewer")],
    ids=["deactivated", "demoted"],
)
def test_one_administrator_is_left(app, service, stored, act):
    with app.app_context():
        ids = [accounts.add_user(f"{place}@school.example", "admin", PASSWORD).id for place in range(EIGHT)]
    outcomes = service(lambda place: act(db.session.get_one(User, ids[place])))
    assert len(failures(outcomes, accounts.LastAdministrator)) == len(failures(outcomes)) == 1
    left = select(func.count()).select_from(User).join(User.roles).where(Role.name == "admin", User.active)
    assert stored(left) == [(1,)]


def test_a_user_keeps_one_role(app, service, sign_in, stored):
    for role in ("viewer", "admin"):
        sign_in(role)
    roles = ("editor", "admin")
    assert not failures(service(lambda place: accounts.change_role(one_user(app), roles[place % 2])))
    held = stored(select(Role.name).select_from(User).join(User.roles).where(User.email == VIEWER["email"]))
    assert len(held) == 1
    assert held[0][0] in roles


def test_a_user_is_deactivated_once(app, service, sign_in, entries):
    for role in ("viewer", "admin"):
        sign_in(role)
    assert not failures(service(lambda _: accounts.deactivate(one_user(app))))
    assert entries("user-shut-out") == 1


def test_of_several_links_one_works(app, service, sign_in):
    sign_in("viewer")
    links = service(lambda _: accounts.make_link(one_user(app)))
    assert not failures(links)
    with app.app_context():
        assert len([link for link in links if accounts.find_by_link(link)]) == 1


def test_no_link_is_made_for_who_is_deactivated_meanwhile(app, service, sign_in, stored):
    for role in ("viewer", "admin"):
        sign_in(role)

    def act(place):
        return accounts.deactivate(one_user(app)) if place == 0 else accounts.make_link(one_user(app))

    outcomes = service(act)
    assert len(failures(outcomes)) == len(failures(outcomes, accounts.NotActive))
    assert stored(select(User.link_hash).where(User.email == VIEWER["email"])) == [(None,)]


def test_no_token_outlives_a_deactivation_that_happens_meanwhile(app, service, sign_in, stored):
    for role in ("viewer", "admin"):
        sign_in(role)

    def act(place):
        user = one_user(app)
        if place == 0:
            return accounts.deactivate(user)
        return accounts.make_token(user.id, "a test", ["read"], now() + timedelta(days=1))

    outcomes = service(act)
    assert len(failures(outcomes)) == len(failures(outcomes, accounts.NotActive))
    assert stored(select(Token.id)) == []


def test_a_token_is_revoked_once(app, sign_in, send_at_once, entries, stored):
    sign_in("viewer")
    visitors = signed_in(app)
    with app.app_context():
        token, _secret = accounts.make_token(one_user(app).id, "a test", ["read"], now() + timedelta(days=1))
        path = f"/profile/tokens/{token.id}/revoke"
    assert send_at_once(visitors, path, {}, page="/profile/tokens") == {"303": 1, "404": EIGHT - 1}
    assert entries("token-revoked") == 1


def test_a_password_is_changed_once_by_who_knows_the_present_one(app, sign_in, send_at_once, entries):
    sign_in("viewer")
    visitors = signed_in(app)
    statuses = send_at_once(
        visitors,
        "/profile/password",
        lambda place: {
            "current": PASSWORD,
            "password": f"sentence number {place} of theirs",
            "again": f"sentence number {place} of theirs",
        },
        page="/profile",
    )
    # Who comes later is signed out by then, or does not know the password any more.
    assert statuses["303"] == 1
    assert set(statuses) <= {"303", "302", "400", "422", "429"}
    assert entries("password-changed") == 1


def test_a_session_is_ended_once(app, sign_in, send_at_once, entries, stored):
    sign_in("viewer")
    visitors = signed_in(app)
    other = min(session_id for (session_id,) in stored(select(UserSession.id)))
    assert send_at_once(visitors, f"/profile/sessions/{other}/end", {}, page="/profile") == {"303": 1, "404": EIGHT - 1}
    assert entries("sessions-ended") == 1


@pytest.fixture
def phone(app, sign_in):
    return set_up_phone(app, sign_in("viewer"))


def test_a_code_of_the_app_signs_in_once(app, phone, send_at_once):
    statuses = send_at_once(signed_in(app), "/login/code", {"code": phone.code})
    assert statuses["302"] == 1
    assert set(statuses) <= {"302", "422", "429"}


def test_a_recovery_code_signs_in_once(app, phone, send_at_once, stored):
    owner = signed_in(app, 1)[0]
    owner.send("/login/code", {"code": phone.code}, status=302)
    page = owner.send("/profile/recovery-codes", page="/profile", status=200)
    code = re.search(r"\b[a-z0-9]{4}(?:-[a-z0-9]{4}){3}\b", page.text)[0]
    statuses = send_at_once(signed_in(app), "/login/recovery", {"code": code})
    assert statuses["302"] == 1
    assert set(statuses) <= {"302", "422", "429"}
    ((left,),) = stored(select(User.mf_recovery_codes))
    assert len(left) == 9


def test_every_try_at_a_password_is_counted(app, sign_in, send_at_once, stored):
    sign_in("viewer")
    wrong = {"email": "viewer@school.example", "password": "wrong"}
    assert send_at_once(strangers(app), "/login", wrong) == {"422": FREE, "429": EIGHT - FREE}
    assert sorted(stored(select(Throttle.failures))) == [(FREE,), (FREE,)]


def test_a_user_keeps_no_more_views_than_fit(app, sign_in, send_at_once, stored):
    sign_in("viewer")
    visitors = signed_in(app)
    with app.app_context():
        owner = one_user(app).id
        db.session.add_all(View(user_id=owner, name=f"{place}", address="") for place in range(views.MOST_KEPT - 3))
        db.session.commit()
    statuses = send_at_once(visitors, "/students/views", {"name": "Mine", "address": "q=ada"}, page="/students")
    assert statuses == {"303": 3, "422": EIGHT - 3}
    assert stored(select(func.count()).select_from(View)) == [(views.MOST_KEPT,)]


def test_a_view_is_deleted_once(app, sign_in, send_at_once, stored):
    sign_in("viewer")
    visitors = signed_in(app)
    visitors[0].send("/students/views", {"name": "Mine", "address": "q=ada"}, page="/students")
    ((view,),) = stored(select(View.id))
    statuses = send_at_once(visitors, f"/students/views/{view}/delete", {}, page="/students/views")
    assert statuses == {"303": 1, "404": EIGHT - 1}


def test_sample_students_are_imported_once(app, sign_in, send_at_once, stored):
    editor = sign_in("editor")
    visitors = [editor, *(someone(app, f"{place}@school.example", "editor") for place in range(EIGHT - 1))]
    assert send_at_once(visitors, "/start/students", {}, page="/students") == {"303": EIGHT}
    assert stored(select(func.count()).select_from(Import)) == [(1,)]


def test_a_form_that_is_sent_eight_times_makes_one_student(app, sign_in, send_at_once, stored):
    editor = sign_in("editor")
    visitors = [editor, *(someone(app, f"{place}@school.example", "editor") for place in range(EIGHT - 1))]
    form = {"name": "Ada", "token": "one form"}
    assert set(send_at_once(visitors, "/students/new", form)) == {"303"}
    assert stored(select(func.count()).select_from(Student)) == [(1,)]


def test_an_import_is_applied_once(app, upload, service, stored):
    upload("id,name\n7,Ada\n")
    ((import_id, version),) = stored(select(Import.id, Import.version))
    outcomes = service(lambda place: lifecycle.start_apply(db.session(), import_id, f"{place}@school.example", version=version))
    assert len(failures(outcomes, WrongState)) == len(failures(outcomes)) == EIGHT - 1


def test_a_backup_is_written_once(app, service, tmp_path):
    file = tmp_path / "backup"
    outcomes = service(lambda _: backup.back_up(db.engine.url, file))
    assert len(failures(outcomes, backup.NotDone)) == len(failures(outcomes)) == EIGHT - 1
    assert [path.name for path in tmp_path.iterdir()] == ["backup"]


def test_an_answer_of_a_passkey_signs_in_once(app, sign_in, stored):
    passkey = add_passkey(sign_in("viewer"))
    owner = Visitor(app)
    action, options = ceremony(owner.send("/login/passkey", status=200))
    form = {"credential": passkey.answer(options), "csrf_token": owner.visit("/login/passkey").values["csrf_token"]}
    name = app.config["SESSION_COOKIE_NAME"]
    visitors = strangers(app)
    for visitor in visitors:
        visitor._client.set_cookie(name, owner._client.get_cookie(name).value)

    def send(place):
        visitors[place].open(action, "POST", data=form).close()

    assert not failures(at_once(send))
    assert sum(visitor.open("/students").status_code == 200 for visitor in visitors) == 1


def test_a_new_passkey_is_added_once(app, sign_in, stored):
    owner = sign_in("viewer")
    action, options = ceremony(owner.send("/profile/passkeys", BY_ITSELF, status=200))
    form = {"credential": Passkey().add(options), "csrf_token": owner.visit("/profile").values["csrf_token"]}

    def send(_place):
        with owner.open(action, "POST", data=form) as response:
            return response.status_code

    assert set(at_once(send)) == {302}
    assert len(stored(select(models.Passkey.id))) == 1


def test_a_passkey_is_removed_once(app, sign_in, send_at_once, entries, stored):
    add_passkey(sign_in("viewer"))
    statuses = send_at_once(signed_in(app), "/profile/passkeys/delete", {"name": "Blue key"}, page="/profile")
    assert set(statuses) <= {"302", "422"}
    assert entries("passkey-removed") == 1
    assert stored(select(models.Passkey.id)) == []
