"""Search names through an index of their trigrams: of PostgreSQL's pg_trgm on the table itself, of SQLite's FTS5 beside it."""

import logging
from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CursorResult,
    Engine,
    FromClause,
    Select,
    and_,
    case,
    column,
    event,
    exists,
    false,
    func,
    insert,
    literal,
    or_,
    select,
    table,
    text,
    update,
)
from sqlalchemy.orm import Session

from merge.columns import NAME
from merge.fold import fold_name, name_key
from models import revisions, students

INDEX = "ix_students_folded"
# SQLite's index. It is no table of the model: FTS5 makes it, and several more beneath it, in a migration.
student_names = table("student_names", column("student_names"), column("rowid"), column("name"))

TRIGRAM = 3
# No name has so many words, none of which is a part of another.
MOST_WORDS = 64
PLAIN = (
    "Search does without an index, which takes long in a large table: the extension pg_trgm is missing. "
    "README.md says how to add it."
)


def read_words(q: str) -> tuple[str, ...]:
    """Give the words that a name has to hold, folded; one that is a part of another says nothing more."""
    words = sorted(set(fold_name(q).split()), key=len, reverse=True)
    kept: list[str] = []
    for word in words[: MOST_WORDS * 10]:
        if not any(word in longer for longer in kept):
            kept.append(word)
    return tuple(kept[: MOST_WORDS + 1])


def has_words(rows: FromClause, words: Sequence[str]) -> ColumnElement[bool]:
    """Keep the rows whose name holds each of the words."""
    if _fits_no_name(words):
        return false()
    folded = rows.c.folded if "folded" in rows.c else func.fold_name(rows.c[NAME.name])
    return and_(*(folded.contains(word, autoescape=True) for word in words))


def find_ids(session: Session, words: Sequence[str]) -> Select[int] | None:
    """Select the students whose name holds each word, through the index; None where it knows none of them.

    It knows no word of one or two letters; those are common, so that students who have them are soon met in any order.
    """
    known = [word for word in words if len(word) >= TRIGRAM]
    if not known or not is_indexed(session):
        return None
    if session.get_bind().dialect.name == "postgresql" or _fits_no_name(words):
        return select(students.c.id).where(has_words(students, words))
    phrases = " AND ".join('"' + word.replace('"', '""') + '"' for word in known)
    found = select(student_names.c.rowid).where(student_names.c.name.op("MATCH")(phrases))
    if len(known) == len(words):
        return found
    return found.where(exists().where(students.c.id == student_names.c.rowid, has_words(students, words)))


def follow(session: Session, ours: ColumnElement[bool]) -> None:
    """Bring SQLite's index to these revisions, before the students follow them. PostgreSQL does so by itself."""
    if session.get_bind().dialect.name != "sqlite":
        return
    new = revisions.c
    same = exists().where(students.c.id == new.student_id, students.c[NAME.name] == new[NAME.name])
    outdated = (
        select(literal("delete"), students.c.id, students.c.folded)
        .join(revisions, students.c.id == new.student_id)
        .where(ours, new.version > 1, or_(new.deleted, new[NAME.name] != students.c[NAME.name]))
    )
    # FTS5 lets go of a name by a row in a column that is called as the table; it has to be told which name it was.
    gone = session.execute(insert(student_names).from_select(["student_names", "rowid", "name"], outdated))
    names = select(new.student_id, _fold(new[NAME.name])).where(ours, ~new.deleted, or_(new.version == 1, ~same))
    added = session.execute(insert(student_names).from_select(["rowid", "name"], names))
    assert isinstance(gone, CursorResult)
    assert isinstance(added, CursorResult)
    if added.rowcount != gone.rowcount:
        session.execute(text("UPDATE student_names_total SET number = number + :more"), {"more": added.rowcount - gone.rowcount})


def kept_beside(session: Session, *, unchanged: bool = False) -> dict[str, ColumnElement[Any]]:
    """Give what a student's row keeps for search beside its revision's values; a name that is unchanged is not folded again."""
    if session.get_bind().dialect.name != "sqlite":
        return {}
    new = revisions.c[NAME.name]
    kept = {"folded": _fold(new), "name_key": _key(_fold(new))}
    if not unchanged:
        return kept
    same = students.c[NAME.name] == new
    return {column: case((same, students.c[column]), else_=anew) for column, anew in kept.items()}


