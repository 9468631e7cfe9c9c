"""The school in figures: right to the last student, each bar as the list counts it, and kept until something changes."""

from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, update

from merge import figures, listing, spread
from merge.columns import BY_NAME
from merge.door import open_change
from models import Change, KeptFigures, Student, now, students
from tests.examples import examples

PEOPLE = [
    (1, "Ada Berg", 11, 90.0),
    (2, "Ada Berg", 11, None),
    (3, "Bo Lund", 12, 70.0),
    (4, "Cy Ng", 12, 69.5),
    (5, "Di Ng", 12, 100.0),
    (6, "Eve Roe", None, 12.5),
    (7, "Flo Roe", 140, 100.5),
    (8, "ADA BERG", 14, -1.0),
]


def test_everything_is_counted(session, store):
    store(PEOPLE)
    counted = figures.count(session)
    assert (counted.students, counted.same_name) == (8, 2)
    assert counted.blanks == {"age": 1, "score": 1}
    assert counted.outside == {"age": 0, "score": 2}
    assert [(bar.low, bar.high, bar.number) for bar in counted.bars["score"] if bar.number] == [
        (10.0, 20.0, 1),
        (60.0, 70.0, 1),
        (70.0, 80.0, 1),
        (90.0, 100.0, 2),
    ]
    assert [(bar.low, bar.high) for bar in counted.bars["age"]] == [(low, low + 20) for low in range(0, 160, 20)]
    assert [bar.quarters for bar in counted.by["score"] if bar.number] == [[69.5, 70.0, 90.0]]
    assert counted.days == [0] * (figures.DAYS - 1) + [8]


def test_an_empty_school_has_no_bars(session):
    counted = figures.count(session)
    assert (counted.students, counted.same_name, counted.bars, counted.by) == (0, 0, {}, {})


values = st.tuples(st.none() | st.integers(0, 150), st.none() | st.floats(0, 100) | st.integers(0, 1000).map(lambda n: n / 10))


@settings(max_examples=examples(8), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(people=st.lists(values, min_size=1, max_size=30))
def test_each_bar_counts_what_the_list_of_its_bounds_holds(session, people):
    rows = [
        {"id": n, "name": f"Student {n}", "age": age, "score": score, "version": 1} for n, (age, score) in enumerate(people, 1)
    ]
    session.execute(students.insert(), rows)
    counted = figures.count(session)
    for name, bars in counted.bars.items():
        assert len(bars) <= spread.MOST_BARS + 1
        assert sum(bar.number for bar in bars) + counted.blanks[name] == len(people)
        for bar in bars:
            under = "max" if bar == bars[-1] and BY_NAME[name].kind is float else "below"
            bounds = {f"min_{name}": str(bar.low), f"{under}_{name}": str(min(bar.high, BY_NAME[name].maximum))}
            if BY_NAME[name].kind is int and bar.high > BY_NAME[name].maximum:
                del bounds[f"{under}_{name}"]
            assert listing.count(session, listing.parse_query(bounds)).number == bar.number
    for bar in counted.by.get("score", []):
        inside = sorted(score for age, score in people if age is not None and score is not None and bar.low <= age < bar.high)
        assert bar.number == len(inside)
        if inside:
            assert list(bar.quarters) == [inside[-(-len(inside) * quarter // 4) - 1] for quarter in (1, 2, 3)]
    session.rollback()


@pytest.mark.parametrize(
    ("least", "greatest", "ends"),
    [(0.0, 100.0, (0.0, 100.0, 10)), (11, 18, (11, 19, 8)), (0.31, 0.34, (0.31, 0.34, 6)), (5.0, 5.0, (5.0, 5.000000001, 1))],
)
def test_bars_begin_and_end_at_round_numbers(session, store, least, greatest, ends):
    name = "age" if isinstance(least, int) else "score"
    store(
        [
            (1, "Ada", *((least, None) if name == "age" else (None, least))),
            (2, "Bo", *((greatest, None) if name == "age" else (None, greatest))),
        ]
    )
    edges = spread.edges(session, BY_NAME[name])
    assert (edges[0], edges[-1], len(edges) - 1) == ends


def test_each_day_counts_what_was_changed_on_it(session, store):
    store(PEOPLE[:3])
    session.execute(update(Change).values(at=now() - timedelta(days=2)))
    store(PEOPLE[3:5])
    session.execute(update(Change).where(Change.id == 2).values(at=now() - timedelta(days=figures.DAYS)))
    store(PEOPLE[5:])
    assert Counter(dict(enumerate(figures.count(session).days))) == Counter({figures.DAYS - 3: 3, figures.DAYS - 1: 3})


def keep(session):
    """Be the worker once, and tell whether something was counted or dated anew."""
    renewal = figures.renewal(session)
    if renewal is not None:
        session.execute(renewal)
        session.commit()
        session.expire_all()
    return renewal is not None


def test_what_was_counted_of_a_large_school_is_shown_until_it_is_counted_anew(session, store, monkeypatch):
    monkeypatch.setattr(figures, "FEW", 2)
    store(PEOPLE[:3])
    assert keep(session)
    store(PEOPLE[3:])
    assert figures.look(session).students == 3
    assert keep(session)
    assert figures.look(session) == figures._read(session.get_one(KeptFigures, 1))
    assert figures.look(session).students == 8


def test_it_is_counted_anew_after_each_change_and_each_day_and_dated_anew_now_and_then(session, store, monkeypatch):
    assert keep(session)
    assert not keep(session)
    open_change(session, "office@school.test", "form")
    assert keep(session)
    counted = session.get_one(KeptFigures, 1).at
    for later in (figures.FRESH * 2, timedelta(days=1)):
        monkeypatch.setattr(figures, "now", lambda moment=counted + later: moment)
        assert keep(session)
        assert not keep(session)
        assert session.get_one(KeptFigures, 1).at == counted + later
    assert session.scalar(select(func.count()).select_from(Student)) == 0


def test_a_few_students_are_counted_whenever_somebody_looks(session, store):
    keep(session)
    store(PEOPLE)
    assert figures.look(session).students == 8
