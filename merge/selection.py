"""Change many students of a list at once: they become a sheet, which is previewed, applied and undone as any other."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Select, String, cast, func, insert, literal, select
from sqlalchemy.orm import Session

from documents import SELECTION, known
from merge import listing
from merge.columns import BY_NAME, KEY
from merge.sheet import Sheet
from merge.stage import SEPARATOR, discard_staged
from models import staged_rows, students


@dataclass(frozen=True)
class Selection:
    """Whom to change, and how."""

    query: dict[str, str]
    """The address of the list."""
    ids: list[int] = field(default_factory=list)
    """Those of the list who were ticked; all of it where nobody was."""
    column: str | None = None
    """The column to set; None to delete the students."""
    value: str = ""
    """What to set it to, as it was typed."""

    @classmethod
    def read(cls, path: Path) -> "Selection":
        return known(cls, SELECTION.read(json.loads(path.read_text())))

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(SELECTION.write(asdict(self))))

    def as_sheet(self, path: Path) -> Sheet:
        """Give the headings and columns that the staged rows have."""
        named = [KEY, *([BY_NAME[self.column]] if self.column else [])]
        return Sheet(str(path), "utf-8", ",", [column.heading for column in named], [column.name for column in named])


def count_selected(session: Session, selection: Selection) -> int:
    return session.scalar(select(func.count()).select_from(_selected(session, selection).subquery())) or 0


def everybody(session: Session, selection: Selection) -> Select[Any]:
    """Select the students in the list's order, a value a column."""
    return listing.everybody(session, listing.parse_query(selection.query), selection.ids)


def stage_selected(session: Session, import_id: int, selection: Selection) -> int:
    """Stage a row for each selected student, by id, and count them. Does not commit."""
    discard_staged(session, import_id)
    chosen = _selected(session, selection).subquery("chosen")
    line = func.row_number().over(order_by=chosen.c.id) + 1
    key: ColumnElement[str] = cast(chosen.c.id, String)
    columns = {"import_id": literal(import_id), "line": line, "cells": key, "student_id": chosen.c.id}
    if selection.column:
        column = BY_NAME[selection.column]
        columns["cells"] = key + literal(SEPARATOR + selection.value)
        columns[column.name] = literal(column.read(selection.value), students.c[column.name].type)
    rows = select(*(value.label(name) for name, value in columns.items()))
    session.execute(insert(staged_rows).from_select(list(columns), rows))
    return session.scalar(select(func.count()).select_from(staged_rows).where(staged_rows.c.import_id == import_id)) or 0


def _selected(session: Session, selection: Selection) -> Select[int]:
    matching = listing.matching(session, select(students.c.id), listing.parse_query(selection.query))
    return matching.where(students.c.id.in_(selection.ids)) if selection.ids else matching