def index_anew(session: Session) -> None:
    """Build SQLite's index from all students there are, for whoever has filled the table at once."""
    if session.get_bind().dialect.name == "sqlite":
        folded = _fold(students.c[NAME.name])
        session.execute(update(students).where(students.c.folded.is_(None)).values(folded=folded, name_key=_key(folded)))
        session.execute(text("INSERT INTO student_names (student_names) VALUES ('delete-all')"))
        names = select(students.c.id, students.c.folded).order_by(students.c.id)
        session.execute(insert(student_names).from_select(["rowid", "name"], names))
        session.execute(text("UPDATE student_names_total SET number = (SELECT count(*) FROM students)"))


def compact(session: Session) -> None:
    """Have SQLite's index let go of the names that were taken out of it; until then it only marks them. Does not commit."""
    if session.get_bind().dialect.name == "sqlite":
        session.execute(text("INSERT INTO student_names (student_names) VALUES ('optimize')"))


def count_indexed(session: Session) -> int:
    """Tell how many students SQLite's index holds: it is kept beside it, since SQLite has to read a table to count it."""
    return int(session.execute(text("SELECT number FROM student_names_total")).scalar_one())


def is_indexed(session: Session) -> bool:
    """Tell whether there is an index: not on a PostgreSQL that has no pg_trgm, or had none when the table was made."""
    if session.get_bind().dialect.name != "postgresql":
        return True
    indexed: bool = session.execute(text("SELECT to_regclass(:name) IS NOT NULL"), {"name": INDEX}).scalar_one()
    if not indexed:
        _warn()
    return indexed


def prepare(engine: Engine) -> None:
    """Teach SQLite on each connection to fold names; on PostgreSQL a function does."""
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _teach)


def is_ours(name: str | None) -> bool:
    """Tell by its name a table or an index that search has beside the model."""
    return bool(name) and (name == INDEX or f"{name}_".startswith("student_names_"))


def folded(session: Session, name: ColumnElement[str]) -> ColumnElement[str]:
    """Fold a name in the database, as `students.folded` is."""
    return _fold(name) if session.get_bind().dialect.name == "sqlite" else func.fold_name(name)


def key_of(session: Session, name: ColumnElement[str]) -> ColumnElement[str]:
    """Give a name's key in the database, as `students.name_key` is."""
    return _key(_fold(name)) if session.get_bind().dialect.name == "sqlite" else func.name_key(func.fold_name(name))


def has_sign(session: Session, name: ColumnElement[str], signs: str) -> ColumnElement[bool]:
    """Tell whether a name has one of these signs, none of which means something within brackets."""
    if session.get_bind().dialect.name == "sqlite":
        return name.op("GLOB", is_comparison=True)(f"*[{signs}]*")
    return name.op("~", is_comparison=True)(f"[{signs}]")


def _teach(connection: Any, _record: object) -> None:
    connection.create_function("fold_name", 1, lambda name: name and fold_name(name), deterministic=True)
    connection.create_function("name_key", 1, lambda folded: folded and name_key(folded), deterministic=True)


def _fold(name: ColumnElement[str]) -> ColumnElement[str]:
    """Fold a name on SQLite, which can do so for plain letters: for each call of Python it waits for all of Python's threads."""
    return case((name.op("NOT GLOB")("*[^ -~]*"), func.lower(name)), else_=func.fold_name(name))


def _key(folded: ColumnElement[str]) -> ColumnElement[str]:
    """Give a folded name's key on SQLite, which can put two plain parts in order by itself."""
    two = and_(folded.op("NOT GLOB")("*[^a-z0-9 ]*"), folded.op("GLOB")("[a-z0-9]* [a-z0-9]*"), folded.op("NOT GLOB")("* * *"))
    blank = func.instr(folded, " ")
    first, second = func.substr(folded, 1, blank - 1), func.substr(folded, blank + 1)
    turned = second.op("||")(" ").op("||")(first)
    return case((and_(two, first <= second), folded), (two, turned), else_=func.name_key(folded))


@cache
def _warn() -> None:
    logging.getLogger(__name__).warning(PLAIN)


def _fits_no_name(words: Sequence[str]) -> bool:
    # A sign may fold to three.
    return len(words) > MOST_WORDS or any(len(word) > 3 * (NAME.maximum or 0) for word in words)
