"""Write CSV that a spreadsheet opens right and runs nothing of."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, case, cast, func, or_
from sqlalchemy.orm import Session

from merge.columns import COLUMNS, StudentColumn
from merge.parts import in_parts

# Excel takes a file without it for one in the old encoding of its country.
BOM = "\ufeff"
# What a spreadsheet would run as a formula (owasp.org/www-community/attacks/CSV_Injection); a text that looks defused
# already gets one more apostrophe, since reading it back takes one off.
FORMULA = re.compile(r"'*[=+\-@]|[\t\r]")
SIGNS, BREAKS = ["=", "+", "-", "@"], ["\t", "\r"]
NEW_LINE = "\r\n"


def csv_row(cells: Iterable[str]) -> str:
    """Write one row."""
    text = io.StringIO()
    csv.writer(text).writerow(map(defuse, cells))
    return text.getvalue()


def csv_students(session: Session, students: Select[Any]) -> Iterator[Sequence[str]]:
    """Write students, selected a value a column, under the columns' labels: the lines of a part of the file at a time.

    The database makes the lines: to hand over each cell and write it here would take twice as long as to read it there.
    """
    yield [BOM + csv_row(column.heading for column in COLUMNS)]
    cells = [_cell(column, selected) for column, selected in zip(COLUMNS, students.selected_columns, strict=True)]
    line: ColumnElement[str] = func.concat_ws(",", *cells, type_=Text) + NEW_LINE
    lines: Select[str] = students.with_only_columns(line)
    for part in in_parts(session, lines):
        yield [line for (line,) in part]


def defuse(cell: str) -> str:
    """Keep a spreadsheet from running a cell as a formula; a plain number is none."""
    return f"'{cell}" if FORMULA.match(cell) and not _is_number(cell) else cell


def keep_quoted(cell: str) -> str:
    """Keep a text that looks defused as it is where nothing needs to be defused: reading it back takes one apostrophe off."""
    return f"'{cell}" if cell.startswith("'") and FORMULA.match(cell) else cell


def _cell(column: StudentColumn, value: ColumnElement[Any]) -> ColumnElement[str]:
    if column.kind is str:
        return '"' + func.replace(func.coalesce(_defused(value), ""), '"', '""', type_=Text) + '"'
    text = cast(value, Text)
    # SQLite writes 85.0 where staff write 85.
    written = func.trim(func.replace(text + " ", ".0 ", " ")) if column.kind is float else text
    return func.coalesce(written, "")


def _defused(text: ColumnElement[str]) -> ColumnElement[str]:
    first, beneath = func.substr(text, 1, 1), func.substr(func.ltrim(text, "'"), 1, 1)
    return case((or_(beneath.in_(SIGNS), first.in_(BREAKS)), "'" + text), else_=text)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
