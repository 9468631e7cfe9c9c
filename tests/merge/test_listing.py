"""The list: found, sorted, counted, and cut into pages that fit together."""

import base64
import json
import zlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from merge import listing
from merge.query import BadQuery
from models import Change, Student, students
from tests.examples import examples

PEOPLE = [
    (1, "Ada Lovelace", 12, 90.0),
    (2, "bo Ng", 13, None),
    (3, "Cy 50% Twombly", None, 70.5),
    (4, "Di_Ng", 12, 70.5),
    (5, "Ada Ng", None, None),
    (6, "Nguyễn Thị Ánh", 13, 0.0),
    (7, "Đặng Søren Łuk Weiß", 11, 100.0),
    (8, "王小明", 14, 55.0),
    (9, "Seán O’Brien", 150, 12.5),
]
# As a school has them that drew the bounds closer, or entered somebody twice.
ODD = [(10, "Evil Ink", 14, 100.5), (11, "Low Ink", 12, -0.5), (12, "Evil Ink", None, None)]


@pytest.fixture(autouse=True)
def people(store):
    store(PEOPLE)


def ids(session, **arguments):
    return [student.id for student in listing.page(session, listing.parse_query(arguments)).students]


FOUND = [
    ({"q": "ada"}, {1, 5}),
    ({"q": "ng ada"}, {5}),
    ({"q": "50%"}, {3}),
    ({"q": "_"}, {4}),
    ({"q": "nobody"}, set()),
    ({"q": "nguyen anh"}, {6}),
    ({"q": "ANH nguyen"}, {6}),
    ({"q": "Nguyễn"}, {6}),
    ({"q": "dang soren luk weiss"}, {7}),
    ({"q": "明"}, {8}),
    ({"q": "小明"}, {8}),
    ({"q": "o'bri sean"}, {9}),
    ({"min_age": "13"}, {2, 6, 8, 9}),
    ({"max_age": "12"}, {1, 4, 7}),
    ({"min_score": "70.5", "max_score": "80"}, {3, 4}),
    ({"blank_score": "yes"}, {2, 5}),
    ({"blank_age": "no", "q": "ng"}, {2, 4, 6, 7}),
    ({"blank_age": "yes", "min_age": "1"}, set()),
    ({"min_id": "8"}, {8, 9}),
    ({"min_score": "12.5", "below_score": "70.5"}, {8, 9}),
    ({"below_age": "12"}, {7}),
    ({"max_age": "12", "below_age": "12"}, {7}),
    ({"since": "2020-01-01"}, set(range(1, 10))),
    ({"since": "2999-01-01"}, set()),
    ({"import": "7"}, set()),
    ({"q": "ng", "min_age": "12", "max_age": "12", "blank_score": "no"}, {4}),
]


ODDLY = [
    ({"outside_score": "yes"}, {10, 11}),
    ({"outside_score": "no"}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 12}),
    ({"outside_score": "yes", "q": "evil"}, {10}),
    ({"outside_score": "yes", "max_age": "12"}, {11}),
    ({"same_name": "yes"}, {10, 12}),
    ({"same_name": "no", "max_age": "12"}, {1, 4, 7, 11}),
    ({"same_name": "yes", "outside_score": "yes"}, {10}),
]


@pytest.mark.parametrize(("arguments", "found"), ODDLY)
def test_what_needs_a_look_is_found(session, store, arguments, found):
    store(ODD)
    assert_found(session, arguments, found)


@pytest.mark.parametrize(("arguments", "found"), FOUND)
def test_the_list_holds_what_was_asked_for(session, arguments, found):
    assert_found(session, arguments, found)


def assert_found(session, arguments, found):
    query = listing.parse_query(arguments)
    for sort in ("name", "-score", "age"):
        assert set(ids(session, **arguments, sort=sort)) == found
    assert listing.count(session, query) == listing.Count(len(found))
    assert {*session.scalars(listing.matching(session, select(students.c.id), query))} == found
    assert {*session.scalars(listing.everybody(session, query))} == found


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("id", [1, 2, 3, 4, 5, 6, 7, 8, 9]),
        ("-id", [9, 8, 7, 6, 5, 4, 3, 2, 1]),
        ("age", [7, 1, 4, 2, 6, 8, 9, 3, 5]),
        ("-score", [7, 1, 4, 3, 8, 9, 6, 5, 2]),
    ],
)
def test_the_list_is_sorted_by_a_column_then_id_with_blanks_last(session, sort, order):
    assert ids(session, sort=sort) == order
    assert [*session.scalars(listing.everybody(session, listing.parse_query({"sort": sort})))] == order


SORTS = ["id", "name", "age", "score", "-id", "-name", "-age", "-score"]
FILTERS = [{}, {"q": "n"}, {"q": "ada"}, {"min_age": "12"}, {"blank_score": "no"}, {"q": "ng", "max_score": "90"}]


@settings(max_examples=examples(15), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    sort=st.sampled_from(SORTS),
    per_page=st.integers(1, 6),
    filters=st.sampled_from(FILTERS),
    walk=st.integers(1, 18),
)
def test_pages_forwards_and_backwards_hold_each_student_once_in_order(session, sort, per_page, filters, walk):
    with pytest.MonkeyPatch.context() as patch:
        # So short that each way of finding a page's students is taken, and left for the other.
        patch.setattr(listing, "FIRST_WALK", walk)
        asked = {"sort": sort, **filters}
        whole = ids(session, **asked)
        asked["per_page"] = str(per_page)
        assert _walked(session, asked, "after") == whole
        assert _walked(session, asked | {"before": listing.END}, "before") == whole


