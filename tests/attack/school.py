"""The school that is attacked: a real server over a real database, with users, students and an import."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import Executable, select

import accounts
from app import create_app
from models import AuditEntry, Base, db
from tests.attack.attacker import Attacker
from tests.cluster import wait_until
from tests.conftest import PASSWORD, settings
from tests.server import Server, running_server

ROLES = ("viewer", "editor", "admin")
SHEET = b"id,name,age,score\n7,Ada Lovelace,12,98\n8,Grace Hopper,13,\n9,,1,1\n"
# What every request of somebody signed in may touch, and every try at a password, and what notes such a try or a look;
# and what the worker counts, whenever it comes to it.
PASSING = ("sessions", "throttles", "audit", "figures")
TRACKED = ("last_login_at", "current_login_at", "last_login_ip", "current_login_ip", "login_count")


class School:
    """Where the server is, who works there, and what is stored."""

    def __init__(self, server: Server, app: Flask) -> None:
        self.server = server
        self.app = app
        self.url = server.url
        self._members: dict[str, Attacker] = {}

    def stranger(self, network_address: str | None = None) -> Attacker:
        return Attacker(self.url, network_address)

    def newcomer(self, role: str) -> Attacker:
        """Sign a member of staff in, in a browser of their own."""
        somebody = self.stranger()
        assert somebody.sign_in(email_of(role), PASSWORD).status == 302
        return somebody

    def member(self, role: str) -> Attacker:
        """Give a member of staff who is signed in, the same one each time."""
        if role not in self._members or self._members[role].was_sent_away:
            self._members[role] = self.newcomer(role)
        return self._members[role]

    def upload(self, sheet: bytes, filename: str | bytes = "sheet.csv", role: str = "editor") -> str:
        """Upload a sheet, wait until a worker has read it, and give the address of its page, also where it asks something."""
        member = self.member(role)
        address = member.upload(sheet, filename).location.removesuffix("/columns")
        assert address, "the sheet was refused"
        self.wait(address)
        return address

    def answer(self, import_: str, code: str, role: str = "editor") -> None:
        """Answer the one question that a sheet leaves open, as the button with this answer does."""
        member = self.member(role)
        asked = member.open(f"{import_}/columns").values
        fields = {"question": asked["question"], "answer": code, "version": asked["version"]}
        assert member.send(f"{import_}/answers", fields).status == 303
        self.wait(import_)
        assert "question" not in member.open(f"{import_}/columns").values

    def apply(self, import_: str, role: str = "editor") -> None:
        member = self.member(role)
        assert member.send(f"{import_}/apply", {"version": member.open(import_).values["version"]}).status == 303
        self.wait(import_)

    def wait(self, import_: str) -> None:
        """Wait until an import needs a person."""
        viewer = self.member("viewer")
        assert wait_until(lambda: '"busy":false' in viewer.open(f"{import_}/progress").content)

    def cpu_s(self) -> float:
        """Give the seconds of a processor's time that the server's processes have taken."""
        return sum(map(_cpu_s, self.server.all_processes()))

    def stored(self, statement: Executable) -> Sequence[Any]:
        with self.app.app_context():
            rows = db.session.execute(statement).all()
            db.session.commit()
            return rows

    def everything(self) -> dict[str, Sequence[Any]]:
        """Give all that is stored and that nobody may change by a request that is refused."""
        tables = [table for table in Base.metadata.sorted_tables if table.name not in PASSING]
        kept = {table: [column for column in table.c if column.name not in TRACKED] for table in tables}
        return {table.name: self.stored(select(*columns).order_by(*table.primary_key)) for table, columns in kept.items()}

    def noted(self) -> Sequence[Any]:
        """Give the audit log's entries, oldest first."""
        return self.stored(select(AuditEntry.__table__).order_by(AuditEntry.id))

    def cookie(self, of: str) -> str:
        """Name one of the server's cookies, as a stranger sees it: cookie("session")."""
        stranger = self.stranger()
        stranger.open("/login")
        (session,) = stranger.cookies
        return session.replace("_session_", f"_{of}_")

    def add_user(self, email: str, role: str = "viewer") -> None:
        with self.app.app_context():
            accounts.add_user(email, role, PASSWORD)

    def deactivate(self, email: str) -> None:
        with self.app.app_context():
            user = accounts.find_by_address(email)
            assert user
            accounts.deactivate(user)


def email_of(role: str) -> str:
    return f"{role}@school.example"


@contextmanager
def running_school(folder: Path, database_url: str) -> Iterator[School]:
    more = {"ROLLBOOK_MAX_UPLOAD_MB": "1", "ROLLBOOK_ACCESS_LOG": str(folder / "access.log")}
    with running_server(folder / "instance", database_url, migrated=True, **more) as server:
        app = create_app(settings(folder / "looking-on", database_url))
        with app.app_context():
            for role in ROLES:
                accounts.add_user(email_of(role), role, PASSWORD)
        school = School(server, app)
        _fill(school)
        yield school
        with app.app_context():
            db.engine.dispose()


def _cpu_s(process: int) -> float:
    own_and_ended_children = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[11:15]
    return sum(map(int, own_and_ended_children)) / os.sysconf("SC_CLK_TCK")


def _fill(school: School) -> None:
    """Give each of the addresses that the route matrix names something to show: import 1, students 7 and 8, view 1."""
    school.apply(school.upload(SHEET))
    school.member("viewer").send("/students/views", {"name": "Mine", "address": "q=ada"})
