"""A cell is read as the person who typed it meant it, or refused with a reason."""

import math
import unicodedata
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

import words
from merge.cells import (
    PLAIN,
    Notation,
    read_number,
    read_plain_texts,
    read_text,
    read_whole,
    show_cell,
    typed_notation,
    write_cell,
)
from merge.columns import BY_NAME, COLUMNS
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


@pytest.mark.parametrize("text", ["eighty", "inf", "-Infinity", "1e999", "1_0.5", "0x1p3", "True", "85,5", "1.2.3"])
def test_what_is_no_finite_number_is_refused(text):
    with pytest.raises(Problem) as caught:
        read_number(text)
    assert "is not a number" in caught.value.sentence("Score")


@pytest.mark.parametrize("reader", [read_whole, read_number])
@pytest.mark.parametrize(
    "text",
    ["n/a", "N/A", "NA", "NaN", "-", "–", "—", " -- ", "?", "none", "None", "null", "keine", "k. A.", "k.A.", "s/d", "sin datos"],
)
def test_a_word_for_nothing_is_refused_with_the_advice_to_leave_the_cell_blank(reader, text):
    with pytest.raises(Problem) as caught:
        reader(text)
    assert caught.value.sentence("Age") == f"“{text.strip()}” is not a number. Leave it blank if it is unknown."


WRITTEN = [
    (".", "", False, "85.5", 85.5),
    (",", "", False, "85,5", 85.5),
    (",", "", False, " 85 ", 85.0),
    (",", "", False, ",5", 0.5),
    (",", "", False, "8,55e1", 85.5),
    (".", ",", False, "1,234.5", 1234.5),
    (".", ",", False, "1,234,567", 1234567.0),
    (".", ",", False, "1234.5", 1234.5),
    (",", ".", False, "1.234,5", 1234.5),
    (".", "'", False, "1'234.5", 1234.5),
    (".", "'", False, "1’234.5", 1234.5),
    (",", " ", False, "1 234,5", 1234.5),
    (",", " ", False, "1\u00a0234,5", 1234.5),
    (",", " ", False, "1\u202f234\u202f567", 1234567.0),
    (".", "", True, "85%", 85.0),
    (".", "", True, "85.5 %", 85.5),
    (".", "", True, "85\u00a0%", 85.0),
    (".", "", True, "85", 85.0),
    (",", " ", True, "1 085,5 %", 1085.5),
    (",", "", False, "٨٥,٥", 85.5),
]


@pytest.mark.parametrize(("decimal", "thousands", "percent", "text", "number"), WRITTEN)
def test_numbers_are_read_in_the_sheets_own_notation(decimal, thousands, percent, text, number):
    assert read_number(text, Notation(decimal, thousands, percent)) == number


@pytest.mark.parametrize(
    ("decimal", "thousands", "percent", "text", "sentence"),
    [
        (".", "", False, "85,5", "“85,5” is not a number. Decimals are written with a point here."),
        (",", "", False, "85.5", "“85.5” is not a number. Decimals are written with a comma here."),
        (",", ".", False, "85.5", "“85.5” is not a number. Decimals are written with a comma here."),
        (".", ",", False, "12,34.5", "“12,34.5” is not a number."),
        (".", ",", False, "1234,567.5", "“1234,567.5” is not a number."),
        (".", ",", False, "1.5,000", "“1.5,000” is not a number."),
        (".", ",", False, ",123", "“,123” is not a number. Decimals are written with a point here."),
        (".", "", False, "85 %", "“85 %” is not a number. Enter it without the percent sign."),
        (".", "", True, "%", "“%” is not a number."),
        (".", "", True, "85 % %", "“85 % %” is not a number."),
        (".", "", True, "%85", "“%85” is not a number."),
        (",", "", False, "nan", "“nan” is not a number. Leave it blank if it is unknown."),
        (",", "", True, "1e999", "“1e999” is not a number."),
        (".", "", False, "1 234", "“1 234” is not a number."),
    ],
)
def test_a_number_in_another_notation_is_refused_rather_than_misread(decimal, thousands, percent, text, sentence):
    with pytest.raises(Problem) as caught:
        read_number(text, Notation(decimal, thousands, percent))
    assert caught.value.sentence("Score") == sentence


