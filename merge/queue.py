"""How the imports stand as a whole: how many in each state, how long the next one has waited, how fast rows are read."""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from merge.imports.claims import waits
from merge.imports.states import BUSY
from merge.preview import progress
from merge.verify import STATES
from models import Import, now


@dataclass(frozen=True)
class Queue:
    states: dict[str, int]
    """How many imports are in each of the states."""
    age_s: float
    """How long the oldest has waited of those that nobody works at."""
    rows_per_second: float
    """How many rows a second the running steps do."""


def look(session: Session) -> Queue:
    """Look how the imports stand now."""
    found = {state: number for state, number in session.execute(select(Import.state, func.count()).group_by(Import.state))}
    since = session.scalar(select(func.min(func.coalesce(Import.step_at, Import.at, type_=Import.at.type))).where(waits()))
    running = session.scalars(select(Import).where(Import.state.in_(BUSY), ~waits()))
    return Queue(
        states={state: found.get(state, 0) for state in STATES},
        age_s=max((now() - since).total_seconds(), 0.0) if since else 0.0,
        rows_per_second=sum(progress(import_)["rate"] or 0 for import_ in running),
    )
