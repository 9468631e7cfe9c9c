"""Which imports wait for a worker, and which worker has one."""

from sqlalchemy import ColumnElement, and_, case, exists, or_, select, update
from sqlalchemy.orm import Session

from merge.imports.states import BUSY
from merge.lease import LEASE
from models import Import, now, staged_rows


def claim(session: Session, holder: str, only: int | None = None) -> int | None:
    """Take the lease of the oldest import that waits for a worker, or of `only`; None if there is none.

    One whose step broke off under the same holder is taken up again at once.
    """
    mine = and_(needs_worker(), Import.lease_holder == holder)
    waiting = select(Import.id).where(or_(waits(), mine)).order_by(Import.id).limit(1)
    if only is not None:
        waiting = waiting.where(Import.id == only)
    # The row of a step that is running is locked, and skipped.
    import_id = session.scalar(waiting.with_for_update(skip_locked=True))
    if import_id is not None:
        # A step that has ended has no holder, so another one's died.
        died = and_(Import.lease_holder.is_not(None), Import.lease_holder != holder)
        crashes = case((died, Import.crashes + 1), else_=Import.crashes)
        taken = {"lease_holder": holder, "lease_until": now() + LEASE, "crashes": crashes}
        session.execute(update(Import).where(Import.id == import_id).values(taken))
    session.commit()
    return import_id


def needs_worker() -> ColumnElement[bool]:
    """An import that is on its way, or that waits for a person with rows that a crash of the database has emptied."""
    return and_(Import.state.in_((*BUSY, "ready")), or_(Import.state != "ready", is_emptied()))


def waits() -> ColumnElement[bool]:
    """An import that has something for a worker to do, and that none works on."""
    return and_(needs_worker(), _lease_is_free())


def is_emptied() -> ColumnElement[bool]:
    return and_(Import.state == "ready", Import.rows > 0, ~exists().where(staged_rows.c.import_id == Import.id))


def _lease_is_free() -> ColumnElement[bool]:
    # No lease is that long: its holder had a wrong clock.
    return or_(Import.lease_until.is_(None), Import.lease_until < now(), Import.lease_until > now() + 2 * LEASE)
