"""How both databases are opened: SQLite made as safe as PostgreSQL is by default."""

import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import psycopg2
import psycopg2.extensions
import pysqlite3
from sqlalchemy import Connection, Engine, Executable, Row, event, make_url, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session

from write_queue import WriteQueue

log = logging.getLogger(__name__)

reading: ContextVar[bool] = ContextVar("reading", default=False)
"""True while a request runs that only reads, so that it does not take SQLite's one write lock."""

reads_from: ContextVar[Engine | None] = ContextVar("reads_from", default=None)
"""The replica that sessions ask meanwhile, if not the database itself."""

BUSY_TIMEOUT_MS = 60_000
# In bytes: the pages of the file that one connection keeps in memory, and about as much as all of them and what SQLite works
# in come to together. Beyond that each makes do with the pages that it has (sqlite.org/pragma.html, soft_heap_limit).
CACHE, CACHES = 8 << 20, 64 << 20
# In bytes, from where on SQLite's write-ahead log is emptied; and in milliseconds, how long a turn for that is waited for, and
# how long those who write then wait for those who read.
LOG, LOG_TURN_MS, READERS_MS = 16 << 20, 5_000, 1_000
# What a connection's `info` keeps: that its thread may write, and how many milliseconds it waits for that, if not the usual.
TURN, PATIENCE = "turn", "patience"
# An error names the statement, never the values in it.
QUIET = {"hide_parameters": True}

# More than read at the same moment, in all processes of a server; in each of them, ten more may come for a while. PostgreSQL
# as it comes takes a hundred.
CONNECTIONS, FEWEST = 20, 5
# However many wait to write to SQLite, nobody waits for a connection: there is never more than one for each thread. Each
# keeps pages, the schema and statements in memory, so only those are kept open that work at the same time, not all that wait.
SQLITE_POOL = {"pool_size": 10, "max_overflow": -1, "pool_use_lifo": True}
SQLITE_STATEMENTS = 32
# To compile a statement costs more than any of ours gains by it; and a join of a million rows fits into this memory.
NEEDED = {"jit": "off", "work_mem": "32MB"}
LACKING = """
    SELECT name FROM pg_settings
    WHERE CASE name WHEN 'jit' THEN setting = 'on' WHEN 'work_mem' THEN setting::bigint < 32 * 1024 ELSE false END
    ORDER BY name
"""
# What a connection's `info` keeps: which of these the database does not set for its user by itself.
LACKS = "lacks"
# Any number that is the same everywhere: "Migr".
MIGRATING, MIGRATING_POLL_S = 0x4D696772, 0.2
# Which replicas confirm is shown to who may read all statistics; to anyone else only that own connections wait for long.
NOBODY_CONFIRMS = """
    SELECT current_setting('synchronous_standby_names') <> '' AND (
        pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')
            AND NOT EXISTS (SELECT FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum'))
        OR EXISTS (
            SELECT FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND state_change < clock_timestamp() - interval '3 s'
        )
    )
"""
# Longer than a healthy replica takes, and shorter than people wait.
COMMIT_TIMEOUT_MS = 10_000
UNCONFIRMED_CODE = "RB001"  # of our own: PostgreSQL has none, since it counts such a change as committed
INSUFFICIENT_PRIVILEGE = "42501"  # postgresql.org/docs/current/errcodes-appendix.html
# A server that has gone without a word is missed after 30 seconds, not after the two hours of TCP's own patience.
CONNECT: dict[str, Any] = {
    "application_name": "rollbook",
    # Whatever the address or the environment of libpq says: names are written in all scripts.
    "client_encoding": "utf8",
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 4,
    "tcp_user_timeout": 30_000,
}


