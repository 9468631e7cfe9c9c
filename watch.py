"""Import what other systems lay down in a folder, within limits, and move it aside with a report.

A file is taken first: moved into a folder of its own, whose name says from then on which delivery it is, and is kept with its
import. So a newer export under the same name is another delivery, and whatever moment a kill comes at, the next look finds
what was begun and goes on with it: nothing is imported twice, and nothing is lost.
"""

import errno
import logging
import os
import secrets
import shutil
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
from database import aside, only_reading
from merge.faults import fault_of
from merge.imports import receiving
from merge.options import AS_SUGGESTED, UploadOptions
from merge.problems import SheetRefused
from merge.report import summary
from merge.unattended import Limits
from models import Import, db

log = logging.getLogger(__name__)

ACTOR = "flask watch"
TAKEN, DONE, HELD = ".importing", "done", "held"
# Names under which programs write what is not whole yet.
UNFINISHED = (".part", ".partial", ".tmp", ".crdownload", ".filepart")
# In bytes: what a file system takes for a name (limits.h, NAME_MAX), less the time, the mark and ".report.txt".
MAX_NAME = 255 - 29 - 11
MARK_BYTES = 16


class NotUsable(RuntimeError):
    """The folder can't be watched; the message says why, as a sentence."""


@dataclass(frozen=True)
class Delivery:
    """A file that was taken, and what tells it from all others."""

    path: Path
    mark: str
    moment: datetime
    """When the file was written."""

    @property
    def name(self) -> str:
        """Give the file's name without what could pass for another line of a log or a report."""
        return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in self.path.name)

    @property
    def aside(self) -> str:
        """Give the name that it is moved under, which says when and which delivery it was, however often one comes."""
        return f"{self.moment:%Y-%m-%d %H.%M.%S} {self.mark[:8]} {_shortened(self.name)}"


@dataclass(frozen=True)
class Terms:
    """How the folder's sheets are imported, and within which limits they are applied."""

    limits: Limits
    asked: UploadOptions = AS_SUGGESTED


@dataclass(frozen=True)
class Outcome:
    """How a delivery ended: whether it is done with or held for a person, and the report."""

    delivery: Delivery
    kept_in: str
    report: str


def prepare(folder: Path) -> None:
    """Make the folders that deliveries are moved to, and see that they can be used. Raises NotUsable."""
    for place in (folder, *(folder / name for name in (TAKEN, DONE, HELD))):
        try:
            place.mkdir(exist_ok=True)
        except OSError as error:
            raise NotUsable(f"The folder {place} can't be made: {error.strerror}.") from None
        if place != folder and place.is_symlink():
            raise NotUsable(f"{place} is a link, and links are not followed. Make it a folder.")
        if not os.access(place, os.R_OK | os.W_OK | os.X_OK):
            raise NotUsable(f"Rollbook may not read and write in the folder {place}.")


def look(folder: Path, uploads: Path, terms: Terms, *, settled_s: float, max_bytes: int, address: str) -> Iterator[Outcome]:
    """Import each file in the folder that nobody has written to for so many seconds, and move it aside.

    A file that can't be read, for whatever reason, is held with a report that says so, and never keeps others waiting.
    Raises what the database says while it is away: the next look goes on.
    """
    for path in _settled(folder, settled_s):
        with suppress(FileNotFoundError):  # another watcher was faster
            _take(folder, path)
    for delivery in _taken(folder):
        try:
            outcome = _outcome(delivery, uploads, terms, max_bytes, address)
            _move_aside(folder, outcome)
        except (StillGrowing, FileNotFoundError):
            continue  # whoever moved it away has also done the rest
        except OSError as error:
            log.warning("%s could not be moved aside: %s", delivery.name, error.strerror)
            outcome = Outcome(delivery, TAKEN, f"It could not be moved aside, and is tried again: {error.strerror}.")
        yield outcome


class StillGrowing(RuntimeError):
    """Somebody writes to the file still."""


