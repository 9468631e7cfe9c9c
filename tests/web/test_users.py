"""The users page: invite, change a role, shut out, help with a lost second factor; never without an administrator."""

import re
import smtplib
import threading
from datetime import timedelta

import pytest
from sqlalchemy import select

import accounts
from models import Role, User, UserSession, db, now
from tests.conftest import PASSWORD
from tests.visitor import Visitor
from tests.web.conftest import someone
from tests.web.phone import set_up_phone

NEW = {"email": "New@School.example", "role": "editor"}
CHOSEN = {"password": "a sentence of their own", "again": "a sentence of their own"}


def user_id(stored, email):
    return stored(select(User.id).where(User.email == email))[0][0]


def link_on(page):
    return re.search(r"http://\S+/join\?token=\S+", page.text)[0]


def path_of(link):
    return link.removeprefix("http://127.0.0.1:8000")


def test_who_is_invited_chooses_a_password_and_signs_in(app, admin, client, stored):
    page = admin.send("/users", NEW, status=200)
    assert "The e-mail was not sent" in page.text
    link = link_on(page)
    assert link.removeprefix("http://127.0.0.1:8000/join?token=") not in str(stored(select(User.link_hash)))
    client.send(path_of(link), CHOSEN)
    client.send("/login", {"email": "new@school.example", "password": CHOSEN["password"]}, status=302)
    client.visit("/students/new")
    client.visit("/users", status=403)


def test_an_invitation_works_once(admin, client):
    link = path_of(link_on(admin.send("/users", NEW, status=200)))
    page = client.visit(link)
    client.send(link, CHOSEN)
    void = client.visit(link, status=404)
    assert void.heading == "This link no longer works"
    assert "ask an administrator of Rollbook for a new link" in void.text
    assert "/login" in void.links
    again = client.post(link, CHOSEN | {"csrf_token": page.values["csrf_token"]}, status=404)
    assert again.heading == void.heading


def test_an_invitation_runs_out(admin, client, clock):
    link = path_of(link_on(admin.send("/users", NEW, status=200)))
    clock(days=6.9)
    client.visit(link)
    clock(days=7.1)
    void = client.visit(link, status=404)
    assert "It expired" in void.text
    assert "ask an administrator of Rollbook for a new link" in void.text


def test_nobody_signs_in_before_they_have_chosen_a_password(admin, client):
    admin.send("/users", NEW, status=200)
    client.send("/login", {"email": "new@school.example", "password": ""}, status=422)


@pytest.mark.parametrize("token", ["", "?token=", "?token=wrong", "?token=%C3%A9"])
def test_without_the_right_token_there_is_nothing_to_join(client, token):
    assert "This one was used, has expired, was replaced" in client.visit(f"/join{token}", status=404).text


@pytest.mark.parametrize("password", ["short", "password1234", "new@school.example"])
def test_a_weak_password_is_refused_and_the_link_still_works(admin, client, password):
    link = path_of(link_on(admin.send("/users", NEW, status=200)))
    page = client.send(link, {"password": password, "again": password}, status=422)
    assert "password" in page.problems
    client.send(link, CHOSEN)


def test_a_new_link_makes_the_one_before_void_and_replaces_a_forgotten_password(app, admin, client, stored):
    other = someone(app, "other@school.example", "viewer")
    page = f"/users/{user_id(stored, 'other@school.example')}"
    first, second = (path_of(link_on(admin.send(f"{page}/link", page=page, status=200))) for _ in range(2))
    client.visit(first, status=404)
    other.visit("/students")
    client.send(second, CHOSEN)
    other.visit("/students", status=302)
    client.send("/login", {"email": "other@school.example", "password": PASSWORD}, status=422)
    client.send("/login", {"email": "other@school.example", "password": CHOSEN["password"]}, status=302)


def test_who_is_invited_has_a_name_and_is_greeted_by_it(app, admin, monkeypatch, stored):
    app.config["SMTP"] = "smtp://mail.school.example"
    monkeypatch.setattr(Postman, "letters", [], raising=False)
    monkeypatch.setattr(smtplib, "SMTP", Postman)
    page = admin.send("/users", NEW | {"name": " Ada  Chen "}, status=200)
    assert page.heading == "A link for Ada Chen"
    (letter,) = Postman.letters
    assert letter.get_content().startswith("Hello Ada Chen,")
    assert stored(select(User.name).where(User.email == "new@school.example")) == [("Ada Chen",)]
    assert admin.visit("/users").rows[0][0] == "Ada Chen new@school.example"


@pytest.mark.parametrize(
    ("name", "says"), [("Ada Chen", "is now shown as Ada Chen."), (" ", "is now shown as other@school.example.")]
)
def test_a_name_is_changed_and_removed_and_signing_in_goes_on_by_address(app, admin, client, stored, name, says):
    with app.app_context():
        accounts.add_user("other@school.example", "viewer", PASSWORD, "A. Chen")
    page = f"/users/{user_id(stored, 'other@school.example')}"
    admin.send(f"{page}/name", {"name": name}, page=page)
    shown = admin.visit(page)
    assert shown.heading == (name.strip() or "other@school.example")
    assert says in shown.alerts
    client.send("/login", {"email": "other@school.example", "password": PASSWORD}, status=302)


