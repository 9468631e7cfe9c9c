"""Find students who were deleted: whoever searches for one is told so, and led to the history."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, Subquery, exists, select, text
from sqlalchemy.orm import Session

from merge.columns import NAME
from merge.query import Query, is_whole
from merge.search import has_words
from models import Change, revisions

NAMED = 5
# So many deletions are looked through, from the highest ID down: more than a school has in years, and quickly done.
LOOKED_AT = 20_000

later = revisions.alias("later")


@dataclass(frozen=True)
class Deleted:
    """A student who was deleted, and by whom; the name is None for one who was erased since."""

    student_id: int
    name: str | None
    at: datetime
    actor: str


def find_deleted(session: Session, query: Query) -> list[Deleted]:
    """Find the first few whom the search means, by their ID or by words of their name; only for the list's first page."""
    if not query.words or query.after or query.before:
        return []
    looked_at = _deletions().order_by(revisions.c.student_id.desc(), revisions.c.version.desc()).limit(LOOKED_AT).subquery()
    found = [Deleted(*row) for row in session.execute(_gone(looked_at).where(has_words(looked_at, query.words)))]
    if is_whole(query.q):
        named = _deletions().where(revisions.c.student_id == int(query.q)).subquery()
        found = [Deleted(*row) for row in session.execute(_gone(named))] + found
    return list(dict.fromkeys(found))[:NAMED]


def _deletions() -> Select[Any]:
    columns = (revisions.c.student_id, revisions.c.version, revisions.c.change_id, revisions.c[NAME.name])
    # As the condition of the index is written: SQLite does not see that `deleted = 1`, as SQLAlchemy has it, says the same.
    return select(*columns).where(text("revisions.deleted"))


def _gone(deletions: Subquery) -> Select[Any]:
    """Keep those who were not brought back, and say who deleted them and when."""
    newer = exists().where(later.c.student_id == deletions.c.student_id, later.c.version == deletions.c.version + 1)
    made = Change.id == deletions.c.change_id
    rows = select(deletions.c.student_id, deletions.c[NAME.name], Change.at, Change.actor).join_from(deletions, Change, made)
    return rows.where(~newer).order_by(deletions.c.student_id.desc()).limit(NAMED)
