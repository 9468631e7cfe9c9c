"""Keep each name's parts in order, by which sheets find students, and how many students a row could mean when it was compared"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

AT_ONCE = 20_000
# As merge/fold.py does it. In PL/pgSQL, since a function in SQL is not put in the place of its call where its argument is one.
NAME_KEY = r"""
CREATE OR REPLACE FUNCTION name_key(folded text) RETURNS text LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
    DECLARE
        one text;
        other text;
    BEGIN
        IF folded ~ '^[a-z0-9]+ [a-z0-9]+$' THEN
            one := split_part(folded, ' ', 1);
            other := split_part(folded, ' ', 2);
            RETURN CASE WHEN one COLLATE "C" <= other THEN folded ELSE other || ' ' || one END;
        END IF;
        RETURN coalesce(
            (
                SELECT string_agg(part, ' ' ORDER BY part COLLATE "C") FROM unnest(string_to_array(
                    translate(folded, ',;/''"-._()[]{}<>!?*#%&+=:~^|@$\“”„‚«»—·…', '   '), ' '
                )) AS part WHERE part <> ''
            ),
            folded
        );
    END
$$
"""
KEEP = """
CREATE OR REPLACE FUNCTION keep_folded() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        NEW.folded := fold_name(NEW.name);
        {key}
        RETURN NEW;
    END
$$
"""
WHEN_CHANGED = """
CREATE TRIGGER fold_changed_name BEFORE UPDATE ON students FOR EACH ROW
WHEN (NEW.name IS DISTINCT FROM OLD.name OR NEW.folded IS NULL {key}) EXECUTE FUNCTION keep_folded()
"""


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        op.add_column("students", sa.Column("name_key", sa.Text(), nullable=True))
        op.execute("UPDATE students SET name_key = name_key(folded)")
        op.create_index("ix_students_name_key", "students", ["name_key"])
        op.add_column("staged_rows", sa.Column("name_key", sa.Text(), nullable=True))
        op.add_column("planned_rows", sa.Column("namesakes", sa.Integer(), nullable=True))
        return
    # People go on working meanwhile. What was broken off begins anew, and finds done what was done.
    with op.get_context().autocommit_block():
        op.execute("ALTER TABLE students ADD COLUMN IF NOT EXISTS name_key text")
        op.execute("ALTER TABLE staged_rows ADD COLUMN IF NOT EXISTS name_key text")
        op.execute("ALTER TABLE planned_rows ADD COLUMN IF NOT EXISTS namesakes integer")
        _set_triggers(NAME_KEY, KEEP.format(key="NEW.name_key := name_key(NEW.folded);"), "OR NEW.name_key IS NULL")
        _give_all_a_key()
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS ix_students_name_key")
        op.execute("CREATE INDEX CONCURRENTLY ix_students_name_key ON students (name_key)")


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        _set_triggers(KEEP.format(key=""), "DROP FUNCTION name_key(text)", "")
    op.drop_column("planned_rows", "namesakes")
    op.drop_column("staged_rows", "name_key")
    op.drop_index("ix_students_name_key", "students")
    op.drop_column("students", "name_key")


def _set_triggers(first: str, second: str, changed: str) -> None:
    for statement in (first, second, "DROP TRIGGER IF EXISTS fold_changed_name ON students", WHEN_CHANGED.format(key=changed)):
        op.execute(statement)


def _give_all_a_key() -> None:
    """The trigger does it: a few thousand at a time, so that nobody waits long for one of them."""
    stretch = sa.text("SELECT max(id) FROM (SELECT id FROM students WHERE id > :last ORDER BY id LIMIT :number) AS stretch")
    fill = sa.text("UPDATE students SET name_key = NULL WHERE id BETWEEN :first AND :last AND name_key IS NULL")
    last = 0
    while end := op.get_bind().scalar(stretch, {"last": last, "number": AT_ONCE}):
        op.get_bind().execute(fill, {"first": last + 1, "last": end})
        last = end
