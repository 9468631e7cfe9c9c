"""Keep an import's lease while one long statement runs, and end the statement when the import is cancelled."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Engine, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from models import Import, now

LEASE = timedelta(seconds=60)
BEAT_S = 1.0

Report = Callable[[float], None]
"""Takes what share of the step is done, for those who watch."""


@contextmanager
def kept_lease(session: Session, mine: ColumnElement[bool]) -> Iterator[Report]:
    """Renew the lease beside the session's transaction for as long as this lasts.

    On SQLite nobody can write beside us, so nobody can take the lease either, and watchers see no progress meanwhile.
    """
    if session.get_bind().dialect.name == "sqlite":
        yield lambda share: None  # noqa: ARG005
        return
    progress: dict[str, Any] = {}
    over = threading.Event()
    cancel = session.connection().connection.driver_connection.cancel  # type: ignore[union-attr]
    engine = session.get_bind().engine
    thread = threading.Thread(target=_beat, args=(engine, mine, progress, over, cancel), name="lease", daemon=True)
    thread.start()
    try:
        yield lambda share: progress.update(share=share)
    finally:
        over.set()
        thread.join()


def _beat(
    engine: Engine, mine: ColumnElement[bool], progress: dict[str, Any], over: threading.Event, cancel: Callable[[], None]
) -> None:
    while not over.wait(BEAT_S):
        try:
            with engine.begin() as connection:
                kept = connection.execute(update(Import).where(mine).values(lease_until=now() + LEASE, **progress)).rowcount
        except SQLAlchemyError:
            continue  # The database is away: the step itself finds out.
        if not kept:
            cancel()
            return
