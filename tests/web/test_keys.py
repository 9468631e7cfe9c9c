"""SECRET_KEY can be changed: what the old key signed or encrypted still holds, and passes to the new one."""

import pytest
from flask_security import hash_password
from flask_security.utils import get_hmac
from sqlalchemy import select, update

from app import create_app
from models import User, db
from tests.conftest import PASSWORD, SECRET, settings
from tests.visitor import Visitor
from tests.web.phone import set_up_phone
from web.security import SEASONED

NEW_KEY = "a newer key that only the tests know"
SIGN_IN = {"email": "viewer@school.example", "password": PASSWORD}


@pytest.fixture
def with_keys(database_url, tmp_path):
    """Start the app on the same database with other keys: with_keys("new", old="old")."""
    apps = []

    def with_keys(key, old=""):
        apps.append(create_app(settings(tmp_path / "again", database_url, SECRET_KEY=key, SECRET_KEY_FALLBACKS=old)))
        return apps[-1]

    yield with_keys
    for app in apps:
        with app.app_context():
            db.engine.dispose()


def moved(visitor, app):
    """Let a visitor go on with their cookies at another app."""
    visitor._client.application = visitor._app = app
    return visitor


def test_people_stay_signed_in_and_forms_that_were_open_can_be_sent(viewer, with_keys):
    token = viewer.visit("/profile").values["csrf_token"]
    visitor = moved(viewer, with_keys(NEW_KEY, old=SECRET))
    visitor.post("/profile/sessions/end", {"csrf_token": token}, status=303)
    visitor.visit("/students")


def test_what_was_signed_with_a_key_that_is_dropped_is_worth_nothing(viewer, with_keys):
    moved(viewer, with_keys(NEW_KEY)).visit("/students", status=302)


def test_after_a_visit_the_cookie_is_signed_with_the_new_key(viewer, with_keys):
    between = moved(viewer, with_keys(NEW_KEY, old=SECRET))
    between.send("/profile/sessions/end", page="/profile")
    between.visit("/profile")
    moved(between, with_keys(NEW_KEY)).visit("/students")


def test_passwords_outlive_every_key(viewer, with_keys):
    Visitor(with_keys(NEW_KEY)).send("/login", SIGN_IN, status=302)


def test_the_secrets_of_authenticator_apps_pass_to_the_new_key_at_the_next_sign_in(app, viewer, with_keys, stored):
    phone = set_up_phone(app, viewer)
    ((before,),) = stored(select(User.tf_totp_secret))
    between = phone._app = with_keys(NEW_KEY, old=SECRET)
    visitor = Visitor(between)
    visitor.send("/login", SIGN_IN, status=302)
    visitor.send("/login/code", {"code": phone.later().code}, status=302)
    assert stored(select(User.tf_totp_secret)) != [(before,)]
    phone._app = with_keys(NEW_KEY)
    visitor = Visitor(phone._app)
    visitor.send("/login", SIGN_IN, status=302)
    visitor.send("/login/code", {"code": phone.later().code}, status=302)
    visitor.visit("/students")


def test_a_secret_whose_key_is_dropped_fits_no_code(app, viewer, with_keys):
    phone = set_up_phone(app, viewer)
    phone._app = with_keys(NEW_KEY)
    visitor = Visitor(phone._app)
    visitor.send("/login", SIGN_IN, status=302)
    visitor.send("/login/code", {"code": phone.later().code}, status=422)
    visitor.visit("/students", status=302)


@pytest.mark.parametrize("backend", ["postgresql"])  # SQLite lets one sign in or change a password at a time
def test_a_hash_of_an_old_kind_is_made_anew_and_puts_no_password_back_that_was_changed_meanwhile(
    app, viewer, stored, monkeypatch
):
    with app.app_context():
        old = SEASONED.using(time_cost=1, memory_cost=64, parallelism=1).hash(get_hmac(PASSWORD))
        of_viewer = update(User.__table__).where(User.__table__.c.email == SIGN_IN["email"])
        db.session.execute(of_viewer.values(password=old))
        db.session.commit()

    def hash_meanwhile(password):
        with db.engine.begin() as another:
            another.execute(of_viewer.values(password="changed"))
        return hash_password(password)

    with monkeypatch.context() as patch:
        patch.setattr("models.hash_password", hash_meanwhile)
        Visitor(app).send("/login", SIGN_IN, status=422)
    assert stored(select(User.password)) == [("changed",)]
    with app.app_context():
        db.session.execute(of_viewer.values(password=old))
        db.session.commit()
    Visitor(app).send("/login", SIGN_IN, status=302)
    ((renewed,),) = stored(select(User.password))
    assert renewed.startswith("$argon2")
    Visitor(app).send("/login", SIGN_IN, status=302)
    assert stored(select(User.password)) == [(renewed,)]
