"""Students who may be one person, entered twice; and those of whom somebody has said that they are two."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import BigInteger, ColumnElement, FromClause, Select, and_, cast, delete, exists, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

import audit
from audit import Act
from merge.columns import NAME
from merge.fold import fold_name
from merge.search import find_ids, read_words
from models import Student, distinct_students, now, students

SHOWN = 5
SPELLINGS: tuple[Callable[[str], str], ...] = (str, str.lower, str.upper, str.title, str.casefold)
namesakes = students.alias("namesakes")


@dataclass(frozen=True)
class Namesake:
    """Another student of the same name, and whether somebody has said that they are two people."""

    student: Student
    distinct: bool


def same_name(session: Session, student: Student) -> list[Namesake]:
    """Find others of the same name, but for case and accents. A name of very short words is found by its usual spellings only."""
    distinct = _are_distinct(students.c.id, student.id)
    others = select(Student, exists().where(distinct)).where(_may_be(session, student.name), Student.id != student.id)
    return [Namesake(*row) for row in session.execute(others.order_by(Student.id).limit(SHOWN))]


def shares_a_name(rows: FromClause) -> ColumnElement[bool]:
    """Tell a student whose name another one has who may be the same person."""
    namesake = and_(namesakes.c[NAME.name] == rows.c[NAME.name], namesakes.c.id != rows.c.id)
    return exists().where(namesake, ~exists().where(_are_distinct(rows.c.id, namesakes.c.id)))


def count_sharing_a_name() -> Select[int]:
    """Count the students whose name another one has who may be the same person."""
    shared = select(func.count().label("number")).select_from(students).group_by(students.c[NAME.name]).having(func.count() > 1)
    known = or_(distinct_students.c.first_id == students.c.id, distinct_students.c.second_id == students.c.id)
    namesake = exists().where(namesakes.c[NAME.name] == students.c[NAME.name], namesakes.c.id != students.c.id)
    settled = select(func.count()).select_from(students).where(exists().where(known), namesake, ~shares_a_name(students))
    sharing = shared.subquery()
    # A sum is a decimal on PostgreSQL, which figures can't be kept with.
    sharing_one = select(cast(func.coalesce(func.sum(sharing.c.number), 0), BigInteger))
    return select(sharing_one.scalar_subquery() - settled.scalar_subquery())


def count_distinct() -> Select[int]:
    return select(func.count()).select_from(distinct_students)


def say_distinct(session: Session, first_id: int, second_id: int, actor: str) -> None:
    """Remember that two students are two people, and commit. To say it twice changes nothing."""
    low, high = sorted((first_id, second_id))
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    said = dialect.insert(distinct_students).values(first_id=low, second_id=high, actor=actor, at=now())
    session.execute(said.on_conflict_do_nothing())
    audit.add(session, Act.STUDENTS_DISTINCT, f"student {low}", actor=actor, other=high)
    session.commit()


def forget(session: Session, student_id: int) -> None:
    """Drop what was said of a student who is erased. Does not commit."""
    ids = (distinct_students.c.first_id == student_id, distinct_students.c.second_id == student_id)
    session.execute(delete(distinct_students).where(or_(*ids)))


def _are_distinct(first: ColumnElement[int], second: ColumnElement[int] | int) -> ColumnElement[bool]:
    pairs = [
        (distinct_students.c.first_id, distinct_students.c.second_id),
        (distinct_students.c.second_id, distinct_students.c.first_id),
    ]
    return or_(*(and_(one == first, other == second) for one, other in pairs))


def _may_be(session: Session, name: str) -> ColumnElement[bool]:
    found = find_ids(session, read_words(name))
    if found is None:
        return Student.name.in_({spelling(name) for spelling in SPELLINGS})
    return Student.id.in_(found) & (func.fold_name(Student.name) == fold_name(name))
