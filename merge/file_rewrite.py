"""Have the database's files rewritten after an erasure: what was deleted stays in them until its room is used again."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, case, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

import vacuum
from merge import search
from merge.personal_data import rewritten_tables
from models import file_rewrites, now

WITHIN = timedelta(hours=24)
"""How long after an erasure the database's files may still hold traces; docs/privacy.md and the pages promise it."""
LATEST = timedelta(hours=18)
# Hours of the school's clock in which hardly anybody works.
QUIET_HOURS = range(1, 5)
# A database of so many bytes is rewritten in about a second, at any time.
QUICK = 64 << 20


@dataclass(frozen=True)
class Traces:
    """Whether the files may still hold something of a student who was erased at a certain time."""

    removed_at: datetime | None
    """None while they may."""
    removed_by: datetime
    """By when they hold nothing, at the latest."""


def request_rewrite(session: Session) -> None:
    """Note that somebody is erased. Does not commit."""
    dialect: Any = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    at = now()
    noted = dialect.insert(file_rewrites).values(id=1, erased_at=at, pending_since=at)
    pending_since = func.coalesce(file_rewrites.c.pending_since, at)
    session.execute(noted.on_conflict_do_update(index_elements=["id"], set_={"erased_at": at, "pending_since": pending_since}))


def traces_of(session: Session, erased_at: datetime) -> Traces:
    """Tell whether the files were rewritten since somebody was erased."""
    rewritten_at = session.scalar(select(file_rewrites.c.rewritten_at))
    done = rewritten_at is not None and rewritten_at > erased_at
    return Traces(rewritten_at if done else None, erased_at + WITHIN)


def is_due(session: Session, at: datetime) -> bool:
    """Tell whether the files are to be rewritten now: at a quiet hour, at once where it is quick, or when it has waited long.

    The hour is that of the given time's own zone, the school's.
    """
    pending_since = session.scalar(select(file_rewrites.c.pending_since))
    if pending_since is None:
        return False
    quiet = at.hour in QUIET_HOURS
    return quiet or at - pending_since > LATEST or vacuum.size(session.get_bind().engine) <= QUICK


def rewrite_files(session: Session, engine: Engine) -> bool:
    """Rewrite the files and tell whether that succeeded; it does not where somebody reads or writes for long."""
    started = now()
    search.compact(session)
    session.commit()
    if not vacuum.rewrite(engine, rewritten_tables()):
        return False
    still_pending = case((file_rewrites.c.erased_at >= started, file_rewrites.c.erased_at))
    session.execute(update(file_rewrites).values(rewritten_at=started, pending_since=still_pending))
    session.commit()
    return True
