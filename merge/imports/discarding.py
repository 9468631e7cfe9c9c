"""What is dropped of imports: files, staged rows and plans, once they are over or nobody has decided for long."""

from datetime import datetime
from pathlib import Path

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

import audit
from audit import Act
from merge.compare import discard_plan
from merge.decisions import WrongState
from merge.imports.states import BUSY, RELEASED, in_state, move
from merge.stage import discard_staged
from merge.uploads import discard_after_commit
from models import Import, now

MOST_DROPPED = 100
# The actor of a cancel where nobody has decided for long.
RETENTION = "retention"


def drop_old(session: Session, ended_before: datetime) -> int:
    """Drop files and staged rows of imports that ended before then, and count those imports. Counts and revisions stay."""
    old = (
        select(Import.id).where(Import.ended_at < ended_before, Import.path != "", Import.state.not_in(BUSY)).limit(MOST_DROPPED)
    )
    dropped = list(session.scalars(old))
    for import_id in dropped:
        discard(session, import_id)
        session.commit()
    return len(dropped)


def waiting_since(import_: Import) -> datetime:
    """Tell since when an import waits for somebody to decide: since it was compared last."""
    return import_.step_at or import_.at


def drop_forgotten(session: Session, waiting_before: datetime) -> int:
    """Cancel imports that wait for somebody to decide since before then, drop their sheets and rows, and count them."""
    since = func.coalesce(Import.step_at, Import.at)
    forgotten = list(
        session.scalars(select(Import.id).where(Import.state == "ready", since < waiting_before).limit(MOST_DROPPED))
    )
    for import_id in forgotten:
        try:
            end_cancelled(session, in_state(import_id, "ready") & (since < waiting_before), WrongState, import_id)
        except WrongState:
            continue  # somebody has decided at this very moment
        audit.add(session, Act.IMPORT_CANCELLED, f"import {import_id}", actor=RETENTION)
        session.commit()
    return len(forgotten)


def drop_strays(session: Session, uploads: Path, older_than: datetime) -> int:
    """Drop files that belong to no import and count them: their process was killed before the import was stored."""
    old = [path for path in uploads.iterdir() if path.stat().st_mtime < older_than.timestamp()]
    named = select(Import.path).where(Import.path != "")
    # What was made of an upload lies beside it under its name, and something more.
    kept = {Path(path).name for path in session.scalars(named)} if old else set()
    session.rollback()
    strays = [path for path in old if path.name.partition(".")[0] not in kept]
    for path in strays:
        path.unlink(missing_ok=True)
    return len(strays)


def discard(session: Session, import_id: int) -> None:
    """Drop an import's file, its staged rows and what else is kept of its cells. Does not commit: only then the file goes."""
    discard_rows(session, import_id)
    path, sheet = session.execute(select(Import.path, Import.sheet).where(Import.id == import_id)).one()
    if path:
        discard_after_commit(session, Path(path))
    # A sheet without a header row has a student's cells for its headings, and a question may quote a cell.
    without_cells = {**sheet, "headings": [], "columns": [], "mended": {}}
    session.execute(update(Import).where(Import.id == import_id).values(path="", sheet=without_cells, questions=None))


def end_cancelled(session: Session, which: ColumnElement[bool], otherwise: type[Exception], import_id: int) -> None:
    """End the import as cancelled, if it is still as it was thought to be, and drop what is kept of it. Does not commit."""
    move(session, which, otherwise, state="cancelled", ended_at=now(), **RELEASED)
    discard(session, import_id)


def discard_rows(session: Session, import_id: int) -> None:
    discard_plan(session, import_id)
    discard_staged(session, import_id)