def engine_options(url: str, processes: int = 1, **connect: Any) -> dict[str, Any]:
    """Give the options of create_engine for this address, with more of the driver's own; so many processes share a server's."""
    if make_url(url).get_backend_name() == "sqlite":
        # Python's own sqlite3 may carry a SQLite with the WAL-reset bug; this package brings a repaired one.
        own = {"timeout": BUSY_TIMEOUT_MS / 1000, "cached_statements": SQLITE_STATEMENTS}
        return {"module": pysqlite3, "connect_args": own, **SQLITE_POOL, **QUIET}
    size = max(FEWEST, CONNECTIONS // processes)
    arguments = {"connection_factory": BoundedCommit, **CONNECT, **connect}
    return {"pool_pre_ping": True, **QUIET, "pool_size": size, "connect_args": arguments}


def prepare(engine: Engine) -> None:
    """Attach what has to be set on each connection."""
    if engine.dialect.name == "sqlite":
        queue = WriteQueue(Path(f"{engine.url.database}-queue"))
        _make_private(engine)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", lambda connection: _begin_sqlite(connection, queue))
        event.listen(engine, "checkin", lambda _, record: _end_turn(record.info, queue))
    else:
        event.listen(engine, "connect", _note_lacking)
        event.listen(engine, "begin", _set_lacking)


def lock(session: Session, name: str) -> None:
    """Let transactions that name the same thing go one after the other: what is read from here on holds until the commit.

    On SQLite every transaction that may write does so already.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": f"rollbook: {name}"})
    else:
        assert not reading.get(), "a transaction that only reads keeps nobody from writing"


@contextmanager
def only_reading() -> Iterator[None]:
    """Look without taking SQLite's write lock."""
    with _told(reading, value=True):
        yield


@contextmanager
def aside(session: Session) -> Iterator[None]:
    """Do something slow while others write: what was read before is read anew afterwards, and nothing may be written yet."""
    assert not [*session.new, *session.dirty, *session.deleted], "what was changed would be lost"
    session.rollback()
    with only_reading():
        try:
            yield
        finally:
            session.rollback()


@contextmanager
def reading_from(replica: Engine) -> Iterator[None]:
    """Have sessions ask a replica for what they read."""
    with _told(reads_from, replica):
        yield


def write_if_free(engine: Engine, statement: Executable, patience_ms: int = 0) -> Row[Any] | None:
    """Run and commit a statement, or leave it be where another writer keeps it waiting for longer; give its row, if any."""
    with _told(reading, value=False), engine.connect() as connection, _patience(connection, patience_ms):
        try:
            result = connection.execute(statement)
            row = result.first() if result.returns_rows else None
            connection.commit()
        except OperationalError:
            connection.rollback()
            return None
    return row


@contextmanager
def aside_writers(engine: Engine, *, patient: bool) -> Iterator[Connection]:
    """Write in a transaction of its own, and commit; without patience, raise OperationalError where somebody else writes."""
    milliseconds = BUSY_TIMEOUT_MS if patient else 0
    with _told(reading, value=False), engine.connect() as connection, _patience(connection, milliseconds):
        yield connection
        connection.commit()


def empty_log(engine: Engine) -> None:
    """Empty SQLite's write-ahead log where it has grown large; if somebody reads or writes for long, try again later.

    By itself SQLite begins the log anew in a moment in which nobody reads. Where many do, no such moment comes: the log grows
    for good, and with it the work of each who reads. Here those who write wait, and who comes to read needs no log meanwhile
    (sqlite.org/wal.html, "avoiding excessively large WAL files").
    """
    if engine.dialect.name != "sqlite" or _log_size(engine) < LOG:
        return
    with _told(reading, value=False), engine.connect() as connection:
        if _takes_turn(connection, LOG_TURN_MS):
            with _patience(connection, READERS_MS):
                _checkpoint(connection)


@contextmanager
def alone(engine: Engine, patience_ms: int) -> Iterator[bool]:
    """Keep everybody else from writing to SQLite within the block; False where that takes longer than the patience."""
    with _told(reading, value=False), engine.connect() as connection:
        yield _takes_turn(connection, patience_ms)


def _log_size(engine: Engine) -> int:
    try:
        return Path(f"{engine.url.database}-wal").stat().st_size
    except FileNotFoundError:
        return 0


def _takes_turn(connection: Connection, patience_ms: int) -> bool:
    """Tell whether this connection may write until it is given back."""
    with _patience(connection, patience_ms):
        try:
            connection.begin().rollback()
        except OperationalError:
            connection.rollback()
            return False
    return True


def _checkpoint(connection: Connection) -> None:
    # Not within a transaction, as all that SQLAlchemy itself executes would be.
    statement, own = "PRAGMA wal_checkpoint(TRUNCATE)", connection.connection.driver_connection
    assert own is not None
    try:
        own.execute(statement).fetchone()
    except pysqlite3.Error as reason:
        raise OperationalError(statement, None, reason) from reason


@contextmanager
def _told(what: ContextVar[Any], value: Any) -> Iterator[None]:
    token = what.set(value)
    try:
        yield
    finally:
        what.reset(token)


@contextmanager
def _patience(connection: Connection, milliseconds: int) -> Iterator[None]:
    """Wait no longer than this for a lock."""
    if connection.dialect.name == "postgresql":
        # Zero would mean for ever.
        connection.execute(text(f"SET LOCAL lock_timeout = {max(1, milliseconds)}"))
        yield
        return
    own: Any = connection.connection.driver_connection
    own.execute(f"PRAGMA busy_timeout={milliseconds}")
    connection.info[PATIENCE] = milliseconds
    try:
        yield
    finally:
        del connection.info[PATIENCE]
        own.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")


def write_problem(connection: Connection) -> str | None:
    """Say in a sentence why the database takes no changes now, though it answers; None where it does."""
    if connection.dialect.name == "sqlite":
        file = str(connection.engine.url.database)
        return None if os.access(file, os.W_OK) else f"The file {file} can't be written to by this user."
    if connection.execute(text("SELECT pg_is_in_recovery()")).scalar_one():
        return "The database is a standby, which takes no changes. Promote it, or let DATABASE_URL lead to the primary."
    if connection.execute(text("SELECT current_setting('default_transaction_read_only') = 'on'")).scalar_one():
        return "The database is read-only: its setting default_transaction_read_only is on."
    if connection.execute(text(NOBODY_CONFIRMS)).scalar_one():
        return (
            "No replica confirms changes, so each save waits in vain. Start a replica that synchronous_standby_names names, "
            "or take it out: ALTER SYSTEM SET synchronous_standby_names = ''; SELECT pg_reload_conf();"
        )
    return None


def tune(connection: Connection) -> list[str]:
    """Have PostgreSQL set for its user in this database what our statements need, and commit; give the statements."""
    quote = connection.dialect.identifier_preparer.quote
    database: str = connection.execute(text("SELECT current_database()")).scalar_one()
    statements = [
        f"ALTER ROLE CURRENT_USER IN DATABASE {quote(database)} SET {name} = '{NEEDED[name]}'" for name in lacking(connection)
    ]
    for statement in statements:
        connection.exec_driver_sql(statement)
    connection.commit()
    return statements


def lacking(connection: Connection) -> list[str]:
    """Name the settings that each transaction has to make for itself; SQLite needs none."""
    return list(connection.info.get(LACKS, ()))


def encoding_problem(connection: Connection) -> str | None:
    """Say in a sentence why a database can't hold all names; None where it can."""
    if connection.dialect.name != "postgresql":
        return None
    encoding = connection.execute(text("SHOW server_encoding")).scalar_one()
    if encoding == "UTF8":
        return None
    remedy = "CREATE DATABASE rollbook ENCODING 'UTF8' TEMPLATE template0;"
    return f"The database's encoding is {encoding}, in which many names can't be written. Create another, and use that: {remedy}"


@contextmanager
def migrating_alone(engine: Engine) -> Iterator[None]:
    """Have processes that migrate one PostgreSQL at the same time do so one after the other.

    They ask again and again instead of waiting for the lock: an index that is made concurrently waits for all who wait.
    The lock is a transaction's, since a pooler may give a session's to somebody else.
    """
    if engine.dialect.name != "postgresql":
        yield
        return
    with engine.connect() as connection:
        while not connection.execute(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": MIGRATING}).scalar_one():
            connection.rollback()
            time.sleep(MIGRATING_POLL_S)
        try:
            yield
        finally:
            connection.rollback()


def migration_problem(error: DBAPIError) -> str:
    """Say in a sentence why the tables could not be made or changed."""
    reason = str(error.orig).strip().splitlines()[0]
    if getattr(error.orig, "pgcode", None) == INSUFFICIENT_PRIVILEGE:
        remedy = "GRANT CREATE ON SCHEMA public TO its_name;"
        return f"The user that DATABASE_URL names may not create tables ({reason}). As the database's owner, run: {remedy}"
    return f"The database's tables could not be changed. DATABASE_URL leads to a database that says: {reason}"


def analyze(session: Session, *tables: str) -> None:
    """Let PostgreSQL count the tables before it plans joins with them. Others' ANALYZE of them waits until the commit.

    Of rows that it has not counted, as all are for a minute, it expects one, and its plan takes the square of their number.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text(f"ANALYZE {', '.join(tables)}"))


def has_safe_wal(version: tuple[int, ...]) -> bool:
    """Tell whether this SQLite is free of the WAL-reset bug (sqlite.org/wal.html: mended in 3.51.3, 3.50.7, 3.44.6)."""
    return version >= (3, 51, 3) or (3, 50, 7) <= version < (3, 51) or (3, 44, 6) <= version < (3, 45)


def _make_private(engine: Engine) -> None:
    """Make the file of a new database, so that nobody else may read it; SQLite gives its log the same permissions."""
    name = engine.url.database
    if name and name != ":memory:" and not Path(name).exists():
        with suppress(OSError):  # whoever opens it is told why that can't be
            Path(name).touch(mode=0o600)


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions begin where _begin_sqlite says, not where the driver guesses
    wal = has_safe_wal(pysqlite3.sqlite_version_info)
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA journal_mode={'WAL' if wal else 'DELETE'}")
    cursor.execute(f"PRAGMA synchronous={'FULL' if wal else 'EXTRA'}")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA temp_store=MEMORY")
    cursor.execute(f"PRAGMA cache_size=-{CACHE // 1024}")
    cursor.execute(f"PRAGMA soft_heap_limit={CACHES}")
    cursor.close()


def _note_lacking(connection: Any, record: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(LACKING)
        record.info[LACKS] = [name for (name,) in cursor.fetchall()]
    connection.rollback()


def _set_lacking(connection: Connection) -> None:
    """Set them for this transaction: a pooler may give what is set for longer to somebody else's."""
    lacking = connection.info[LACKS]
    if lacking and not connection.connection.driver_connection.autocommit:  # type: ignore[union-attr]
        connection.exec_driver_sql("; ".join(f"SET LOCAL {name} = '{NEEDED[name]}'" for name in lacking))


def _begin_sqlite(connection: Connection, queue: WriteQueue) -> None:
    # A transaction that reads first and writes later may find that it can't have the lock any more, and no
    # waiting helps then; so whatever may write takes the lock before it reads.
    if not reading.get() and TURN not in connection.info:
        if not queue.take(connection.info.get(PATIENCE, BUSY_TIMEOUT_MS) / 1000):
            raise OperationalError("BEGIN IMMEDIATE", None, Busy("database is locked"))
        connection.info[TURN] = True
    connection.exec_driver_sql("BEGIN" if reading.get() else "BEGIN IMMEDIATE")


def _end_turn(info: dict[str, Any], queue: WriteQueue) -> None:
    if info.pop(TURN, False):
        queue.give()


class Unconfirmed(psycopg2.OperationalError):  # type: ignore[misc]
    """A change is stored, and no replica has confirmed it in time: it is lost if this server is."""

    pgcode = UNCONFIRMED_CODE


class BoundedCommit(psycopg2.extensions.connection):  # type: ignore[misc]
    """A connection whose COMMIT does not wait without end for a synchronous replica that is gone.

    PostgreSQL ends that wait when it is told to cancel, keeps what was committed, and answers as if all were well
    (postgresql.org/docs/current/warm-standby.html, "Planning for High Availability").
    """

    _waits_for_replicas: bool | None = None

    def commit(self) -> None:
        if not self._may_wait():
            super().commit()
            return
        cancelled = threading.Event()
        watch = threading.Timer(COMMIT_TIMEOUT_MS / 1000, self._cancel, [cancelled])
        watch.start()
        try:
            super().commit()
        finally:
            watch.cancel()
        if cancelled.is_set():
            raise Unconfirmed("a change is stored, and no replica has confirmed it")

    def _cancel(self, cancelled: threading.Event) -> None:
        cancelled.set()
        self.cancel()

    def _may_wait(self) -> bool:
        """Tell whether this commit may wait: only where something was done, on a server that has replicas confirm it."""
        if self.info.transaction_status != psycopg2.extensions.TRANSACTION_STATUS_INTRANS:
            return False
        if self._waits_for_replicas is None:
            with self.cursor() as cursor:
                cursor.execute("SHOW synchronous_standby_names")
                (names,) = cursor.fetchone()
            self._waits_for_replicas = bool(names)
        return self._waits_for_replicas


class Busy(pysqlite3.OperationalError):  # type: ignore[misc]
    """What SQLite itself says to those who have waited too long."""

    sqlite_errorcode = pysqlite3.SQLITE_BUSY
