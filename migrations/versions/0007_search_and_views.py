"""Search names through an index, and keep views of the list"""

import logging

import sqlalchemy as sa
from alembic import op
from sqlalchemy.exc import DBAPIError

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# As merge/fold.py folds. What is nothing but ASCII, as most names are, takes none of it. Kept to one expression, so that
# PostgreSQL puts it in the place of each call.
FOLD = r"""
CREATE FUNCTION fold_name(name text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN octet_length(name) = char_length(name) THEN lower(name) ELSE
        regexp_replace(
            replace(replace(replace(replace(
                translate(
                    lower(
                        regexp_replace(normalize(name, NFKD), '[\u0300-\u036f\u0591-\u05bd\u064b-\u0652]+', '', 'g') {collation}
                    ),
                    'đðøłħŧıς’‘ʼʻ`‐–', 'ddolhtiσ''''''''''--'
                ),
                'ß', 'ss'), 'æ', 'ae'), 'œ', 'oe'), 'þ', 'th'),
            '([\u3005-\u3007\u3040-\u30ff\u3400-\u9fff\U00020000-\U0003ffff])', '\1\1\1', 'g'
        )
    END
$$
"""
PLAIN_FOLD = "CREATE FUNCTION fold_name(name text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT lower(name)'"


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        _index_on_postgresql()
    else:
        # It holds no names, only which of them have which trigrams where. To let go of one by its id alone, as
        # contentless_delete would allow, takes twenty times as long as by its name.
        op.execute("""
            CREATE VIRTUAL TABLE student_names
            USING fts5(name, content='', columnsize=0, tokenize='trigram case_sensitive 1')
        """)
        op.execute("INSERT INTO student_names (rowid, name) SELECT id, fold_name(name) FROM students ORDER BY id")
        # How many students there are; SQLite would read them all to count them.
        op.execute("CREATE TABLE student_names_total AS SELECT count(*) AS number FROM students")
    op.create_table(
        "views",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_views_user_id_users"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_views")),
    )
    op.create_index("ix_views_user_id", "views", ["user_id"])


def downgrade() -> None:
    op.drop_table("views")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP INDEX IF EXISTS ix_students_search")
        op.execute("DROP FUNCTION fold_name(text)")
    else:
        op.execute("DROP TABLE student_names_total")
        op.execute("DROP TABLE student_names")


def _index_on_postgresql() -> None:
    connection = op.get_bind()
    unicode = connection.scalar(sa.text("SHOW server_encoding")) == "UTF8"
    connection.exec_driver_sql(FOLD.replace("{collation}", _collation(connection)) if unicode else PLAIN_FOLD)
    try:
        with connection.begin_nested():
            op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
            op.execute("CREATE INDEX ix_students_search ON students USING gin (fold_name(name) gin_trgm_ops)")
    except DBAPIError as refused:
        logging.getLogger(__name__).warning("Search will do without an index: %s", refused.orig)


def _collation(connection: sa.Connection) -> str:
    """A database whose locale is "C" knows small letters of ASCII alone; ICU's locale knows them all."""
    if connection.scalar(sa.text("SELECT lower('É') = 'é'")):
        return ""
    icu = connection.scalar(sa.text("SELECT EXISTS (SELECT FROM pg_collation WHERE collname = 'und-x-icu')"))
    return 'COLLATE "und-x-icu"' if icu else ""
