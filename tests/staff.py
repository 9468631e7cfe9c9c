"""What members of staff do all day, and what they note of it: whatever was acknowledged has to be there in the end."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from merge.imports.states import BUSY
from tests.cluster import wait_until
from tests.colleague import Colleague, Reply, Unanswered

PATIENCE_S = 90
GLANCE_S = 0.2


class Person(Protocol):
    desk: Colleague

    def work_once(self) -> bool:
        """Do something, and tell whether it was acknowledged."""


@dataclass
class Editor:
    """Saves a record of their own again and again, and notes which names were acknowledged."""

    desk: Colleague
    student_id: int
    version: int = 1
    acknowledged: list[str] = field(default_factory=list)

    def work_once(self) -> bool:
        name = f"Name {len(self.acknowledged)} {secrets.token_hex(4)}"
        reply = ask(lambda: self.desk.post(f"/students/{self.student_id}", {"name": name, "version": str(self.version)}))
        if reply is None:
            self._look(name)
            return False
        assert reply.status == 303, reply.text
        self._note(name)
        ask(lambda: self.desk.get(reply.location))
        return True

    def _look(self, unsure: str) -> None:
        """Nobody has heard what became of the last save: it is either there as a whole or not at all."""
        page = insist(lambda: self.desk.get(f"/students/{self.student_id}"))
        shown = (page.value("name"), int(page.value("version")))
        before = self.acknowledged[-1] if self.acknowledged else shown[0]
        assert shown in [(unsure, self.version + 1), (before, self.version)], (shown, self)
        if shown[0] == unsure:
            self._note(unsure)

    def _note(self, name: str) -> None:
        self.acknowledged.append(name)
        self.version += 1


@dataclass
class Registrar:
    """Makes new students, and sends a form again until it is answered."""

    desk: Colleague
    acknowledged: list[str] = field(default_factory=list)

    def work_once(self) -> bool:
        form = {"name": f"New {secrets.token_hex(6)}", "token": secrets.token_urlsafe(24)}
        reply = insist(lambda: self.desk.post("/students/new", form))
        assert reply.status == 303, reply.text
        self.acknowledged.append(form["name"])
        ask(lambda: self.desk.get(reply.location))
        return True


@dataclass
class Importer:
    """Uploads a sheet, applies it, takes it back, and begins anew; what is seen tells what became of an unanswered request."""

    desk: Colleague
    sheet: bytes
    path: str = ""
    state: str = "undone"

    def work_once(self) -> bool:
        if self.state == "undone":
            self.path = insist(lambda: self.desk.upload(self.sheet)).location
        else:
            act, page = ("apply", self.path) if self.state == "ready" else ("undo", f"{self.path}/undo")
            shown = insist(lambda: self.desk.get(page)).value("version")
            ask(lambda: self.desk.post(f"{self.path}/{act}", {"version": shown}))
        assert wait_until(self._has_settled, PATIENCE_S, GLANCE_S), self.path
        return True

    def _has_settled(self) -> bool:
        self.state = insist(lambda: self.desk.get(f"{self.path}/progress")).json["state"]
        assert self.state in (*BUSY, "ready", "applied", "undone"), (self.path, self.state)
        return self.state not in BUSY


def ask(request: Callable[[], Reply]) -> Reply | None:
    """Give the answer, or None where there was none or it says that the database is away."""
    try:
        reply = request()
    except Unanswered:
        time.sleep(0.05)
        return None
    if reply.status == 503:
        assert int(reply.headers["Retry-After"]) > 0
        return None
    return reply


def insist(request: Callable[[], Reply]) -> Reply:
    """Ask until there is an answer."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        if (reply := ask(request)) is not None:
            return reply
    raise AssertionError("there was no answer for too long")
