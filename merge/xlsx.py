"""Write students as a workbook, with numbers as numbers and every text as text."""

from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

from xlsxwriter import Workbook

from merge.columns import COLUMNS, StudentColumn
from merge.formulas import keep_escaped

# A tab holds so many rows, its headings among them (support.microsoft.com, "Excel specifications and limits").
ROWS_OF_A_TAB = 1_048_576
WIDTHS = {int: 14, float: 10, str: 36}
# A name may look like a link or a formula, and is neither.
AS_TEXT = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False, "nan_inf_to_errors": True}


def write_xlsx(file: BinaryIO, parts: Iterator[Sequence[Sequence[Any]]]) -> int:
    """Write all students, a tab after the other where one is full, in flat memory; give their number."""
    book = Workbook(file, {"constant_memory": True, **AS_TEXT})
    bold = book.add_format({"bold": True})
    tab, row, written = None, ROWS_OF_A_TAB, 0
    for part in parts:
        for student in part:
            if tab is None or row == ROWS_OF_A_TAB:
                tab, row = _tab(book, bold), 1
            tab.write_row(row, 0, map(_cell, student))
            row += 1
        written += len(part)
    if tab is None:
        _tab(book, bold)
    book.close()
    return written


def write_template(file: BinaryIO) -> None:
    """Write a workbook of headings alone; each cell below them says what fits, and takes nothing else."""
    book = Workbook(file, {"constant_memory": True, **AS_TEXT})
    tab = _tab(book, book.add_format({"bold": True}))
    for place, column in enumerate(COLUMNS):
        tab.set_column(place, place, WIDTHS[column.kind])
        tab.data_validation(1, place, ROWS_OF_A_TAB - 1, place, _rule(column))
    book.close()


def _rule(column: StudentColumn) -> dict[str, Any]:
    kinds = {int: "integer", float: "decimal", str: "length"}
    least = 0 if column.kind is str else column.minimum
    said = {"input_title": column.label, "input_message": column.hint, "error_title": column.label, "error_message": column.hint}
    return {"validate": kinds[column.kind], "criteria": "between", "minimum": least, "maximum": column.maximum, **said}


def _cell(value: Any) -> Any:
    return keep_escaped(value) if isinstance(value, str) else value


def _tab(book: Workbook, bold: Any) -> Any:
    tab = book.add_worksheet()
    tab.freeze_panes(1, 0)
    tab.write_row(0, 0, [column.heading for column in COLUMNS], bold)
    return tab
