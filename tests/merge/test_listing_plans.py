"""However the list is sorted and filtered, it is read through indexes: no look at each student, and no sort of them all."""

import re

import pytest
from sqlalchemy import event, text

from merge import listing
from merge.places import place_of, write_place
from merge.query import parse_query
from models import Student, db

PEOPLE = 3_000
QUERIES = [
    {},
    {"q": "number 7"},
    {"q": "number 2999"},
    {"q": "nobody"},
    {"q": "be"},
    {"min_age": "12", "max_age": "13"},
    {"min_score": "99"},
    {"blank_score": "yes"},
    {"min_score": "20", "below_score": "20.5"},
    {"outside_score": "yes"},
    {"outside_score": "no", "max_age": "11"},
    {"same_name": "yes"},
    {"same_name": "no", "min_score": "99"},
    {"blank_age": "no", "min_score": "20", "max_score": "21"},
    {"since": "2020-01-01"},
    {"since": "2999-01-01"},
    {"import": "1"},
    {"q": "number 29", "min_age": "12", "since": "2020-01-01"},
]
SORTS = [sort for column in ("id", "name", "age", "score") for sort in (column, f"-{column}")]


@pytest.fixture
def school(session, store, backend):
    store(
        (n, f"Student Number {n}", None if n % 9 == 4 else n % 8 + 11, None if n % 7 == 3 else n % 1000 / 10)
        for n in range(1, PEOPLE + 1)
    )
    if backend == "postgresql":
        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))


@pytest.fixture
def plans(session, backend):
    """Give how the database carries out whatever is read meanwhile, a text a statement."""
    seen = []

    def explain(connection, cursor, statement, parameters, _context, _many):
        if statement.lstrip().startswith(("SELECT", "WITH")) and "pg_class" not in statement and "to_regclass" not in statement:
            other = connection.connection.cursor()
            other.execute(("EXPLAIN " if backend == "postgresql" else "EXPLAIN QUERY PLAN ") + statement, parameters)
            plan = "\n".join(str(row[-1]) for row in other.fetchall())
            # SQLite keeps a table in the order of its key; who asks for that order and stops at a limit uses an index.
            by_key = backend == "sqlite" and re.search(r"ORDER BY students.id( ASC| DESC)?\s+LIMIT", statement)
            seen.append(plan.replace("SCAN students", "SCAN students USING INDEX") if by_key else plan)
            other.close()

    event.listen(db.engine, "before_cursor_execute", explain)
    yield seen
    event.remove(db.engine, "before_cursor_execute", explain)


@pytest.mark.usefixtures("school")
@pytest.mark.parametrize("sort", SORTS)
def test_no_page_and_no_count_reads_all_students(session, plans, sort, monkeypatch):
    # What a million students would meet, a few thousand do with these.
    monkeypatch.setattr(listing, "FIRST_WALK", 200)
    monkeypatch.setattr(listing, "LONGEST_WALK", 1_000)
    monkeypatch.setattr("merge.counting.LARGE", 1_000)
    middle = session.get_one(Student, PEOPLE // 2)
    for arguments in QUERIES:
        query = parse_query(arguments | {"sort": sort})
        there = write_place(query, place_of(query, middle))
        for place in ({}, {"after": there}, {"before": there}, {"before": listing.END}):
            plans.clear()
            listing.page(session, parse_query(arguments | {"sort": sort} | place))
            listing.count(session, query)
            assert plans
            for plan in plans:
                assert not _reads_all(plan), f"{arguments} {sort} {place}\n{plan}"


@pytest.mark.usefixtures("school")
@pytest.mark.parametrize("sort", SORTS)
def test_a_list_without_filters_is_not_sorted_but_read_in_order(session, plans, sort):
    plans.clear()
    listing.page(session, parse_query({"sort": sort, "before": listing.END}))
    for plan in plans:
        assert not re.search(r"\bSort\b|TEMP B-TREE", plan), plan


@pytest.mark.usefixtures("school")
@pytest.mark.parametrize("backend", ["postgresql"])
def test_a_sample_tells_about_how_many_match_and_tells_the_same_again(session, monkeypatch):
    monkeypatch.setattr("merge.counting.LARGE", 1_000)
    monkeypatch.setattr("merge.counting.MOST_AT_ONCE", 100)
    query = parse_query({"q": "number 1"})
    told = listing.count(session, query)
    assert told.kind == "about"
    assert 1_400 <= told.number <= 1_700  # 1,542 in truth
    assert listing.count(session, query) == told
    session.execute(text("DELETE FROM students"))
    assert listing.count(session, query) == listing.Count(0)


def _reads_all(plan):
    """Find a look at each student; one through an index follows its order, and stops at the end of the page or of the walk."""
    return re.search(r"Seq Scan on students|SCAN students(?! USING (COVERING )?INDEX)", plan)