class _Whole:
    """Reads a file, and fails where it ends if somebody has written to it meanwhile."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._seen = os.fstat(file.fileno())

    def read(self, size: int) -> bytes:
        chunk = self._file.read(size)
        if not chunk and _stamp(os.fstat(self._file.fileno())) != _stamp(self._seen):
            raise StillGrowing
        return chunk


def _settled(folder: Path, settled_s: float) -> list[Path]:
    """Find the files that seem whole, the oldest first. Links may lead anywhere, so none is followed."""
    found = []
    for path in folder.iterdir():
        hidden = path.name.startswith(".") or path.name.lower().endswith(UNFINISHED)
        with suppress(FileNotFoundError):
            seen = path.lstat()
            if stat.S_ISREG(seen.st_mode) and not hidden and _is_settled(seen, settled_s):
                found.append((seen.st_mtime_ns, path))
    return [path for _, path in sorted(found)]


def _is_settled(seen: os.stat_result, settled_s: float) -> bool:
    """Tell by when the file was written last; where a clock was wrong, by when anything about it has changed."""
    now = time.time()
    written = seen.st_mtime if seen.st_mtime <= now else seen.st_ctime
    return written > now or now - written >= settled_s


def _take(folder: Path, path: Path) -> None:
    own = folder / TAKEN / secrets.token_hex(MARK_BYTES)
    own.mkdir()
    path.rename(own / path.name)


def _taken(folder: Path) -> list[Delivery]:
    """Give what was taken and not moved aside yet, the oldest first."""
    found = []
    for own in (folder / TAKEN).iterdir():
        with suppress(OSError):
            files = list(own.iterdir())
            if not files:
                own.rmdir()  # its file was moved aside, and a kill came before this
            found += [Delivery(file, own.name, _moment(file.lstat())) for file in files]
    return sorted(found, key=lambda delivery: (delivery.moment, delivery.path))


def _outcome(delivery: Delivery, uploads: Path, terms: Terms, max_bytes: int, address: str) -> Outcome:
    try:
        if delivery.path.lstat().st_size > max_bytes:
            return Outcome(delivery, HELD, f"This file is larger than {max_bytes >> 20:,} MB (ROLLBOOK_MAX_UPLOAD_MB).\n")
        return _import(delivery, uploads, terms, address)
    except SheetRefused as refused:
        return Outcome(delivery, HELD, f"{refused}\n")
    except PermissionError:
        return Outcome(delivery, HELD, "Rollbook may not read this file.\n")
    except (StillGrowing, FileNotFoundError):
        raise
    except Exception as error:
        db.session.rollback()
        if fault_of(error) is not None:
            raise
        log.exception("%s could not be read", delivery.name)
        return Outcome(delivery, HELD, "Rollbook could not read this file. The log says more.\n")


def _import(delivery: Delivery, uploads: Path, terms: Terms, address: str) -> Outcome:
    with open(os.open(delivery.path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
        stream: Any = _Whole(file)
        import_id = _known(db.session(), delivery) or _receive(db.session(), uploads, delivery, stream, terms)
    worker.finish(import_id)
    with aside(db.session()):
        import_ = db.session.get_one(Import, import_id, populate_existing=True)
        # Rows that have become doubtful only as it was applied wait for a person, too.
        kept_in = DONE if import_.state in ("applied", "undone") and not import_.reviews else HELD
        lines = [*summary(db.session(), import_), f"{address}/imports/{import_id}"]
    return Outcome(delivery, kept_in, "\n".join(lines) + "\n")


def _known(session: Session, delivery: Delivery) -> int | None:
    with only_reading():
        known = session.scalar(select(Import.id).where(Import.delivery == delivery.mark))
        session.rollback()
    return known


def _receive(session: Session, uploads: Path, delivery: Delivery, stream: BinaryIO, terms: Terms) -> int:
    try:
        given: dict[str, Any] = {"limits": terms.limits, "delivery": delivery.mark}
        return receiving.receive(session, uploads, delivery.name, stream, ACTOR, terms.asked, **given).id
    except IntegrityError:
        # Another watcher was faster by a moment.
        session.rollback()
        return _known(session, delivery) or 0


def _move_aside(folder: Path, outcome: Outcome) -> None:
    """Write the report, then move the file: a kill in between leaves the file where the next look finds it."""
    place, delivery = folder / outcome.kept_in, outcome.delivery
    aside = place / delivery.aside
    (place / f"{aside.name}.report.txt").write_text(outcome.report, encoding="utf-8")
    _move(delivery.path, aside)
    delivery.path.parent.rmdir()


def _move(source: Path, target: Path) -> None:
    """Move a file, also to another file system: there it has its name only once it is whole."""
    try:
        source.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        part = target.with_name(f".{secrets.token_hex(MARK_BYTES)}.part")
        shutil.copy2(source, part, follow_symlinks=False)
        part.rename(target)
        source.unlink()


def _moment(seen: os.stat_result) -> datetime:
    """Give when the file was written; now where that can't be, since a clock was wrong."""
    now = datetime.now(UTC)
    with suppress(OverflowError, ValueError, OSError):
        return min(datetime.fromtimestamp(seen.st_mtime, UTC), now)
    return now


def _shortened(name: str) -> str:
    """Cut a name in its middle where it would be too long for a file system with the rest."""
    if len(name.encode()) <= MAX_NAME:
        return name
    suffix = Path(name).suffix if len(Path(name).suffix.encode()) <= MAX_NAME // 2 else ""
    return name.removesuffix(suffix).encode()[: MAX_NAME - len(suffix.encode())].decode(errors="ignore") + suffix


def _stamp(seen: os.stat_result) -> tuple[int, int]:
    return seen.st_size, seen.st_mtime_ns