@pytest.mark.parametrize(
    ("notation", "text", "number"),
    [
        (Notation(",", "."), "1.234", 1234),
        (Notation(".", ","), "1,234", 1234),
        (Notation(".", ","), "1.000", 1),
        (Notation(",", "."), "12,0", 12),
        (Notation(",", " "), "1 234 567", 1234567),
        (PLAIN, "0.000", 0),
    ],
)
def test_whole_numbers_may_have_separators_of_thousands(notation, text, number):
    assert read_whole(text, notation) == number


@pytest.mark.parametrize(
    ("notation", "text", "sentence"),
    [
        (PLAIN, "1.000", "“1.000” may mean 1 or 1000. Write it without a separator, or say how thousands are separated."),
        (PLAIN, "1.500", "“1.500” may mean 1.5 or 1500. Write it without a separator, or say how thousands are separated."),
        (Notation(","), "2,000", "“2,000” may mean 2 or 2000. Write it without a separator, or say how thousands are separated."),
        (PLAIN, "1,234", "“1,234” is not a whole number."),
    ],
)
def test_a_whole_number_that_may_mean_two_is_not_guessed_at(notation, text, sentence):
    with pytest.raises(Problem) as caught:
        read_whole(text, notation)
    assert caught.value.sentence("Age") == sentence


@pytest.mark.parametrize("reader", [read_whole, read_number])
@pytest.mark.parametrize(
    "text",
    [
        "2026-03-01",
        "2026-03-01 00:00:00",
        "2026-03-01T00:00:00.000",
        "01/03/2026",
        "1/3/26",
        "01.03.2026",
        "3-Jan",
        "Mar-26",
        "1 March 2026",
    ],
)
def test_a_date_where_a_number_belongs_is_named_as_one(reader, text):
    with pytest.raises(Problem) as caught:
        reader(text)
    sentence = f"“{text}” is a date, but Age needs a number. In your spreadsheet, format the column as a number."
    assert caught.value.sentence("Age") == sentence


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
        ("\ufeffAda\u200b", "Ada"),
        ("A\u00adda\u200e L\u2060ee", "Ada Lee"),
        ("Ad\u200da", "Ada"),
        ("Ada\u200b\u200bLee", "Ada Lee"),
        ("ada\u200blee", "adalee"),
        ("کاظم\u200c", "کاظم"),
        ("क्\u200dष", "क्\u200dष"),
    ],
)
def test_names_are_trimmed_and_composed_and_else_left_alone(text, name):
    assert read_text(text) == name


@pytest.mark.parametrize("text", ["A\x00da", "A\x1bda", "Ada\u202eadA", "\u2066Ada", "A\x7f"])
def test_names_with_control_or_direction_characters_are_refused(text):
    with pytest.raises(Problem) as caught:
        read_text(text)
    assert "invisible character" in caught.value.sentence("Name")


FAILED = [
    "#N/A",
    "#REF!",
    "#DIV/0!",
    "#VALUE!",
    "#NAME?",
    "#NUM!",
    "#NULL!",
    "#SPILL!",
    "Err:502",
    "#NV",
    "#WERT!",
    "#¡REF!",
    "#N/D",
]


@pytest.mark.parametrize("reader", [read_text, read_whole, read_number])
@pytest.mark.parametrize("text", FAILED)
def test_error_of_a_spreadsheet_is_no_value(reader, text):
    with pytest.raises(Problem) as caught:
        reader(f" {text}")
    assert caught.value.sentence("Name") == (
        f"“{text}” is a spreadsheet error, not a value. Fix the formula, then upload the sheet again."
    )


