"""Mending a rejected row: it is read, checked and compared again as if it had stood so in the sheet."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from merge import preview
from merge.correct import Accepted, correct
from merge.decisions import WrongState
from merge.imports import claims, lifecycle, steps
from merge.preview import Row
from models import Import, planned_rows, staged_rows
from tests.examples import examples
from tests.merge.conftest import assert_revisions_agree, table, version_of

STORED = [(1, "Ada", 12, 90.0), (2, "Bo", 13, None), (3, "Cy", None, 70.5)]
SHEET = "House,id,name,age\nRed,x,Di,14\nBlue,1,Ada,old\nRed,2,Bo\nBlue,7,Ed,15\nRed,7,Flo,16\nBlue,3,Cy,\n"


@pytest.fixture
def stored(add):
    for row in STORED:
        add(*row)


MENDED = [
    ("a new student", 2, {1: "4"}, Accepted("insert", 0), (4, "Di", 14, None)),
    ("a changed one", 3, {3: "13"}, Accepted("update", 0), (1, "Ada", 13, 90.0)),
    ("one that is the same", 3, {3: "12"}, Accepted("unchanged", 0), (1, "Ada", 12, 90.0)),
    ("a blank cell keeps", 3, {3: ""}, Accepted("unchanged", 0), (1, "Ada", 12, 90.0)),
    ("a short row, once somebody has seen it", 4, {}, Accepted("unchanged", 0), (2, "Bo", 13, None)),
    ("one of two of an id frees the other", 5, {1: "8"}, Accepted("insert", 1), (7, "Flo", 16, None)),
    ("a cell that is ignored", 3, {0: "Green", 3: "12"}, Accepted("unchanged", 0), (1, "Ada", 12, 90.0)),
]


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize(("line", "typed", "outcome", "student"), [case[1:] for case in MENDED], ids=[c[0] for c in MENDED])
def test_a_row_that_is_right_now_gets_its_verdict_and_is_applied(session, upload, apply, line, typed, outcome, student):
    previewed = upload(SHEET)
    assert verdict_counts(previewed) == "0 0 1 5"
    assert mend(session, previewed.id, line, typed) == outcome
    counted = session.get_one(Import, previewed.id, populate_existing=True)
    assert counted.rejected == 5 - 1 - outcome.others
    assert_counts_are_those_of_the_rows(session, counted)
    apply(counted)
    assert student in table(session)
    assert_revisions_agree(session)


@pytest.mark.usefixtures("stored")
def test_a_mended_row_stays_mended_when_the_sheet_is_read_again(session, upload, apply):
    previewed = upload(SHEET)
    mend(session, previewed.id, 3, {3: "13"})
    session.execute(delete(planned_rows))
    session.execute(delete(staged_rows))  # as a crash of PostgreSQL does, which does not log them
    session.commit()
    claims.claim(session, "another worker")
    steps.run_step(session, previewed.id, "another worker")
    again = session.get_one(Import, previewed.id, populate_existing=True)
    assert (again.state, again.rejected) == ("ready", 4)
    apply(again)
    assert (1, "Ada", 13, 90.0) in table(session)


WRONG = [
    ("still no number", 2, {1: "y"}, "“y” is not a whole number."),
    ("another cell is wrong now", 3, {2: "", 3: "12"}, "Name is required."),
    ("an id that another row has", 2, {1: "3"}, "Student 3 is on line 2 and again on line 7. Keep one of them."),
    ("an id that rejected rows have", 2, {1: "7"}, "Student 7 is on line 2 and again on line 6. Keep one of them."),
    ("the same id as before", 5, {2: "Edward"}, "Student 7 is on line 5 and again on line 6. Keep one of them."),
]


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize(("line", "typed", "sentence"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG])
def test_a_row_that_is_still_wrong_comes_back_as_it_was_typed_and_nothing_is_kept(session, upload, line, typed, sentence):
    previewed = upload(SHEET)
    before = everything(session)
    outcome = mend(session, previewed.id, line, typed)
    assert isinstance(outcome, Row)
    assert sentence in outcome.problems
    assert {place: outcome.cells[place].after for place in typed} == typed
    assert sentence in [cell.problem for cell in outcome.cells]
    assert everything(session) == before


@pytest.mark.usefixtures("stored")
def test_a_row_may_be_mended_step_by_step_with_others(session, upload, apply):
    import_id = upload(SHEET).id
    for line, typed in [(5, {1: "x"}), (6, {1: "8"}), (2, {1: "7"}), (2, {1: "9"}), (3, {3: "1"}), (4, {})]:
        mend(session, import_id, line, typed)
    assert verdict_counts(session.get_one(Import, import_id)) == "3 1 2 0"
    apply(session.get_one(Import, import_id))
    assert [row[0] for row in table(session)] == [1, 2, 3, 7, 8, 9]


@pytest.mark.usefixtures("stored")
def test_a_row_too_wide_is_right_once_the_cells_that_are_too_many_are_empty(session, upload):
    previewed = upload("id,name\n1,A, da\n")
    assert mend(session, previewed.id, 2, {1: "ADA", 2: ""}) == Accepted("update", 0)


@pytest.mark.usefixtures("stored")
def test_a_new_student_still_needs_a_name_column(session, upload):
    previewed = upload("id,age\n9,x\n")
    outcome = mend(session, previewed.id, 2, {1: "12"})
    assert isinstance(outcome, Row)
    assert "a new one needs a name" in outcome.problems[0]
    assert mend(session, previewed.id, 2, {0: "1", 1: "13"}) == Accepted("update", 0)


BY_NAME = [
    ("a new name is a new student", 3, {0: "Gus"}, Accepted("insert", 0)),
    ("a known name is that student", 3, {0: "CY"}, Accepted("update", 0)),
    ("a name that another row has needs a choice", 3, {0: "bo"}, Accepted("review", 0)),
    ("a known name with a value that fits", 5, {1: "12"}, Accepted("unchanged", 0)),
]


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize(("line", "typed", "outcome"), [case[1:] for case in BY_NAME], ids=[case[0] for case in BY_NAME])
def test_rows_that_are_matched_by_name_are_so_again(session, upload, apply, line, typed, outcome):
    previewed = upload("name,age\nFay,10\n,11\nBo,13\nAda,old\n")
    assert mend(session, previewed.id, line, typed) == outcome
    counted = session.get_one(Import, previewed.id, populate_existing=True)
    assert_counts_are_those_of_the_rows(session, counted)
    assert apply(counted).conflicts == 0
    assert len({row[1] for row in table(session)}) == len(table(session))


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize("line", [7, 99], ids=["it is accepted", "there is no such line"])
def test_only_a_rejected_row_is_mended(session, upload, line):
    previewed = upload(SHEET)
    with pytest.raises(WrongState):
        mend(session, previewed.id, line, {})


@pytest.mark.usefixtures("stored")
def test_no_row_is_mended_once_the_import_goes_on(session, upload, apply):
    previewed = upload(SHEET)
    lifecycle.start_apply(session, previewed.id, "sec@school.test", version=previewed.version)
    with pytest.raises(WrongState):
        mend(session, previewed.id, 2, {1: "4"})
    other = apply(upload(SHEET))
    with pytest.raises(WrongState):
        mend(session, other.id, 2, {1: "4"})


@pytest.mark.usefixtures("stored")
def test_another_import_with_the_same_ids_is_not_touched(session, upload):
    other, previewed = upload(SHEET), upload(SHEET)
    kept = everything(session, other.id)
    mend(session, previewed.id, 5, {1: "8"})
    assert everything(session, other.id) == kept


@pytest.mark.usefixtures("stored")
def test_rows_are_corrected_together_and_of_those_still_wrong_nothing_is_kept(session, upload):
    previewed = upload(SHEET)
    typed = {2: {1: "4"}, 3: {3: "older"}, 5: {1: "8"}}
    done = correct(session, previewed.id, typed, version=previewed.version)
    assert done.accepted == {2: Accepted("insert", 0), 5: Accepted("insert", 1)}
    assert [row.cells[3].after for row in done.rejected.values()] == ["older"]
    counted = session.get_one(Import, previewed.id, populate_existing=True)
    assert_counts_are_those_of_the_rows(session, counted)
    (left,) = [row for row in preview.rows(session, counted, "rejected") if row.line == 3]
    assert left.cells[3].after == "old"
    assert left.seen == done.rejected[3].seen


@pytest.mark.usefixtures("stored")
def test_one_row_that_is_not_rejected_any_more_keeps_all_from_being_corrected(session, upload):
    previewed = upload(SHEET)
    before = everything(session)
    with pytest.raises(WrongState):
        correct(session, previewed.id, {2: {1: "4"}, 7: {1: "9"}}, version=version_of(session, previewed.id))
    assert everything(session) == before


CELLS = st.sampled_from(["1", "2", "3", "4", "x", ""])
ROWS = st.lists(st.tuples(CELLS, st.sampled_from(["Ada", "Bo", ""]), st.sampled_from(["12", "old", ""])), min_size=1, max_size=6)
FIXES = st.lists(st.tuples(st.integers(2, 7), CELLS, st.sampled_from(["Ada", "Cy"]), st.sampled_from(["12", "z"])), max_size=6)


@pytest.mark.usefixtures("stored")
@settings(max_examples=examples(4), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS, fixes=FIXES)
def test_whatever_is_mended_the_sheet_stands_as_if_it_had_been_uploaded_so(session, upload, rows, fixes):
    import_ = upload(csv(rows))
    rows = [list(row) for row in rows]
    for line, *typed in fixes:
        try:
            outcome = mend(session, import_.id, line, dict(enumerate(typed)))
        except WrongState:
            continue
        if isinstance(outcome, Accepted):
            rows[line - 2] = typed
        assert_counts_are_those_of_the_rows(session, session.get_one(Import, import_.id, populate_existing=True))
    mended = session.get_one(Import, import_.id, populate_existing=True)
    anew = upload(csv(rows))
    assert verdict_counts(mended) == verdict_counts(anew)
    assert preview.rows(session, mended, "all") == preview.rows(session, anew, "all")


def csv(rows) -> str:
    """Write the rows above others whose IDs can be read, since a column that hardly can is asked about."""
    others = "".join(f"{key},Zed {key},1\n" for key in range(900, 907))
    return "id,name,age\n" + "".join(",".join(row) + "\n" if any(row) else ",,\n" for row in rows) + others


def verdict_counts(import_) -> str:
    return f"{import_.inserts} {import_.updates} {import_.unchanged} {import_.rejected}"


def assert_counts_are_those_of_the_rows(session, import_) -> None:
    assert sum(preview.counts(import_).values()) == import_.rows
    shown = [row.verdict for row in preview.rows(session, import_, "all")]
    assert preview.counts(import_) == {verdict: shown.count(verdict) for verdict in preview.counts(import_)}


def everything(session, import_id: int | None = None) -> list:
    session.rollback()
    tables = (staged_rows, planned_rows)
    rows = [row for t in tables for row in session.execute(select(t).order_by(t.c.import_id, t.c.line))]
    return [tuple(row) for row in rows if import_id in (None, row.import_id)]


def mend(session, import_id, line, typed):
    """Correct a row of the import as it now is."""
    done = correct(session, import_id, {line: typed}, version=version_of(session, import_id))
    return {**done.accepted, **done.rejected}[line]
