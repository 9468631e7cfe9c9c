"""The files of uploads: on the disk for good before anybody is told so, and gone only once nothing names them any more."""

import hashlib
import os
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import event
from sqlalchemy.orm import Session

from merge.opening import discard_files, files_made_of

CHUNK = 1 << 20
DISCARDED = "discarded uploads"


def keep(stream: BinaryIO, path: Path) -> str:
    """Write the upload to its place, and give its SHA-256, by which the same file is known again."""
    digest = hashlib.sha256()
    with path.open("wb") as file:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
            file.write(chunk)
    return digest.hexdigest()


def sync(upload: Path) -> None:
    """Wait until an upload, all that was made of it, and their names would outlast a failure of the power."""
    for path in (upload, *files_made_of(upload), upload.parent):
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(file)
        finally:
            os.close(file)


def discard_after_commit(session: Session, upload: Path) -> None:
    """Remove an upload and what was made of it with the session's commit; where that fails or never comes, all stays."""
    session.info.setdefault(DISCARDED, []).append(upload)


@event.listens_for(Session, "after_commit")
def _discard(session: Session) -> None:
    for upload in session.info.pop(DISCARDED, ()):
        discard_files(upload)


@event.listens_for(Session, "after_rollback")
def _leave(session: Session) -> None:
    session.info.pop(DISCARDED, None)