@pytest.mark.parametrize("reader", [read_text, read_whole, read_number])
def test_formula_without_a_result_is_no_value(reader):
    with pytest.raises(Problem) as caught:
        reader("=?")
    assert "has a formula without a result. Open the file in Excel or LibreOffice" in caught.value.sentence("Score")


@pytest.mark.parametrize("text", ["#1 Ada", "Ada #N/A", "Err", "=SUM(A1)", "Erik: 502"])
def test_name_that_only_looks_like_an_error_is_a_name(text):
    assert read_plain_texts([text]) is None or read_plain_texts([text]) == [text]
    assert read_text(text) == text


@pytest.mark.parametrize("text", FAILED)
def test_error_among_many_names_is_found(text):
    assert read_plain_texts(["Ada", text, "Bo"]) is None


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


typed = [
    *("12", "1_0", "", " ", " 7", "-0", "-0.0", "007", "٣", "9" * 400, "1e5", "1e0001", "nan", "inf", "Infinity", "True", "."),
    *("85.5", "85,5", ".5", ",5", "1,234", "1.234", "1.234,5", "1,234.5", "12,34", "1 234", "1\u00a0234", "1'234", "1’234"),
    *("85%", "85 %", "85\u00a0%", "%", " %", "85%%", "85% %", "\n%", "5%\n6", "1 234 %", "2026-03-01", "1\n2", "\n", "1\n"),
    *("Ada", "Ada ", "Ada  L", "e\u0301", "a\nb", "\u202eb"),
]
cells = st.sampled_from(typed) | st.text("0123456789.,' %e+-_\n", max_size=8) | st.text(max_size=8)
notations = st.builds(Notation, st.sampled_from(".,"), st.sampled_from(["", ",", ".", "'", " "]), st.booleans())


@given(st.lists(cells, min_size=1, max_size=6), st.sampled_from(COLUMNS), notations)
def test_a_column_read_at_once_is_what_its_cells_are_one_by_one(texts, column, notation):
    values, problems = column.read_all(texts, notation)
    for place, text in enumerate(texts):
        value, problem = _read_alone(column, text, notation)
        assert (values[place], type(values[place])) == (value, type(value))
        assert math.copysign(1, values[place] if isinstance(value, float) else 1) == 1
        assert (place in problems) == (problem is not None)
        assert not problem or (problems[place].code, problems[place].values) == (problem.code, problem.values)


@given(st.lists(st.floats(0, 100), min_size=1, max_size=20), notations.filter(lambda n: n.decimal != n.thousands))
def test_a_column_of_numbers_comes_back_as_it_was_written_in_any_notation(numbers, notation):
    texts = [_written(number, notation) for number in numbers]
    assert BY_NAME["score"].read_all(texts, notation) == (numbers, {})


def _written(number, notation):
    return write_cell(number).replace(".", notation.decimal) + (
        " %" if notation.percent and "e" not in write_cell(number) else ""
    )


def _read_alone(column, text, notation):
    try:
        return column.read(text, notation), None
    except Problem as problem:
        return None, problem


@given(st.floats(0, 100), st.sampled_from(["en", "de", "es"]))
def test_what_is_shown_in_a_language_reads_back_as_it_was(value, language):
    token = words.reader.set(lambda: language)
    try:
        assert read_number(show_cell(value), typed_notation()) == value
    finally:
        words.reader.reset(token)


@given(st.sampled_from(["en", "de", "es"]), st.from_regex(r"[0-9]{1,3}[.,][0-9]{1,3}", fullmatch=True))
def test_a_number_is_read_in_one_way_or_not_at_all(language, text):
    token = words.reader.set(lambda: language)
    try:
        assert read_number(text, typed_notation()) == float(text.replace(",", "."))
        assert words.decimal_mark() in text
    except Problem:
        assert words.decimal_mark() not in text
    finally:
        words.reader.reset(token)
