"""Show an import's rows by verdict: the student before and after, or the sheet's own cells with what is wrong in them."""

from dataclasses import dataclass
from itertools import chain, repeat
from typing import Any

from sqlalchemy import FromClause, Select, and_, exists, select
from sqlalchemy import Row as SqlRow
from sqlalchemy.orm import Session

from merge.columns import BY_NAME, COLUMNS, KEY, VALUES, column_of
from merge.imports import BUSY
from merge.problems import load_problems
from merge.sheet import Sheet
from merge.stage import SEPARATOR
from models import Import, now, planned_rows, revisions, staged_rows, students

# The states in which the staged rows are whole.
SHOWN = ("ready", "applying", "applied")
STEPS = {
    "reading": "Reading the sheet",
    "comparing": "Comparing it with the students",
    "applying": "Writing the changes",
    "undoing": "Taking the changes back",
}
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
    """Give the state and how far the present step has come: rows, share from 0 to 1, rows a second, seconds left."""
    seconds = (now() - import_.step_at).total_seconds() if import_.step_at and import_.state in BUSY else 0.0
    # How many rows a sheet has is known only when it is read; until then it follows from the share that is.
    in_all = round(import_.rows / import_.share) if import_.step == "reading" and import_.share else import_.rows
    done = round(import_.share * in_all)
    figures = {
        "state": import_.state,
        "busy": import_.state in BUSY,
        "step": import_.step,
        "rows": import_.rows,
        "rows_done": done,
        "rows_total": in_all,
        "share": round(import_.share, 3),
        "rate": round(done / seconds) if seconds and done else None,
        "seconds_left": round(seconds / import_.share - seconds) if seconds and import_.share else None,
    }
    return {**figures, "sentence": _progress_sentence(figures), **counts(import_)}


def _progress_sentence(figures: dict[str, Any]) -> str:
    if not figures["step"]:
        return "It waits for its turn."
    if not figures["rate"]:
        return f"{STEPS[figures['step']]}."
    about = "about " if figures["step"] == "reading" else ""
    return (
        f"{STEPS[figures['step']]}: {figures['rows_done']:,} of {about}{figures['rows_total']:,} rows, "
        f"{figures['rate']:,} rows a second, about {figures['seconds_left']:,} seconds left."
    )


def applied_before(session: Session, import_: Import) -> Import | None:
    """Give the newest earlier import of this very file that was applied, if there is one."""
    earlier = (Import.sha256 == import_.sha256, Import.id < import_.id, Import.state == "applied")
    return session.scalar(select(Import).where(*earlier).order_by(Import.id.desc()).limit(1))


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
    wrong = [sentences.get(column_of(name)) if name else None for name in names]
    cells = [Cell(cell, problem=problem) for cell, problem in zip(typed, wrong, strict=True)]
    return Row(line, cells, list(sentences.values()))
