"""Find the cells of an XLSX tab that hold an error like #DIV/0!: the reader gives them as blank, which is something else."""

import re
import zipfile
from collections.abc import Iterator

from merge.workbook_xml import PLACE, row_and_column, tab_part, windows

Errors = dict[int, dict[int, str]]
"""By the row's number from 1 and the column's place from 0."""

# A cell's beginning with its attributes, its end, and a value.
PIECE = re.compile(rb"""<(?:\w+:)?c\s(?P<cell>[^<>]*+)>|(?P<end></(?:\w+:)?c>)|<(?:\w+:)?v>(?P<value>[^<]*+)<""")
ERROR = re.compile(rb"""\bt=["']e["']""")


def find_errors(packed: zipfile.ZipFile, tab: int) -> Errors:
    """Find them in the tab counted from 0. A workbook of another kind than XLSX has none here."""
    part = tab_part(packed, tab)
    errors: Errors = {}
    for text in windows(packed, part) if part else ():
        for place, error in _errors_of(text) if b't="e"' in text or b"t='e'" in text else ():
            row, column = row_and_column(place)
            errors.setdefault(row, {})[column] = error
    return errors


def _errors_of(text: bytes) -> Iterator[tuple["re.Match[bytes]", str]]:
    """Give the place and the value of each cell that holds an error, in one walk through the text."""
    cell: bytes | None = None
    for piece in PIECE.finditer(text):
        if piece["value"] is None:
            cell = piece["cell"] if piece["cell"] and ERROR.search(piece["cell"]) else None
        elif cell is not None:
            if place := PLACE.search(cell):
                yield place, piece["value"].decode("utf-8", "replace")
            cell = None
