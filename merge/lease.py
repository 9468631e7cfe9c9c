"""Keep an import's lease while one long statement runs, and end the statement when the import is cancelled."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Engine, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from models import Import, now

LEASE = timedelta(seconds=60)
BEAT_S = 1.0

Report = Callable[[float], None]
"""Takes what share of the step is done, for those who watch. Raises LeaseLost if the import was cancelled."""


class LeaseLost(RuntimeError):
    """The import was cancelled, or another worker has it: what this one has not committed is void."""


class CalledOff(LeaseLost):
    """Somebody is about to cancel the import, and has to wait for us to let go."""


@contextmanager
def kept_lease(session: Session, mine: ColumnElement[bool], sheet: str) -> Iterator[Report]:
    """Renew the lease beside the session's transaction for as long as this lasts.

    On SQLite nobody can write beside us. So nobody can take the lease, and what there is to tell is told by files
    beside the sheet: the share that is done to those who watch, and a cancel to us.
    """
    if session.get_bind().dialect.name == "sqlite":
        with _told_beside(sheet) as report:
            yield report
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


def call_off(sheet: str) -> None:
    """Tell the worker that its import is about to be cancelled."""
    _beside(sheet, "cancel").touch()


def share_told(sheet: str) -> float | None:
    """Give the share that a worker tells beside the sheet; None if none does."""
    try:
        return float(_beside(sheet, "share").read_text())
    except (OSError, ValueError):
        return None


@contextmanager
def _told_beside(sheet: str) -> Iterator[Report]:
    share, cancel = _beside(sheet, "share"), _beside(sheet, "cancel")

    def report(done: float) -> None:
        if cancel.exists():
            raise CalledOff
        # In one move, since who reads it halfway would see the work begin anew.
        written = _beside(sheet, "share.new")
        written.write_text(str(done))
        written.replace(share)

    cancel.unlink(missing_ok=True)  # left over from one that came too late
    try:
        yield report
    finally:
        share.unlink(missing_ok=True)


def _beside(sheet: str, what: str) -> Path:
    return Path(f"{sheet}.{what}")


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
