"""Look at what Rollbook is started with, and say what would put the records at risk: nothing is served with that."""

import logging
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pysqlite3
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, DateTime, create_engine, make_url, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from zxcvbn import zxcvbn

import database
from config import LOOPBACK, Settings
from disk_room import room_problem
from words import moment

log = logging.getLogger(__name__)

FINE, UNKNOWN, WEAK, UNSAFE = "fine", "unknown", "weak", "unsafe"
MIGRATIONS = Path(__file__).parent / "migrations"
PATIENCE_S = 10

MAKE_A_KEY = "python3 -c 'import secrets; print(secrets.token_urlsafe(48))'"
SHORTEST_KEY = 32
LEAST_GUESSES_LOG10 = 24
# Whoever reads the manuals of Flask and Flask-Security, or our tests, knows these.
KNOWN_KEYS = {
    "192b9bdd22ab9ed4d12e236c78afcb9a393ec15f71bbf5dc987d54727823bcbf",
    "pf9Wkove4IKEAXvy-cQkeDPhv9Cb3Ag-wyJILbq_dFw",
    "a key that only the tests know",
}
# Without either, PostgreSQL may lose or tear what it has confirmed when the power fails.
MAY_STORE = """
    SELECT has_database_privilege(current_database(), 'TEMPORARY') AND NOT pg_is_in_recovery()
        AND current_setting('default_transaction_read_only') = 'off'
"""
STORE = """
    CREATE TEMPORARY TABLE room ON COMMIT DROP AS
    SELECT string_agg(md5(random()::text), '') FROM generate_series(1, 128 * 256) AS number GROUP BY number % 256
"""
DISK_FULL = "53100"  # postgresql.org/docs/current/errcodes-appendix.html
NEEDED_ON_POSTGRESQL = ("fsync", "full_page_writes")


@dataclass(frozen=True)
class Finding:
    """What one look found, as a sentence that also says what to do."""

    verdict: str
    sentence: str


def examine(settings: Settings) -> Iterator[Finding]:
    """Look at everything, one after the other; nothing is changed."""
    yield from _secrets(settings)
    yield from _files(settings)
    yield _debug(settings)
    yield _room(settings)
    engine = create_engine(settings.database_url, **_hasty(settings.database_url))
    try:
        with engine.connect() as connection:
            yield from _safe_storage(connection)
            yield _writable(connection)
            yield from _roomy(connection)
            yield from _tuned(connection)
            schema = _schema(connection)
            yield schema
            if schema.verdict == FINE:
                yield _clock(connection)
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", error)).strip().splitlines()[0]
        yield Finding(UNKNOWN, f"The database can't be reached, so it was not checked: {reason}.")
    finally:
        engine.dispose()


def refuse_unsafe(settings: Settings) -> None:
    """End the process with a sentence for each danger. A database that is away for a while is none: it is waited for."""
    found = list(examine(settings))
    for finding in found:
        if finding.verdict in (UNKNOWN, WEAK):
            log.warning(finding.sentence)
    if dangers := [finding.sentence for finding in found if finding.verdict == UNSAFE]:
        raise SystemExit("\n".join(["Rollbook does not start:", *dangers]))


def _secrets(settings: Settings) -> Iterator[Finding]:
    """Look at each secret, not only at the one in force: what an earlier key has signed still counts."""
    keys = {"SECRET_KEY": settings.secret_key}
    keys |= {f"Earlier key {place} (SECRET_KEY_FALLBACKS)": key for place, key in enumerate(settings.old_secret_keys, 1)}
    for name, key in keys.items():
        if problem := _weakness(key):
            forge = "whoever knows it can forge what Rollbook signs"
            yield Finding(UNSAFE, f"{name} {problem}: {forge}. Set a new one, or remove it: {MAKE_A_KEY}")
        else:
            yield Finding(FINE, f"{name} can't be guessed.")
    if settings.metrics_token and (problem := _weakness(settings.metrics_token)):
        yield Finding(WEAK, f"ROLLBOOK_METRICS_TOKEN {problem}: others can read the figures of /metrics. Make one: {MAKE_A_KEY}")


def _weakness(key: str) -> str | None:
    """Say what is wrong with a secret, if anything is."""
    if key in KNOWN_KEYS:
        return "is one that is printed in a manual"
    if len(key) < SHORTEST_KEY:
        return f"has {len(key)} characters, and needs at least {SHORTEST_KEY}"
    if zxcvbn(key[:72])["guesses_log10"] < LEAST_GUESSES_LOG10:
        return "is easy to guess"
    return None


def _files(settings: Settings) -> Iterator[Finding]:
    """Look for files that other users of this machine may read."""
    key, database = settings.instance / "secret_key", make_url(settings.database_url)
    if _others_may_read(key):
        yield Finding(UNSAFE, f"Other users of this machine may read {key}, with the secret key in it: chmod 600 {key}")
    if database.get_backend_name() == "sqlite" and database.database:
        for file in map(Path, (database.database, f"{database.database}-wal")):
            if _others_may_read(file):
                yield Finding(WEAK, f"Other users of this machine may read the database {file}: chmod 600 {file}")