def _walked(session, asked, direction):
    """Read page after page, and look back from each at the one before it."""
    found, previous = [], None
    while True:
        page = listing.page(session, listing.parse_query(asked))
        here = [student.id for student in page.students]
        back = page.before if direction == "after" else page.after
        if previous is not None:
            other = "before" if direction == "after" else "after"
            plain = {name: text for name, text in asked.items() if name not in ("after", "before")}
            assert ids(session, **plain, **{other: back}) == previous
        found = found + here if direction == "after" else here + found
        previous, onward = here, getattr(page, direction)
        if not onward:
            return found
        asked = asked | {direction: onward}


def test_the_last_page_ends_with_the_last_student(session):
    page = listing.page(session, listing.parse_query({"sort": "age", "per_page": "4", "before": listing.END}))
    assert [student.id for student in page.students] == [8, 9, 3, 5]
    assert page.after is None


def test_a_look_for_one_or_two_letters_stops_after_a_while_and_goes_on_from_there(session, monkeypatch):
    monkeypatch.setattr(listing, "FIRST_WALK", 2)
    monkeypatch.setattr(listing, "LONGEST_WALK", 2)
    first = listing.page(session, listing.parse_query({"q": "ß", "sort": "id"}))
    assert (first.students, first.unfinished) == ([], True)
    found, page = [], first
    while page.after:
        page = listing.page(session, listing.parse_query({"q": "ß", "sort": "id", "after": page.after}))
        found += [student.id for student in page.students]
    assert found == [7]
    assert not page.unfinished


def test_students_are_found_by_when_they_changed_and_by_the_import_that_touched_them(session, save, upload, apply):
    applied = apply(upload("id,name\n1,Ada L.\n77,New Ada\n"))
    assert set(ids(session, **{"import": str(applied.id)})) == {1, 77}
    at = session.scalar(select(Change.at).order_by(Change.id.desc()).limit(1))
    assert set(ids(session, since=at.isoformat())) == {1, 77}
    save({"id": 1, "name": "Ada M.", "age": 12, "score": 1.0}, version=2)
    assert set(ids(session, **{"import": str(applied.id)}, q="ada m")) == {1}
    assert listing.count(session, listing.parse_query({"import": str(applied.id)})) == listing.Count(2)


def test_an_id_on_its_own_names_a_student(session):
    assert listing.named_id(session, listing.parse_query({"q": " 7 "})) == 7
    for q in ("8 8", "10", "7x", "9" * 30, "", "٧"):
        assert listing.named_id(session, listing.parse_query({"q": q})) is None
    assert listing.named_id(session, listing.parse_query({"q": "7", "min_age": "1"})) is None


def _forged(*place):
    text = json.dumps(place).encode()
    return base64.urlsafe_b64encode(zlib.crc32(text).to_bytes(4, "big") + text).decode().rstrip("=")


@pytest.mark.parametrize(
    "arguments",
    [
        {"sort": "version"},
        {"sort": "--name"},
        {"per_page": "0"},
        {"per_page": "501"},
        {"per_page": "x"},
        {"min_age": "old"},
        {"max_score": "1e999"},
        {"blank_age": "perhaps"},
        {"same_name": "perhaps"},
        {"outside_age": "1"},
        {"below_age": "young"},
        {"since": "yesterday"},
        {"since": "0001-01-01T00:00+23:59"},
        {"import": "0"},
        {"after": "!!!"},
        {"after": "é"},
        {"after": "end"},
        {"after": "W10"},
        {"after": "A" * 3000},
        {"before": "WzEsIDFd"},
        {"after": _forged("name", "Ada")},
        {"after": _forged("age", 12, 1)},
        {"after": _forged("name", None, 1)},
        {"after": _forged("name", "\0", 1)},
        {"after": _forged("name", "\ud800", 1)},
        {"after": _forged("name", "Ada", 2**63)},
        {"after": _forged("name", "Ada", True)},
        {"sort": "age", "after": _forged("age", 10**400, 1)},
        {"sort": "age", "after": _forged("age", 12.5, 1)},
        {"sort": "score", "after": _forged("score", float("nan"), 1)},
        {"sort": "score", "after": _forged("score", float("inf"), 1)},
    ],
)
def test_an_address_that_asks_for_nonsense_is_refused_with_a_sentence(session, arguments):
    with pytest.raises(BadQuery, match=r"\.$"):
        listing.page(session, listing.parse_query(arguments))


def test_a_place_in_which_one_character_was_changed_is_refused(session):
    place = listing.page(session, listing.parse_query({"per_page": "2"})).after
    for at in range(len(place)):
        other = "A" if place[at] != "A" else "B"
        with pytest.raises(BadQuery):
            listing.page(session, listing.parse_query({"after": place[:at] + other + place[at + 1 :]}))


def test_many_students_are_counted_no_further_than_is_quick(session, monkeypatch):
    monkeypatch.setattr("merge.counting.MOST", 3)
    monkeypatch.setattr("merge.counting.LOOKED_THROUGH", 3)
    monkeypatch.setattr("merge.counting.GLANCED_AT", 4)
    assert listing.count(session, listing.parse_query({"min_age": "1"})).words() == "more than 3 students"
    assert listing.count(session, listing.parse_query({"min_age": "1", "blank_score": "no"})).words() == "at least 2 students"
    assert listing.count(session, listing.parse_query({"max_age": "11"})).words() == "1 student"


def test_a_deleted_student_is_in_no_list(session, remove):
    remove(1, version=1)
    assert ids(session, q="lovelace") == []
    assert listing.count(session, listing.parse_query({"q": "lovelace"})) == listing.Count(0)
    assert session.get(Student, 1) is None
