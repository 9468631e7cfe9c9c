"""A cell is read as the person who typed it meant it, or refused with a reason."""

import math
import unicodedata
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from merge.cells import read_number, read_text, read_whole, write_cell
from merge.columns import COLUMNS
from merge.problems import Problem


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("12", 12),
        (" 12 ", 12),
        ("\u00a012", 12),
        ("007", 7),
        ("+5", 5),
        ("-5", -5),
        ("12.0", 12),
        ("12.", 12),
        ("1e6", 1_000_000),
        ("1.5E1", 15),
        ("١٢", 12),
        ("１２", 12),
        ("0", 0),
        ("999999999999999", 999_999_999_999_999),
    ],
)
def test_whole_numbers_are_read_as_staff_and_spreadsheets_write_them(text, number):
    assert read_whole(text) == number


@pytest.mark.parametrize(
    "text",
    [
        "twelve",
        "12.5",
        "1e-1",
        "1_000",
        "0x10",
        "True",
        "nan",
        "inf",
        "1e999",
        "9223372036854775808",
        "9" * 400,
        "1 2",
        "²",
        "--1",
        "",
        ".",
    ],
)
def test_what_is_no_whole_number_is_refused(text):
    with pytest.raises(Problem) as caught:
        read_whole(text)
    assert "is not a whole number" in caught.value.sentence("Age")


@pytest.mark.parametrize(
    ("text", "number"), [("85", 85.0), ("85.5", 85.5), (".5", 0.5), ("8.55e1", 85.5), (" 7 ", 7.0), ("-0", 0.0)]
)
def test_numbers_are_read_as_staff_write_them(text, number):
    assert read_number(text) == number
    assert math.copysign(1, read_number(text)) == 1


@pytest.mark.parametrize("text", ["eighty", "nan", "NaN", "inf", "-Infinity", "1e999", "1_0.5", "0x1p3", "True", "85,5", "1.2.3"])
def test_what_is_no_finite_number_is_refused(text):
    with pytest.raises(Problem) as caught:
        read_number(text)
    assert "is not a number" in caught.value.sentence("Score")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("  Ada  ", "Ada"),
        ("\u00a0Ada\u00a0Lovelace\u202f", "Ada Lovelace"),
        ("Anna\nMaria", "Anna Maria"),
        ("Nguye\u0302\u0303n", "Nguyễn"),
        ("Null", "Null"),
        ("None", "None"),
        ("NA", "NA"),
        ("=SUM(A1)", "=SUM(A1)"),
        ("O'Brien", "O'Brien"),
        ("王小明", "王小明"),
        ("نیم\u200cفاصله", "نیم\u200cفاصله"),
    ],
)
def test_names_are_trimmed_and_composed_and_else_left_alone(text, name):
    assert read_text(text) == name


@pytest.mark.parametrize("text", ["A\x00da", "A\x1bda", "Ada\u202eadA", "\u2066Ada", "A\x7f"])
def test_names_with_control_or_direction_characters_are_refused(text):
    with pytest.raises(Problem) as caught:
        read_text(text)
    assert "invisible control character" in caught.value.sentence("Name")


@given(st.text())
def test_reading_a_name_twice_changes_nothing_more(text):
    try:
        once = read_text(text)
    except Problem:
        return
    assert read_text(once) == once
    assert unicodedata.is_normalized("NFC", once)


@given(st.integers(-(10**17), 10**17))
def test_whole_numbers_come_back_as_they_were_written(number):
    assert read_whole(write_cell(number)) == number


@given(st.floats(0, 100))
def test_numbers_come_back_as_they_were_written(number):
    assert read_number(write_cell(number)) == number


@given(st.text(max_size=30))
def test_no_text_makes_a_reader_fail_in_another_way_than_with_a_problem(text):
    for reader in (read_whole, read_number, read_text):
        with suppress(Problem):
            reader(text)


cells = st.sampled_from(
    ["12", "1_0", "", " 7", "-0", "007", "٣", "9" * 400, "Ada", "Ada ", "Ada  L", "e\u0301", "a\nb", "\u202eb"]
) | st.text(max_size=8)


@given(st.lists(cells, min_size=1, max_size=6), st.sampled_from(COLUMNS))
def test_a_column_read_at_once_is_what_its_cells_are_one_by_one(texts, column):
    values, problems = column.read_all(texts)
    for place, text in enumerate(texts):
        alone, wrong = column.read_all([text])
        assert values[place] == alone[0] == _read_or_none(column, text)
        assert (place in problems) == bool(wrong)


def _read_or_none(column, text):
    with suppress(Problem):
        return column.read(text)
