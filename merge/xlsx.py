"""Write students as a workbook, with numbers as numbers and every text as text."""

from collections.abc import Iterator
from typing import Any, BinaryIO

from xlsxwriter import Workbook

from merge.columns import COLUMNS
from merge.csv_text import keep_quoted

# A tab holds so many rows, its headings among them (support.microsoft.com, "Excel specifications and limits").
ROWS_OF_A_TAB = 1_048_576
# A name may look like a link or a formula, and is neither.
AS_TEXT = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False, "nan_inf_to_errors": True}


def write_xlsx(file: BinaryIO, parts: Iterator[list[dict[str, Any]]]) -> None:
    """Write all students, a tab after the other where one is full, in flat memory."""
    book = Workbook(file, {"constant_memory": True, **AS_TEXT})
    bold = book.add_format({"bold": True})
    tab, row = None, ROWS_OF_A_TAB
    for part in parts:
        for student in part:
            if tab is None or row == ROWS_OF_A_TAB:
                tab, row = _tab(book, bold), 1
            tab.write_row(row, 0, [_cell(student[column.name]) for column in COLUMNS])
            row += 1
    if tab is None:
        _tab(book, bold)
    book.close()


def _cell(value: Any) -> Any:
    return keep_quoted(value) if isinstance(value, str) else value


def _tab(book: Workbook, bold: Any) -> Any:
    tab = book.add_worksheet()
    tab.freeze_panes(1, 0)
    tab.write_row(0, 0, [column.label for column in COLUMNS], bold)
    return tab
