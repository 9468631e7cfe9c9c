"""Rewrite a database's files, so that they hold no row that was deleted and no value that was changed."""

import logging
import os
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
LOCK_TIMEOUT_MS = 5_000
NO_RIGHT, NO_LOCK = "42501", "55P03"


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
        connection.execute(text(f"SET lock_timeout = {LOCK_TIMEOUT_MS}"))
        try:
            for table in tables:
                connection.execute(text(f"VACUUM (FULL, ANALYZE) {table}"))
            _rewrite_statistics(connection)
        except DBAPIError as error:
            if getattr(error.orig, "pgcode", None) == NO_LOCK:
                return False
            raise
        finally:
            connection.execute(text("RESET lock_timeout"))
    return True


def _rewrite_statistics(connection: Connection) -> None:
    """Rewrite what PostgreSQL keeps of a column's most common values, where its user may."""
    try:
        connection.execute(text("VACUUM FULL pg_statistic"))
    except DBAPIError as error:
        if getattr(error.orig, "pgcode", None) != NO_RIGHT:
            raise
        log.warning("PostgreSQL's statistics can be rewritten by the owner of the database only: VACUUM FULL pg_statistic")
