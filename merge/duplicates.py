"""Students who may be one person, entered twice."""

from collections.abc import Callable

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from merge.fold import fold_name
from merge.search import find_ids, read_words
from models import Student

SHOWN = 5
SPELLINGS: tuple[Callable[[str], str], ...] = (str, str.lower, str.upper, str.title, str.casefold)


def same_name(session: Session, student: Student) -> list[Student]:
    """Find others of the same name, but for case and accents. A name of very short words is found by its usual spellings only."""
    others = select(Student).where(_may_be(session, student.name), Student.id != student.id)
    return list(session.scalars(others.order_by(Student.id).limit(SHOWN)))


def _may_be(session: Session, name: str) -> ColumnElement[bool]:
    found = find_ids(session, read_words(name))
    if found is None:
        return Student.name.in_({spelling(name) for spelling in SPELLINGS})
    return Student.id.in_(found) & (func.fold_name(Student.name) == fold_name(name))
