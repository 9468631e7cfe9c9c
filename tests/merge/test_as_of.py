"""The table as it stood at any moment, page by page and whole."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, text

from merge import as_of
from merge.query import BadQuery, parse_moment
from models import Change, now
from tests.merge.conftest import table


@pytest.fixture
def moments(session, add, save, remove, upload, apply):
    """Write for a while, and keep what stood after each act: moments() gives (moment, table) pairs."""
    kept = [(now(), [])]

    def keep():
        kept.append((now(), table(session)))

    add(1, "Ada", 12)
    add(2, "Bo Ng", 13)
    keep()
    save({"id": 1, "name": "Ada L", "age": 12, "score": 50.0}, version=1)
    keep()
    applied = apply(upload("id,name\n2,Bo\n3,Cy Ng\n4,Di\n"))
    keep()
    remove(1, version=2)
    remove(4, version=1)
    keep()
    save({"id": 1, "name": "Ada again", "age": None, "score": None}, version=3)
    assert applied.state == "applied"
    keep()
    return kept


def test_each_moment_shows_what_stood_then(session, moments):
    for moment, stood in moments:
        assert _shown(session, as_of=moment.isoformat()) == stood
        assert [*map(tuple, session.execute(as_of.everybody(session, _query(as_of=moment.isoformat()))))] == stood


def test_it_is_searched_and_walked_both_ways(session, moments):
    moment = moments[3][0].isoformat()
    assert _ids(session, as_of=moment, q="ng") == [3]
    assert _ids(session, as_of=moment, q="NG cy") == [3]
    first = as_of.page(session, _query(as_of=moment, per_page="3"))
    assert (first.before, first.after) == (None, 3)
    second = as_of.page(session, _query(as_of=moment, per_page="3", after="3"))
    assert ([s["id"] for s in second.students], second.before, second.after) == ([4], 4, None)
    back = as_of.page(session, _query(as_of=moment, per_page="3", before="4"))
    assert ([s["id"] for s in back.students], back.before, back.after) == ([1, 2, 3], None, 3)


@pytest.mark.parametrize(
    ("typed", "moment"),
    [
        ("2026-03-01T12:00", datetime(2026, 3, 1, 12, tzinfo=UTC)),
        ("2026-03-01", datetime(2026, 3, 1, tzinfo=UTC)),
        ("2026-03-01T12:00:30+02:00", datetime(2026, 3, 1, 10, 0, 30, tzinfo=UTC)),
        ("2026-03-01T12:00:30 02:00", datetime(2026, 3, 1, 10, 0, 30, tzinfo=UTC)),
    ],
)
def test_a_moment_without_an_offset_is_in_utc(typed, moment):
    assert parse_moment(typed) == moment


@pytest.mark.parametrize("typed", ["", "yesterday", "2026-13-01", "9" * 50, "0001-01-01T00:00+23:59", "\x00"])
def test_what_is_no_moment_is_refused_with_a_sentence(typed):
    with pytest.raises(BadQuery, match="is not a date and time"):
        parse_moment(typed)


def test_a_page_reads_about_as_many_rows_as_it_shows(session):
    """Thirty thousand students with three versions each; no plan sorts them or reads them all."""
    session.execute(insert(Change), [{"id": n, "actor": "test", "reason": "form", "at": now() + timedelta(n)} for n in (1, 2, 3)])
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000)"
    names = "INSERT INTO revisions (student_id, version, change_id, name)"
    for version in (1, 2, 3):
        session.execute(text(f"{names} {numbers} SELECT i, {version}, {version}, 'Student ' || i FROM n"))  # noqa: S608  numbers of our own
    session.commit()
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("ANALYZE"))
    for place in ({}, {"after": "20000"}, {"before": "20000"}):
        query = _query(as_of=(now() + timedelta(2, 60)).isoformat(), **place)
        rows = as_of.page_rows(session, query)
        plan = _plan(session, rows)
        assert "Seq Scan" not in plan
        assert "SCAN revisions" not in plan.replace("SCAN revisions USING", "")
        assert "TEMP B-TREE" not in plan
        assert "Sort" not in plan
        assert len(as_of.page(session, query).students) == 50


def _plan(session, rows):
    explain = "EXPLAIN" if session.get_bind().dialect.name == "postgresql" else "EXPLAIN QUERY PLAN"
    compiled = rows.compile(session.get_bind(), compile_kwargs={"literal_binds": True})
    return "\n".join(str(row[-1]) for row in session.connection().exec_driver_sql(f"{explain} {compiled}"))


def _query(**arguments):
    return as_of.parse_query(arguments)


def _ids(session, **arguments):
    return [student["id"] for student in as_of.page(session, _query(**arguments)).students]


def _shown(session, **arguments):
    return list(map(_tuple, as_of.page(session, _query(**arguments)).students))


def _tuple(student):
    return tuple(student.values())
