"""What a person has done with an import: applied, undone, read again or cancelled. Each is one transaction."""

from sqlalchemy import select
from sqlalchemy.orm import Session

import audit
from audit import Act
from merge.choices import RE_READABLE, ReadingPlan, headings_key
from merge.compare import Counts
from merge.decisions import WrongState, as_shown
from merge.imports.discarding import discard_rows, end_cancelled
from merge.imports.receiving import opening
from merge.imports.states import CANCELLABLE, count_changes, in_state, move, waiting
from merge.lease import call_off
from models import Import

# The version of an import that was read once, as it was uploaded.
FIRST_PREVIEW = 2
NO_COUNTS = vars(Counts(0, 0, 0, 0, 0))


def start_apply(session: Session, import_id: int, actor: str, *, version: int | None) -> None:
    """Let a worker apply what was previewed at that version. Raises WrongState, also while a question is open."""
    settled = as_shown(import_id, version, "ready") & Import.questions.is_(None)
    move(session, settled, WrongState, state="applying", applied_by=actor, failure=None, **waiting())
    session.commit()


def start_undo(
    session: Session, import_id: int, actor: str, *, version: int | None, states: tuple[str, ...] = ("applied", "undone")
) -> None:
    """Let a worker take an import back that was shown as applied, or apply again one that was undone. Raises WrongState."""
    undoable = as_shown(import_id, version, *states) & Import.change_id.is_not(None)
    move(session, undoable, WrongState, state="undoing", applied_by=actor, **waiting())
    session.commit()


def read_again(session: Session, import_id: int, plan: ReadingPlan, *, version: int | None) -> None:
    """Let a worker read the sheet anew, with other columns or options. Raises WrongState."""
    sheet, options = plan.sheet, plan.options
    changed = {
        "sheet": sheet.to_json(),
        "headings_key": headings_key(sheet.headings),
        "findings": None,
        "options": options.to_json(),
        "limits": None,  # somebody is looking on, and decides once it is compared
        "failure": None,
        "ended_at": None,
        "rows": 0,
        **NO_COUNTS,
        **opening(plan),
    }
    move(session, as_shown(import_id, version, *RE_READABLE), WrongState, **changed, **waiting())
    discard_rows(session, import_id)
    session.commit()


def announce_cancel(session: Session, import_id: int, *, version: int | None) -> bool:
    """Let a worker that writes, and on SQLite has everybody else wait, hear of a cancel beforehand. Only reads.

    Tell whether there is such a worker, which may then have ended the import by the time at which we can.
    """
    sheet = session.scalar(select(Import.path).where(as_shown(import_id, version, "applying")))
    session.rollback()
    if not sheet or session.get_bind().dialect.name != "sqlite":
        return False
    call_off(sheet)
    return True


def cancel(session: Session, import_id: int, *, version: int | None, announced: bool = False) -> None:
    """End an import that was not applied, and drop what was staged. Raises WrongState."""
    ended = in_state(import_id, "cancelled") & (Import.version - 1 == version)
    if not (announced and session.scalar(select(Import.id).where(ended))):
        end_cancelled(session, as_shown(import_id, version, *CANCELLABLE), WrongState, import_id)
    audit.add(session, Act.IMPORT_CANCELLED, f"import {import_id}")
    session.commit()


def was_revised(session: Session, import_: Import) -> bool:
    """Tell whether somebody has decided otherwise since: what waits is not what the upload made, or it was undone before."""
    if import_.state == "applied":
        return count_changes(session, import_.id) > 1
    return import_.state == "ready" and import_.version > FIRST_PREVIEW
