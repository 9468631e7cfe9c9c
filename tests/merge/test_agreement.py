"""Where the form's path and the sheet's path meet, they agree."""

import csv
import io
import unicodedata

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from merge import search
from merge.cells import write_cell
from merge.formulas import escape
from models import Change, Student, planned_rows, revisions, staged_rows
from tests.examples import examples
from tests.merge.conftest import assert_revisions_agree, kept_as_read, table

names = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=12).filter(
    lambda name: name.isprintable() and unicodedata.is_normalized("NFC", name)
)
students = st.builds(
    lambda name, age, score: (name, age, score),
    st.sampled_from(["Ada", "Bo", "O'Brien", "王小明", "Null", "=SUM(A1)", "a\\b", 'say "hi"', "x,y;z"]) | names,
    st.none() | st.integers(0, 150),
    st.none() | st.floats(0, 100),
)
pytestmark = pytest.mark.usefixtures("small_slices")
tables = st.dictionaries(st.integers(1, 8), students, max_size=8)


@settings(max_examples=examples(10), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stored=tables, sheet=tables.filter(bool))
def test_merging_rows_one_by_one_and_as_a_sheet_gives_the_same_table(session, upload, apply, add, stored, sheet):
    _empty(session)
    session.add_all(_records(stored))
    for record in _records(sheet):
        session.merge(record)
    session.commit()
    one_by_one = table(session)

    _empty(session)
    for student_id, values in stored.items():
        add(student_id, *values)
    previewed = upload(_csv(sheet), blank_clears=True)
    assert previewed.inserts + previewed.updates + previewed.unchanged + previewed.reviews == len(sheet)
    apply(kept_as_read(session, previewed))
    assert table(session) == one_by_one
    assert_revisions_agree(session)


def _records(rows):
    return [Student(id=student_id, name=name, age=age, score=score) for student_id, (name, age, score) in rows.items()]


def _csv(rows) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(
        [
            ["id", "name", "age", "score"],
            *([escape(write_cell(cell)) for cell in (student_id, *values)] for student_id, values in rows.items()),
        ]
    )
    return text.getvalue()


def _empty(session) -> None:
    session.rollback()
    session.expunge_all()
    for rows in (Student, revisions, Change, staged_rows, planned_rows):
        session.execute(delete(rows))
    search.index_anew(session)
    session.commit()
