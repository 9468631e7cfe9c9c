"""A sheet without ids is matched by name, and a name that means several students is never guessed at."""

import io

import pytest

from merge import imports, preview
from merge.options import Options
from merge.sheet import Sheet
from tests.merge.conftest import assert_revisions_agree, run, table

STORED = [(1, "Ada", 12, None), (2, "Bo", 13, None), (3, "Bo", 14, None)]


@pytest.fixture
def by_name(app, session, add):
    """Store the students, and read a sheet that has names only."""
    for row in STORED:
        add(*row)

    def by_name(sheet):
        stream = io.BytesIO(("id," + sheet).replace("\n", "\n,").rstrip(",").encode())
        received = imports.receive(session, app.config["UPLOADS"], "sheet.csv", stream, "sec@school.test")
        read = Sheet(**{**received.sheet, "columns": [None, *received.sheet["columns"][1:]]})
        imports.read_again(session, received.id, read, Options("name"), version=received.version)
        return run(session, received.id)

    return by_name


def test_rows_find_the_student_of_their_name_and_others_are_new(session, by_name, apply):
    previewed = by_name("name,score\nDi,70\nAda,90\nEd,80\n")
    assert (previewed.inserts, previewed.updates) == (2, 1)
    apply(previewed)
    assert table(session) == [(1, "Ada", 12, 90.0), *STORED[1:], (4, "Di", None, 70.0), (5, "Ed", None, 80.0)]
    assert_revisions_agree(session)


SEVERAL = "Several students go by this name, 2 and 3 among them. Only an ID can tell which of them is meant."
REPEATED = "This name stands on line 2 and again on line 4. Only an ID can tell the two apart."


@pytest.mark.parametrize(("sheet", "sentence"), [("name,score\nBo,1\n", SEVERAL), ("name,score\nAda,1\nDi,2\nAda,3\n", REPEATED)])
def test_a_name_that_means_several_is_rejected_with_both_named(session, by_name, sheet, sentence):
    assert {problem for row in preview.rows(session, by_name(sheet), "rejected") for problem in row.problems} == {sentence}


def test_the_ids_that_a_preview_shows_are_given_to_nobody_else(session, by_name, apply, add):
    previewed = by_name("name,score\nDi,70\nEd,80\n")
    other = add(None, "Somebody")
    apply(previewed)
    assert len(table(session)) == 6
    assert other.id not in (4, 5)
    assert previewed.conflicts == 0
