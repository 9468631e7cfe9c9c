"""Import what other systems lay down in a folder, within limits, and move it aside with a report.

A delivery is known by its content, name and time, and its import's row carries that. So whatever moment a kill comes at,
the next look finds what was begun, and goes on with it: nothing is imported twice, and nothing is lost.
"""

import hashlib
import logging
import os
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

import worker
from database import only_reading
from merge import imports
from merge.problems import SheetRefused
from merge.report import summary
from merge.unattended import Limits
from models import Import, db

log = logging.getLogger(__name__)

ACTOR = "flask watch"
DONE, HELD = "done", "held"
# Names under which programs write what is not whole yet.
UNFINISHED = (".part", ".partial", ".tmp", ".crdownload", ".filepart")
CHUNK = 1 << 20


@dataclass(frozen=True)
class Delivery:
    """A file that is whole, and what tells it from all others."""

    path: Path
    mark: str
    moment: datetime

    @property
    def aside(self) -> str:
        """Give the name that it is moved under, which says which delivery it was, however often one comes."""
        return f"{self.moment:%Y-%m-%d %H.%M.%S} {self.mark[:8]} {self.path.name}"


@dataclass(frozen=True)
class Outcome:
    """What became of a delivery: whether it is done with or held for a person, and the report."""

    delivery: Delivery
    kept_in: str
    report: str


def look(folder: Path, uploads: Path, limits: Limits, *, settled_s: float, address: str) -> Iterator[Outcome]:
    """Import each file in the folder that nobody has written to for so many seconds, and move it aside."""
    for path in _settled(folder, settled_s):
        try:
            outcome = _import(path, uploads, limits, address)
            _move_aside(folder, outcome)
        except (StillGrowing, FileNotFoundError):
            continue  # whoever moved it away has also done the rest
        except PermissionError:
            log.warning("a file in the folder may not be read by who runs this")
            continue
        yield outcome


class StillGrowing(RuntimeError):
    """Somebody writes to the file still."""


class _Whole:
    """Reads a file, and fails where it ends if somebody has written to it meanwhile."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.seen = os.fstat(file.fileno())

    def read(self, size: int) -> bytes:
        chunk = self._file.read(size)
        if not chunk and _stamp(os.fstat(self._file.fileno())) != _stamp(self.seen):
            raise StillGrowing
        return chunk

    def digest(self) -> str:
        """Sum the file up, and begin anew."""
        digest = hashlib.sha256()
        while chunk := self.read(CHUNK):
            digest.update(chunk)
        self._file.seek(0)
        return digest.hexdigest()


def _settled(folder: Path, settled_s: float) -> list[Path]:
    """Find the files that seem whole, the oldest first. Links may lead anywhere, so none is followed."""
    found = []
    for path in folder.iterdir():
        hidden = path.name.startswith(".") or path.name.lower().endswith(UNFINISHED)
        with suppress(FileNotFoundError):
            seen = path.lstat()
            if stat.S_ISREG(seen.st_mode) and not hidden and time.time() - seen.st_mtime >= settled_s:
                found.append((seen.st_mtime_ns, path))
    return [path for _, path in sorted(found)]


def _import(path: Path, uploads: Path, limits: Limits, address: str) -> Outcome:
    with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
        whole = _Whole(file)
        delivery = _recognise(path, whole)
        try:
            import_id = _known(db.session(), delivery) or _receive(db.session(), uploads, delivery, whole, limits)
        except SheetRefused as refused:
            return Outcome(delivery, HELD, f"{refused}\n")
    worker.finish(import_id)
    import_ = db.session.get_one(Import, import_id, populate_existing=True)
    kept_in = DONE if import_.state in ("applied", "undone") else HELD
    lines = [*summary(db.session(), import_), f"{address}/imports/{import_id}"]
    return Outcome(delivery, kept_in, "\n".join(lines) + "\n")


def _recognise(path: Path, whole: _Whole) -> Delivery:
    """Tell this delivery from one of the same file on another night, which may have to be imported again."""
    mark = hashlib.sha256(f"{path.name}\0{whole.seen.st_mtime_ns}\0{whole.digest()}".encode("utf-8", "surrogateescape"))
    return Delivery(path, mark.hexdigest(), datetime.fromtimestamp(whole.seen.st_mtime, UTC))


def _known(session: Session, delivery: Delivery) -> int | None:
    with only_reading():
        known = session.scalar(select(Import.id).where(Import.delivery == delivery.mark))
        session.rollback()
    return known


def _receive(session: Session, uploads: Path, delivery: Delivery, whole: _Whole, limits: Limits) -> int:
    try:
        stream: Any = whole
        return imports.receive(session, uploads, delivery.path.name, stream, ACTOR, limits=limits, delivery=delivery.mark).id
    except IntegrityError:
        # Another watcher was faster by a moment.
        session.rollback()
        return _known(session, delivery) or 0


def _move_aside(folder: Path, outcome: Outcome) -> None:
    """Write the report, then move the file: a kill in between leaves the file where the next look finds it."""
    place = folder / outcome.kept_in
    place.mkdir(exist_ok=True)
    (place / f"{outcome.delivery.aside}.report.txt").write_text(outcome.report, encoding="utf-8")
    outcome.delivery.path.replace(place / outcome.delivery.aside)


def _stamp(seen: os.stat_result) -> tuple[int, int]:
    return seen.st_size, seen.st_mtime_ns
