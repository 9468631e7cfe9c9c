"""Write CSV that a spreadsheet opens right and runs nothing of."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, and_, case, cast, func, or_
from sqlalchemy.orm import Session

from merge.columns import COLUMNS, StudentColumn
from merge.formulas import SIGNS, escape
from merge.parts import in_parts

# Excel takes a file without it for one in the old encoding of its country.
BOM = "\ufeff"
NEW_LINE = "\r\n"
# What surrounds a text that the database leaves to be escaped here; no text that is stored holds either.
OPENED, CLOSED = "\x01", "\x02"
# With a comma for the point, 0,005 might be five thousandths or five: a further zero says which.
THOUSANDS = re.compile(r"\.\d{3}$")
LEFT = re.compile(f"{OPENED}([^{CLOSED}]*+){CLOSED}")


@dataclass(frozen=True)
class Format:
    """How a file is written: what separates cells, and what stands before decimals. Two that are alike make no file."""

    delimiter: str = ","
    decimal: str = "."

    def cell(self, value: Any) -> str:
        """Write a value of Python's."""
        if not isinstance(value, float):
            return "" if value is None else str(value)
        return THOUSANDS.sub(r"\g<0>0", str(value)).replace(".", self.decimal) if self.decimal != "." else str(value)


STANDARD = Format()
FORMATS = {"comma": STANDARD, "semicolon": Format(";", ","), "semicolon-point": Format(";", ".")}
"""Those that spreadsheets expect somewhere, by the names that addresses give them; the first is the one for programs."""


def csv_row(cells: Iterable[str], delimiter: str = STANDARD.delimiter) -> str:
    """Write one row."""
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerow(map(escape, cells))
    return text.getvalue()


def csv_students(session: Session, students: Select[Any], written: Format = STANDARD) -> Iterator[Sequence[str]]:
    """Write students, selected a value a column, under the columns' labels: the lines of a part of the file at a time.

    The database makes the lines: to hand over each cell and write it here would take twice as long as to read it there.
    """
    yield [BOM + csv_row((column.heading for column in COLUMNS), written.delimiter)]
    matches = "~" if session.get_bind().dialect.name == "postgresql" else "GLOB"
    selected = zip(COLUMNS, students.selected_columns, strict=True)
    cells = [_text(value, matches) if column.kind is str else _number(column, value, written) for column, value in selected]
    line: ColumnElement[str] = func.concat_ws(written.delimiter, *cells, type_=Text) + NEW_LINE
    lines: Select[str] = students.with_only_columns(line)
    for part in in_parts(session, lines):
        yield [LEFT.sub(_escaped, line) if OPENED in line else line for (line,) in part]


def _number(column: StudentColumn, value: ColumnElement[Any], written: Format) -> ColumnElement[str]:
    text: ColumnElement[str] = cast(value, Text)
    if column.kind is float and written.decimal != ".":
        # 85 is written 85,0, so that who reads the file knows from its first number how all are written.
        dotted = case((text.like("%.___"), text + "0"), (or_(text.contains("."), text.contains("e")), text), else_=text + ".0")
        text = func.replace(dotted, ".", written.decimal, type_=Text)
    elif column.kind is float:
        # SQLite writes 85.0 where staff write 85.
        text = func.trim(func.replace(text + " ", ".0 ", " "), type_=Text)
    return func.coalesce(text, "")


def _text(value: ColumnElement[str], matches: str) -> ColumnElement[str]:
    text = func.coalesce(value, "", type_=Text)
    left, quoted = OPENED + text + CLOSED, '"' + func.replace(text, '"', '""', type_=Text) + '"'
    return case((_may_need_escape(text, matches), left), else_=quoted)


def _may_need_escape(text: ColumnElement[str], matches: str) -> ColumnElement[bool]:
    """Find in the database the few texts that `escape` may change; it has to look at them itself."""
    around = "" if matches == "~" else "*"
    holds_separator, holds_sign = (text.op(matches, is_comparison=True)(f"{around}[{signs}]{around}") for signs in (",;", SIGNS))
    return or_(func.substr(text, 1, 1).in_([*SIGNS, *"'\" \t\r\n"]), and_(holds_separator, holds_sign))


def _escaped(left: "re.Match[str]") -> str:
    return '"' + escape(left[1]).replace('"', '""') + '"'
