"""Find the cells of a workbook's tab that are shown as percent: the reader gives 0.85 where a person sees 85 %."""

import re
import zipfile
from decimal import Decimal

from merge.workbook_xml import ODS_CONTENT, PLACE, ods_cells, read_part, row_and_column, styles_part, tab_part, windows

Percents = dict[int, bytearray]
"""By the column's place from 0: a byte for each row, from number 0 on, that is 1 where the cell is shown as percent."""

# ECMA-376 part 1, section 18.8.30: 0% and 0.00%, which no workbook spells out.
BUILT_IN = {"9", "10"}
# What stands for itself in a format: "text", an escaped or padding character, [Red] or [$-409].
LITERAL = re.compile(r'"[^"]*"|[\\_*].|\[[^\[\]]*+\]', re.DOTALL)
CONDITION = re.compile(r"\[[<>=]")
# Spreadsheets show no more digits (support.microsoft.com, "Excel specifications and limits"), which also hides what
# binary fractions add at the end of a sum.
DIGITS = 15

ODS_PERCENTAGE = b'value-type="percentage"'
VALUE_TYPE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}value-type"


def find_percents(packed: zipfile.ZipFile, tab: int) -> Percents:
    """Find them in the tab counted from 0, of an XLSX or ODS workbook; in another kind none are found."""
    if ODS_CONTENT in packed.namelist():
        return _find_in_ods(packed, tab)
    part, styles = tab_part(packed, tab), "|".join(_percent_styles(packed))
    percents: Percents = {}
    if part and styles:
        cell = re.compile(rf"""<(?:\w+:)?c\s(?=[^<>]*\bs=["'](?:{styles})["'])[^<>]*>""".encode())
        for text in windows(packed, part):
            for found in cell.finditer(text):
                if place := PLACE.search(found[0]):
                    row, column = row_and_column(place)
                    _mark(percents, row, column)
    return percents


def write_percent(value: float) -> str:
    """Write 0.85 as "85%", in the way that the sheet's numbers are read."""
    return f"{Decimal(f'{value:.{DIGITS}g}').scaleb(2):f}%"


def _percent_styles(packed: zipfile.ZipFile) -> list[str]:
    """Number the cell styles whose format shows a number as percent."""
    part = styles_part(packed)
    styles = read_part(packed, part) if part else None
    if styles is None:
        return []
    custom = {format_.get("numFmtId", ""): format_.get("formatCode", "") for format_ in styles.iterfind(".//{*}numFmt")}
    cells = enumerate(styles.iterfind("{*}cellXfs/{*}xf"))
    return [str(number) for number, cell in cells if _is_percent(cell.get("numFmtId", ""), custom)]


def _is_percent(number: str, custom: dict[str, str]) -> bool:
    code = custom.get(number)
    if code is None:
        return number in BUILT_IN
    # Another section may be for other numbers, and where it has a condition, for which ones has to be reckoned out.
    return not CONDITION.search(code) and "%" in LITERAL.sub("", code).partition(";")[0]


def _find_in_ods(packed: zipfile.ZipFile, tab: int) -> Percents:
    percents: Percents = {}
    if any(ODS_PERCENTAGE in text for text in windows(packed, ODS_CONTENT)):
        for row, rows, columns, cell in ods_cells(packed, tab):
            if cell.get(VALUE_TYPE) == "percentage":
                for place in columns:
                    _mark(percents, row, place, rows)
    return percents


def _mark(percents: Percents, row: int, column: int, rows: int = 1) -> None:
    marks = percents.setdefault(column, bytearray())
    marks.extend(bytes(max(0, row + rows - len(marks))))
    marks[row : row + rows] = b"\1" * rows
