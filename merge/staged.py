"""Which of a sheet's rows are meant, for the statements that match and compare them."""

from sqlalchemy import ColumnElement, FromClause, and_

from models import planned_rows, staged_rows


def accepted(import_id: int) -> ColumnElement[bool]:
    """Keep an import's rows that can be used."""
    return and_(staged_rows.c.import_id == import_id, staged_rows.c.problems.is_(None))


def of_sheet(rows: FromClause, import_id: int) -> ColumnElement[bool]:
    """Keep all rows of a sheet: one that is corrected is compared under the negative of its import's id."""
    return rows.c.import_id.in_((import_id, -import_id))


def same_line() -> ColumnElement[bool]:
    """Tell the staged row and the planned row of one line."""
    return and_(staged_rows.c.import_id == planned_rows.c.import_id, staged_rows.c.line == planned_rows.c.line)
