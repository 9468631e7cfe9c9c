"""Entries of the audit log that the database does not have yet, each a file that is on the disk before anything is handed out.

So nothing goes out that could not be accounted for: not while somebody else writes for long, not where the database's disk is
full, and not where the process is killed in the middle. The database gets them as soon as it takes them.
"""

import json
import logging
import os
import secrets
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, insert, literal, select
from sqlalchemy.exc import SQLAlchemyError

from database import aside_writers
from documents import UNWRITTEN
from models import AuditEntry, now

log = logging.getLogger(__name__)

entries: Any = AuditEntry.__table__
# Under this name a file is not whole yet.
PART = ".part"


class Unwritten:
    """An entry on its way."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def settle(self, engine: Engine, **details: str | int) -> None:
        """Let the database have it, with more details, as soon as nobody else writes; whoever asks need not wait."""
        if not self._write(engine, details, patient=False):
            threading.Thread(target=self._write, args=(engine, details), name="audit").start()

    def drop(self) -> None:
        """Forget it: nothing was handed out."""
        self._path.unlink(missing_ok=True)

    def _write(self, engine: Engine, details: dict[str, str | int], *, patient: bool = True) -> bool:
        """Tell whether the database has it; otherwise its file stays for the next who looks."""
        try:
            values = _read(self._path)
            with aside_writers(engine, patient=patient) as connection:
                connection.execute(_unless_there({**values, "details": {**values["details"], **details}}))
        except FileNotFoundError:
            return True  # another process was faster
        except SQLAlchemyError as error:
            if patient:
                log.warning("an entry of the audit log waits in %s: %s", self._path.parent, type(error).__name__)
            return False
        self.drop()
        return True


class Outbox:
    """A folder of them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, entry: dict[str, Any]) -> Unwritten:
        """Write an entry to the disk for good. Raises OSError where that can't be."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._folder / secrets.token_hex(16)
        part = path.with_suffix(PART)
        try:
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "w") as file:
                json.dump(UNWRITTEN.write({**entry, "at": now().isoformat()}), file)
                file.flush()
                os.fsync(file.fileno())
            part.rename(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        return Unwritten(path)

    def deliver(self, engine: Engine, older_than_s: float) -> int:
        """Give the database what has been left behind for so long, and count it."""
        for part in self._folder.glob(f"*{PART}"):  # of who was killed before anything was handed out
            if now().timestamp() - part.stat().st_mtime >= older_than_s:
                part.unlink(missing_ok=True)
        left = [path for path in self._waiting() if now().timestamp() - path.stat().st_mtime >= older_than_s]
        return sum(Unwritten(path)._write(engine, {}) for path in left)

    def _waiting(self) -> Iterator[Path]:
        with suppress(FileNotFoundError):
            yield from (path for path in self._folder.iterdir() if path.suffix != PART)


def _read(path: Path) -> dict[str, Any]:
    kept = UNWRITTEN.read(json.loads(path.read_text()))
    return {**kept, "at": datetime.fromisoformat(kept["at"])}


def _unless_there(entry: dict[str, Any]) -> Any:
    """Insert it once, also where a kill came after that and before its file was removed."""
    same = select(entries.c.id).where(
        entries.c.at == entry["at"], entries.c.act == entry["act"], entries.c.request_id.is_not_distinct_from(entry["request_id"])
    )
    columns = [entries.c[name] for name in entry]
    values = select(*(literal(value, column.type) for column, value in zip(columns, entry.values(), strict=True)))
    return insert(entries).from_select(columns, values.where(~same.exists()))
