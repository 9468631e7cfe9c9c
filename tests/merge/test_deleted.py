"""Who searches for a student who was deleted is told so."""

import pytest
from sqlalchemy import event, text

from merge import deleted, erase, history
from merge.query import parse_query
from models import db

WHO = "office@school.test"


@pytest.fixture
def find(session):
    """Give the ids of the deleted students whom a search means: find("ada")."""

    def find(q, **more):
        return [found.student_id for found in deleted.find_deleted(session, parse_query({"q": q, **more}))]

    return find


def test_a_deleted_student_is_found_by_words_of_the_name_and_by_the_id(session, add, remove, find):
    add(7, "Zoë Chen")
    add(8, "Zoë Lund")
    remove(7, version=1)
    assert find("zoe") == find("chen zo") == find("ZOË") == find("7") == [7]
    assert find("zoe lund") == find("8") == find("") == find("  ") == []
    (found,) = deleted.find_deleted(session, parse_query({"q": "7"}))
    assert (found.name, found.actor) == ("Zoë Chen", WHO)


def test_who_was_brought_back_or_deleted_again_is_found_as_they_are_now(session, add, remove, find):
    add(7, "Ada")
    remove(7, version=1)
    history.revert(session, 7, history.at_version(session, 7, 1), version=2, actor=WHO)
    assert find("ada") == find("7") == []
    remove(7, version=3)
    assert find("ada") == find("7") == [7]


def test_who_was_erased_is_found_by_the_id_only(session, add, remove, find):
    add(7, "Ada")
    remove(7, version=1)
    there = erase.outlook(session, 7)
    erase.erase(session, 7, version=there.version, seen=there.seen, actor=WHO)
    assert (find("ada"), find("7")) == ([], [7])
    assert deleted.find_deleted(session, parse_query({"q": "7"}))[0].name is None


def test_only_the_first_few_are_named_on_the_first_page_of_the_list(store, remove, find):
    store([(number, f"Ada {number}", None, None) for number in range(1, 9)])
    for number in range(1, 9):
        remove(number, version=1)
    assert find("ada") == [8, 7, 6, 5, 4]
    assert find("ada", after="x|1") == []


@pytest.mark.parametrize("q", ["%", "_", "ada' OR 1=1", "\\", "9" * 18, "٧"])
def test_a_search_for_signs_finds_nobody_else(add, remove, find, q):
    add(7, "Ada")
    remove(7, version=1)
    assert find(q) == []


def test_the_search_reads_deletions_from_their_index(session, add, remove, find):
    add(7, "Ada")
    remove(7, version=1)
    plans = []

    def explain(connection, _cursor, statement, parameters, _context, _many):
        if "deleted" in statement and "revisions" in statement and not statement.startswith("EXPLAIN"):
            prefix = "EXPLAIN " if connection.dialect.name == "postgresql" else "EXPLAIN QUERY PLAN "
            raw = connection.connection.cursor()
            raw.execute(prefix + statement, parameters)
            plans.append(" ".join(str(row) for row in raw.fetchall()))

    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SET LOCAL enable_seqscan = off"))  # a table of two rows is read as a whole otherwise
    event.listen(db.engine, "before_cursor_execute", explain)
    try:
        assert find("ada") == [7]
    finally:
        event.remove(db.engine, "before_cursor_execute", explain)
    assert any("ix_revisions_deleted" in plan for plan in plans), plans
