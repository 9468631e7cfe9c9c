"""What of a sheet's staged rows is meant, for the statements that match and compare them."""

from sqlalchemy import ColumnElement, and_

from models import staged_rows


def accepted(import_id: int) -> ColumnElement[bool]:
    """Keep an import's rows that can be used."""
    return and_(staged_rows.c.import_id == import_id, staged_rows.c.problems.is_(None))
