"""Nobody waits for SQLite's one write lock while somebody's file is read, a network is asked, or a password hashed."""

import io
import re

import pytest
from sqlalchemy import update

from models import Student, db
from tests.cluster import free_port
from tests.conftest import PASSWORD
from tests.machine import machine_of
from tests.slow_work import noticing_slow_work
from tests.visitor import Visitor
from tests.web.conftest import sheet_file, someone
from tests.web.test_route_matrix import ANYBODY, TABLE, ask, token_of, world

__all__ = ["world"]
pytestmark = pytest.mark.parametrize("backend", ["sqlite"])
UNCLEAR = "What,When\nAda Lovelace,2026\nBo Lund,2025\n"
ASKS = "id,name,score\n" + "".join(f"{number},Ada {number},0.{number}\n" for number in range(10, 40))


@pytest.fixture
def slow(app, monkeypatch):
    with noticing_slow_work(app, monkeypatch) as found:
        yield found


def test_what_is_slow_in_a_transaction_that_writes_is_noticed(app, slow, tmp_path):
    (tmp_path / "file").touch()
    with app.app_context():
        (tmp_path / "file").read_text()
        db.session.execute(update(Student).values(age=1))
        (tmp_path / "file").read_text()
        app.extensions["security"].pwd_context.hash("a password")
        db.session.rollback()
        (tmp_path / "file").read_text()
    assert [note.split(":")[0].split()[0] for note in slow] == ["open", "hash"]


@pytest.mark.parametrize("actor", ["admin", ANYBODY])
def test_no_form_does_what_is_slow_while_it_keeps_others_from_writing(world, slow, actor):
    token = token_of(world[actor])
    for method, path in TABLE:
        if path != "/logout":
            ask(world[actor], method, path, token)
    assert not slow, "\n".join(slow)


def test_no_sheet_is_looked_at_or_read_meanwhile(app, editor, work, slow, tmp_path):
    for sheet in (UNCLEAR, ASKS, "id,name\n7,Ada\n8,\n"):
        sent = editor.send("/imports/new", {"file": sheet_file(sheet)})
        work()
        page = editor.visit(f"{sent.location.removesuffix('/columns')}/columns")
        chosen = {**page.values, **({"column-0": "name", "match": "name"} if sheet is UNCLEAR else {})}
        editor.post(f"{sent.location.removesuffix('/columns')}/columns", chosen, status=303)
        work()
    page = editor.visit("/imports/3")
    editor.post("/imports/3/apply", page.values, status=303)
    work()
    editor.post("/imports/3/undo", editor.visit("/imports/3/undo").values, status=303)
    work()
    assert not slow, "\n".join(slow)


@pytest.mark.parametrize("key", [None, "one"])
def test_no_sheet_from_another_system_is_looked_at_meanwhile(app, work, slow, key):
    machine = machine_of(app)
    headers = {"Idempotency-Key": key} if key else {}
    for _ in range(2):
        sent = {"file": (io.BytesIO(ASKS.encode()), "sheet.csv"), "most_inserts": "100"}
        machine.ask("POST", "/imports", 202, data=sent, headers=headers)
        work()
    assert not slow, "\n".join(slow)


def test_no_answer_to_a_question_is_taken_with_a_look_into_the_file(editor, work, slow):
    sent = editor.send("/imports/new", {"file": sheet_file(ASKS)})
    work()
    page = editor.visit(sent.location)
    forms = [form for form in page.all("form") if form.get("action").endswith("/answers")]
    assert forms, page.text
    fields = {field.get("name"): field.get("value") for field in forms[0].all("input", "button") if field.get("name")}
    editor.post(forms[0].get("action"), fields, status=303)
    work()
    assert not slow, "\n".join(slow)


def test_no_password_is_hashed_and_no_letter_sent_meanwhile(app, client, slow):
    app.config["SMTP"] = f"smtp://127.0.0.1:{free_port()}"
    admin = someone(app, "head@school.example", "admin")
    for email, password in (("nobody@school.example", PASSWORD), ("head@school.example", "a wrong one")):
        client.send("/login", {"email": email, "password": password}, status=422)
    link = admin.send("/users", {"email": "new@school.example", "role": "editor"}, status=200)
    (joined,) = set(re.findall(r"/join\?token=[\w-]+", link.html))
    Visitor(app).send(joined, {"password": "a long new password", "again": "a long new password"})
    new = {"current": PASSWORD, "password": "another long password", "again": "another long password"}
    admin.send("/profile/password", new, page="/profile")
    admin.send("/verify", {"password": "another long password"}, status=302)
    assert not slow, "\n".join(slow)


def test_no_command_does_what_is_slow_meanwhile(app, slow, tmp_path):
    (tmp_path / "watched").mkdir()
    for name in ("sheet.csv", "watched/sheet.csv"):
        (tmp_path / name).write_text("id,name\n7,Ada\n")
    runner = app.test_cli_runner()
    added = runner.invoke(args=["user", "add", "a@school.example", "--role", "admin", "--password-stdin"], input=f"{PASSWORD}\n")
    assert added.exit_code == 0, added.output
    for arguments in (
        ["import", str(tmp_path / "sheet.csv"), "--apply"],
        ["watch", str(tmp_path / "watched"), "--once", "--settled", "0"],
        ["demo", "3"],
        ["user", "link", "a@school.example"],
    ):
        assert runner.invoke(args=arguments).exit_code == 0, arguments
    assert not slow, "\n".join(slow)
