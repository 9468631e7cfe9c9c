"""Who a row of a sheet means: its ID proposes a student, and where another name speaks against it, somebody decides."""

from pathlib import Path

import pytest
from sqlalchemy import text

from merge import preview
from models import Import
from tests.merge.conftest import assert_revisions_agree, table
from tests.merge.test_correct import mend

FILES = Path(__file__).parent.parent / "files" / "identity"
STORED = [
    (1, "Ada Lovelace", 12, 50.0),
    (2, "Bo Nowak", 13, 60.0),
    (3, "René Lefèvre", 13, 70.0),
    (4, "Jan Kowalski", 14, 40.0),
    (5, "Anna Lena Meier", 14, 40.0),
    (6, "Lena Anna Meier", 14, 40.0),
    (7, "Siobhán O'Brien", 15, 40.0),
    (8, "王小明", 15, 40.0),
    (9, "Marie-Luise Groß", 15, 40.0),
    (10, "Jane Kowalski", 14, 40.0),
    (11, "B. Lovelace", 14, 40.0),
]
SAME = {
    "to the letter": (1, "Ada Lovelace"),
    "in capitals": (1, "ADA LOVELACE"),
    "in wide letters": (1, "Ａｄａ Lovelace"),
    "without accents": (3, "Rene Lefevre"),
    "last name first": (1, "Lovelace Ada"),
    "last name first, with a comma": (3, "Lefèvre, René"),
    "last name first, of twins": (5, "Meier, Anna Lena"),
    "all parts the other way round": (9, "Groß Luise Marie"),
    "another apostrophe": (7, "Siobhán O’Brien"),
    "no apostrophe": (7, "Siobhan OBrien"),
    "a blank for the apostrophe": (7, "Siobhan O Brien"),
    "a blank for the hyphen": (9, "Marie Luise Gross"),
    "an initial": (1, "A. Lovelace"),
    "an initial without a full stop, last": (4, "Kowalski J"),
    "a name for an initial": (11, "Ben Lovelace"),
}
OTHER_NAME = {
    "a letter more": (4, "Jana Kowalski"),
    "a letter less": (4, "Ja Kowalski"),
    "another letter": (1, "Ida Lovelace"),
    "a new last name": (1, "Ada King"),
    "a second last name": (1, "Ada Lovelace-King"),
    "a part less": (5, "Anna Meier"),
    "initials only": (1, "A. L."),
    "another initial": (1, "C. Lovelace"),
    "a nickname": (1, "Addie Lovelace"),
    "another script": (4, "Ян Ковальский"),
    "transliterated letters": (9, "Marie-Luise Grosz"),
    "another sign": (8, "王小红"),
    "a part of the signs": (8, "王小"),
    "a number": (1, "1234"),
    "a truth value": (1, "TRUE"),
    "a dash": (1, "-"),
    "somebody unknown": (1, "Zoe Novak"),
}
OTHER_STUDENT = {
    "somebody else": (1, "Bo Nowak"),
    "a twin with the same parts": (5, "Lena Anna Meier"),
    "a twin with the same parts, last name first": (6, "Meier, Anna Lena"),
    "a twin with the same parts, in capitals": (5, "LENA ANNA MEIER"),
    "a letter away": (4, "Jane Kowalski"),
    "an initial that somebody has": (1, "B. Lovelace"),
}


@pytest.fixture
def stored(store):
    store(STORED)


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize(("student_id", "name"), SAME.values(), ids=SAME)
def test_a_name_that_is_only_spelled_otherwise_needs_no_review(upload, student_id, name):
    previewed = upload(f'id,name,score\n{student_id},"{name}",99\n')
    assert (previewed.updates, previewed.reviews) == (1, 0)


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize(("student_id", "name"), OTHER_NAME.values(), ids=OTHER_NAME)
def test_another_name_needs_review_however_near_it_is(session, upload, apply, student_id, name):
    previewed = upload(f'id,name,score\n{student_id},"{name}",99\n')
    assert reviews(session, previewed) == [(2, "other-name", None)]
    apply(previewed, confirmed=False)
    assert table(session) == STORED


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize(("student_id", "name"), OTHER_STUDENT.values(), ids=OTHER_STUDENT)
def test_another_students_name_needs_review_however_near_it_is(session, upload, apply, student_id, name):
    previewed = upload(f'id,name,score\n{student_id},"{name}",99\n')
    ((line, reason, _),) = reviews(session, previewed)
    assert (line, reason) in ((2, "other-student"), (2, "other-name"))
    apply(previewed, confirmed=False)
    assert table(session) == STORED


