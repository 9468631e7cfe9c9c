"""What an administrator types does what the pages do."""

import contextlib
import io
import json
import os
import pty
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import func, select

from accounts import add_user
from cli import imports as importing
from models import AuditEntry, Change, Import, Student, User, db
from tests.conftest import PASSWORD
from tests.server import ROOT

FILES = Path(__file__).parent / "files"


@pytest.fixture
def flask(app):
    """Run a command: flask("demo", 5) gives its result."""

    def flask(*arguments, stdin=None):
        return app.test_cli_runner().invoke(args=[str(argument) for argument in arguments], input=stdin)

    return flask


@pytest.mark.parametrize(("role", "status"), [("viewer", 403), ("editor", 200), ("admin", 200)])
def test_a_user_that_is_added_can_sign_in_with_that_role(flask, client, stored, role, status):
    result = flask("user", "add", "Office@School.example", "--role", role, "--password-stdin", stdin=f"{PASSWORD}\n")
    assert result.output == f"office@school.example can sign in as {role}.\n"
    assert stored(select(User.password))[0][0].startswith("$argon2id$")
    client.send("/login", {"email": "office@school.example", "password": PASSWORD}, status=302)
    client.visit("/students/new", status)


def test_a_user_is_added_with_a_name_and_renamed(flask, stored):
    added = flask(
        "user", "add", "office@school.example", "--role", "viewer", "--name", "Ada Chen", "--password-stdin", stdin=PASSWORD
    )
    assert added.exit_code == 0
    assert stored(select(User.name)) == [("Ada Chen",)]
    renamed = flask("user", "rename", "Office@School.example", "Ada King")
    assert renamed.output == "office@school.example is now shown as Ada King.\n"
    entries = select(AuditEntry.actor, AuditEntry.details).where(AuditEntry.act == "user-renamed")
    assert stored(entries) == [("flask", {"former_name": "Ada Chen", "name": "Ada King"})]
    assert "can’t contain @" in flask("user", "rename", "office@school.example", "head@school.example").output
    assert "There is no user nobody@school.example." in flask("user", "rename", "nobody@school.example", "Bo").output
    flask("user", "rename", "office@school.example", "")
    assert stored(select(User.name)) == [(None,)]


@pytest.mark.parametrize(
    ("email", "role", "password", "sentence"),
    [
        ("office", "editor", "a long password", "is not an e-mail address"),
        ("office@school.example", "editor", "short", "Password must be between 12 and 128 characters."),
        ("office@school.example", "editor", "office@school.example", "This password is easy to guess"),
        ("office@school.example", "head", "a long password", "'head' is not one of"),
        ("taken@school.example", "viewer", "a long password", "User taken@school.example already exists."),
    ],
)
def test_a_user_that_can_not_be_made_is_refused_with_a_sentence(app, flask, email, role, password, sentence):
    with app.app_context():
        add_user("taken@school.example", "viewer", "a long password")
    result = flask("user", "add", email, "--role", role, "--password-stdin", stdin=password + "\n")
    assert result.exit_code != 0
    assert sentence in result.output


def test_an_import_is_only_compared_until_told_to_apply(flask, stored):
    sheet = FILES / "mixed-errors.csv"
    report = json.loads(flask("import", sheet, "--json").output)
    assert (report["state"], report["rows"], report["insert"], report["rejected"]) == ("ready", 12, 4, 8)
    assert report["ignored"] == ["house"]
    assert stored(select(func.count()).select_from(Student))[0][0] == 0
    applied = json.loads(flask("import", sheet, "--apply", "--json").output)
    assert applied["state"] == "applied"
    assert stored(select(func.count()).select_from(Student))[0][0] == 4
    assert "0 insert, 0 update, 4 unchanged, 8 rejected" in flask("import", sheet).output


def test_a_file_that_is_no_sheet_is_refused_with_its_sentence(flask, tmp_path, stored):
    (tmp_path / "empty.csv").write_bytes(b"")
    for options in ((), ("--json",)):
        result = flask("import", tmp_path / "empty.csv", *options)
        assert result.exit_code == 1
        assert "The file is empty" in result.output
    assert json.loads(result.output)["state"] == "refused"
    assert stored(select(Import)) == []


@pytest.mark.parametrize("sheet", sorted(FILES.glob("*.csv")), ids=lambda path: path.name)
def test_sheets_as_people_export_them_go_in_and_then_change_nothing(flask, sheet):
    first = json.loads(flask("import", sheet, "--apply", "--json").output)
    again = json.loads(flask("import", sheet, "--apply", "--json").output)
    assert first["insert"] >= 3
    assert (again["insert"], again["update"], again["unchanged"]) == (0, 0, first["insert"])


