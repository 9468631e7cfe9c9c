"""Rewrite a database's files, so that they hold no row that was deleted and no value that was changed."""

import logging
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import pysqlite3
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from database import alone

log = logging.getLogger(__name__)

TURN_MS = 60_000
READERS_S = 10
LOCK_TIMEOUT_S = 5
NO_RIGHT, CANCELLED = "42501", "57014"
WAITS = text("""
    SELECT count(*) > 0 FROM pg_stat_activity
    WHERE datname = current_database() AND query = :statement AND wait_event_type = 'Lock'
""")


def size(engine: Engine) -> int:
    """Give the size of the database in bytes."""
    if engine.dialect.name == "sqlite":
        return Path(str(engine.url.database)).stat().st_size
    with engine.connect() as connection:
        return int(connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one())


def rewrite(engine: Engine, tables: Sequence[str]) -> bool:
    """Rewrite the files of these tables, on SQLite of all; False where somebody else reads or writes for long.

    Nobody writes meanwhile, and on PostgreSQL nobody reads the table that is being rewritten.
    """
    return _rewrite_sqlite(engine) if engine.dialect.name == "sqlite" else _rewrite_postgresql(engine, tables)


def _rewrite_sqlite(engine: Engine) -> bool:
    database = Path(str(engine.url.database))
    with alone(engine, TURN_MS) as is_alone, _temporary_files_beside(database):
        if not is_alone:
            return False
        with closing(pysqlite3.connect(database, timeout=READERS_S, isolation_level=None)) as own:
            # A copy of a large database does not fit into memory.
            own.execute("PRAGMA temp_store=FILE")
            own.execute("VACUUM")
            (busy, _pages, _copied) = own.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            return not busy


@contextmanager
def _temporary_files_beside(database: Path) -> Iterator[None]:
    """Have SQLite keep its copy where the database is: there is room, and no other disk gets to hold what it holds."""
    before = os.environ.get("SQLITE_TMPDIR")
    os.environ["SQLITE_TMPDIR"] = str(database.parent)
    try:
        yield
    finally:
        if before is None:
            del os.environ["SQLITE_TMPDIR"]
        else:
            os.environ["SQLITE_TMPDIR"] = before


def _rewrite_postgresql(engine: Engine, tables: Sequence[str]) -> bool:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        try:
            for table in tables:
                _vacuum(engine, connection, f"VACUUM (FULL, ANALYZE) {table}")
            _rewrite_statistics(engine, connection)
        except DBAPIError as error:
            if getattr(error.orig, "pgcode", None) == CANCELLED:
                return False
            raise
    return True


def _vacuum(engine: Engine, connection: Connection, statement: str) -> None:
    """Run it, and cancel it where it waits for long for others to end: whoever comes after it would wait for it in turn.

    A setting for that would be the session's, since no transaction can hold a VACUUM; and a pooler may give that to others.
    """
    over = threading.Event()
    watch = threading.Thread(target=_cancel_where_it_waits, args=(engine, connection, statement, over), name="vacuum")
    watch.start()
    try:
        connection.execute(text(statement))
    finally:
        over.set()
        watch.join()


def _cancel_where_it_waits(engine: Engine, connection: Connection, statement: str, over: threading.Event) -> None:
    while not over.wait(LOCK_TIMEOUT_S):
        with engine.connect() as other:
            if other.execute(WAITS, {"statement": statement}).scalar_one():
                connection.connection.driver_connection.cancel()  # type: ignore[union-attr]


def _rewrite_statistics(engine: Engine, connection: Connection) -> None:
    """Rewrite what PostgreSQL keeps of a column's most common values, where its user may."""
    try:
        _vacuum(engine, connection, "VACUUM FULL pg_statistic")
    except DBAPIError as error:
        if getattr(error.orig, "pgcode", None) != NO_RIGHT:
            raise
        log.warning("PostgreSQL's statistics can be rewritten by the owner of the database only: VACUUM FULL pg_statistic")
