"""Back the database up while it is in use, and bring a backup back, by the means that SQLite and PostgreSQL have for it."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pysqlite3
from sqlalchemy import URL, create_engine, inspect
from sqlalchemy.exc import SQLAlchemyError

PATIENCE_S, LONGEST_S = 5, 24 * 3600
# How a backup of each database begins (sqlite.org/fileformat.html; pg_dump's custom format).
KINDS = {b"SQLite format 3\0": "sqlite", b"PGDMP": "postgresql"}
NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
BUSY = (pysqlite3.SQLITE_BUSY, pysqlite3.SQLITE_LOCKED)
PREFIX, SUFFIX = "rollbook-", ".backup"


class NotDone(RuntimeError):
    """A backup that could not be made or brought back; the message says why, as a sentence. Nothing was overwritten."""


def back_up(url: URL, file: Path) -> None:
    """Write the database as it stands at one moment to a file that does not exist yet, and read it to its end. Raises NotDone."""
    if file.exists():
        raise _taken(file)
    with _finished_or_removed(file) as part:
        if url.get_backend_name() == "sqlite":
            _copy_what_is_stored(Path(str(url.database)), part)
            _check_sqlite(part)
        else:
            _run("pg_dump", url, "--format=custom", f"--file={part}")
            _run("pg_restore", None, "--file=/dev/null", str(part))


def back_up_into(url: URL, folder: Path, keep: int) -> Path:
    """Write a backup that is named after the time, and delete all but the newest of those made so. Raises NotDone."""
    file = folder / f"{PREFIX}{datetime.now(UTC):%Y-%m-%dT%H%M%S}Z{SUFFIX}"
    _drop_broken_off(folder)
    back_up(url, file)
    # Their names sort as their times do. What else is in the folder is not ours to delete.
    for old in sorted(folder.glob(f"{PREFIX}????-??-??T??????Z{SUFFIX}"))[:-keep]:
        old.unlink(missing_ok=True)
    return file


def _drop_broken_off(folder: Path) -> None:
    """Remove what backups have left behind that were killed: nothing takes longer than this to be written."""
    oldest = time.time() - LONGEST_S
    for part in folder.glob(f"{PREFIX}????-??-??T??????Z{SUFFIX}.*"):
        if part.is_dir() and not part.is_symlink() and part.stat().st_mtime < oldest:
            shutil.rmtree(part, ignore_errors=True)


def restore(url: URL, file: Path, *, overwrite: bool) -> None:
    """Bring a backup back, all of it or nothing. Raises NotDone, also where records would be overwritten that nobody gave up."""
    if not file.is_file():
        raise NotDone(f"There is no file {file}.")
    _refuse_other_kind(url, file)
    if not overwrite and _has_tables(url):
        raise NotDone("The database holds records already. With --overwrite, the backup takes their place; they are gone then.")
    if url.get_backend_name() == "sqlite":
        _check_sqlite(file)
        _copy(file, Path(str(url.database)))
    else:
        _run("pg_restore", None, "--file=/dev/null", str(file))
        whole = ("--clean", "--if-exists", "--no-owner", "--single-transaction", "--exit-on-error")
        _run("pg_restore", url, *whole, str(file))


def _refuse_other_kind(url: URL, file: Path) -> None:
    with file.open("rb") as opened:
        start = opened.read(16)
    kind = next((name for mark, name in KINDS.items() if start.startswith(mark)), None)
    if kind and kind != url.get_backend_name():
        advice = "Restore it into a database of its own kind, then run: flask move --to …"
        raise NotDone(f"{file} is a backup of {NAMES[kind]}, and DATABASE_URL names {NAMES[url.get_backend_name()]}. {advice}")


@contextmanager
def _finished_or_removed(file: Path) -> Iterator[Path]:
    """Let the backup have its name only once it is whole and on the disk. Nobody else may read it, nor what it is made of."""
    try:
        with tempfile.TemporaryDirectory(prefix=f"{file.name}.", dir=file.parent) as folder:
            part = Path(folder) / "part"
            yield part
            part.chmod(0o600)
            with part.open("rb") as written:
                os.fsync(written.fileno())
            _name(part, file)
    except OSError as error:
        raise NotDone(f"The backup could not be written: {error.strerror or error}.") from error


def _name(part: Path, file: Path) -> None:
    """Give a finished backup its name, unless another has got it meanwhile. Raises NotDone."""
    try:
        os.link(part, file)
    except FileExistsError:
        raise _taken(file) from None
    except OSError:  # such as on a memory stick, whose file system knows one name a file
        if file.exists():
            raise _taken(file) from None
        part.rename(file)


def _taken(file: Path) -> NotDone:
    return NotDone(f"{file} exists already, and a backup never overwrites anything. Choose another name.")


def _copy_what_is_stored(source: Path, target: Path) -> None:
    """Copy what a SQLite database stores at this moment, and none of the pages that still hold what was deleted."""
    if not source.is_file():
        raise NotDone(f"There is no database {source}.")
    try:
        with closing(pysqlite3.connect(source, isolation_level=None)) as ours:
            ours.execute("PRAGMA temp_store=FILE")
            ours.execute("VACUUM INTO ?", (str(target),))
    except pysqlite3.Error as error:
        raise NotDone(f"The backup could not be written: {error}.") from error


def _copy(source: Path, target: Path) -> None:
    """Copy a SQLite database as it stands at this moment; in WAL mode others go on writing to the source meanwhile."""
    if not source.is_file():
        raise NotDone(f"There is no database {source}.")
    try:
        with closing(pysqlite3.connect(source)) as ours, closing(_alone_with(target)) as theirs:
            ours.backup(theirs)
    except (pysqlite3.Error, OSError) as error:
        raise NotDone(f"The backup could not be brought back, and nothing was changed: {error}.") from error


def _alone_with(target: Path) -> pysqlite3.Connection:
    """Open a database that nobody else has open: whoever has would go on with what he knows of the old one."""
    if not target.exists():
        target.touch(mode=0o600)
    connection = pysqlite3.connect(target, timeout=PATIENCE_S)
    try:
        connection.execute("PRAGMA locking_mode=EXCLUSIVE")
        connection.execute("PRAGMA journal_mode=DELETE")
    except pysqlite3.OperationalError as error:
        connection.close()
        if error.sqlite_errorcode & 0xFF not in BUSY:
            raise
        raise NotDone("Somebody has the database open. Stop the server and the workers first.") from None
    return connection


def _check_sqlite(file: Path) -> None:
    try:
        with closing(pysqlite3.connect(f"file:{quote(str(file))}?mode=ro", uri=True)) as connection:
            (answer,) = connection.execute("PRAGMA integrity_check").fetchone()
    except pysqlite3.DatabaseError as error:
        answer = str(error)
    if answer != "ok":
        raise NotDone(f"{file} is damaged or no backup of a SQLite database: {answer.splitlines()[0]}.")


def _has_tables(url: URL) -> bool:
    engine = create_engine(url)
    try:
        return bool(inspect(engine).get_table_names())
    except SQLAlchemyError as error:
        raise NotDone(f"The database can't be reached: {_first_line(str(getattr(error, 'orig', error)))}") from error
    finally:
        engine.dispose()


def _run(program: str, url: URL | None, *arguments: str) -> None:
    """Run one of PostgreSQL's programs; the password goes through the environment, where nobody else can read it."""
    environ = dict(os.environ)
    target = []
    if url is not None:
        environ["PGPASSWORD"] = url.password or ""
        address = url.set(drivername="postgresql", password=None).render_as_string(hide_password=False)
        target = [f"--dbname={address}"]
    try:
        command = [program, *target, *arguments]
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)  # noqa: S603  no shell
    except FileNotFoundError:
        raise NotDone(f"{program} is not installed. It comes with PostgreSQL's client programs.") from None
    if done.returncode:
        raise NotDone(f"{program} failed: {_reason(done.stderr) or done.returncode}")


def _reason(said: str) -> str:
    """Find the reason in what one of PostgreSQL's programs has said: around it are the statement and what it goes on with."""
    lines = said.strip().splitlines()
    reasons = [line.rpartition("error: ")[2] for line in lines if "error: " in line]
    return next(iter([*reasons, *lines]), "")


def _first_line(text: str) -> str:
    return next(iter(text.strip().splitlines()), "")
