"""Gather all that is held on one student, for the student, their parents, or whoever else may ask for it."""

from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from typing import Any

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from merge import history
from merge.columns import COLUMNS, KEY
from merge.csv_text import BOM, STANDARD, Format, csv_row
from merge.erase import means
from merge.history import Entry
from merge.merged_ids import ids_of
from merge.problems import load_problems
from merge.stage import SEPARATOR
from models import AuditEntry, Import, KeptAnswer, Student, now, planned_rows, staged_rows

Held = dict[str, Any]
HEADINGS = ("where", "when", "who", "column", "value")


def held_on(session: Session, student_id: int, zone: tzinfo = UTC) -> Held | None:
    """Give everything, in words and values that a person can read; None for an id that nobody ever had."""
    ids = [student_id, *ids_of(session, student_id)]
    versions = [_version(one, entry, zone) for one in ids for entry in history.since(session, one, 0, limit=None)]
    if not versions:
        return None
    student = session.get(Student, student_id)
    answers = select(KeptAnswer).where(KeptAnswer.student_id.in_(ids)).order_by(KeptAnswer.at)
    mentions = select(AuditEntry).where(AuditEntry.about.in_([f"student {one}" for one in ids])).order_by(AuditEntry.id)
    return {
        "student": student_id,
        "gathered_at": _written(now(), zone),
        "record": student and {column.name: getattr(student, column.name) for column in COLUMNS},
        "merged": ids[1:],
        "versions": versions,
        "rows": list(_rows(session, student_id, zone)),
        "answers": [_answer(kept, zone) for kept in session.scalars(answers)],
        "audit": [_entry(entry, zone) for entry in session.scalars(mentions)],
    }


def as_csv(held: Held, written: Format = STANDARD) -> Iterator[str]:
    """Write it a value a line, for whoever opens it in a spreadsheet."""
    yield BOM + csv_row(HEADINGS, written.delimiter)
    for line in _lines(held):
        yield csv_row(map(written.cell, line), written.delimiter)


def _lines(held: Held) -> Iterator[tuple[Any, ...]]:
    for name, value in (held["record"] or {}).items():
        yield "record", "", "", name, value
    for version in held["versions"]:
        where = f"student {version['student']}, version {version['version']}, {version['reason']}"
        for name, value in version["values"].items():
            yield where, version["at"], version["actor"], name, value
    for row in held["rows"]:
        where = f"import {row['import']}, {row['filename']}, line {row['line']}"
        for part in ("typed", "planned", "problems"):
            for name, value in row[part].items():
                yield f"{where}, {part}", row["at"], row["actor"], name, value
    for answer in held["answers"]:
        yield "answer to another system", answer["at"], "", "", answer["body"]
    for entry in held["audit"]:
        yield "audit log", entry["at"], entry["actor"] or "", entry["act"], ""


def _written(at: datetime, zone: tzinfo) -> str:
    """Write a date and time as the zone's clock shows it, with its offset."""
    return at.astimezone(zone).isoformat(timespec="seconds")


def _answer(kept: KeptAnswer, zone: tzinfo) -> Held:
    """Give what the API answered and keeps, in case it is asked again."""
    return {"at": _written(kept.at, zone), "body": kept.body}


def _entry(entry: AuditEntry, zone: tzinfo) -> Held:
    """Give who did what about the student; from where is theirs who did it."""
    return {"at": _written(entry.at, zone), "actor": entry.actor, "act": entry.act, "details": entry.details}


def _version(student_id: int, entry: Entry, zone: tzinfo) -> Held:
    return {
        "student": student_id,
        "version": entry.version,
        "at": _written(entry.at, zone),
        "actor": entry.actor,
        "reason": entry.reason,
        "import": entry.import_id,
        "filename": str(entry.filename) if entry.filename else None,
        "deleted": entry.deleted,
        "values": entry.values,
    }


def _rows(session: Session, student_id: int, zone: tzinfo) -> Iterator[Held]:
    """Give the rows of sheets that are still kept: as typed, what is wrong with them, and what they would make of the student."""
    same_row = and_(planned_rows.c.import_id == staged_rows.c.import_id, planned_rows.c.line == staged_rows.c.line)
    found = (
        select(Import, staged_rows, planned_rows)
        .join(staged_rows, staged_rows.c.import_id == Import.id)
        .outerjoin(planned_rows, same_row)
        .where(means(student_id))
        .order_by(Import.id, staged_rows.c.line)
    )
    for row in session.execute(found).mappings():
        import_ = row["Import"]
        cells = row[staged_rows.c.cells].split(SEPARATOR)
        headings = [*import_.sheet["headings"], *[""] * len(cells)]
        planned = {column.name: row[planned_rows.c[column.name]] for column in COLUMNS if column is not KEY}
        yield {
            "import": import_.id,
            "filename": import_.filename,
            "state": import_.state,
            "at": _written(import_.at, zone),
            "actor": import_.actor,
            "line": row[staged_rows.c.line],
            "typed": dict(zip((_named(headings, place) for place in range(len(cells))), cells, strict=True)),
            "problems": {
                name or "row": problem.sentence(name)
                for name, problem in load_problems(row[staged_rows.c.problems] or "{}").items()
            },
            "verdict": row[planned_rows.c.verdict],
            "planned": planned if row[planned_rows.c.verdict] else {},
        }


def _named(headings: list[str], place: int) -> str:
    """Two columns may have one heading, or none."""
    heading = headings[place]
    return heading if heading and headings.index(heading) == place else f"{heading} (column {place + 1})".strip()