@pytest.mark.usefixtures("stored")
def test_another_students_name_to_the_letter_names_that_student(session, upload):
    assert reviews(session, upload("id,name\n1,Bo Nowak\n")) == [(2, "other-student", 2)]
    (row,) = preview.rows(session, upload("id,name\n1,Bo Nowak\n"), "review")
    assert row.problems == ["In Rollbook this is the name of student 2. The IDs may be mixed up."]


def test_twins_that_only_an_accent_tells_apart_are_never_mistaken(session, store, upload):
    store([(1, "Rene Roy", None, 1.0), (2, "René Roy", None, 2.0)])
    assert reviews(session, upload("id,name\n1,René Roy\n2,Rene Roy\n")) == [(2, "other-student", 2), (3, "other-student", 1)]
    assert upload("id,name,score\n1,Rene Roy,9\n2,René Roy,9\n").updates == 2
    for sheet in ("1,RENÉ ROY,9\n2,RENE ROY,9\n", '1,"ROY, René",9\n2,"Roy, Rene",9\n'):
        swapped = upload(f"id,name,score\n{sheet}")
        assert (swapped.updates, reviews(session, swapped)) == (0, [(2, "other-student", 2), (3, "other-student", 1)]), sheet
    assert reviews(session, upload("id,name,score\n1,RENE ROY,9\n2,RENE ROY,9\n")) == [(3, "other-student", 1)]
    store([(3, "Bo Groß", None, 1.0), (4, "Bo Gross", None, 2.0)])
    assert reviews(session, upload("id,name,score\n3,BO GROSS,9\n4,BO GROẞ,9\n")) == [
        (2, "other-student", 4),
        (3, "other-student", 3),
    ]


def test_a_name_without_its_accents_needs_review_only_beside_another_of_that_name(session, store, upload):
    store([(1, "René Roy", None, 1.0), (2, "Renè Roy", None, 2.0), (3, "Zoë Lang", None, 3.0), (4, "Jörg Groß", None, 3.0)])
    previewed = upload("id,name,score\n1,RENE ROY,9\n2,RENÈ ROY,9\n3,ZOE LANG,9\n4,JORG GROSS,9\n")
    assert (previewed.updates, previewed.reviews) == (4, 0)
    previewed = upload("id,name,score\n1,Rene Roy,9\n2,RENE ROY,9\n3,ZOE LANG,9\n4,JÖRG GROSS,9\n9,Zoe Lang,9\n")
    assert (previewed.updates, previewed.inserts) == (1, 0)
    held = [(2, "other-row", None), (3, "other-row", None), (4, "other-row", None), (6, "same-name", 3)]
    assert reviews(session, previewed) == held


def test_students_of_one_name_are_told_apart_by_their_ids(store, upload):
    store([(1, "Kim Lee", None, 1.0), (2, "Kim Lee", None, 2.0)])
    previewed = upload("id,name,score\n1,Kim Lee,9\n2,Kim Lee,8\n")
    assert (previewed.updates, previewed.reviews) == (2, 0)


def test_an_initial_that_stands_for_two_rows_of_the_sheet_needs_review(session, store, upload):
    store([(1, "Anna Roy", None, 1.0), (2, "Alma Roy", None, 2.0), (3, "Bo Roy", None, 3.0)])
    previewed = upload("id,name\n1,A. Roy\n2,A. Roy\n3,B. Roy\n")
    assert reviews(session, previewed) == [(2, "other-row", None), (3, "other-row", None)]
    assert previewed.updates == 1


def test_a_new_id_with_the_name_of_a_student_who_is_not_in_the_sheet_needs_review(session, store, upload, apply):
    store([(1, "Kim Lee", None, 1.0), (2, "Bo Roy", None, 2.0)])
    previewed = upload("id,name\n7,Kim Lee\n8,Zoe Poe\n")
    assert reviews(session, previewed) == [(2, "same-name", 1)]
    apply(previewed)
    assert [row[:2] for row in table(session)] == [(1, "Kim Lee"), (2, "Bo Roy"), (7, "Kim Lee"), (8, "Zoe Poe")]
    assert_revisions_agree(session)


def test_a_new_id_with_the_name_of_a_student_whose_own_row_is_in_doubt_needs_review(session, store, upload, apply):
    store([(1, "Kim Lee", None, 1.0), (2, "Bo Roy", None, 2.0)])
    previewed = upload("id,name\n1,Zoe Poe\n2,Bo Roy\n7,Kim Lee\n")
    assert reviews(session, previewed) == [(2, "other-name", None), (4, "same-name", 1)]
    assert (previewed.inserts, previewed.updates) == (0, 0)


