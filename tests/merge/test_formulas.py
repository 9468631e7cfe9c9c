"""Nothing that somebody typed is run by a spreadsheet, and all of it is read back as it was."""

import csv
import io
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from merge.csv_text import csv_row
from merge.formulas import NUMBER, escape, keep_escaped, unescape

ESCAPED = [
    ("=1+1", "'=1+1"),
    ("@x", "'@x"),
    ("-x", "'-x"),
    ("+49 30", "'+49 30"),
    ("'=x", "''=x"),
    ("＝1＋1", "'＝1＋1"),
    ("－2", "'－2"),
    ("＋x", "'＋x"),
    ("＠x", "'＠x"),
    ("\n=1", "'\n'=1"),
    ("\tx", "'\tx"),
    ("'\nx", "''\nx"),
    (" =1", " '=1"),
    ("Bob;=1+41;x", "Bob;'=1+41;x"),
    ("Bob, =1", "Bob, '=1"),
    ('Bob;"=1', "Bob;\"'=1"),
    ("Bob\n-1+1", "Bob\n'-1+1"),
    ("Bob;'=1", "Bob;''=1"),
]
HARMLESS = ["-5", "+1.5", "-1,5e3", "O'Brien", "", "Jean-Luc", "Chen, Anne-Marie", "a=b", "x '=y", "'", "''"]
TEXTS = st.text(st.sampled_from("=＝'+-－@\"',;\t\r\n 1ax\u00a0"), max_size=12) | st.text(max_size=30)
DELIMITERS = ",;\t"


@pytest.mark.parametrize(("text", "escaped"), ESCAPED)
def test_text_that_a_spreadsheet_may_run_is_escaped_and_read_back(text, escaped):
    assert escape(text) == escaped
    assert unescape(escaped) == text


@pytest.mark.parametrize("text", HARMLESS)
def test_text_that_no_spreadsheet_runs_stays_as_it_is(text):
    assert escape(text) == text
    assert unescape(text) == text


@given(TEXTS)
def test_escaped_text_is_read_back_as_it_was(text):
    assert unescape(escape(text)) == text
    assert unescape(keep_escaped(text)) == text


@given(TEXTS, TEXTS)
def test_no_two_texts_are_written_alike(one, other):
    assert (escape(one) == escape(other)) == (one == other)


@given(st.lists(TEXTS, min_size=1, max_size=4), st.sampled_from(DELIMITERS), st.sampled_from(DELIMITERS))
def test_no_cell_is_run_however_the_spreadsheet_separates_cells(texts, written, read):
    line = csv_row(texts, written)
    for cell in spreadsheet_cells(line, read):
        assert not is_run(cell), (texts, line, cell)


def spreadsheet_cells(text, delimiter):
    """Cut a file into cells as Excel and LibreOffice do, which never find one broken: Python's reader is as lenient."""
    return [cell for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) for cell in row]


def is_run(cell):
    """Tell whether a spreadsheet takes a cell for a formula; Excel also where blanks stand before it."""
    trimmed = unicodedata.normalize("NFKC", cell).lstrip()
    number = NUMBER.fullmatch(cell.strip()) or re.fullmatch(r"[+-][0-9.,eE+-]*[\"\s]*", trimmed)
    return trimmed[:1] in ("=", "+", "-", "@") and not number
