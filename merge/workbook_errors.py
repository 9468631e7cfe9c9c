"""Find the cells of an XLSX tab that hold an error like #DIV/0!: the reader gives them as blank, which is something else."""

import re
import zipfile

from merge.workbook_xml import PLACE, row_and_column, tab_part, windows

Errors = dict[int, dict[int, str]]
"""By the row's number from 1 and the column's place from 0."""

CELL = re.compile(rb"""<(?:\w+:)?c\s[^>]*?\bt=["']e["'][^>]*>(?:(?!</(?:\w+:)?c>).)*?<(?:\w+:)?v>([^<]*)<""", re.DOTALL)


def find_errors(packed: zipfile.ZipFile, tab: int) -> Errors:
    """Find them in the tab counted from 0. A workbook of another kind than XLSX has none here."""
    part = tab_part(packed, tab)
    errors: Errors = {}
    for text in windows(packed, part) if part else ():
        for cell in CELL.finditer(text) if b't="e"' in text or b"t='e'" in text else ():
            if place := PLACE.search(cell[0]):
                row, column = row_and_column(place)
                errors.setdefault(row, {})[column] = cell[1].decode("utf-8", "replace")
    return errors