def _others_may_read(file: Path) -> bool:
    return file.is_file() and bool(file.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH))


def _debug(settings: Settings) -> Finding:
    if not settings.debug:
        return Finding(FINE, "Debugging is off.")
    if set(settings.hosts) - {""} <= set(LOOPBACK):
        return Finding(FINE, "Debugging is on, and only this machine can reach Rollbook.")
    return Finding(
        UNSAFE,
        "FLASK_DEBUG is on where others can reach Rollbook: faults would show them its inside. "
        "Take FLASK_DEBUG away, or let HOST and ROLLBOOK_URL name this machine alone.",
    )


def _room(settings: Settings) -> Finding:
    problem = room_problem(settings.folders)
    return Finding(UNKNOWN, problem) if problem else Finding(FINE, "There is room for what is stored.")


def _hasty(url: str) -> dict[str, object]:
    postgresql = url.startswith("postgresql")
    return database.engine_options(url, **({"connect_timeout": PATIENCE_S} if postgresql else {}))


def _safe_storage(connection: Connection) -> Iterator[Finding]:
    if connection.dialect.name == "sqlite":
        yield Finding(FINE, f"SQLite {pysqlite3.sqlite_version} keeps what it has confirmed when the power fails.")
        return
    problem = database.encoding_problem(connection)
    yield (
        Finding(UNSAFE, problem) if problem else Finding(FINE, "The database stores names in all scripts: its encoding is UTF-8.")
    )
    for name in NEEDED_ON_POSTGRESQL:
        if connection.scalar(text("SELECT setting FROM pg_settings WHERE name = :name"), {"name": name}) == "on":
            yield Finding(FINE, f"PostgreSQL's {name} is on.")
        else:
            mend = f"ALTER SYSTEM SET {name} = on; SELECT pg_reload_conf();"
            yield Finding(UNSAFE, f"PostgreSQL's {name} is off: records are lost when the power fails. Turn it on: {mend}")


def _writable(connection: Connection) -> Finding:
    """What passes by itself or by an operator's hand keeps nobody from starting: pages that only read are served meanwhile."""
    problem = database.write_problem(connection)
    return Finding(UNKNOWN, problem) if problem else Finding(FINE, "The database can be changed.")


def _roomy(connection: Connection) -> Iterator[Finding]:
    """Have PostgreSQL store a megabyte for a moment, where it lets its user: its disk may be another machine's."""
    if connection.dialect.name != "postgresql" or not connection.scalar(text(MAY_STORE)):
        return
    try:
        connection.execute(text(STORE))
    except DBAPIError as error:
        if getattr(error.orig, "pgcode", None) != DISK_FULL:
            raise
        yield Finding(UNKNOWN, f"The database's disk is full: {str(error.orig).strip().splitlines()[0]}. Make room there.")
    else:
        yield Finding(FINE, "The database's disk has room.")
    finally:
        connection.rollback()


def _tuned(connection: Connection) -> Iterator[Finding]:
    if found := connection.execute(text(database.LACKING)).scalars().all() if connection.dialect.name == "postgresql" else ():
        sentence = "PostgreSQL does not set {} for its user, so each transaction does: .venv/bin/flask tune saves it the trouble."
        yield Finding(FINE, sentence.format(" and ".join(found)))


def _clock(connection: Connection) -> Finding:
    looked = text("SELECT checked_at, held_since FROM clock_checks WHERE held_since IS NOT NULL")
    held = connection.execute(looked.columns(checked_at=DateTime(timezone=True), held_since=DateTime(timezone=True))).first()
    if held is None:
        return Finding(FINE, "The clock has not jumped, so retention is running.")
    return Finding(
        UNKNOWN,
        f"The clock said {moment(held.held_since)} when it had last said {moment(held.checked_at)}, "
        "so retention is paused. "
        "If the clock is right, run: .venv/bin/flask retention --resume",
    )


def _schema(connection: Connection) -> Finding:
    """Hold the database's migration against the code's newest."""
    script = ScriptDirectory(str(MIGRATIONS))
    newest, stands = script.get_current_head(), MigrationContext.configure(connection).get_current_revision()
    if stands == newest:
        return Finding(FINE, f"The tables are up to date: migration {newest}.")
    if stands is None or stands in {known.revision for known in script.walk_revisions()}:
        been = f"at migration {stands}, and this Rollbook needs {newest}" if stands else "not there yet"
        return Finding(UNSAFE, f"The database's tables are {been}. Make a backup, then run: .venv/bin/flask db upgrade")
    return Finding(UNSAFE, f"A newer Rollbook has changed the tables (migration {stands}, not {newest}). Start that one again.")