def test_users_are_listed_by_what_they_are_called(app, admin):
    with app.app_context():
        accounts.add_user("z@school.example", "viewer", PASSWORD, "Aaron")
        accounts.add_user("b@school.example", "viewer", PASSWORD)
    called = [row[0] for row in admin.visit("/users").rows]
    assert called == ["Aaron z@school.example", "admin@school.example This is you", "b@school.example"]


BAD = [
    ("name", "head@school.example", "Enter a name, not an e-mail address. It can’t contain @."),
    ("name", "Ada\u200bChen", "The name contains an invisible character."),
    ("name", "A" * 101, "Name must be at most 100 characters."),
    ("email", "", "Enter the address that the new user will sign in with."),
    ("email", "new", "An e-mail address has an @ with something on both sides of it."),
    ("email", "Admin@school.example", "There is already a user with this address."),
    ("email", "a@b\nBcc: c@d", "An e-mail address has an @ with something on both sides of it."),
]


@pytest.mark.parametrize(("field", "typed", "sentence"), BAD)
def test_an_invitation_that_can_not_be_made_is_refused_beside_the_field(admin, stored, field, typed, sentence):
    page = admin.send("/users", NEW | {field: typed}, status=422)
    assert sentence in page.problems[field]
    assert sentence in page.alerts
    assert page.values["role"] == "editor"
    assert len(stored(select(User.id))) == 1


@pytest.mark.parametrize("role", ["", "owner"])
def test_a_role_that_does_not_exist_is_given_to_nobody(admin, stored, role):
    page = admin.send("/users", NEW | {"role": role}, status=422)
    assert page.values["email"] == NEW["email"]
    assert len(stored(select(User.id))) == 1


class Postman:
    """Takes the place of a mail server."""

    letters: list

    def __init__(self, *_args, **_options):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def ehlo(self):
        pass

    def has_extn(self, _name):
        return False

    def send_message(self, letter):
        self.letters.append(letter)


def test_an_invitation_is_mailed_where_there_is_a_mail_server(app, admin, monkeypatch):
    app.config["SMTP"] = "smtp://mail.school.example"
    monkeypatch.setattr(Postman, "letters", [], raising=False)
    monkeypatch.setattr(smtplib, "SMTP", Postman)
    page = admin.send("/users", NEW, status=200)
    (letter,) = Postman.letters
    assert "The link was also mailed to new@school.example." in page.text
    assert letter["To"] == "new@school.example"
    assert letter["Date"].datetime.tzinfo is not None
    assert letter["Message-ID"].endswith(f"@{letter['From'].addresses[0].domain}>")
    assert link_on(page) in letter.get_content()


def test_a_mail_server_that_does_not_answer_leaves_the_link_on_the_page(app, admin):
    app.config["SMTP"] = "smtp://127.0.0.1:9"
    page = admin.send("/users", NEW, status=200)
    assert "The e-mail was not sent" in page.text
    assert link_on(page)


def test_a_new_role_counts_from_the_next_page_on(app, admin, stored):
    other = someone(app, "other@school.example", "viewer")
    page = f"/users/{user_id(stored, 'other@school.example')}"
    other.visit("/students/new", status=403)
    admin.send(f"{page}/role", {"role": "editor"}, page=page)
    other.visit("/students/new")


def test_who_is_shut_out_is_signed_out_at_once_and_can_be_let_in_again(app, admin, client, stored):
    other = someone(app, "other@school.example", "viewer")
    page = f"/users/{user_id(stored, 'other@school.example')}"
    admin.send(f"{page}/deactivate", page=page)
    other.visit("/students", status=302)
    client.send("/login", {"email": "other@school.example", "password": PASSWORD}, status=422)
    assert "Deactivated" in admin.visit("/users").text
    admin.send(f"{page}/activate", page=page)
    client.send("/login", {"email": "other@school.example", "password": PASSWORD}, status=302)


def test_a_lost_second_factor_is_reset(app, admin, client, stored):
    other = someone(app, "other@school.example", "viewer")
    set_up_phone(app, other)
    page = f"/users/{user_id(stored, 'other@school.example')}"
    admin.send(f"{page}/second-factor", page=page)
    other.visit("/students", status=302)
    client.send("/login", {"email": "other@school.example", "password": PASSWORD}, status=302)
    client.visit("/students")


def test_which_roles_need_a_second_factor_is_kept(admin, stored):
    admin.send("/users/second-factor", {"roles": ["viewer", "editor"]}, page="/users")
    needs = select(Role.name).where(Role.needs_second_factor).order_by(Role.name)
    assert stored(needs) == [("editor",), ("viewer",)]
    admin.send("/users/second-factor", page="/users")
    assert stored(needs) == []


def test_a_role_that_does_not_exist_can_not_be_required(admin):
    admin.send("/users/second-factor", {"roles": ["owner"]}, page="/users", status=400)


