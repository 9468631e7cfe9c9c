"""Student ids: the next free one, and a counter that stays ahead of ids that people choose themselves."""

from sqlalchemy import CursorResult, exists, select, text
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

GIVEN = {
    "postgresql": text("SELECT last_value FROM students_id_seq"),
    "sqlite": text("SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'students'), 0)"),
}

WITHOUT_STUDENT = "import_id = :import_id AND problems IS NULL AND student_id IS NULL"
GIVE = {
    "postgresql": text(f"""
        UPDATE staged_rows SET student_id = given.id
        FROM (
            SELECT line, nextval('students_id_seq') AS id
            FROM (SELECT line FROM staged_rows WHERE {WITHOUT_STUDENT} ORDER BY line) AS ordered
        ) AS given
        WHERE staged_rows.import_id = :import_id AND staged_rows.line = given.line
    """),
    "sqlite": text(f"""
        UPDATE staged_rows SET student_id = given.id
        FROM (SELECT line, :before + row_number() OVER (ORDER BY line) AS id FROM staged_rows WHERE {WITHOUT_STUDENT}) AS given
        WHERE staged_rows.import_id = :import_id AND staged_rows.line = given.line
    """),
}


def next_id(session: Session) -> int:
    """Give an id that no student has or ever had."""
    while True:
        candidate: int = session.execute(NEXT[session.get_bind().dialect.name]).scalar_one()
        if not session.scalar(select(exists().where(revisions.c.student_id == candidate))):
            return candidate
        keep_ids_ahead(session, candidate)


def highest_given(session: Session) -> int:
    """Give the highest id that the counter has come to."""
    highest: int = session.execute(GIVEN[session.get_bind().dialect.name]).scalar_one()
    return highest


def give_ids(session: Session, import_id: int) -> None:
    """Give each staged row that has no student yet an id of its own, in the sheet's order. Nobody else gets those."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(GIVE["postgresql"], {"import_id": import_id})
        return
    before = next_id(session) - 1
    given = session.execute(GIVE["sqlite"], {"import_id": import_id, "before": before})
    assert isinstance(given, CursorResult)
    if given.rowcount:
        keep_ids_ahead(session, before + given.rowcount)


def keep_ids_ahead(session: Session, highest: int) -> None:
    """Let the next id come after this one, which somebody chose."""
    session.execute(RAISE[session.get_bind().dialect.name], {"id": highest})