def test_a_new_student_of_the_same_name_as_one_in_the_sheet_is_no_doubt(session, store, upload):
    store([(1, "Kim Lee", None, 1.0), (2, "Kim Lee", None, 2.0)])
    previewed = upload("id,name\n1,Kim Lee\n2,Kim Lee\n7,Kim Lee\n8,Kim Lee\n")
    assert (previewed.inserts, previewed.unchanged, previewed.reviews) == (2, 2, 0)
    assert reviews(session, upload("id,name\n1,Kim Lee\n7,Kim Lee\n")) == [(3, "same-name", 2)]


@pytest.mark.parametrize("name", ["NULL", "n/a", "-", "?", ".", "--", "x", "0", "Unknown"])
def test_what_stands_where_a_name_is_missing_needs_review(session, upload, name):
    previewed = upload(f"id,name\n1,{name}\n2,Nadia Null\n")
    assert (previewed.inserts, reviews(session, previewed)) == (1, [(2, "no-name", None)])


def test_a_corrected_row_is_judged_beside_the_whole_sheet(session, store, upload):
    store([(1, "Kim Lee", None, 1.0), (2, "Bo Roy", None, 2.0)])
    previewed = upload("id,name,score\n1,Kim Lee,5\nx,Kim Lee,5\ny,Bo Roy,5\n21,Di,5\n33,Ed,5\n47,Fe,5\n")
    assert mend(session, previewed.id, 3, {0: "7"}).verdict == "insert"
    assert mend(session, previewed.id, 4, {0: "8"}).verdict == "review"
    assert session.get_one(Import, previewed.id, populate_existing=True).reviews == 1


@pytest.mark.usefixtures("small_slices")
def test_many_differing_names_are_judged_batch_by_batch(session, store, upload, monkeypatch):
    monkeypatch.setattr("merge.accents.BATCH", 4)
    store([(number, f"Student {number}", None, None) for number in range(1, 31)])
    names = [f"{number}, STUDENT" if number % 3 else f"Pupil {number}" for number in range(1, 31)]
    previewed = upload("id,name\n" + "".join(f'{number},"{name}"\n' for number, name in enumerate(names, 1)))
    assert (previewed.updates, previewed.reviews) == (20, 10)
    assert [line for line, _, _ in reviews(session, previewed)] == [number + 1 for number in range(3, 31, 3)]


FILED = {
    "swapped-ids": ("seed-18-students", [(2, "other-student"), (3, "other-student")]),
    "row-number-for-id": ("seed-18-students", [(2, "other-name"), (3, "other-name"), (4, "other-name")]),
    "names-that-are-none": ("seed-18-students", [(line, "other-name") for line in range(2, 12)]),
}


@pytest.mark.parametrize(("sheet", "seed", "held"), [(sheet, *about) for sheet, about in FILED.items()], ids=FILED)
def test_a_sheet_that_went_wrong_changes_nothing_unasked(session, upload, apply, sheet, seed, held):
    apply(upload((FILES / f"{seed}.csv").read_bytes()))
    before = table(session)
    previewed = upload((FILES / f"{sheet}.csv").read_bytes())
    if previewed.state == "ready" and not previewed.questions:
        doubtful = [(line, reason) for line, reason, _ in reviews(session, previewed)]
        assert doubtful == [row for row in held if row[0] in {line for line, _ in doubtful}]
        assert len(doubtful) + previewed.rejected == len(held)
        apply(previewed, confirmed=False)
    assert table(session) == before


def reviews(session, previewed):
    """Give the rows that need review: line, reason, what it names."""
    rows = preview.rows(session, previewed, "review") if previewed.reviews else []
    assert len(rows) == previewed.reviews
    return [(row.line, row.review.reason, row.review.related) for row in rows]


@pytest.mark.parametrize("backend", ["postgresql"])
def test_judge_of_rows_that_were_just_planned_expects_as_many_as_there_are(session, upload, monkeypatch):
    expected = []

    def judge(session, import_id, _report):
        plan = session.scalar(text("EXPLAIN (FORMAT JSON) SELECT 1 FROM planned_rows WHERE import_id = :id"), {"id": import_id})
        expected.append(plan[0]["Plan"]["Plan Rows"])

    monkeypatch.setattr("merge.compare.judge", judge)
    for first in (1, 1001):
        upload("id,name\n" + "".join(f"{number},Student {number}\n" for number in range(first, first + 600)))
    assert expected == [pytest.approx(600, rel=0.5)] * 2