@pytest.mark.parametrize(("act", "data"), [("role", {"role": "editor"}), ("deactivate", {})])
def test_the_last_administrator_stays(app, admin, stored, act, data):
    someone(app, "editor@school.example", "editor")
    admin.send("/users", {"email": "invited@school.example", "role": "admin"}, status=200)
    page = f"/users/{user_id(stored, 'admin@school.example')}"
    status = 422 if act == "role" else 303
    answer = admin.send(f"{page}/{act}", data, page=page, status=status)
    shown = answer if status == 422 else admin.visit(page)
    assert "This is the only administrator." in shown.text
    admin.visit("/users")


@pytest.mark.parametrize("act", [lambda user: accounts.change_role(user, "viewer"), accounts.deactivate])
def test_two_administrators_who_remove_each_other_at_once_leave_one(app, act):
    with app.app_context():
        ids = [accounts.add_user(f"{name}@school.example", "admin", PASSWORD).id for name in ("one", "two")]
    refused, start = [], threading.Barrier(2)

    def remove(user_id):
        with app.app_context():
            user = db.session.get_one(User, user_id)
            db.session.rollback()
            start.wait(30)
            try:
                act(user)
            except accounts.LastAdministrator:
                refused.append(user_id)

    threads = [threading.Thread(target=remove, args=(user_id,)) for user_id in ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(refused) == 1
    with app.app_context():
        left = select(User.id).join(User.roles).where(Role.name == "admin", User.active)
        assert db.session.scalars(left).all() == refused


@pytest.mark.parametrize("path", ["/users/99", "/users/0", "/users/9223372036854775808"])
def test_a_user_who_does_not_exist_is_not_there(admin, path):
    admin.visit(path, status=404)


def test_the_list_says_how_everybody_stands(app, admin, clock):
    someone(app, "other@school.example", "viewer")
    admin.send("/users", NEW, status=200)
    page = admin.visit("/users")
    assert "This is you" in page.text
    assert "Invited" in page.text
    with app.app_context():
        db.session.execute(User.__table__.update().where(User.invited).values(link_until=now() - timedelta(days=1)))
        db.session.commit()
    assert "Invitation expired" in admin.visit("/users").text


def test_only_an_administrator_is_offered_the_page(admin, viewer):
    assert "/users" in admin.visit("/").links
    assert "/users" not in viewer.visit("/").links


def test_ending_a_users_sessions_leaves_those_of_others(app, admin, viewer, stored):
    with app.app_context():
        accounts.end_sessions(accounts.find_by_address("viewer@school.example").id)
        db.session.commit()
    viewer.visit("/students", status=302)
    admin.visit("/students")
    assert len(stored(select(UserSession.id))) == 1


def test_the_console_prints_a_link_for_who_has_forgotten_everything(app, admin, client):
    set_up_phone(app, admin)
    result = app.test_cli_runner().invoke(args=["user", "link", "Admin@school.example", "--reset-second-factor"])
    client.send(path_of(result.output.strip()), CHOSEN)
    client.send("/login", {"email": "admin@school.example", "password": CHOSEN["password"]}, status=302)
    client.visit("/users")
    unknown = app.test_cli_runner().invoke(args=["user", "link", "nobody@school.example"])
    assert unknown.exit_code == 1
    assert "There is no active user nobody@school.example." in unknown.output


def test_two_who_open_the_same_invitation_do_not_share_a_session(app, admin):
    link = path_of(link_on(admin.send("/users", NEW, status=200)))
    first, second = Visitor(app), Visitor(app)
    page = second.visit(link)
    first.send(link, CHOSEN)
    second.post(link, CHOSEN | {"csrf_token": page.values["csrf_token"]}, status=404)


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        *(
            ("\u0430da@school.example", "is a letter of another script"),
            ("\u0391da@school.example", "is a letter of another script"),
        ),
        ("\u0430d\u0430@sch\u043el.example", "are letters of another script"),
        ("иван@school.example", "are letters of another script"),
    ],
)
def test_an_address_in_letters_of_several_scripts_is_pointed_out_before_anybody_is_invited(admin, stored, address, sentence):
    page = admin.send("/users", NEW | {"email": address}, status=422)
    assert sentence in page.problems["email"]
    assert page.values["email"] == address
    assert len(stored(select(User.id))) == 1
    again = {"email": address, "role": "editor", "checked": page.values["checked"]}
    admin.send("/users", again, status=200)
    assert len(stored(select(User.id))) == 2


@pytest.mark.parametrize("address", ["ada@school.example", "jürgen.müller@schüler.example", "山田taro@学校.example"])
def test_an_address_that_looks_like_no_other_is_invited_at_once(admin, address):
    admin.send("/users", NEW | {"email": address}, status=200)


def test_who_has_seen_one_odd_address_is_told_of_another(admin):
    page = admin.send("/users", NEW | {"email": "\u0430da@school.example"}, status=422)
    other = {"email": "ad\u0430@school.example", "role": "editor", "checked": page.values["checked"]}
    admin.send("/users", other, status=422)
