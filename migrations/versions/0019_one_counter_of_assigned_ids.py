"""Count the ids that Rollbook assigns apart from those that people choose, in one place"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

COUNTER = "assigned student ids"
# As merge/ids.py has it.
UNUSUAL, SMALL = 1_000, 1_000


def upgrade() -> None:
    last = _last_assigned()
    if op.get_bind().dialect.name != "postgresql":
        op.execute(sa.text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :last)").bindparams(name=COUNTER, last=last))
        return
    # The column was made with a sequence of its own, which nothing has ever advanced.
    own = op.get_bind().scalar(sa.text("SELECT pg_get_serial_sequence('students', 'id')"))
    op.execute("ALTER TABLE students ALTER COLUMN id SET DEFAULT nextval('students_id_seq')")
    if own and not own.endswith(".students_id_seq"):
        op.execute(f"DROP SEQUENCE {own}")
    op.execute("ALTER SEQUENCE students_id_seq OWNED BY students.id")
    op.execute(f"SELECT setval('students_id_seq', {max(last, 1)}, {'true' if last else 'false'})")


def downgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        op.execute(sa.text("DELETE FROM sqlite_sequence WHERE name = :name").bindparams(name=COUNTER))
        return
    op.execute("ALTER SEQUENCE students_id_seq OWNED BY NONE")
    op.execute("CREATE SEQUENCE students_id_seq1 OWNED BY students.id")
    op.execute("ALTER TABLE students ALTER COLUMN id SET DEFAULT nextval('students_id_seq1')")


def _last_assigned() -> int:
    """Go on from the highest id there ever was, but for those that are too far above all others to have been assigned."""
    highest = _highest_below(None)
    while highest > UNUSUAL * SMALL and highest > UNUSUAL * max(SMALL, below := _highest_below(highest)) and below:
        highest = below
    return highest


def _highest_below(bound: int | None) -> int:
    condition = "" if bound is None else f" WHERE student_id < {bound}"
    return op.get_bind().scalar(sa.text(f"SELECT max(student_id) FROM revisions{condition}")) or 0  # noqa: S608  a number
