"""The list: found, sorted, and cut into pages that fit together."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from merge import listing
from models import Student

PEOPLE = [
    (1, "Ada Lovelace", 12, 90.0),
    (2, "bo Ng", 13, None),
    (3, "Cy 50% Twombly", None, 70.5),
    (4, "Di_Ng", 12, 70.5),
    (5, "Ada Ng", None, None),
]


@pytest.fixture(autouse=True)
def people(session):
    session.add_all(Student(id=i, name=name, age=age, score=score) for i, name, age, score in PEOPLE)
    session.commit()


def ids(session, **arguments):
    return [student.id for student in listing.page(session, listing.parse_query(arguments)).students]


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ({"q": "ada"}, {1, 5}),
        ({"q": "ng ada"}, {5}),
        ({"q": "50%"}, {3}),
        ({"q": "_"}, {4}),
        ({"q": "nobody"}, set()),
        ({"min_age": "13"}, {2}),
        ({"max_age": "12"}, {1, 4}),
        ({"min_score": "70.5", "max_score": "80"}, {3, 4}),
    ],
)
def test_the_list_holds_what_was_asked_for(session, arguments, found):
    assert set(ids(session, **arguments)) == found
    assert listing.count(session, listing.parse_query(arguments)) == len(found)


@pytest.mark.parametrize(
    ("sort", "order"), [("id", [1, 2, 3, 4, 5]), ("-id", [5, 4, 3, 2, 1]), ("age", [1, 4, 2, 3, 5]), ("-score", [1, 4, 3, 5, 2])]
)
def test_the_list_is_sorted_by_a_column_then_id_with_blanks_last(session, sort, order):
    assert ids(session, sort=sort) == order


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sort=st.sampled_from(["id", "name", "age", "score", "-id", "-name", "-age", "-score"]), per_page=st.integers(1, 6))
def test_pages_forwards_and_backwards_hold_each_student_once_in_order(session, sort, per_page):
    whole = ids(session, sort=sort)
    forwards, key, pages = [], None, []
    while True:
        page = listing.page(
            session, listing.parse_query({"sort": sort, "per_page": str(per_page)} | ({"after": key} if key else {}))
        )
        forwards += [student.id for student in page.students]
        pages.append(page)
        key = page.after
        if not key:
            break
    assert forwards == whole
    back = pages[-1]
    backwards = [student.id for student in back.students]
    while back.before:
        back = listing.page(session, listing.parse_query({"sort": sort, "per_page": str(per_page), "before": back.before}))
        backwards = [student.id for student in back.students] + backwards
    assert backwards == whole


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
        {"after": "!!!"},
        {"after": "W10"},
        {"after": "WyJhIiwgIjEiXQ"},
        {"before": "WzEsIDFd"},
        {"after": "e30"},
    ],
)
def test_an_address_that_asks_for_nonsense_is_refused_with_a_sentence(session, arguments):
    with pytest.raises(listing.BadQuery, match=r"\.$"):
        listing.page(session, listing.parse_query(arguments))
