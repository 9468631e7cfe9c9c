"""A sheet or a selection of students is kept, and queued as an import for a worker."""

import hashlib
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy.orm import Session

import audit
from audit import Act
from database import aside
from merge.choices import ReadingPlan, as_asked, headings_key, plan_reading, recall
from merge.options import AS_SUGGESTED, UploadOptions
from merge.questions import dump_questions
from merge.selection import Selection
from merge.sheet import discard_files, inspect
from merge.unattended import Limits
from merge.uploads import keep, sync
from models import Import
from words import Later


def receive(
    session: Session,
    uploads: Path,
    filename: str,
    stream: BinaryIO,
    actor: str,
    asked: UploadOptions = AS_SUGGESTED,
    *,
    limits: Limits | None = None,
    delivery: str | None = None,
) -> Import:
    """Keep the uploaded file and queue it for a worker. Raises SheetRefused, and then nothing is kept.

    A sheet whose rows mean nothing before a question is answered waits for that at once. One that comes with limits and
    stays within them is applied with nobody looking on. A delivery is received once: for another with the same mark,
    IntegrityError is raised.
    """
    return queue(session, look_at(session, uploads, filename, stream, asked), actor, limits=limits, delivery=delivery)


@dataclass(frozen=True)
class Upload:
    """A file that is kept and understood, and queued by nobody yet."""

    path: Path
    filename: str
    sha256: str
    plan: ReadingPlan

    def discard(self) -> None:
        discard_files(self.path)


def look_at(session: Session, uploads: Path, filename: str, stream: BinaryIO, asked: UploadOptions) -> Upload:
    """Keep an uploaded file and find out how to read it, while others write. Raises SheetRefused, and then nothing is kept."""
    path = uploads / uuid.uuid4().hex
    with aside(session):
        try:
            sha256 = keep(stream, path)
            plan = plan_reading(*as_asked(*recall(session, inspect(path)), asked))
            sync(path)
        except BaseException:
            discard_files(path)
            raise
    return Upload(path, filename, sha256, plan)


def queue(session: Session, upload: Upload, actor: str, *, limits: Limits | None = None, delivery: str | None = None) -> Import:
    """Queue an upload for a worker, and commit; where it can't be, its file goes."""
    sheet, options = upload.plan.sheet, upload.plan.options
    try:
        received = Import(
            actor=actor,
            filename=_shown_name(upload.filename),
            path=str(upload.path),
            size=upload.path.stat().st_size,
            sha256=upload.sha256,
            options=options.to_json(),
            sheet=sheet.to_json(),
            headings_key=headings_key(sheet.headings),
            limits=limits and limits.to_json(),
            delivery=delivery,
            **opening(upload.plan),
        )
        session.add(received)
        session.flush()
        audit.add(session, Act.SHEET_UPLOADED, f"import {received.id}", actor=actor, bytes=received.size)
        session.expunge(received)  # or its id would have to be asked for again, and wait for other writers
    except BaseException:
        upload.discard()
        raise
    session.commit()  # where that breaks off, nobody knows whether it is queued, so its file stays
    return received


def receive_selection(session: Session, uploads: Path, selection: Selection, title: Later, actor: str) -> int:
    """Queue a change of many students for a worker, and give its id. It waits for a person once its plan is made."""
    path, kind = uploads / uuid.uuid4().hex, "set" if selection.column else "delete"
    with aside(session):
        selection.write(path)
        sync(path)
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    received = Import(
        actor=actor,
        filename=kind,
        path=str(path),
        size=path.stat().st_size,
        sha256=sha256,
        options={"title": title.dump()},
        sheet=selection.as_sheet(path).to_json(),
        kind=kind,
    )
    session.add(received)
    session.flush()
    import_id = received.id
    audit.add(session, Act.BULK_PREPARED, f"import {import_id}", actor=actor, kind=received.kind)
    session.commit()
    return import_id


def opening(plan: ReadingPlan) -> dict[str, Any]:
    """Let a worker read the sheet, unless its rows mean nothing before somebody has answered a question."""
    questions = [question for question in plan.questions if question.blocks]
    return {"state": "ready" if questions else "uploaded", "questions": dump_questions(questions)}


def _shown_name(filename: str) -> str:
    """Keep the file's own name for people to recognise; no path is ever made from it."""
    name = filename.replace("\\", "/").rsplit("/", 1)[-1]
    printable = "".join(character for character in name if character.isprintable())
    return printable[-200:] or "sheet.csv"
