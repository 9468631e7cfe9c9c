"""Let reads that may be a little old go to a replica, and nobody miss there what they have just done.

Whoever has written something carries in the session how far the primary's log had come by then, and is answered from the
replica once that has come as far. Where it is away or too far behind, the primary answers instead.
"""

import time
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any

from flask import Flask, Response, current_app, request, session
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

import database
from config import Settings
from models import db
from web.addresses import is_for_machines

# How long a page waits for the reader's own writes to arrive, and how long the replica is left alone after it failed one.
PATIENCE_S = 0.25
GLANCE_S = 0.01
ALONE_S = 5.0
MOST_BEHIND = timedelta(seconds=30)

# Where the log will be written next: a commit that does not wait for the disk is in it, too.
WRITTEN = text("SELECT pg_current_wal_insert_lsn()")
# A replica that has replayed all it was sent is up to date while it is connected; an idle primary sends it nothing for long.
STANDING = text("""
    SELECT pg_is_in_recovery() AND EXISTS (SELECT FROM pg_stat_wal_receiver) AND (
        pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() OR pg_last_xact_replay_timestamp() > now() - :most_behind
    ) AS is_current, pg_last_wal_replay_lsn() >= CAST(:written AS pg_lsn) AS has_written
""")
NOTHING = "0/0"
# No replica comes this far: where nobody knows what was written, the primary answers until the next write.
NEVER = "FFFFFFFF/FFFFFFFF"

View = Callable[..., Any]


class Replica:
    """A streaming replica of the database, as one process sees it."""

    def __init__(self, url: str, processes: int) -> None:
        self.engine: Engine = create_engine(url, **database.engine_options(url, processes, connect_timeout=2), pool_timeout=1)
        database.prepare(self.engine)
        self._alone_until = 0.0

    def caught_up(self, written: str) -> bool:
        """Tell whether it may be read: it is nearly up to date, and holds all up to this place of the primary's log."""
        if time.monotonic() < self._alone_until:
            return False
        try:
            with self.engine.connect() as connection:
                caught_up = _catches_up(connection, written)
        except SQLAlchemyError:
            caught_up = False
        if not caught_up:
            self.leave_alone()
        return caught_up

    def leave_alone(self) -> None:
        """Ask it nothing for a while."""
        self._alone_until = time.monotonic() + ALONE_S


def register_replica(app: Flask, settings: Settings) -> None:
    """Have a replica read, where there is one."""
    url = settings.replica_url
    app.extensions["replica"] = Replica(url, settings.web_processes) if url else None
    if url:
        app.after_request(_note_written)


def may_be_old(view: View) -> View:
    """Have a view that only reads ask the replica, or the primary where the replica can't tell."""

    @wraps(view)
    def reading(*args: Any, **kwargs: Any) -> Any:
        replica: Replica | None = current_app.extensions["replica"]
        if replica is None or not replica.caught_up(session.get("written", NOTHING)):
            return view(*args, **kwargs)
        try:
            with database.reading_from(replica.engine):
                return view(*args, **kwargs)
        except DBAPIError:
            # It went away meanwhile, or had to break off: what it replays comes first.
            replica.leave_alone()
            db.session.rollback()
            return view(*args, **kwargs)

    return reading


def _catches_up(connection: Connection, written: str) -> bool:
    until = time.monotonic() + PATIENCE_S
    while True:
        is_current, has_written = connection.execute(STANDING, {"most_behind": MOST_BEHIND, "written": written}).one()
        if not is_current or has_written or time.monotonic() > until:
            return bool(is_current and has_written)
        time.sleep(GLANCE_S)


def _note_written(response: Response) -> Response:
    """Keep how far the log has come after a request that may have written, or that showed what a worker wrote."""
    if not is_for_machines() and "_user_id" in session and (not database.reading.get() or request.blueprint == "imports"):
        session["written"] = _written()
    return response


def _written() -> str:
    try:
        with db.engine.connect() as connection:
            return str(connection.execute(WRITTEN).scalar_one())
    except SQLAlchemyError:
        return NEVER
