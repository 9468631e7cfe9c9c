"""Cut what lies between two values into a few bars at round numbers, as a histogram shows it."""

from collections.abc import Sequence
from datetime import datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

from sqlalchemy import ColumnElement, case, func, literal, select
from sqlalchemy.orm import Session

from merge.columns import StudentColumn
from models import students

MOST_BARS = 12
SMALLEST = Decimal("1e-9")
NOWHERE = -1


def edges(session: Session, column: StudentColumn) -> list[Any]:
    """Give where each bar of the column begins, and where the last one ends; none where no student has a value that fits."""
    least, greatest = session.execute(_ends(column)).one()
    if least is None or greatest is None or least > greatest:
        return []
    whole = column.kind is int
    # A bar ends before the next one begins, and so a whole number after its last.
    low, high = Decimal(str(least)), Decimal(str(greatest)) + whole
    step = _step(high - low, Decimal(1) if whole else SMALLEST)
    start = (low / step).to_integral_value(ROUND_FLOOR) * step
    number = max(1, int(((high - start) / step).to_integral_value(ROUND_CEILING)))
    return [column.kind(start + step * place) for place in range(number + 1)]


def place(value: ColumnElement[Any], column: StudentColumn, between: Sequence[Any]) -> ColumnElement[int]:
    """Tell in which bar a value stands; what is blank or does not fit stands nowhere."""
    nowhere = value.is_(None) | (value < column.minimum) | (value > column.maximum)
    return case((nowhere, NOWHERE), else_=_part(value, between))


def day(moment: ColumnElement[datetime], mornings: Sequence[datetime]) -> ColumnElement[int]:
    """Tell on which of the days, whose beginnings these are, a moment lies."""
    return _part(moment, [*mornings, mornings[-1]])


def _part(value: Any, between: Sequence[Any]) -> ColumnElement[int]:
    """Compare as the list's filters do, so that each bar counts exactly what its list holds."""
    inner = [(value < edge, number) for number, edge in enumerate(between[1:-1])]
    return case(*inner, else_=len(inner)) if inner else literal(0)


def _ends(column: StudentColumn) -> Any:
    """Ask for the least and the greatest value that fits; each is one step into the index."""
    own = students.c[column.name]
    return select(
        select(func.min(own)).where(own >= column.minimum).scalar_subquery(),
        select(func.max(own)).where(own <= column.maximum).scalar_subquery(),
    )


def _step(span: Decimal, smallest: Decimal) -> Decimal:
    """Find the smallest of 1, 2, 5, 10, 20 … times this that cuts the span into few enough bars."""
    step = smallest
    while span > step * MOST_BARS:
        step *= Decimal("2.5") if step.as_tuple().digits[0] == 2 else 2
    return step
