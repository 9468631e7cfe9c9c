"""Student ids: the next free one, and a counter that stays ahead of ids that people choose themselves."""

from sqlalchemy import exists, select, text
from sqlalchemy.orm import Session

from models import revisions

NEXT = {
    "postgresql": text("SELECT nextval('students_id_seq')"),
    # The write lock is held, so nobody else can take the same number.
    "sqlite": text("SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'students'), 0) + 1"),
}
RAISE = {
    "postgresql": text("SELECT setval('students_id_seq', :id) FROM students_id_seq WHERE last_value < :id"),
    "sqlite": text("UPDATE sqlite_sequence SET seq = :id WHERE name = 'students' AND seq < :id"),
}


def next_id(session: Session) -> int:
    """Give an id that no student has or ever had."""
    while True:
        candidate: int = session.execute(NEXT[session.get_bind().dialect.name]).scalar_one()
        if not session.scalar(select(exists().where(revisions.c.student_id == candidate))):
            return candidate
        keep_ids_ahead(session, candidate)


def keep_ids_ahead(session: Session, highest: int) -> None:
    """Let the next id come after this one, which somebody chose."""
    session.execute(RAISE[session.get_bind().dialect.name], {"id": highest})
