"""Show an import's rows by verdict: the student before and after, or the sheet's own cells with what is wrong in them."""

from dataclasses import dataclass
from itertools import chain, repeat
from typing import Any

from sqlalchemy import FromClause, Select, and_, exists, select
from sqlalchemy import Row as SqlRow
from sqlalchemy.orm import Session

from merge.columns import BY_NAME, COLUMNS, KEY, VALUES
from merge.imports import BUSY
from merge.problems import load_problems
from merge.sheet import Sheet
from merge.stage import SEPARATOR
from models import Import, planned_rows, revisions, staged_rows, students

# The states in which the staged rows are whole.
SHOWN = ("ready", "applying", "applied")
ROWS = 100


@dataclass(frozen=True)
class Cell:
    """One cell as the page shows it."""

    after: str
    before: str | None = None
    """What stood there, where it differs."""
    problem: str | None = None


@dataclass(frozen=True)
class Row:
    line: int
    cells: list[Cell]
    problems: list[str]
    """What is wrong with the row, one sentence for each cell that has a problem."""


def counts(import_: Import) -> dict[str, int]:
    """Give the number of rows by verdict, in the order in which they matter."""
    return {
        "insert": import_.inserts,
        "update": import_.updates,
        "unchanged": import_.unchanged,
        "rejected": import_.rejected,
        "conflict": import_.conflicts,
    }


def progress(import_: Import) -> dict[str, Any]:
    """Give the state and how far it has come, as a page that waits needs it."""
    return {
        "state": import_.state,
        "busy": import_.state in BUSY,
        "rows": import_.rows,
        "share": round(import_.share, 3),
        **counts(import_),
    }


def headings(import_: Import, verdict: str) -> list[str]:
    """Name the columns that `rows` fills: the student's for a change, the sheet's own for a rejected row."""
    if verdict == "rejected":
        return [heading or "(no heading)" for heading in import_.sheet["headings"]]
    return [column.label for column in COLUMNS]


def rows(session: Session, import_: Import, verdict: str, after_line: int = 0) -> list[Row]:
    """Give the first hundred rows with that verdict behind a line."""
    if verdict == "rejected":
        sheet = Sheet(**import_.sheet)
        return [_rejected(sheet, row) for row in session.execute(_rejected_rows(import_.id, after_line))]
    if verdict == "unchanged":
        return [_changed(row) for row in session.execute(_unchanged_rows(import_.id, after_line))]
    return [_changed(row) for row in session.execute(_planned_rows(import_.id, verdict, after_line))]


def _planned_rows(import_id: int, verdict: str, after_line: int) -> Select[Any]:
    """Select the student as it will stand, from the plan, and as it stood, from the revision that the plan is based on."""
    base = and_(
        revisions.c.student_id == planned_rows.c.student_id,
        revisions.c.version == planned_rows.c.base_version,
        ~revisions.c.deleted,
    )
    return (
        _paired(planned_rows, revisions)
        .outerjoin(revisions, base)
        .where(planned_rows.c.import_id == import_id, planned_rows.c.verdict == verdict, planned_rows.c.line > after_line)
        .order_by(planned_rows.c.line)
        .limit(ROWS)
    )


def _unchanged_rows(import_id: int, after_line: int) -> Select[Any]:
    planned = exists().where(
        planned_rows.c.import_id == staged_rows.c.import_id,
        planned_rows.c.line == staged_rows.c.line,
        planned_rows.c.verdict.in_(("insert", "update", "conflict")),
    )
    return (
        _paired(staged_rows, students, after=students)
        .join(students, students.c.id == staged_rows.c.student_id)
        .where(staged_rows.c.import_id == import_id, staged_rows.c.problems.is_(None), staged_rows.c.line > after_line, ~planned)
        .order_by(staged_rows.c.line)
        .limit(ROWS)
    )


def _paired(rows: FromClause, before: FromClause, after: FromClause | None = None) -> Select[Any]:
    """Select line, id, and each value before and after, in the order in which `_changed` takes them apart."""
    after = rows if after is None else after
    pairs = [(before.c[column.name], after.c[column.name]) for column in VALUES]
    return select(rows.c.line, rows.c.student_id, before.c[VALUES[0].name].is_not(None), *chain(*pairs)).select_from(rows)


def _rejected_rows(import_id: int, after_line: int) -> Select[Any]:
    return (
        select(staged_rows.c.line, staged_rows.c.cells, staged_rows.c.problems)
        .where(staged_rows.c.import_id == import_id, staged_rows.c.problems.is_not(None), staged_rows.c.line > after_line)
        .order_by(staged_rows.c.line)
        .limit(ROWS)
    )


def _changed(row: SqlRow[Any]) -> Row:
    line, student_id, existed, *values = tuple(row)
    cells = [Cell(KEY.write(student_id))]
    for column, before, after in zip(VALUES, values[::2], values[1::2], strict=True):
        cells.append(Cell(column.write(after), column.write(before) if existed and before != after else None))
    return Row(line, cells, [])


def _rejected(sheet: Sheet, row: SqlRow[Any]) -> Row:
    line, text, dumped = tuple(row)
    typed = text.split(SEPARATOR)
    typed += [""] * (len(sheet.headings) - len(typed))
    sentences = {name: problem.sentence(BY_NAME[name].label if name else "") for name, problem in load_problems(dumped).items()}
    names = [*sheet.columns, *repeat(None, len(typed) - len(sheet.columns))]
    cells = [Cell(cell, problem=sentences.get(name) if name else None) for cell, name in zip(typed, names, strict=True)]
    return Row(line, cells, list(sentences.values()))
