"""Students who may be one person, entered twice."""

import unicodedata
from collections.abc import Callable

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Student

SHOWN = 5
SPELLINGS: tuple[Callable[[str], str], ...] = (str, str.lower, str.upper, str.title, str.casefold)


def same_name(session: Session, student: Student) -> list[Student]:
    """Find others of the same name, but for case and accents, by the spellings that people use: each is one look in the index."""
    names = {spelling(name) for name in (student.name, _without_accents(student.name)) for spelling in SPELLINGS}
    others = select(Student).where(Student.name.in_(names), Student.id != student.id)
    return list(session.scalars(others.order_by(Student.id).limit(SHOWN)))


def _without_accents(name: str) -> str:
    return "".join(character for character in unicodedata.normalize("NFKD", name) if not unicodedata.combining(character))