def test_a_person_at_a_terminal_sees_how_far_an_import_is(tmp_path, database_url):
    sheet = tmp_path / "sheet.csv"
    sheet.write_text("id,name\n" + "".join(f"{number},Student {number}\n" for number in range(1, 30_001)))
    environ = {"PATH": os.environ["PATH"], "ROLLBOOK_INSTANCE": str(tmp_path), "DATABASE_URL": database_url}
    terminal, end = pty.openpty()
    command = [sys.executable, "-m", "flask", "import", str(sheet), "--apply"]
    with subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=end, text=True) as run:
        os.close(end)
        seen = "".join(_typed(terminal))
        assert "30,000 insert" in run.communicate()[0]
    os.close(terminal)
    assert re.search(r"\[#+\] +100% +Writing the changes", seen)


def test_the_bar_begins_again_with_each_step(app, monkeypatch):
    told = [("Reading", 0.5), ("Comparing", 0.0), ("Comparing", 0.3), ("Comparing", 1.0)]
    shares = iter(told)
    over, terminal = threading.Event(), Terminal()

    def progress(_):
        sentence, share = next(shares, told[-1])
        if share == 1.0:
            over.set()
        return {"sentence": sentence, "share": share, "state": "ready"}

    monkeypatch.setattr(importing, "_progress", progress)
    monkeypatch.setattr(importing.worker, "finish", lambda _: over.wait())
    monkeypatch.setattr(importing.sys, "stderr", terminal)
    with app.app_context():
        assert importing._finish(1) == "ready"
    shown = re.findall(r"(\d+)%  ([A-Z]\w+)", terminal.getvalue())
    assert shown == [(str(round(100 * share)), sentence) for sentence, share in told]


def test_rows_that_need_review_are_named_and_only_applied_once_names_are_confirmed(flask, tmp_path, stored):
    sheet = tmp_path / "renamed.csv"
    sheet.write_text("id,name\n1,Ada\n2,Bo\n")
    flask("import", sheet, "--apply")
    sheet.write_text("id,name\n1,Ida\n2,BO\n")
    said = flask("import", sheet, "--apply").output
    assert "1 review" in said
    assert "Line 2: The sheet has a different name for this student." in said
    told = json.loads(flask("import", sheet, "--json").output)
    assert [(row["line"], row["stored_name"], row["name"]) for row in told["review_rows"]] == [(2, "Ada", "Ida")]
    assert stored(select(Student.name).order_by(Student.id)) == [("Ada",), ("BO",)]
    flask("import", sheet, "--apply", "--confirm-names")
    assert stored(select(Student.name).order_by(Student.id)) == [("Ida",), ("BO",)]


class Terminal(io.StringIO):
    """A terminal that a person looks at, and keeps what it showed."""

    def isatty(self):
        return True


def _typed(terminal):
    """Give what is written to the terminal until whoever wrote has ended."""
    with contextlib.suppress(OSError):
        while text := os.read(terminal, 1024):
            yield text.decode()


def test_the_hard_names_arrive_as_they_were_written(flask, stored):
    flask("import", FILES / "export-utf-8-bom.csv", "--apply", "--confirm-names")
    flask("import", FILES / "gradebook-semicolons-windows-1252.csv", "--apply")
    names = {name for (name,) in stored(select(Student.name))}
    assert {
        "Nguyễn Thị Ánh",
        "王小明",
        "Null",
        "=SUM(A1:A9)",
        "O'Brien",
        "محمد علي",
        "O'Brien, Seán",
        "Zoë “Zo” D’Angelo",
    } <= names


def test_the_demo_school_is_the_same_every_time_and_goes_through_the_door(flask, stored, tmp_path):
    assert "30 insert" in flask("demo", 30).output
    assert "no sample students were added." in flask("demo", 30).output
    flask("demo", 30, "--sheet", tmp_path / "demo.csv")
    assert "30 unchanged" in flask("import", tmp_path / "demo.csv").output
    ((change,),) = stored(select(Change).limit(1))
    assert change.actor == "flask demo"


def test_the_set_up_link_is_printed_until_there_is_a_user(app, flask):
    assert "http://127.0.0.1:8000/setup?token=" in flask("setup-link").output
    with app.app_context():
        add_user("first@school.example", "admin", "a long password")
        db.session.rollback()
    assert flask("setup-link").output == ""
