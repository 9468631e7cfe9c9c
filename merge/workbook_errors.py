"""Find the cells of a workbook's tab that hold an error like #DIV/0!, or a formula that was never calculated.

The reader gives the one as blank and the other as blank or 0, which is something else.
"""

import re
import zipfile
from collections.abc import Iterator
from xml.etree import ElementTree as ET

from merge.cells import UNCALCULATED
from merge.workbook_xml import ODS_CONTENT, PLACE, ods_cells, row_and_column, tab_part, windows

Errors = dict[int, dict[int, str]]
"""By the row's number from 1 and the column's place from 0."""

# A cell's beginning with its attributes, its end, its formula, and its value.
PIECE = re.compile(
    rb"""<(?:\w+:)?c\s(?P<cell>[^<>]*+)>|(?P<end></(?:\w+:)?c>)|(?P<formula><(?:\w+:)?f[\s>/])"""
    rb"""|<(?:\w+:)?v(?:\s*/>|>(?P<value>[^<]*+)<)"""
)
TYPE = re.compile(rb"""\bt=["'](\w+)["']""")
FORMULA = re.compile(rb"<(?:\w+:)?f[\s>/]")
# Who writes a workbook and can't calculate has whoever opens it do so, and leaves 0 for every result.
TO_BE_CALCULATED = re.compile(rb"""<(?:\w+:)?calcPr\b[^<>]*\bfullCalcOnLoad=["'](?:1|true)["']""")
ODS_ERROR = b'value-type="error"'
VALUE_TYPE = "{urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0}value-type"
MOST_ROWS = 1_000


def find_errors(packed: zipfile.ZipFile, tab: int) -> Errors:
    """Find them in the tab counted from 0, of an XLSX or ODS workbook; in another kind none are found."""
    if ODS_CONTENT in packed.namelist():
        return _find_in_ods(packed, tab)
    part = tab_part(packed, tab)
    errors: Errors = {}
    if part is None:
        return errors
    dummies = {b"", b"0"} if TO_BE_CALCULATED.search(packed.read("xl/workbook.xml")) else {b""}
    for text in windows(packed, part):
        for place, error in _errors_of(text, dummies) if _may_hold_some(text) else ():
            row, column = row_and_column(place)
            errors.setdefault(row, {})[column] = error
    return errors


def _may_hold_some(text: bytes) -> bool:
    return b't="e"' in text or b"t='e'" in text or FORMULA.search(text) is not None


def _errors_of(text: bytes, dummies: set[bytes]) -> Iterator[tuple["re.Match[bytes]", str]]:
    """Give the place and the text of each cell that holds an error or no result, in one walk through the text."""
    cell, formula, value = b"", False, b""
    for piece in PIECE.finditer(text):
        if piece["cell"] is not None:
            cell, formula, value = piece["cell"], False, b""
        elif piece["formula"]:
            formula = True
        elif not piece["end"]:
            value = piece["value"] or b""
        elif (place := PLACE.search(cell)) and (error := _error_of(cell, value, dummies, formula=formula)):
            yield place, error


def _error_of(cell: bytes, value: bytes, dummies: set[bytes], *, formula: bool) -> str | None:
    kind = found[1] if (found := TYPE.search(cell)) else b"n"
    if kind == b"e":
        return value.decode("utf-8", "replace")
    # A text may be blank as its formula's result.
    return UNCALCULATED if formula and kind == b"n" and value in dummies else None


def _find_in_ods(packed: zipfile.ZipFile, tab: int) -> Errors:
    errors: Errors = {}
    if any(ODS_ERROR in text for text in windows(packed, ODS_CONTENT)):
        for row, rows, columns, cell in ods_cells(packed, tab):
            if cell.get(VALUE_TYPE) == "error":
                for number in range(row, row + min(rows, MOST_ROWS)):
                    errors.setdefault(number, {}).update(dict.fromkeys(columns, _text_of(cell)))
    return errors


def _text_of(cell: ET.Element) -> str:
    return "".join(cell.itertext()).strip() or UNCALCULATED
