"""How both databases are opened: SQLite made as safe as PostgreSQL is by default."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import pysqlite3
from sqlalchemy import Connection, Engine, event, make_url

reading: ContextVar[bool] = ContextVar("reading", default=False)
"""True while a request runs that only reads, so that it does not take SQLite's one write lock."""

BUSY_TIMEOUT_MS = 60_000


@contextmanager
def only_reading() -> Iterator[None]:
    """Look without taking SQLite's write lock."""
    token = reading.set(True)
    try:
        yield
    finally:
        reading.reset(token)


def engine_options(url: str) -> dict[str, Any]:
    """Give the options of create_engine for this address."""
    if make_url(url).get_backend_name() == "sqlite":
        # Python's own sqlite3 may carry a SQLite with the WAL-reset bug; this package brings a repaired one.
        return {"module": pysqlite3, "connect_args": {"timeout": BUSY_TIMEOUT_MS / 1000}}
    return {"pool_pre_ping": True, "connect_args": {"application_name": "rollbook"}}


def prepare(engine: Engine) -> None:
    """Attach what has to be set on each connection."""
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    else:
        event.listen(engine, "connect", _prepare_postgresql)


def has_safe_wal(version: tuple[int, ...]) -> bool:
    """Tell whether this SQLite is free of the WAL-reset bug (sqlite.org/wal.html: mended in 3.51.3, 3.50.7, 3.44.6)."""
    return version >= (3, 51, 3) or (3, 50, 7) <= version < (3, 51) or (3, 44, 6) <= version < (3, 45)


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions begin where _begin_sqlite says, not where the driver guesses
    wal = has_safe_wal(pysqlite3.sqlite_version_info)
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA journal_mode={'WAL' if wal else 'DELETE'}")
    cursor.execute(f"PRAGMA synchronous={'FULL' if wal else 'EXTRA'}")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA temp_store=MEMORY")
    cursor.execute("PRAGMA cache_size=-32768")
    cursor.close()


def _prepare_postgresql(connection: Any, _record: object) -> None:
    # To compile a statement costs more than any of ours gains by it; and a join of a million rows fits into this memory.
    with connection.cursor() as cursor:
        cursor.execute("SET jit = off")
        cursor.execute("SET work_mem = '32MB'")
    connection.commit()


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads first and writes later may find that it can't have the lock any more, and no
    # waiting helps then; so whatever may write takes the lock before it reads.
    connection.exec_driver_sql("BEGIN" if reading.get() else "BEGIN IMMEDIATE")
