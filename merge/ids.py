"""Student ids: one is one person's for ever. Those that Rollbook assigns go on from the last that it has assigned.

An id that somebody types, or that stands in a sheet, moves nothing: however high it is, the next one that is assigned is
the next that nobody has or ever had.
"""

from sqlalchemy import ColumnElement, CursorResult, exists, func, select, text
from sqlalchemy.orm import Session

from models import planned_rows, revisions, students

# So many times the highest id in use, or this one, an id is more likely a slip than a number of the school's.
UNUSUAL, SMALL = 1_000, 1_000
MANY = 10
# PostgreSQL has a sequence; SQLite keeps its own sequences in a table, in which ours is a row that belongs to no table.
COUNTER = "assigned student ids"
LAST = {
    "postgresql": text("SELECT last_value - CASE WHEN is_called THEN 0 ELSE 1 END FROM students_id_seq"),
    "sqlite": text(f"SELECT seq FROM sqlite_sequence WHERE name = '{COUNTER}'"),
}
NEXT = {
    "postgresql": text("SELECT nextval('students_id_seq')"),
    "sqlite": text(f"UPDATE sqlite_sequence SET seq = seq + 1 WHERE name = '{COUNTER}' RETURNING seq"),
}
RAISE = {
    "postgresql": text("SELECT setval('students_id_seq', :id) FROM students_id_seq WHERE last_value < :id OR NOT is_called"),
    "sqlite": text(f"UPDATE sqlite_sequence SET seq = :id WHERE name = '{COUNTER}' AND seq < :id"),
}
DRAWN = {
    "postgresql": "SELECT nextval('students_id_seq') AS id FROM generate_series(1, :number)",
    # The write lock is held, so nobody else can take the same numbers.
    "sqlite": f"""
        SELECT sqlite_sequence.seq + steps.step AS id FROM sqlite_sequence, (
            WITH RECURSIVE counted(step) AS (SELECT 1 UNION ALL SELECT step + 1 FROM counted WHERE step < :number)
            SELECT step FROM counted
        ) AS steps WHERE sqlite_sequence.name = '{COUNTER}'
    """,
}
WITHOUT_STUDENT = "import_id = :import_id AND problems IS NULL AND student_id IS NULL"
WAITING = text(f"SELECT count(*) FROM staged_rows WHERE {WITHOUT_STUDENT}")
GIVE = """
    WITH drawn AS MATERIALIZED ({drawn}),
    free AS (
        SELECT id, row_number() OVER (ORDER BY id) AS place FROM drawn
        WHERE NOT EXISTS (SELECT 1 FROM revisions WHERE revisions.student_id = drawn.id)
        AND NOT EXISTS (SELECT 1 FROM students WHERE students.id = drawn.id)
    ),
    waiting AS (SELECT line, row_number() OVER (ORDER BY line) AS place FROM staged_rows WHERE {waiting})
    UPDATE staged_rows SET student_id = free.id
    FROM waiting JOIN free ON free.place = waiting.place
    WHERE staged_rows.import_id = :import_id AND staged_rows.line = waiting.line
"""


def next_id(session: Session) -> int:
    """Assign an id that no student has or ever had."""
    while True:
        _skip_taken(session)
        candidate: int = session.execute(NEXT[_dialect(session)]).scalar_one()
        if not _is_taken(session, candidate):
            return candidate


def give_ids(session: Session, import_id: int) -> None:
    """Assign each staged row that has no student yet an id of its own, in the sheet's order. Nobody else gets those."""
    give = text(GIVE.format(drawn=DRAWN[_dialect(session)], waiting=WITHOUT_STUDENT))
    while number := session.execute(WAITING, {"import_id": import_id}).scalar_one():
        _skip_taken(session)
        given = session.execute(give, {"import_id": import_id, "number": number})
        assert isinstance(given, CursorResult)
        if _dialect(session) == "sqlite":
            last = session.execute(LAST["sqlite"]).scalar_one()
            session.execute(RAISE["sqlite"], {"id": last + number})


def last_assigned(session: Session) -> int:
    """Give the last id that Rollbook has assigned; 0 where it has assigned none."""
    last: int = session.execute(LAST[_dialect(session)]).scalar_one()
    return last


def go_on_from(session: Session, student_id: int) -> None:
    """Let the next id that is assigned come after this one."""
    if student_id:
        session.execute(RAISE[_dialect(session)], {"id": student_id})


def is_unusual(session: Session, student_id: int) -> bool:
    """Tell whether a new student's id is so much higher than all in use that it may be a slip."""
    in_use = _highest_in_use(session)
    return in_use is not None and student_id > _bound(in_use)


def unusual_above(session: Session, new: ColumnElement[bool]) -> int | None:
    """Give the bound above which the new ids among planned rows may be slips; None where there are none above it.

    Where many rows are mostly as high, or nobody has an id yet, the school's numbers are so high.
    """
    highest = session.scalar(select(func.max(planned_rows.c.student_id)).where(new)) or 0
    in_use = _highest_in_use(session)
    if highest <= _bound(in_use or 0):
        return None
    number = session.scalar(select(func.count()).select_from(planned_rows).where(new)) or 0
    if in_use is not None and number < MANY:
        return _bound(in_use)
    middle = select(planned_rows.c.student_id).where(new).order_by(planned_rows.c.student_id).offset((number - 1) // 2).limit(1)
    bound = _bound(max(in_use or 0, session.execute(middle).scalar_one()))
    return bound if highest > bound else None


def _bound(in_use: int) -> int:
    return UNUSUAL * max(in_use, SMALL)


def _highest_in_use(session: Session) -> int | None:
    highest: int | None = session.scalar(select(func.max(students.c.id)))
    return highest


def _skip_taken(session: Session) -> None:
    """Let the counter pass over ids that stand in a row and are taken, in one step."""
    last: int = session.execute(LAST[_dialect(session)]).scalar_one()
    if not _is_taken(session, last + 1):
        return
    following = revisions.alias("following")
    goes_on = exists().where(following.c.student_id == revisions.c.student_id + 1)
    end = select(revisions.c.student_id).where(revisions.c.student_id > last, ~goes_on)
    session.execute(RAISE[_dialect(session)], {"id": session.execute(end.order_by(revisions.c.student_id).limit(1)).scalar_one()})


def _is_taken(session: Session, student_id: int) -> bool:
    with session.no_autoflush:
        return bool(session.scalar(select(exists().where(revisions.c.student_id == student_id))))


def _dialect(session: Session) -> str:
    return session.get_bind().dialect.name
