"""Go on with the rows that nobody had confirmed when their sheet was applied: they become an import of their own."""

import os
import shutil
import uuid
from pathlib import Path

from sqlalchemy import insert, literal, select
from sqlalchemy.orm import Session

import audit
from audit import Act
from merge.decisions import WrongState, as_shown
from merge.opening import discard_files, files_made_of
from merge.review import needs_review
from models import Import, planned_rows, staged_rows


def go_on_with_rest(session: Session, import_id: int, actor: str, *, version: int | None) -> int:
    """Make an import of the rows that need review still, commit, and give its id. It waits for somebody to confirm them.

    Where there is one already, it is that. Raises WrongState unless the import was applied as it was shown at that version,
    with such rows, and its file is kept.
    """
    shown = select(Import).where(as_shown(import_id, version, "applied"), Import.reviews > 0).with_for_update()
    import_ = session.scalar(shown.execution_options(populate_existing=True))
    if import_ is None or not import_.path or not Path(import_.path).exists():
        session.rollback()
        raise WrongState
    if (already := rest_of(session, import_id)) is not None:
        session.rollback()
        return already
    path = Path(import_.path).with_name(uuid.uuid4().hex)
    try:
        _copy_files(Path(import_.path), path)
        return _add(session, import_, path, actor)
    except BaseException:
        discard_files(path)
        raise


def rest_of(session: Session, import_id: int) -> int | None:
    """Give the import that goes on with the rows of another, unless it was cancelled or failed."""
    going_on = select(Import.id).where(Import.rest_of == import_id, Import.state.not_in(("cancelled", "failed")))
    return session.scalar(going_on.order_by(Import.id.desc()).limit(1))


def _copy_files(upload: Path, copy: Path) -> None:
    """Keep the upload and what was made of it under another name too, without writing it again where that can be."""
    for file in (upload, *files_made_of(upload)):
        named = file.with_name(file.name.replace(upload.name, copy.name, 1))
        try:
            os.link(file, named)
        except OSError:
            shutil.copyfile(file, named)


def _add(session: Session, import_: Import, path: Path, actor: str) -> int:
    rest = Import(
        **{name: getattr(import_, name) for name in ("filename", "size", "sha256", "kind", "options", "headings_key")},
        actor=actor,
        path=str(path),
        sheet={**import_.sheet, "path": import_.sheet["path"].replace(Path(import_.path).name, path.name)},
        state="ready",
        rows=import_.reviews,
        reviews=import_.reviews,
        share=1.0,
        rest_of=import_.id,
    )
    session.add(rest)
    session.flush()
    rest_id = rest.id
    lines = select(planned_rows.c.line).where(needs_review(import_.id))
    for table, rows in ((staged_rows, staged_rows.c.line.in_(lines)), (planned_rows, needs_review(import_.id))):
        names = [column.name for column in table.columns if column.name != "import_id"]
        there = select(literal(rest_id), *(table.c[name] for name in names)).where(table.c.import_id == import_.id, rows)
        session.execute(insert(table).from_select(["import_id", *names], there))
    audit.add(session, Act.SHEET_UPLOADED, f"import {rest_id}", actor=actor, rest_of=import_.id)
    session.commit()
    return rest_id
