"""Notice that the clock has leapt before anything is deleted for being old: what is deleted by a wrong clock is gone for good.

The time of each look is kept. Where the next look finds that much more time has passed than between two looks, or that time
went back, deleting waits until a person says that the clock is right (`flask retention --resume`).
"""

import logging
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from models import AuditEntry, Change, clock_checks, now

log = logging.getLogger(__name__)

# The worker looks once an hour. Where it was off for a week, the clock may have been set anew meanwhile.
MAX_GAP = timedelta(days=7)
MAX_BACK = timedelta(hours=1)


def is_trusted(session: Session, at: datetime) -> bool:
    """Tell whether what is old by this time may be deleted, note the look, and commit."""
    row = session.execute(select(clock_checks.c.checked_at, clock_checks.c.held_since)).first()
    last = row.checked_at if row else _newest_noted(session)
    trusted = not (row and row.held_since) and (last is None or -MAX_BACK <= at - last <= MAX_GAP)
    if trusted:
        _keep(session, checked_at=at, held_since=None)
    elif not (row and row.held_since):
        log.warning("the clock says %s, and at the last look it said %s: nothing is deleted for being old", at, last)
        _keep(session, checked_at=last, held_since=at)
    elif -MAX_BACK <= at - row.checked_at <= MAX_GAP:
        # The clock is right again, as when it was wrong for minutes.
        _keep(session, checked_at=at, held_since=None)
    session.commit()
    return trusted


def hold(session: Session) -> tuple[datetime, datetime] | None:
    """Give the time of the last look that was trusted, and of the one that was not; None where nothing waits."""
    row = session.execute(select(clock_checks.c.checked_at, clock_checks.c.held_since)).first()
    return (row.checked_at, row.held_since) if row and row.held_since else None


def resume(session: Session) -> None:
    """State that the clock is right now, and commit."""
    session.execute(update(clock_checks).values(checked_at=now(), held_since=None))
    session.commit()


def _newest_noted(session: Session) -> datetime | None:
    """Before the first look, what was changed and noted last tells the time."""
    noted = [session.scalar(select(func.max(at))) for at in (Change.at, AuditEntry.at)]
    return max(filter(None, noted), default=None)


def _keep(session: Session, **values: Any) -> None:
    dialect: Any = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    kept = dialect.insert(clock_checks).values(id=1, **values)
    session.execute(kept.on_conflict_do_update(index_elements=["id"], set_=values))
