"""The states of an import, and the one way from one to another."""

from typing import Any

from sqlalchemy import ColumnElement, CursorResult, and_, func, select, update
from sqlalchemy.orm import Session

from models import Change, Import, now

BUSY = ("uploaded", "reading", "applying", "undoing")
# One that was read already is read again where its rows are lost.
UNREAD = ("uploaded", "reading", "ready")
CANCELLABLE = ("uploaded", "reading", "ready", "applying")
# A worker that begins to read changes nothing that anybody could have decided on.
SAME_TO_PEOPLE = ("reading",)
RELEASED: dict[str, Any] = {"lease_holder": None, "lease_until": None, "crashes": 0}


def move(session: Session, which: ColumnElement[bool], otherwise: type[Exception], **values: Any) -> None:
    """Change the import if it is still as it was thought to be; the check and the change are one statement."""
    if values.get("state", "reading") not in SAME_TO_PEOPLE:
        values["version"] = Import.version + 1
    statement = update(Import).where(which).values(**values)
    result = session.execute(statement, execution_options={"synchronize_session": False})
    assert isinstance(result, CursorResult)
    if result.rowcount == 0:
        session.rollback()
        raise otherwise


def in_state(import_id: int, *states: str) -> ColumnElement[bool]:
    return and_(Import.id == import_id, Import.state.in_(states))


def waiting() -> dict[str, Any]:
    """Give the values with which an import waits for a worker from now on."""
    return {**RELEASED, "step": None, "share": 0.0, "step_at": now()}


def count_changes(session: Session, import_id: int) -> int:
    return session.scalar(select(func.count()).select_from(Change).where(Change.import_id == import_id)) or 0


def done_state(session: Session, import_id: int) -> str | None:
    """Applied, undone, applied again: each change of an import takes the one before back."""
    changes = count_changes(session, import_id)
    return None if changes == 0 else "applied" if changes % 2 else "undone"
