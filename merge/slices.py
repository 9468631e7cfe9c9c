"""Cut work on many rows into slices, so that progress can be told, a cancel is heard, and memory stays flat."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, func, select
from sqlalchemy.orm import Session

from models import planned_rows, revisions, staged_rows

ROWS = 25_000
Slice = tuple[ColumnElement[bool], float]
"""A condition that selects the slice's rows, and what share of the work is done after it."""


def line_slices(session: Session, import_id: int, line: ColumnElement[int], larger: int = 1) -> Iterator[Slice]:
    """Cut a sheet by its lines, into slices so many times larger."""
    last = session.scalar(select(func.max(staged_rows.c.line)).where(staged_rows.c.import_id == import_id)) or 0
    number = max(1, round(last / (ROWS * larger))) if last else 0
    for place in range(number):
        yield and_(line > last * place // number, line <= last * (place + 1) // number), (place + 1) / number


def student_slices(session: Session, change_id: int, student_id: ColumnElement[int]) -> Iterator[Slice]:
    """Cut a change by its students' ids."""
    place = func.row_number().over(order_by=revisions.c.student_id).label("place")
    placed = select(revisions.c.student_id, place).where(revisions.c.change_id == change_id).subquery()
    starts = select(placed.c.student_id).where(placed.c.place % ROWS == 1).order_by(placed.c.student_id)
    ids: list[int | None] = [*session.scalars(starts), None]
    for number, (first, after) in enumerate(pairwise(ids), 1):
        here = student_id >= first
        yield here if after is None else and_(here, student_id < after), number / (len(ids) - 1)


def row_batches(session: Session, rows: Select[Any], size: int) -> Iterator[Sequence[Row[Any]]]:
    """Give selected planned rows, which have their line, in its order, so many at a time."""
    batches, last = rows.order_by(planned_rows.c.line).limit(size), 0
    while batch := session.execute(batches.where(planned_rows.c.line > last)).all():
        yield batch
        last = batch[-1].line
