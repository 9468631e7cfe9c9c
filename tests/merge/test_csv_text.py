"""CSV as a spreadsheet opens it, and as our own import reads it back."""

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert

from merge import listing
from merge.cells import read_text
from merge.choices import recall
from merge.columns import COLUMNS
from merge.csv_text import FORMATS, STANDARD, Format, csv_students
from merge.problems import Problem
from merge.sheet import inspect
from merge.stage import read_block
from models import students
from tests.examples import examples

SIGNS = st.text(st.sampled_from("='+-@\"',;|\\\t 1aß\u00a0\u200f＝＠"), min_size=1, max_size=12)
EVERY_FORMAT = [*FORMATS.values(), Format("\t", ",")]


@st.composite
def names(draw):
    """What may stand in the table as a name: whatever the form would take."""
    typed = draw(SIGNS | st.text(min_size=1, max_size=40))
    try:
        name = read_text(typed)
    except Problem:
        assume(False)
    assume(name)
    return name


@pytest.fixture
def handed_out(session, tmp_path):
    """Store students, hand them out, and read the file as a sheet."""
    path = tmp_path / "students.csv"

    names = [column.name for column in COLUMNS]

    def handed_out(stored, written=STANDARD):
        session.execute(delete(students))
        session.execute(insert(students), [dict(zip(names, student, strict=True)) for student in stored])
        parts = csv_students(session, listing.everybody(session, listing.parse_query({"sort": "id"})), written)
        path.write_bytes("".join(line for part in parts for line in part).encode())
        sheet, options = recall(session, inspect(path))
        return [row[4 : 4 + len(COLUMNS)] for block, _ in sheet.blocks() for row in read_block(block, 1, sheet, options)], sheet

    return handed_out


@settings(max_examples=examples(15), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(names(), min_size=1, max_size=8), st.floats(0, 100), st.sampled_from(EVERY_FORMAT))
def test_what_is_handed_out_in_any_format_is_read_back_as_it_was(handed_out, stored, score, written):
    students = [(place, name, place % 90 or None, score / place) for place, name in enumerate(stored, 1)]
    assert handed_out(students, written)[0] == students


def test_numbers_with_a_decimal_comma_are_known_by_the_first_of_them(handed_out):
    students = [(1, "Ada", None, 85.0), (2, "Ben", 12, 85.5), (3, "Cy", 0, None), (4, "Di", 12, 0.005)]
    read, sheet = handed_out(students, Format(";", ","))
    assert read == students
    assert [row[-1] for block, _ in sheet.blocks() for _, row in block] == ["85,0", "85,5", "", "0,0050"]


def test_numbers_are_written_as_staff_write_them(handed_out):
    _, sheet = handed_out([(1, "Ada", None, 85.0), (2, "Ben", 12, 0.1 + 0.2), (3, "Cy", 0, None)])
    written = [row for block, _ in sheet.blocks() for _, row in block]
    assert written == [["1", "Ada", "", "85"], ["2", "Ben", "12", "0.30000000000000004"], ["3", "Cy", "0", ""]]
