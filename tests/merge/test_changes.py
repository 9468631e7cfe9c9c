"""What changed lately, by whom, by which import, on which day."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from merge import changes
from merge.query import BadQuery
from models import Change, now


@pytest.fixture
def lately(add, save, upload, apply):
    add(1, "Ada", 12)
    imported = apply(upload("id,name\n1,Ada L\n2,Bo\n"))
    save({"id": 2, "name": "Bo", "age": 13, "score": None}, version=1)
    return imported


def _told(page):
    return [
        (e.change.actor, e.change.reason, e.name, [(c.column.name, c.before, c.after) for c in e.cells]) for e in page.entries
    ]


def test_each_change_says_what_it_did(session, lately):
    page = changes.page(session, changes.parse_query({}))
    assert _told(page) == [
        ("office@school.test", "form", "Bo", [("age", "", "13")]),
        ("sec@school.test", "import", "", []),
        ("office@school.test", "form", "Ada", [("name", None, "Ada"), ("age", None, "12")]),
    ]
    assert page.entries[1].import_.id == lately.id
    assert page.before is None


@pytest.mark.usefixtures("lately")
@pytest.mark.parametrize(
    ("asked", "reasons"),
    [
        ({"actor": "sec@school.test"}, ["import"]),
        ({"actor": "nobody@school.test"}, []),
        ({"import": "1"}, ["import"]),
        ({"from": "2020-01-01", "to": "2020-12-31"}, ["form"]),
        ({"from": "2021-01-01"}, ["form", "import"]),
        ({"to": "2019-12-31"}, []),
        ({"from": "2999-01-01"}, []),
    ],
)
def test_changes_are_filtered(session, asked, reasons):
    first = session.query(Change.id).order_by(Change.id).limit(1).scalar()
    session.execute(update(Change).where(Change.id == first).values(at=now().replace(year=2020, month=6, day=15)))
    assert [entry.change.reason for entry in changes.page(session, changes.parse_query(asked)).entries] == reasons


def test_pages_follow_each_other(session, add, monkeypatch):
    monkeypatch.setattr("merge.changes.CHANGES", 2)
    for student_id in range(1, 6):
        add(student_id, f"Student {student_id}")
    seen, asked = [], {}
    while True:
        page = changes.page(session, changes.parse_query(asked))
        seen += [entry.student_id for entry in page.entries]
        if page.before is None:
            break
        asked = {"before": str(page.before)}
    assert seen == [5, 4, 3, 2, 1]


@pytest.mark.usefixtures("lately")
def test_those_who_changed_something_are_named_once(session):
    assert changes.actors(session, 10) == ["office@school.test", "sec@school.test"]
    assert changes.actors(session, 1) == ["office@school.test"]


@pytest.mark.parametrize(
    "asked", [{"import": "x"}, {"before": "-1"}, {"before": "9" * 30}, {"from": "soon"}, {"to": "2026-02-30"}]
)
def test_an_address_that_asks_for_nonsense_is_refused_with_a_sentence(asked):
    with pytest.raises(BadQuery, match=r"\.$"):
        changes.parse_query(asked)


def test_a_day_ends_where_the_next_begins(session, add):
    add(1, "Ada")
    today = now().date()
    for asked, number in (({"from": str(today), "to": str(today)}, 1), ({"to": str(today - timedelta(1))}, 0)):
        assert len(changes.page(session, changes.parse_query(asked)).entries) == number
